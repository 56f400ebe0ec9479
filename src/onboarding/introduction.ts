import { itemsOf, readableLines } from './introduction-items.ts'
import type { Item } from './introduction-items.ts'
import { labelled } from './introduction-labels.ts'
import { linkedinOf } from './introduction-linkedin.ts'
import { isNameOf, splitOneLine } from './introduction-oneline.ts'
import { place } from './introduction-parts.ts'
import type { Guess, Parts } from './introduction-parts.ts'
import { readProse } from './introduction-prose.ts'
import { structured } from './introduction-structured.ts'
import type { Line } from './introduction-text.ts'
import { isShifted, shifted, unmarked, unnumbered } from './introduction-unmarked.ts'
import { organizationValue } from './introduction-values.ts'
import type { Field } from './introduction-words.ts'

export type { Guess } from './introduction-parts.ts'

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
