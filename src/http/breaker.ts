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
  state(): 'closed' | 'open' | 'half-open'
}

/** Makes a breaker. It is closed at the start. */
export const createBreaker = (options: BreakerOptions, clock: Clock): Breaker => {
  let inARow = 0
  let openUntil: number | undefined
  let probing = false
  return {
    admit: () => {
      if (openUntil === undefined) return 0
      const left = openUntil - clock.now()
      if (left > 0) return left
      // While the probe is under way the others are told to come back soon.
      if (probing) return Math.min(options.openMs, 1_000)
      probing = true
      return 0
    },
    succeeded: () => {
      inARow = 0
      openUntil = undefined
      probing = false
    },
    failed: () => {
      inARow += 1
      if (probing || inARow >= options.failures) openUntil = clock.now() + options.openMs
      probing = false
    },
    abandoned: () => {
      probing = false
    },
    state: () => {
      if (openUntil === undefined) return 'closed'
      return openUntil > clock.now() ? 'open' : 'half-open'
    },
  }
}
