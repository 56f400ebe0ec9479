import type { Clock } from '../operations/clock.ts'

/** When the breaker opens and for how long. */
export interface BreakerOptions {
  /** Failures in a row after which it opens. */
  readonly failures: number
  /** Milliseconds it stays open before one probe is let through. */
  readonly openMs: number
}

/** A circuit breaker: after repeated failures nothing is sent for a while, then one probe decides. */
export interface Breaker {
  /** `0` = go ahead (the caller must then report how it went), otherwise the milliseconds until the next probe. */
  admit(): number
  /** The server answered, however unkindly. */
  succeeded(): void
  /** No answer, or a 5xx. */
  failed(): void
  /** The attempt ended without telling anything about the server (cancelled). */
  abandoned(): void
  /** Resolves when the probe that is under way has ended; undefined when none is. Who waits for it asks `admit` again afterwards. */
  probe(): Promise<void> | undefined
  state(): 'closed' | 'open' | 'half-open'
}

/** Makes a breaker. It is closed at the start. */
export const createBreaker = (options: BreakerOptions, clock: Clock): Breaker => {
  let inARow = 0
  let openUntil: number | undefined
  let probing: PromiseWithResolvers<void> | undefined
  const probed = (): void => {
    probing?.resolve()
    probing = undefined
  }
  return {
    admit: () => {
      if (openUntil === undefined) return 0
      const left = openUntil - clock.now()
      if (left > 0) return left
      // Who does not want to wait for the probe that is under way is told to come back soon.
      if (probing !== undefined) return Math.min(options.openMs, 1_000)
      probing = Promise.withResolvers()
      return 0
    },
    succeeded: () => {
      inARow = 0
      openUntil = undefined
      probed()
    },
    failed: () => {
      inARow += 1
      if (probing !== undefined || inARow >= options.failures) openUntil = clock.now() + options.openMs
      probed()
    },
    abandoned: () => {
      probed()
    },
    probe: () => probing?.promise,
    state: () => {
      if (openUntil === undefined) return 'closed'
      return openUntil > clock.now() ? 'open' : 'half-open'
    },
  }
}
