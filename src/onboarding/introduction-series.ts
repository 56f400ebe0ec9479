// Lists that people count in another way than `1.`: by letters, by Roman numbers, by ordinals, from zero. Each way is believed only if at
// least three lines of the text count upwards in it, from its first sign on, and nothing is counted in the usual way.

type Count = (sign: string) => number | undefined

interface Way {
  readonly pattern: RegExp
  readonly count: Count
}

const indexIn = (words: string): Count => {
  const list = words.split(' ')
  return (sign) => {
    const index = list.indexOf(sign.toLowerCase())
    return index === -1 ? undefined : index + 1
  }
}

const ways: readonly Way[] = [
  { pattern: /^([a-h])[.):]\s*(?=\S)/iu, count: indexIn('a b c d e f g h') },
  { pattern: /^([ivx]{1,4})[.):]\s*(?=\S)/iu, count: indexIn('i ii iii iv v vi vii viii') },
  { pattern: /^([1-8])\.?[º°]\s*[.):–-]?\s*(?=\S)/u, count: Number },
  { pattern: /^([1-8](?:st|nd|rd|th)|[1-8](?:\.?º|ª))\s?[.):–-]\s*(?=\S)/iu, count: (sign) => Number(sign[0]) },
  {
    pattern: /^(first|second|third|fourth|fifth|sixth|seventh)(?:ly)?\s?[.):,–-]\s*(?=\S)/iu,
    count: indexIn('first second third fourth fifth sixth seventh'),
  },
  {
    pattern: /^(one|two|three|four|five|six|seven)\s?[.):,–-]\s*(?=\S)/iu,
    count: indexIn('one two three four five six seven'),
  },
  { pattern: /^(?:nr|no|num|number|n[º°]|№)\s?\.?\s?([1-8])[.:)]?\s+(?=\S)/iu, count: Number },
  { pattern: /^([1-8])(?:[,;=>]|->|\s?→|\s?,)\s*(?=\S)/iu, count: Number },
  { pattern: /^0?([1-8])(?:\.|\)|:|\s-)\s*(?=\S)/u, count: Number },
]

const usual = /^[1-9]\s*[.):-]\s*\S/u
const zero = /^0\s*[.):-]\s*(?=\S)/u
const fromZero = /^([0-7])\s*[.):-]\s*/u

/** The lines with `1. ` in the place of whatever they count with; the same lines if they do not. */
export const withUsualNumbers = (lines: readonly string[]): readonly string[] => {
  if (lines.some((line) => zero.test(line)) && lines.filter((line) => fromZero.test(line)).length >= 4)
    return lines.map((line) => line.replace(fromZero, (_, sign: string) => `${Number(sign) + 1}. `))
  if (lines.some((line) => usual.test(line))) return lines
  for (const { pattern, count } of ways) {
    const counts = lines.map((line) => {
      const sign = pattern.exec(line)?.[1]
      return sign === undefined ? undefined : count(sign)
    })
    const numbers = counts.filter((number) => number !== undefined)
    const upwards = numbers.every((number, index) => (index === 0 ? number === 1 : number > (numbers[index - 1] ?? 0)))
    if (numbers.length < 3 || !upwards) continue
    return lines.map((line, index) => (counts[index] === undefined ? line : line.replace(pattern, `${counts[index]}. `)))
  }
  return lines
}

const questionMark = /^(?:q|question|f|frage)\s*[:.]\s+/iu
const answerMark = /^(?:a|answer|antwort)\s*[:.]\s+/iu

/** `Q: Your name` and `A: Ada`: the marks are left out if there are at least three answers. */
export const withoutDialogueMarks = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => answerMark.test(line)).length < 3
    ? lines
    : lines.map((line) => line.replace(questionMark, '').replace(answerMark, ''))
