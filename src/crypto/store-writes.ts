/**
 * Counts the transactions that may write to the engine's object stores. What was read from some of them is still true while their count stands
 * still, so that it need not be read, decrypted and verified again.
 */
export class StoreWrites {
  readonly #stores = new Map<string, { count: number; running: number }>()

  /**
   * A transaction that may write begins.
   * @returns ends it, by completion or by a roll-back
   */
  begin(names: Iterable<string>): () => void {
    const written = [...names].map((name) => {
      const store = this.#stores.get(name) ?? { count: 0, running: 0 }
      this.#stores.set(name, store)
      return store
    })
    for (const store of written) {
      store.count += 1
      store.running += 1
    }
    return () => {
      for (const store of written) store.running -= 1
    }
  }

  /**
   * Moves with every transaction that may write to one of these.
   * @returns undefined while one runs: a look-up would wait for it, and what is remembered is no answer
   */
  count(names: readonly string[]): number | undefined {
    let sum = 0
    for (const name of names) {
      const store = this.#stores.get(name)
      if (store === undefined) continue
      if (store.running > 0) return undefined
      sum += store.count
    }
    return sum
  }
}
