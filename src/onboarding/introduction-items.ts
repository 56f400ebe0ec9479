import { fieldOf, labelled, looselyLabelled, numbered } from './introduction-labels.ts'
import type { Field } from './introduction-labels.ts'
import { linesOf } from './introduction-text.ts'
import type { Line } from './introduction-text.ts'
import { isChatter, isSignOff, isSkip, looksLikeName } from './introduction-values.ts'

/** A line and what it is about, as far as it says. */
export interface Item extends Line {
  readonly number?: number
  readonly field?: Field
  readonly soft?: boolean
  readonly familyName?: boolean
  readonly givenName?: boolean
  /** Without number and label. */
  readonly value: string
}

// "3rd" and "1.5" are no marks.
const mark = /^(?:[#Qq]?([1-9])\s*(?:[.):،：）]|[-–—](?![0-9]))(?![0-9])\s*|[#Qq]([1-9])\s+)/u

/** `2-player games`, unless at least three lines are counted so. */
const wordWithNumber = /^[1-9]-\p{Ll}/u

const itemOf = (line: Line, isCounted: boolean): Item => {
  const found = !isCounted && wordWithNumber.test(line.text) ? null : mark.exec(line.text)
  const number = found === null ? undefined : Number(found[1] ?? found[2])
  const rest = found === null ? line.text : line.text.slice(found[0].length).replace(/^[-*•]\s+/u, '')
  const label = labelled(rest)
  return {
    ...line,
    ...(number === undefined ? {} : { number }),
    ...(label === undefined
      ? { value: rest }
      : {
          field: label.field,
          soft: label.soft,
          familyName: label.familyName === true,
          givenName: label.givenName === true,
          value: label.value,
        }),
  }
}

/** `1 Ada`, `2 Engines`, …: numbers without a sign behind them count if the lines really count. */
const withBareNumbers = (lines: readonly Line[]): readonly Line[] => {
  const bare = lines.map(({ text }) => /^([1-7])\s+(?=\S)/u.exec(text)?.[1])
  const numbers = bare.flatMap((number) => (number === undefined ? [] : [Number(number)]))
  const counting =
    numbers.length >= 3 && numbers[0] === 1 && numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))
  if (!counting || lines.some(({ text }) => mark.test(text))) return lines
  return lines.map((line, index) => (bare[index] === undefined ? line : { ...line, text: line.text.replace(/^([1-7])\s+/u, '$1. ') }))
}

/** Where a label begins that ends at the colon `at`: up to four words before it. undefined = no label ends there. */
const labelBefore = (text: string, from: number, at: number): number | undefined => {
  const begin = Math.max(from, at - 60)
  const starts = [...text.slice(begin, at).matchAll(/(?<=^|[\s,;|/(])(?=\p{L})/gu)].map(({ index }) => begin + index).slice(-4)
  return starts.find((start) => {
    const field = fieldOf(text.slice(start, at))
    return field !== undefined && field !== 'other'
  })
}

/** `Name: Ada Org: Engines, Email: …` in one line is several lines; two labels are enough if nothing else stands before them. */
const splitLabels = (line: Line): readonly Line[] => {
  const starts: number[] = []
  let from = 0
  for (const { index } of line.text.matchAll(/[:：](?!\/\/)/gu)) {
    const start = labelBefore(line.text, from, index)
    if (start !== undefined) starts.push(start)
    from = index + 1
  }
  if (starts.length < (starts[0] === 0 ? 2 : 3)) return [line]
  return [...(starts[0] === 0 ? [] : [0]), ...starts]
    .map((start, index, all) => ({
      text: line.text
        .slice(start, all[index + 1])
        .replace(/[\s,;|/–—-]+$/u, '')
        .trim(),
      gap: index === 0 && line.gap,
    }))
    .filter(({ text }) => text !== '')
}

/** `2. Engines`, …, `5. Work: maths`: whose number is asked for by another label is answered by number, and the label is a part of the answer. */
const withoutLabelsInside = (items: readonly Item[]): readonly Item[] =>
  items.map((item) => {
    const { number, field, gap, text } = item
    const own = number === undefined ? undefined : numbered[number - 1]
    if (number === undefined || own === undefined || field === undefined || field === own || item.soft === true) return item
    const other = items.some(
      (one) => one !== item && one.field === undefined && one.number !== undefined && numbered[one.number - 1] === field,
    )
    return other ? { text, gap, number, value: text.replace(mark, '') } : item
  })

/** Interests counted below their label: these numbers are none of the prompt's. */
const withInnerLists = (items: readonly Item[]): readonly Item[] => {
  const head = items.findIndex(({ field, value }) => field === 'interests' && value === '')
  const first = items[head + 1]
  if (head === -1 || first?.number !== 1 || first.field !== undefined) return items
  const behind = items.slice(head + 1)
  const end = behind.findIndex(({ number, field }, index) => field !== undefined || number !== index + 1)
  const length = end === -1 ? behind.length : end
  const before = items.slice(0, head)
  if (!before.some(({ field, number }) => field === 'name' || number === 1)) return items
  return items.map((item, index) => (index > head && index <= head + length ? { text: item.text, gap: false, value: item.value } : item))
}

/** The name below the last greeting, as in a letter. */
const withoutSignature = (lines: readonly Line[]): readonly Line[] => {
  const at = lines.findIndex(({ text }, index) => index >= 3 && index >= lines.length - 3 && isSignOff(text))
  return at === -1 ? lines : lines.filter(({ text }, index) => index < at || (index > at && !looksLikeName(text)))
}

/** `Organization Analytical Engines`, if at least three lines are written so. */
const withLooseLabels = (items: readonly Item[]): readonly Item[] => {
  const labels = items.map(({ field, soft, value }) =>
    field === undefined ? looselyLabelled(value) : soft === true ? { field, value } : undefined,
  )
  const fields = new Set(labels.flatMap((label) => (label === undefined ? [] : [label.field])))
  if (fields.size < 3) return items
  return items.map((item, index) => {
    const label = labels[index]
    return label === undefined ? item : { ...item, field: label.field, soft: false, value: label.value }
  })
}

/** A label that stands alone in its line ("Your organization, if any"): only where it is no answer itself. */
const withBareLabels = (items: readonly Item[]): readonly Item[] =>
  items.map((item, index) => {
    if (item.field !== undefined) return item
    const field = fieldOf(item.value)
    if (field === undefined || isSkip(item.value)) return item
    const next = items[index + 1]
    const answered = next !== undefined && next.number === undefined && next.field === undefined && fieldOf(next.value) === undefined
    const fits = item.number !== undefined && numbered[item.number - 1] === field
    const alone =
      item.number === undefined &&
      answered &&
      items.some((other) => other !== item && other.number === undefined && other.field === undefined && fieldOf(other.value) !== undefined)
    return fits || alone ? { ...item, field, soft: false, value: '' } : item
  })

/** Somebody who left out one number ("2." then a line, then "4.") meant it. */
const withMissingNumbers = (items: readonly Item[]): readonly Item[] => {
  const given = new Set(items.flatMap(({ number }) => (number === undefined ? [] : [number])))
  if (given.size < 2) return items
  let last = 0
  return items.map((item, index) => {
    if (item.number !== undefined) last = item.number
    const before = items[index - 1]
    const next = last + 1
    const takes = item.number === undefined && item.field === undefined && last < 5 && !given.has(next) && !isChatter(item.value)
    // The first line of all may lack its number too.
    if (!takes || (last === 0 ? !given.has(2) || !looksLikeName(item.value) : before?.value === '')) return item
    last = next
    given.add(next)
    return { ...item, number: next }
  })
}

/** The lines of a text as they are read, a name below the last greeting left out. */
export const readableLines = (text: string): readonly Line[] => withBareNumbers(withoutSignature(linesOf(text)))

/** The lines of an introduction, each with the number and the label that it has, or that it should have had. */
export const itemsOf = (lines: readonly Line[]): readonly Item[] => {
  const isCounted = new Set(lines.flatMap(({ text }) => (wordWithNumber.test(text) ? [text[0]] : []))).size >= 3
  const items = lines.flatMap(splitLabels).map((line) => itemOf(line, isCounted))
  return withMissingNumbers(withBareLabels(withLooseLabels(withInnerLists(withoutLabelsInside(items)))))
}
