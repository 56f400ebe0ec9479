import { fieldOf, labelled, looselyLabelled, numbered } from './introduction-labels.ts'
import type { Field } from './introduction-labels.ts'
import { linesOf } from './introduction-text.ts'
import type { Line } from './introduction-text.ts'
import { isChatter, isSkip, looksLikeName } from './introduction-values.ts'

/** A line and what it is about, as far as it says. */
export interface Item extends Line {
  readonly number?: number
  readonly field?: Field
  readonly soft?: boolean
  readonly familyName?: boolean
  /** Without number and label. */
  readonly value: string
}

// "3rd" and "1.5" are no marks.
const mark = /^(?:#?([1-9])\s*(?:[.):،]|[-–—](?![0-9]))(?![0-9])\s*|#([1-9])\s+)/u

const itemOf = (line: Line): Item => {
  const found = mark.exec(line.text)
  const number = found === null ? undefined : Number(found[1] ?? found[2])
  const rest = found === null ? line.text : line.text.slice(found[0].length).replace(/^[-*•]\s+/u, '')
  const label = labelled(rest)
  return {
    ...line,
    ...(number === undefined ? {} : { number }),
    ...(label === undefined
      ? { value: rest }
      : { field: label.field, soft: label.soft, familyName: label.familyName === true, value: label.value }),
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

/** `Name: Ada, Org: Engines, Email: …` in one line is several lines. */
const splitLabels = (line: Line): readonly Line[] => {
  const parts = line.text.split(/[,;|]\s*(?=[\p{L}][\p{L} /-]{1,30}[:：])/u)
  const labels = parts.filter((part) => {
    const label = labelled(part)
    return label !== undefined && !label.soft
  })
  return parts.length >= 2 && labels.length === parts.length ? parts.map((text, index) => ({ text, gap: index === 0 && line.gap })) : [line]
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

/** The lines of an introduction, each with the number and the label that it has, or that it should have had. */
export const itemsOf = (text: string): readonly Item[] => {
  const lines = withBareNumbers(linesOf(text)).flatMap(splitLabels)
  return withMissingNumbers(withBareLabels(withLooseLabels(lines.map(itemOf))))
}
