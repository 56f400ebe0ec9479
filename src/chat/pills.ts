import { isUserId } from '../matrix/ids.ts'
import { parseMatrixLink, type LinkTarget } from '../matrix/links.ts'
import { isInvisible, isSpace } from './characters.ts'
import { flattenHtml, type FlatHtml } from './html.ts'

/** A mention or room link in a line: the characters from `start` to `end` (exclusive) mean `target`, whatever they say. */
export interface Pill {
  readonly start: number
  readonly end: number
  readonly target: LinkTarget
  /** What a reader sees. */
  readonly text: string
}

/** What was found in a message, offsets counted in `body`. */
export interface PillScan {
  readonly pills: readonly Pill[]
  /** The formatted body begins with a link to this person or room: such a message begins with no prefix, whatever the body says. */
  readonly leading?: LinkTarget
}

/** A formatted body beyond this is left unread; the event limit of Matrix is 64 KiB. */
const maxFormattedLength = 65_536
const maxLabelLength = 512
const maxHrefLength = 2048
/** A command names few people; looking at thousands of links would be work for a spammer's message. */
const maxLinks = 256

/** The id that a target is known by. */
export const targetId = (target: LinkTarget): string => {
  switch (target.kind) {
    case 'user':
      return target.userId
    case 'room':
      return target.roomId
    case 'alias':
      return target.alias
    case 'event':
      return target.eventId
  }
}

/** Where the label that ends before `](` at `close` begins: the matching `[`, not before `from`. */
const labelStart = (body: string, close: number, from: number): number | undefined => {
  let depth = 0
  for (let index = close - 1; index >= Math.max(from, close - maxLabelLength); index -= 1) {
    if (body[index] === ']') depth += 1
    if (body[index] !== '[') continue
    if (depth === 0) return index
    depth -= 1
  }
  return undefined
}

/** Clients with a rich-text editor write a mention into the plain body as `[Ada](https://matrix.to/#/…)`. */
const markdownPills = (body: string): readonly Pill[] => {
  const pills: Pill[] = []
  let from = 0
  let seen = 0
  for (let close = body.indexOf(']('); close !== -1 && seen < maxLinks; close = body.indexOf('](', close + 2)) {
    seen += 1
    const hrefEnd = body.slice(close + 2, close + 2 + maxHrefLength).search(/[)\s]/)
    if (hrefEnd === -1 || body[close + 2 + hrefEnd] !== ')') continue
    const target = parseMatrixLink(body.slice(close + 2, close + 2 + hrefEnd).replace(/^<(.*)>$/, '$1'))
    const start = target && labelStart(body, close, from)
    if (!target || start === undefined) continue
    const end = close + 2 + hrefEnd + 1
    pills.push({ start, end, target, text: body.slice(start + 1, close) })
    from = end
  }
  return pills
}

// Markdown marks stand in one body and not in the other; they carry no meaning for where a pill is.
const isSkippable = (character: string | undefined): boolean =>
  isSpace(character) || isInvisible(character) || (character !== undefined && /[*_~`\\]/.test(character))

/** Does `text` stand at `at`, white space taken as equal? Gives the offset after it. */
const matchAt = (body: string, at: number, text: string): number | undefined => {
  let index = at
  for (let offset = 0; offset < text.length; offset += 1) {
    if (isSpace(text[offset])) {
      if (!isSpace(body[index])) return undefined
      while (isSpace(text[offset + 1])) offset += 1
      while (isSpace(body[index])) index += 1
    } else {
      if (body[index] !== text[offset]) return undefined
      index += 1
    }
  }
  return index
}

/** Lays the formatted body over the plain one. Undefined when they say different things. */
const align = (body: string, from: number, flat: FlatHtml, inBody: readonly Pill[]): readonly Pill[] | undefined => {
  if (flat.links.length > maxLinks) return undefined
  const pills: Pill[] = []
  let index = from
  let offset = 0
  const text = (until: number): boolean => {
    while (offset < until) {
      if (isSkippable(flat.text[offset])) offset += 1
      else if (isSkippable(body[index])) index += 1
      else {
        if (flat.text[offset] !== body[index]) return false
        offset += 1
        index += 1
      }
    }
    return true
  }
  for (const link of flat.links) {
    if (!text(link.start)) return undefined
    const seen = flat.text.slice(link.start, link.end).trim()
    if (seen === '') continue
    const target = parseMatrixLink(link.href)
    const id = target && targetId(target)
    // A mention that reads as one person and points at another: what people read counts, so the plain body decides.
    if (isUserId(seen) && id !== undefined && id !== seen) return undefined
    const spellings = [seen, `@${seen}`, seen.replace(/^@/, ''), `[${seen}](${link.href})`, ...(id === undefined ? [] : [id, link.href])]
    let end: number | undefined
    let start = index
    for (;;) {
      const here = start
      const written = inBody.find((pill) => pill.start === here && targetId(pill.target) === id)
      end =
        written?.end ?? spellings.map((spelling) => spelling && matchAt(body, here, spelling)).find((found) => typeof found === 'number')
      if (end !== undefined || !isSkippable(body[start])) break
      start += 1
    }
    if (end === undefined) return undefined
    if (target) pills.push({ start, end, target, text: seen })
    index = end
    offset = link.end
  }
  if (!text(flat.text.length)) return undefined
  while (isSkippable(body[index])) index += 1
  return index === body.length ? pills : undefined
}

/**
 * Finds the pills of a message. The formatted body decides where it agrees with the plain one (white space and Markdown marks aside);
 * else only Markdown links of the plain body count.
 * @param from where the message itself begins in `body`, after a reply fallback
 */
export const findPills = (body: string, formattedBody: string | undefined, from: number): PillScan => {
  const written = markdownPills(body)
  if (formattedBody === undefined || formattedBody.length > maxFormattedLength) return { pills: written }
  const flat = flattenHtml(formattedBody)
  const first = flat.links[0]
  const leading = first && flat.text.slice(0, first.start).trim() === '' ? parseMatrixLink(first.href) : undefined
  const aligned = align(body, from, flat, written) ?? []
  const others = written.filter((pill) => !aligned.some((other) => other.start < pill.end && pill.start < other.end))
  const pills = [...aligned, ...others].sort((one, other) => one.start - other.start)
  return leading ? { pills, leading } : { pills }
}
