/** Ends a wait that is no longer wanted. */
export type Release = () => void

/** What {@link createQueue} gives: a first-come-first-served door that lets a fixed number through at a time. */
export interface Queue {
  /** Takes a place at once if one is free and nobody waits. */
  tryEnter(): boolean
  /**
   * Waits for a place.
   * @param admitted called once, when the place is ours; it must then be given back with `leave`
   * @returns gives up waiting; does nothing once admitted
   */
  enter(admitted: () => void): Release
  /** Gives the place back; the longest waiting one gets it. */
  leave(): void
  /** Nobody inside and nobody waiting. */
  idle(): boolean
}

/** Makes a queue with `capacity` places. Callbacks rather than promises: this is on the path of every chat message. */
export const createQueue = (capacity: number): Queue => {
  let free = capacity
  // A Set keeps the order of arrival and lets one who gives up leave from the middle.
  const waiting = new Set<() => void>()
  return {
    tryEnter: () => {
      if (free === 0) return false
      free -= 1
      return true
    },
    enter: (admitted) => {
      if (free > 0) {
        free -= 1
        admitted()
        return () => undefined
      }
      // Each wait is its own object, so that the same callback may wait twice.
      const entry = (): void => admitted()
      waiting.add(entry)
      return () => void waiting.delete(entry)
    },
    leave: () => {
      const [next] = waiting
      if (next === undefined) {
        free += 1
        return
      }
      waiting.delete(next)
      next()
    },
    idle: () => free === capacity && waiting.size === 0,
  }
}
