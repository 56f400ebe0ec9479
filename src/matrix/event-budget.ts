import type { Clock } from '../operations/clock.ts'
import type { Timestamp } from '../types.ts'

/** Synapse's default `rc_message`: ten events at once, then one in five seconds. */
const burst = 10
const perMs = 0.2 / 1000

/**
 * How many events the server lets the bot send. On somebody else's server its default limit is assumed from the start; elsewhere nothing is held
 * back until the server has refused once.
 * An invitation waits for its turn, because a refused one still costs the invited person's own, much smaller budget (five invitations, then one
 * in five and a half minutes); messages may be refused without harm and only count.
 */
export class EventBudget {
  readonly #clock: Clock
  #limited: boolean
  #tokens = burst
  #at: Timestamp
  #queue: Promise<void> = Promise.resolve()

  /** @param assumed take the server's default limit for granted before it has refused anything */
  constructor(clock: Clock, assumed = false) {
    this.#clock = clock
    this.#limited = assumed
    this.#at = clock.now()
  }

  /** Does the server limit the bot, as far as is known? */
  get limited(): boolean {
    return this.#limited
  }

  #refill(): void {
    const now = this.#clock.now()
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#at) * perMs)
    this.#at = now
  }

  /** An event was sent. */
  spend(): void {
    this.#refill()
    this.#tokens = Math.max(0, this.#tokens - 1)
  }

  /** The server refused an event for now. */
  refused(): void {
    this.#refill()
    this.#limited = true
    this.#tokens = 0
  }

  /** Waits until an event would not be refused. One after another, so that several do not take the same turn. */
  turn(signal?: AbortSignal): Promise<void> {
    const next = this.#queue.then(async () => {
      this.#refill()
      if (this.#limited && this.#tokens < 1) await this.#clock.sleep((1 - this.#tokens) / perMs, signal).catch(() => undefined)
      this.spend()
    })
    this.#queue = next
    return next
  }
}
