import { isInvisible, isSpace } from '../chat/characters.ts'
import { isChatter } from './introduction-values.ts'
import { withoutDialogueMarks, withUsualNumbers } from './introduction-series.ts'

/** A line that somebody wrote. */
export interface Line {
  readonly text: string
  /** A blank line stands before it. */
  readonly gap: boolean
}

/** Longer texts are cut: nobody introduces themselves in so many signs. */
const maxLength = 20_000
const maxLines = 200

/** Where the digits of other scripts begin: Arabic, Persian, Devanagari, Bengali, Thai, full-width. */
const zeros = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10]
const asciiDigit = (sign: string): string => {
  const code = sign.charCodeAt(0)
  const begin = zeros.find((zero) => code >= zero && code <= zero + 9)
  return begin === undefined ? sign : String(code - begin)
}

/** Number signs as people copy them from a telephone's keyboard: `1️⃣`, `①`, `(1)`, `１.` */
const plainNumbers = (text: string): string =>
  text
    .replace(/([0-9])\ufe0f?\u20e3[.):]?/gu, '$1. ')
    .replace(/[\u2460-\u2468]/gu, (sign) => `${sign.charCodeAt(0) - 0x245f}. `)
    .replace(/^(\s*)(\p{Nd})(?!\p{Nd})/u, (_, before: string, sign: string) => `${before}${asciiDigit(sign)}`)
    .replace(/^(\s*[1-9])[、。．）：]\s*/u, '$1. ')
    .replace(/^(\s*)0([1-9])(?=\s?[.):-])/u, '$1$2')
    .replace(/^(\s*)[([]([1-9])[)\]][.:]?/u, '$1$2. ')
    .replace(/^(\s*)(?:q(?:uestion)?|a(?:nswer)?)\s?([1-9])\s*[.:)]/iu, '$1$2. ')
    .replace(/^(\s*[1-9])\/(?=\s)/u, '$1. ')
    .replace(/^(\s*[1-9])\.\)/u, '$1.')

/** Marks of HTML that some apps leave in the text. An address in angle brackets is none. */
const withoutTags = (text: string): string =>
  !/[<&]/u.test(text)
    ? text
    : text
        .replaceAll(/<(?:br|hr)\s?\/?>|<\/(?:p|div|li|h[1-6]|tr|ul|ol)>/giu, '\n')
        .replaceAll(/<\/?(?:a|b|i|u|p|em|li|ol|td|th|tr|ul|div|del|code|font|span|table|tbody|strong|h[1-6])(?:\s[^<>]{0,300})?>/giu, '')
        .replaceAll(/&(?:nbsp|#160);/giu, ' ')
        .replaceAll(/&(?:lt|#60);/giu, '<')
        .replaceAll(/&(?:gt|#62);/giu, '>')
        .replaceAll(/&(?:quot|#34);/giu, '"')
        .replaceAll(/&(?:apos|#0?39);/giu, "'")
        .replaceAll(/&amp;/giu, '&')

/** Bold and headings of Markdown, and code. Signs inside a word stay: they may belong to an address. */
const withoutMarkup = (text: string): string =>
  text
    .replace(/^\s*#{1,6}\s+/u, '')
    .replace(/(?<![^\s(])\*{1,3}(?=\S)|(?<=\S)\*{1,3}(?![^\s:.,;)!?])|(?<=:)\*{1,3}/gu, '')
    .replace(/(?<![\p{L}\p{N}])(_{1,3})([^_@\n]+)\1(?![\p{L}\p{N}])/gu, '$2')
    .replace(/(?<![^\s(:])_([^\s_]\S{0,100}@\S{1,100}?)_(?!\S)/gu, '$1')
    .replaceAll('`', '')
    .replace(/\[([^\]\n]{1,200})\]\((?:mailto:)?([^()\s]{1,500})\)/gu, (_, shown: string, target: string) =>
      shown !== target && /linkedin\.com\/|^[^/]+@/iu.test(target) ? `${shown} ${target}` : shown,
    )

const bullet = /^\s*(?:[-*•·▪◦‣∙●○■□➤→–—+]|\[[ xX]?\])\s+(?=\S)/u
const pictures = /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\ufe0f|\u200d|\s)+/u

/** Takes away marks without a shape, bullets and pictures at the beginning, and spaces at the ends. */
const tidy = (raw: string): string => {
  const visible = Array.from(raw, (sign) => (isInvisible(sign) ? '' : isSpace(sign) ? ' ' : sign)).join('')
  const plain = withoutMarkup(plainNumbers(visible).replace(bullet, ''))
  return plain.replace(pictures, '').replace(bullet, '').replaceAll(/ {2,}/gu, ' ').trim()
}

/** Lines that only draw something: `-----`, `***`, `|---|---|`. */
const rule = /^[\s|:]*[-–—_=*~]{3}[-–—_=*~\s|:]*$/u
/** `| Name | Ada |` is a row of a table. */
const row = /^\|\s*([^|]*?)\s*\|\s*([^|]*?)\s*\|$/u
/** The mention of the bot before the first answer. */
const called = /^(?:@[^\s:,]{1,100}(?::[\p{L}\p{N}.-]+(?::[0-9]+)?)?[:,]?\s+(?=\S)|[\p{L}\p{N}_-]{2,40}[:,]?\s+(?=1\s*[.):]\s))/u

/** "Hello! 1) Ada 2) Engines 3) …" */
const withoutGreeting = (text: string): string => {
  const at = /(?<=[\s!.,:])1\s*[.):]/u.exec(text.slice(0, 80))?.index ?? 0
  return at > 0 && isChatter(text.slice(0, at)) && partsOf(text.slice(at)).length >= 3 ? text.slice(at) : text
}

const withoutRules = (lines: readonly Line[]): readonly Line[] =>
  lines.filter(({ text }, index) => !rule.test(text) || (text.length <= 3 && index > 0 && index < lines.length - 1))

/**
 * What somebody wrote themselves, line by line: quoted lines and blank ones are left out.
 */
export const linesOf = (text: string): readonly Line[] => {
  const lines: Line[] = []
  let gap = false
  for (const raw of withoutTags(text.slice(0, maxLength))
    .split(/\r\n|[\n\r\u0085\u2028\u2029]/u)
    .slice(0, maxLines)) {
    if (/^[\s\u200e\u200f]*>/u.test(raw)) continue
    const line = tidy(raw)
    if (line === '') {
      gap = true
      continue
    }
    lines.push({ text: line, gap })
    gap = false
  }
  const plain = withoutRules(lines)
  const [first, ...others] = plain
  if (first === undefined) return []
  const own = withoutGreeting(first.text.replace(called, ''))
  const all = [{ ...first, text: own }, ...others].map((line) => ({ ...line, text: line.text.replace(row, '$1: $2') }))
  const counted = withUsualNumbers(withoutDialogueMarks(all.map((line) => line.text)))
  const numbered = all.map((line, index) => ({ ...line, text: counted[index] ?? line.text }))
  const least = numbered.filter((line) => partsOf(line.text).length > 1).length >= 2 ? 2 : 3
  return numbered.flatMap((line) => splitLine(line, least))
}

/** `1. Ada 2. Engines 3. Mo …` by its numbers, whichever it begins with. */
const partsOf = (text: string): readonly string[] => {
  const first = /^([1-6])\s*[.):-]/u.exec(text)?.[1]
  if (first === undefined) return [text]
  const parts: string[] = []
  let rest = text
  for (let number = Number(first) + 1; number <= 7; number += 1) {
    const found = new RegExp(`[\\s,;|]${number}\\s*[.):](?![0-9])\\s*`, 'u').exec(rest)
    if (found === null) break
    parts.push(rest.slice(0, found.index))
    rest = rest.slice(found.index + 1)
  }
  return [...parts, rest]
}

/** Several numbers, or several things between bars, in one line are several lines. */
const splitLine = (line: Line, least: number): readonly Line[] => {
  const barred = line.text.split(/\s*\|\s*/u)
  const parts = barred.length >= 4 ? barred : partsOf(line.text)
  if (parts.length < least) return [line]
  return parts
    .map((text, index) => ({ text: text.replace(/[\s,;|]+$/u, ''), gap: index === 0 && line.gap }))
    .filter(({ text }) => text !== '')
}
