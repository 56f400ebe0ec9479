/**
 * "Did you mean …?"
 */

/** Longer words are no typing errors, and the distance costs their product. */
const maxLength = 64

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other: optimal string alignment. */
export const editDistance = (one: string, other: string): number => {
  const a = Array.from(one)
  const b = Array.from(other)
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, letter] of a.entries()) {
    const current = [row + 1]
    for (const [column, otherLetter] of b.entries()) {
      let cost = Math.min((last[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1, (last[column] ?? 0) + (letter === otherLetter ? 0 : 1))
      const swapped = row > 0 && column > 0 && letter === b[column - 1] && a[row - 1] === otherLetter
      if (swapped) cost = Math.min(cost, (before[column - 1] ?? 0) + 1)
      current.push(cost)
    }
    before = last
    last = current
  }
  return last[b.length] ?? 0
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
