/** Edits (insert, delete, replace, swap neighbours) that turn one text into the other. */
const distance = (from: string, to: string): number => {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1]
      let least = Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (previous[column - 1] ?? 0) + (same ? 0 : 1))
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        least = Math.min(least, (beforePrevious[column - 2] ?? 0) + 1)
      }
      current.push(least)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[to.length] ?? 0
}

/**
 * The candidate that a mistyped word most likely meant, or undefined when none is near (more than a third of it wrong).
 * Letter case, `_`, `-` and `.` do not count.
 */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  const plain = (value: string): string => value.toLowerCase().replace(/[-_.]/g, '')
  const meant = plain(word)
  let best: string | undefined
  let least = Infinity
  for (const candidate of candidates) {
    const other = plain(candidate)
    // A word that only goes on or breaks off is a better guess than one with changed letters.
    const cut = Math.min(other.length, meant.length) >= 3 && (other.startsWith(meant) || meant.startsWith(other))
    const edits = cut ? 0.5 : distance(meant, other)
    if (edits < least) {
      least = edits
      best = candidate
    }
  }
  return least <= Math.max(1, Math.floor(meant.length / 3)) ? best : undefined
}
