import { findEmails } from './introduction-email.ts'
import { interestsIn } from './introduction-interests.ts'
import type { Item } from './introduction-items.ts'
import { linkedinIn } from './introduction-linkedin.ts'
import { byPlace, isOnlyEmail, isPhone, isSpelledEmail, place, strangeLabel } from './introduction-parts.ts'
import type { Parts } from './introduction-parts.ts'
import { inviterValue, isCapitalised, isChatter, isSkip, looksLikeName, nameValue, organizationValue } from './introduction-values.ts'
import type { Field } from './introduction-words.ts'

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
export const unmarked = (items: readonly Item[], least: number): Parts | undefined => {
  const lines = withAddressOfItsOwn(items).filter(
    (item) =>
      !ignoredFields.has(item.field) &&
      (item.field !== undefined || !isChatter(item.text)) &&
      !isLinkedinAlone(item.value) &&
      !isHeading(item),
  )
  const at = lines.findIndex(({ value }) => isOnlyEmail(value))
  const skip = lines.length >= 5 && [isSkip, isPhone, isSpelledEmail].some((is) => is(lines[3]?.value ?? '')) ? 3 : -1
  const middle = at >= 0 ? at : skip
  // "Event: …", "Date: …": another kind of sheet.
  if (lines.filter(({ field, value }) => field === undefined && strangeLabel.test(value)).length >= 2) return undefined
  // The address first: the others follow in the order of the prompt.
  if (at === 0 && lines.length >= 5) return addressFirst(lines)
  if (at === 1 && isAddressSecond(lines)) return addressFirst([lines[1], lines[0], ...lines.slice(2)].filter((line) => line !== undefined))
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

/** `Ada Lovelace <ada@example.org>` in the first line is the name, and the address behind it. */
const withAddressOfItsOwn = (items: readonly Item[]): readonly Item[] => {
  const [first, ...rest] = items
  const [, name, address] = /^([^<>@,]{2,60}?)\s*[<(]([^\s<>()]+@[^\s<>()]+)[>)]$/u.exec(first?.value ?? '') ?? []
  if (
    first === undefined ||
    name === undefined ||
    address === undefined ||
    !isNameAlone(name) ||
    rest.some(({ value }) => findEmails(value).length > 0)
  )
    return items
  return [{ ...first, text: name, value: name }, { text: address, gap: false, value: address }, ...rest]
}

/** Name and address, then the organization, the inviter and a list: what stands there as names is not the beginning of the list. */
const isAddressSecond = (lines: readonly Item[]): boolean => {
  const [, , organization, invitedBy, interests, ...more] = lines.map(({ value }) => value)
  return (
    more.length === 0 &&
    interests?.includes(',') === true &&
    [organization, invitedBy].every((value) => value !== undefined && !value.includes(',') && looksLikeName(value) && isCapitalised(value))
  )
}

/** "Here are my answers:" */
const isHeading = ({ field, value }: Item): boolean => field === undefined && /\p{L}:$/u.test(value)

const isLinkedinAlone = (line: string): boolean => linkedinIn(line) !== undefined && !/\s/u.test(line.trim())

/** The item as a plain line. */
export const unnumbered = ({ text, gap, value, field, soft }: Item): Item => ({
  text,
  gap,
  value,
  ...(field === undefined ? {} : { field, soft: soft === true }),
})

/** Numbers that count something else than the questions: the address is not the fourth. */
export const isShifted = (items: readonly Item[]): boolean => {
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

/** Reads such lines by their place. */
export const shifted = (items: readonly Item[]): Parts | undefined => {
  const parts = unmarked(items.map(unnumbered), 3)
  return parts && { ...parts, guesses: [place('organization'), place('invitedBy'), place('interests')] }
}
