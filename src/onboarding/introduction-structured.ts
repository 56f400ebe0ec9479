import { findEmails } from './introduction-email.ts'
import type { FoundEmail } from './introduction-email.ts'
import { interestsIn } from './introduction-interests.ts'
import type { Item } from './introduction-items.ts'
import { numbered } from './introduction-labels.ts'
import { linkedinIn } from './introduction-linkedin.ts'
import { isOnlyEmail, isPhone, place, strangeLabel } from './introduction-parts.ts'
import type { Guess, Parts } from './introduction-parts.ts'
import { inviterValue, isCapitalised, isChatter, isSkip, looksLikeName, nameValue, organizationValue } from './introduction-values.ts'
import type { Field } from './introduction-words.ts'

/** Lines by field, and those that say nothing about it. */
class Sheet {
  readonly values = new Map<Field, string[]>()
  /** Before the first line that has a label or a number. */
  readonly leading: string[] = []
  /** Behind one, but not part of it: before the line with the address, and behind it. */
  readonly between: string[] = []
  readonly trailing: string[] = []
  readonly #open: { field: Field | undefined } = { field: undefined }

  constructor(items: readonly Item[]) {
    for (const item of items) {
      const field = item.field ?? (item.number === undefined ? undefined : (numbered[item.number - 1] ?? 'other'))
      if (field === undefined) this.#loose(item)
      else {
        this.#open.field = field
        const lines = this.values.get(field)
        // A label that comes twice: what was said first stays, interests add up.
        if (lines === undefined || field === 'interests')
          this.values.set(field, [...(lines ?? []), ...(item.value === '' ? [] : [item.value])])
        else if (lines.length === 0 && item.value !== '') lines.push(item.value)
        else if (item.familyName === true && item.value !== '') lines[0] = `${lines[0] ?? ''} ${item.value}`
        else if (item.givenName === true && item.value !== '') lines[0] = `${item.value} ${lines[0] ?? ''}`
      }
    }
  }

  #loose({ value, gap }: Item): void {
    const { field } = this.#open
    const lines = field === undefined ? undefined : this.values.get(field)
    if (strangeLabel.test(value)) return
    if (lines === undefined) this.leading.push(value)
    else if (lines.length === 0) lines.push(value)
    else if (
      field === 'interests' &&
      !gap &&
      !isChatter(value) &&
      linkedinIn(value) === undefined &&
      !findEmails(value).some(({ address }) => value === address)
    ) {
      lines.push(value)
    } else {
      if (gap) this.#open.field = undefined
      if (this.#open.field === undefined) this.values.delete('other')
      const above = this.values.has('email') || this.values.has('interests') ? this.trailing : this.between
      above.push(value)
    }
  }

  first(field: Field): string | undefined {
    return this.values.get(field)?.[0]
  }

  /** The person's own addresses: those of the line for it, else those that stand alone or beside the name. Never the inviter's. */
  emails(): readonly FoundEmail[] {
    const own = this.values.get('email')
    if (own !== undefined) return findEmails(own.join('\n'))
    return findEmails(
      [...(this.values.get('name') ?? []), ...[...this.leading, ...this.between, ...this.trailing].filter(isOnlyEmail)].join('\n'),
    )
  }
}

/** Numbered or labelled lines. undefined = they are none, or they are about something else. */
export const structured = (items: readonly Item[]): Parts | undefined => {
  const labels = new Set(items.flatMap(({ field, soft }) => (field === undefined || field === 'other' || soft === true ? [] : [field])))
  const soft = new Set(items.flatMap(({ field }) => (field === undefined || field === 'other' ? [] : [field])))
  const numbers = new Set(items.flatMap(({ number }) => (number === undefined ? [] : [number])))
  if (labels.size < 2 && soft.size < 3 && numbers.size < 3) return undefined
  // An invoice or the minutes of a meeting have names and addresses too.
  if (
    labels.size < 4 &&
    items.filter(({ field, number, value }) => field === undefined && number === undefined && strangeLabel.test(value)).length >= 2
  )
    return undefined
  const sheet = new Sheet(items)
  const emails = sheet.emails()
  const isPlain = (line: string): boolean => !isChatter(line) && !isOnlyEmail(line) && linkedinIn(line) === undefined
  const leading = sheet.leading.filter(isPlain)
  const sure = leading.length === 3
  // What stands between the labelled lines is taken for one of them if the address comes later.
  const between = sheet.values.has('email') || emails.length > 0 ? sheet.between.filter(isPlain) : []
  const guesses: Guess[] = []
  const fill = (field: 'name' | 'organization' | 'invitedBy'): string | undefined => {
    if (sheet.values.has(field)) return sheet.first(field)
    const [next = ''] = leading.length > 0 ? leading : between
    const line = next !== '' && (field !== 'name' || looksLikeName(next)) ? (leading.length > 0 ? leading : between).shift() : undefined
    if (line !== undefined && field !== 'name' && !sure) guesses.push(place(field))
    return line
  }
  const name = fill('name')
  const organization = fill('organization')
  const invitedBy = fill('invitedBy')
  const below = sheet.values.has('interests') ? [] : [...between, ...sheet.trailing].filter(isPlain)
  if (below.length > 0) guesses.push(place('interests'))
  const parts: Parts = {
    name: name === undefined ? undefined : nameValue(name),
    organization: organization === undefined ? undefined : organizationValue(organization),
    invitedBy: invitedBy === undefined ? undefined : inviterValue(invitedBy),
    emails,
    interests: interestsIn([...(sheet.values.get('interests') ?? []), ...below]),
    guesses,
  }
  return isConvincing(parts, sheet, labels, numbers) ? parts : undefined
}

/** "Contact ada@example.org": a step of a list, or a rule. */
const instruction =
  /^(?:(?:please )?(?:contact|e-?mail|mail|write|ask|enter|type|call|send|message|notify|reach out|see|visit|click|report|ping)(?: to| us| me)?)\s/iu
/** Words for an address that is not one, or why there is none. */
const noAddress =
  /@|(?<!\p{L})(?:alias|at|dot|share|shared|dm|dms|pm|private|privately|private message|public|publicly|tell you|send you|give you|see (?:my|profile|above|below)|on file|have it|ask me)(?!\p{L})/iu

/** A list of steps or of wishes is numbered as well: what makes an introduction is an address, or labels, or a name with a reason to have no address. */
const isConvincing = (parts: Parts, sheet: Sheet, labels: ReadonlySet<Field>, numbers: ReadonlySet<number>): boolean => {
  const said = [parts.name, parts.organization, parts.invitedBy, parts.emails[0], parts.interests[0]].filter(
    (value) => value !== undefined,
  ).length
  const fourth = sheet.first('email')
  if (labels.size < 2 && fourth?.includes('@') === true && instruction.test(fourth)) return false
  if (parts.emails.length > 0 && parts.name !== undefined) return labels.size >= 2 || said >= 3 || numbers.size >= 4
  if (labels.size >= 3 && parts.name !== undefined) return said >= 2
  if (parts.emails.length > 0 && labels.size >= 3) return said >= 2
  const reason = fourth === undefined || fourth === '' || isSkip(fourth) || isPhone(fourth) || noAddress.test(fourth)
  return numbers.size >= 4 && reason && parts.name !== undefined && looksLikeName(parts.name) && isCapitalised(parts.name) && said >= 3
}
