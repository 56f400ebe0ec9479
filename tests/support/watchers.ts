/** Those who wait for a condition. They look again whenever `changed` says that something is new. */
export class Watchers {
  readonly #looks = new Set<() => void>()

  /** Something new was seen. */
  changed(): void {
    for (const look of this.#looks) look()
  }

  /** Resolves at the next change, whatever it is. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.#looks.delete(look)
        resolve()
      }
      this.#looks.add(look)
    })
  }

  /**
   * Waits until the function answers with something; it is asked at once and after every change.
   * @param failure what the error says at the deadline
   */
  until<Found>(find: () => Found | undefined, timeoutMs: number, failure: () => string): Promise<Found> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find()
        if (found === undefined) return
        done()
        resolve(found)
      }
      const done = (): void => {
        clearTimeout(timer)
        this.#looks.delete(look)
      }
      const timer = setTimeout(() => {
        done()
        reject(new Error(failure()))
      }, timeoutMs)
      this.#looks.add(look)
      look()
    })
  }
}
