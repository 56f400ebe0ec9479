/** The p-th percentile by the nearest rank. @param p from 0 to 100 */
export const percentile = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 50)

/** Times of the same work done by two programs, taken in pairs so that a drift of the machine meets both. */
export class Pairs {
  readonly floor: number[] = []
  readonly bot: number[] = []

  /**
   * Runs the two by turns; which comes first changes with every pair.
   * @param warmUp pairs that do not count
   */
  static async measure(
    pairs: number,
    warmUp: number,
    floor: (round: number) => Promise<number>,
    bot: (round: number) => Promise<number>,
  ): Promise<Pairs> {
    const taken = new Pairs()
    for (let round = 0; round < warmUp + pairs; round += 1) {
      const counts = round >= warmUp
      for (const who of round % 2 === 0 ? (['floor', 'bot'] as const) : (['bot', 'floor'] as const)) {
        const ms = await (who === 'floor' ? floor(round) : bot(round))
        if (counts) taken[who].push(ms)
      }
    }
    return taken
  }

  /** The bot's percentile divided by the floor's. */
  ratio(p: number): number {
    return percentile(this.bot, p) / percentile(this.floor, p)
  }
}
