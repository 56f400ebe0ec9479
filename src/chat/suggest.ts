/**
 * "Did you mean …?"
 */

/** Longer words are no typing errors, and the distance costs their product. */
const maxLength = 64

/** Outside of the table nothing can be reached. */
const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other: optimal string alignment. */
export const editDistance = (one: string, other: string): number => {
  const a = Array.from(one)
  const b = Array.from(other)
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, letter] of a.entries()) {
    const current = [row + 1]
    for (const [column, otherLetter] of b.entries()) {
      const swap = at(before, column - 1) + 1
      const isSwapped = letter === b[column - 1] && otherLetter === a[row - 1]
      const replace = at(last, column) + (letter === otherLetter ? 0 : 1)
      current.push(Math.min(at(last, column + 1) + 1, at(current, column) + 1, replace, isSwapped ? swap : replace))
    }
    before = last
    last = current
  }
  return at(last, b.length)
}

const rank = (word: string, candidate: string): number | undefined => {
  const distance = editDistance(word, candidate)
  if (distance <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3))) return distance
  const isStart = word.length >= 2 && candidate.startsWith(word)
  const isStartOf = candidate.length >= 3 && word.startsWith(candidate)
  return isStart || isStartOf ? maxLength : undefined
}

/**
 * The candidates that a mistyped word may have meant, nearest first, letter case ignored.
 * @param limit how many at most
 */
export const suggest = (word: string, candidates: Iterable<string>, limit = 3): readonly string[] => {
  const folded = word.toLowerCase()
  if (folded === '' || folded.length > maxLength) return []
  return [...new Set(candidates)]
    .flatMap((candidate) => {
      const distance = candidate.length > maxLength ? undefined : rank(folded, candidate.toLowerCase())
      return distance === undefined ? [] : [{ candidate, distance }]
    })
    .sort((one, other) => one.distance - other.distance || (one.candidate < other.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}
