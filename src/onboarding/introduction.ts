import { findEmails } from './introduction-email.ts'
import type { FoundEmail } from './introduction-email.ts'
import { labelled, numbered } from './introduction-labels.ts'
import type { Field } from './introduction-labels.ts'
import { itemsOf, readableLines } from './introduction-items.ts'
import type { Item } from './introduction-items.ts'
import { interestsIn } from './introduction-interests.ts'
import { linkedinIn, linkedinOf } from './introduction-linkedin.ts'
import { isNameOf, splitOneLine } from './introduction-oneline.ts'
import { readProse } from './introduction-prose.ts'
import type { Line } from './introduction-text.ts'
import { inviterValue, isCapitalised, isChatter, isSkip, looksLikeName, nameValue, organizationValue } from './introduction-values.ts'

/** Something that is not certain: a moderator looks at it before an account is made. */
export interface Guess {
  readonly field: Field
  /** `ending`: the ending of an e-mail address was completed · `several`: more than one was given · `place`: taken from where the line stands · `sentence`: taken out of a sentence. */
  readonly code: 'ending' | 'several' | 'place' | 'sentence'
}

/** What a newcomer wrote about themselves. `null` = absent, or left out on purpose. */
export interface Introduction {
  readonly isIntroduction: boolean
  readonly name: string | null
  readonly organization: string | null
  readonly invitedBy: string | null
  readonly email: string | null
  readonly interests: readonly string[]
  readonly linkedin: string | null
  readonly guesses: readonly Guess[]
}

const nothing: Introduction = {
  isIntroduction: false,
  name: null,
  organization: null,
  invitedBy: null,
  email: null,
  interests: [],
  linkedin: null,
  guesses: [],
}

/** A label that means nothing to us: "Project name: Engine". */
const strangeLabel = /^\p{L}[\p{L}\s/-]{1,30}:\s/u

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

interface Parts {
  readonly name: string | undefined
  readonly organization: string | undefined
  readonly invitedBy: string | undefined
  readonly emails: readonly FoundEmail[]
  readonly interests: readonly string[]
  readonly guesses: readonly Guess[]
}

const isOnlyEmail = (line: string): boolean => {
  const [email, ...others] = findEmails(line)
  if (email === undefined) return false
  const bare = line.replace(/^\p{L}[\p{L} ]{1,20}:\s+/u, '')
  const rest = [email, ...others].reduce((text, { address, written }) => text.replace(written ?? address, ''), bare)
  return rest.replaceAll(/mailto:|\b(?:or|and|alias|oder|и|или|или)\b|[\p{P}\p{S}\s]/giu, '') === ''
}

const place = (field: Field): Guess => ({ field, code: 'place' })

/** Name, organization and inviter from lines that stand in the order of the prompt and say nothing else. */
const byPlace = (lines: readonly string[]): Pick<Parts, 'name' | 'organization' | 'invitedBy' | 'guesses'> => {
  const [name, organization, invitedBy] = lines
  const guesses =
    lines.length === 3
      ? []
      : lines.length === 2
        ? [place('organization')]
        : lines.length > 3
          ? [place('organization'), place('invitedBy')]
          : []
  return {
    name: name === undefined ? undefined : nameValue(name),
    organization: organization === undefined ? undefined : organizationValue(organization),
    invitedBy: invitedBy === undefined ? undefined : inviterValue(invitedBy),
    guesses,
  }
}

/** Numbered or labelled lines. undefined = they are none, or they are about something else. */
const structured = (items: readonly Item[]): Parts | undefined => {
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
  /@|(?<!\p{L})(?:at|dot|share|shared|dm|dms|pm|private|privately|private message|public|publicly|tell you|send you|give you|see (?:my|profile|above|below)|on file|have it|ask me)(?!\p{L})/iu

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

/** "Agenda for tomorrow" is no name, "Jess park" and "jess park" may be one. */
const isNameAlone = (line: string): boolean => {
  if (!looksLikeName(line)) return false
  const words = line.split(',', 1)[0]?.trim().split(/\s+/u) ?? []
  return words.length <= 2 || isCapitalised(line) || line === line.toLowerCase() || /["“”(]/u.test(line)
}

/** `Gatehouse: Ada`: who was called, before the name. */
const calledBefore = /^@?[\p{L}\p{N}_.-]{2,40}[:,]\s+(?=\p{Lu})/u

const ignoredFields: ReadonlySet<Field | undefined> = new Set<Field>(['other', 'phone', 'signal', 'linkedin'])

/** Lines without any mark: the one with the e-mail address parts name, organization and inviter from the interests. */
const unmarked = (items: readonly Item[], least: number): Parts | undefined => {
  const lines = items.filter(
    (item) =>
      !ignoredFields.has(item.field) &&
      (item.field !== undefined || !isChatter(item.text)) &&
      !isLinkedinAlone(item.value) &&
      !isHeading(item),
  )
  const at = lines.findIndex(({ value }) => isOnlyEmail(value))
  const skip = lines.length >= 5 && (isSkip(lines[3]?.value ?? '') || isPhone(lines[3]?.value ?? '')) ? 3 : -1
  const middle = at >= 0 ? at : skip
  // "Event: …", "Date: …": another kind of sheet.
  if (lines.filter(({ field, value }) => field === undefined && strangeLabel.test(value)).length >= 2) return undefined
  // The address first: the others follow in the order of the prompt.
  if (at === 0 && lines.length >= 5) return addressFirst(lines)
  if (middle < 1 || lines.length < least) return undefined
  const above = lines.slice(0, middle)
  const free = above.filter(({ field }) => field === undefined).map(({ value }) => value)
  const of = (field: Field): string | undefined => above.find((item) => item.field === field)?.value
  const first = of('name') ?? free.shift()?.replace(calledBefore, '')
  if (
    first === undefined ||
    !(isNameAlone(nameValue(first) ?? first) || isSkip(first)) ||
    first.length > 60 ||
    above.some(({ value }) => value.length > 120)
  )
    return undefined
  const name = nameValue(first)
  // Whoever leaves out the name as well as the address has said nothing.
  if (name === undefined && at < 0) return undefined
  const invitedBy = of('invitedBy')
  const organization = of('organization')
  const rest = byPlace([first, ...(organization === undefined ? [] : [organization]), ...free])
  const below = lines.slice(middle + 1).filter(({ value }) => !isOnlyEmail(value) && !isPhone(value))
  // "Ada Lovelace, Engines" in one line.
  const [, alone, its] = (rest.organization === undefined ? /^([^,]+),\s+(\p{Lu}.+)$/u.exec(first) : null) ?? []
  const isBeside = alone !== undefined && its !== undefined && !title.test(its)
  return {
    ...rest,
    name,
    ...(invitedBy === undefined ? {} : { invitedBy: inviterValue(invitedBy), guesses: [] }),
    ...(isBeside ? { name: nameValue(alone), organization: organizationValue(its), guesses: [place('name'), place('organization')] } : {}),
    emails: at >= 0 ? findEmails([lines[at]?.value ?? '', ...lines.slice(at + 1).map(({ value }) => value)].join('\n')) : [],
    interests: interestsIn(below.map(({ value }) => value)),
  }
}

/** What may follow a name behind a comma and belongs to it. */
const title = /^(?:ph\.?\s?d|m\.?d|jr|sr|esq|mba|msc|bsc|ma|ba|dr|llm|jd|[ivx]+)\.?$/iu

const addressFirst = (lines: readonly Item[]): Parts | undefined => {
  const [address, name, organization, invitedBy, ...interests] = lines.map(({ value }) => value)
  if (name === undefined || !isNameAlone(name) || !isCapitalised(name) || lines.length > 12) return undefined
  return {
    ...byPlace([name, organization ?? '', invitedBy ?? '']),
    emails: findEmails(address ?? ''),
    interests: interestsIn(interests),
    guesses: [place('name'), place('organization'), place('invitedBy'), place('interests')],
  }
}

/** "Here are my answers:" */
const isHeading = ({ field, value }: Item): boolean => field === undefined && /\p{L}:$/u.test(value)

const isLinkedinAlone = (line: string): boolean => linkedinIn(line) !== undefined && !/\s/u.test(line.trim())

const unnumbered = ({ text, gap, value, field, soft }: Item): Item => ({
  text,
  gap,
  value,
  ...(field === undefined ? {} : { field, soft: soft === true }),
})

/** Numbers that count something else than the questions: the address is not the fourth. */
const isShifted = (items: readonly Item[]): boolean => {
  const without = items.filter(({ number, field }) => number !== undefined && field === undefined)
  const at = without.find(({ value }) => isOnlyEmail(value))
  return (
    at !== undefined &&
    at.number !== 4 &&
    without.length >= 3 &&
    new Set(without.map(({ number }) => number)).size === without.length &&
    !without.some(({ number, value }) => number === 4 && findEmails(value).length > 0)
  )
}

const shifted = (items: readonly Item[]): Parts | undefined => {
  const parts = unmarked(items.map(unnumbered), 3)
  return parts && { ...parts, guesses: [place('organization'), place('invitedBy'), place('interests')] }
}

const weigh = (parts: Parts | undefined): number =>
  parts === undefined
    ? 0
    : [parts.name, parts.organization, parts.invitedBy, parts.emails[0], parts.interests[0]].filter((value) => value !== undefined).length

/** In sentences: everything is a guess. */
const inSentences = (lines: readonly Line[]): Parts | undefined => {
  const told = readProse(lines.map(({ text }) => text))
  if (told === undefined) return undefined
  const { name, organization, invitedBy, emails, interests } = told
  const fields: readonly (readonly [Field, unknown])[] = [
    ['name', name],
    ['organization', organization],
    ['invitedBy', invitedBy],
    ['email', emails[0]],
    ['interests', interests[0]],
  ]
  return { ...told, guesses: fields.flatMap(([field, value]) => (value === undefined ? [] : [{ field, code: 'sentence' } as const])) }
}

/** Several answers in one line: which is which is a guess. */
const inOneLine = (lines: readonly Line[]): Parts | undefined => {
  const split = splitOneLine(lines)
  const found = split === undefined ? undefined : unmarked(itemsOf(split).map(unnumbered), 4)
  if (found?.name === undefined || !isNameOf(found.name, found.emails[0]?.address ?? '')) return undefined
  // "Ada (Engines)"
  const [, name, beside] = /^([^()]+?)\s*\(([^()]{2,60})\)$/u.exec(found.name) ?? []
  const inBrackets = found.organization === undefined && name !== undefined && beside !== undefined
  return {
    ...found,
    ...(inBrackets ? { name, organization: organizationValue(beside) } : {}),
    guesses: [place('name'), place('organization'), place('invitedBy'), place('interests')],
  }
}

/** What was read line by line; where lines have no marks, what their sentences or the signs inside them tell if that is more. */
const fuller = (parts: Parts | undefined, lines: readonly Line[], items: readonly Item[]): Parts | undefined => {
  const isMarked = items.some(({ number }) => number !== undefined) || lines.some(({ text }) => labelled(text)?.soft === false)
  if (parts !== undefined && isMarked) return parts
  return [parts, inSentences(lines), inOneLine(lines)].reduce((best, one) => (weigh(one) > weigh(best) ? one : best))
}

const isPhone = (line: string): boolean => /^[+(]?[0-9][0-9\s().-]{6,}$/u.test(line)

/** What follows such a line is an example, or somebody else's. */
const notTheirs =
  /^(?:(?:an? |for |here(?:['’]s| is) an? )?(?:good |short )?(?:example|template|sample)(?!\p{L}).*:|(?:forwarded message|fwd|forwarded from)(?!\p{L})|[^:]{1,60}\s(?:wrote|writes|said|says|posted):)/iu

/**
 * Understands what a newcomer wrote: numbered, labelled or plain lines, also joined from several messages. Pure; never throws. An e-mail address
 * is only ever one that stands in the text; where its ending was completed or something else is doubtful, `guesses` says so.
 */
export const readIntroduction = (text: string): Introduction => {
  const lines = readableLines(text)
  if (notTheirs.test(lines[0]?.text ?? '')) return nothing
  const items = itemsOf(lines)
  const plain = items.map((item) => item.text).join('\n')
  const parts = fuller(isShifted(items) ? shifted(items) : (structured(items) ?? unmarked(items.map(unnumbered), 4)), lines, items)
  if (parts === undefined) return nothing
  // Marks without a shape inside an address were taken away: such an address is not what was written.
  const emails = parts.emails.filter(({ address, written }) => text.includes(written ?? address))
  const [email] = emails
  const guesses = [
    ...parts.guesses,
    ...(email?.written === undefined ? [] : [{ field: 'email', code: 'ending' } as const]),
    ...(emails.length > 1 ? [{ field: 'email', code: 'several' } as const] : []),
  ]
  const labelledLinkedin = items.find(({ field, number }) => field === 'linkedin' || (field === undefined && number === 6))?.value ?? ''
  const linkedin = linkedinOf(labelledLinkedin, plain)
  return {
    isIntroduction: true,
    name: parts.name ?? null,
    organization: parts.organization ?? null,
    invitedBy: parts.invitedBy ?? null,
    email: email?.address ?? null,
    interests: parts.interests,
    linkedin: linkedin ?? null,
    guesses,
  }
}
