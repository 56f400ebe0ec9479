import type { Clock } from '../operations/clock.ts'
import type { Timestamp, UserId } from '../types.ts'

/** A leaky bucket as Synapse keeps it: `burst` at once, then `perMs` for each millisecond. */
interface Limit {
  readonly burst: number
  readonly perMs: number
}

/** Synapse's default `rc_message`: every event that the bot sends, state and memberships too. */
const eventLimit: Limit = { burst: 10, perMs: 0.2 / 1000 }
/** `rc_room_creation`. */
const roomLimit: Limit = { burst: 10, perMs: 0.016 / 1000 }
/** `rc_invites.per_user`: how often one person may be invited, by anybody. */
const invitedLimit: Limit = { burst: 5, perMs: 0.003 / 1000 }
/** Requests that the server counts as an event of the bot's. */
export const eventRoutes: ReadonlySet<string> = new Set(['send', 'redact', 'invite', 'kick', 'ban', 'unban', 'join', 'createRoom'])
/** Requests do not reach the server at the same distance at which they left (milliseconds). */
const jitterMs = 100

/**
 * Of the ten at once, how many are taken for granted when nothing is known of the last minutes: what the largest usual command sends (a room, five
 * invitations, the answer), so that the first one does not wait.
 */
const unknownShare = 7

class Bucket {
  readonly #limit: Limit
  readonly #clock: Pick<Clock, 'now'>
  #tokens: number
  #at: Timestamp

  /** @param spent when something was spent before; `'unknown'` = nobody knows, a careful start */
  constructor(limit: Limit, clock: Pick<Clock, 'now'>, spent: readonly Timestamp[] | 'unknown' = []) {
    this.#limit = limit
    this.#clock = clock
    const now = clock.now()
    // A clock that was set back makes the past look like the future: what was spent then counts as spent just now.
    const times = spent === 'unknown' ? [] : spent.map((at) => Math.min(at, now)).sort((one, other) => one - other)
    this.#tokens = spent === 'unknown' ? Math.min(limit.burst, unknownShare) : limit.burst
    this.#at = times[0] ?? now
    for (const at of times) this.#spendAt(at)
  }

  /** Milliseconds until one more is allowed; 0 = now. */
  get wait(): number {
    this.#refill()
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#limit.perMs) + jitterMs
  }

  get isFull(): boolean {
    this.#refill()
    return this.#tokens >= this.#limit.burst
  }

  /** Never below one that is owed: where nothing is limited, much more is spent than the bucket holds. */
  spend(): void {
    this.#spendAt(this.#clock.now())
  }

  #spendAt(at: Timestamp): void {
    this.#refill(at)
    this.#tokens = Math.max(this.#tokens - 1, -1)
  }

  /** The server has refused one, and will be asked for it again. */
  empty(): void {
    this.#refill()
    this.#tokens = -1
  }

  #refill(now = this.#clock.now()): void {
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + (now - this.#at) * this.#limit.perMs)
    this.#at = now
  }
}

/** What was sent before this start of the program, as far as it is known. Times in any order. */
export interface SentLately {
  /** Events of any kind: messages, memberships, new rooms. */
  readonly events: readonly Timestamp[]
  readonly rooms: readonly Timestamp[]
  readonly invitations: readonly { readonly userId: UserId; readonly at: Timestamp }[]
}

export interface SendingBudgetOptions {
  /** The server is somebody else's: its default limits are likely. Default false. */
  readonly foreign?: boolean
  /** What an earlier run of the program has spent. Default: nothing; `'unknown'` = nobody knows. */
  readonly sent?: SentLately | 'unknown'
  /** Is it tried once a day whether the assumed limits hold? Default true. */
  readonly tries?: boolean
  /** When the server refused something for the last time, as `onMet` was told. */
  readonly metAt?: Timestamp | undefined
  /** Called when the server has refused something, at most once an hour: to be remembered, so that a restart does not try it again. */
  readonly onMet?: (at: Timestamp) => void
}

interface Waiting {
  readonly urgent: boolean
  readonly go: () => void
}

/**
 * How much is known of the server's limits. `open` = none were met. `assumed` = its defaults are taken for granted, until an answer to somebody that is
 * sent beyond them goes through or not. `met` = the server has refused.
 */
type Knowledge = 'open' | 'assumed' | 'met'

const hourMs = 3_600_000
/** After this time it is tried again whether the server still limits the bot (milliseconds). */
const doubtAfterMs = 24 * hourMs

/**
 * What the server lets the bot send. On somebody else's server its default limits are assumed, so that nothing runs into them: a refused request
 * costs time, and a refused invitation costs the invited person's own, much smaller budget. Whether they hold is found out once a day, by the first
 * answer for which there is no room (unless the configuration says that they hold). A restart goes on with what was left. On the bot's own server nothing but invitations and new rooms is ever held back, and those not before it has
 * refused once. Answers to people and removals go before everything else.
 */
export class SendingBudget {
  readonly #clock: Clock
  readonly #events: Bucket
  readonly #rooms: Bucket
  readonly #invited = new Map<UserId, Bucket>()
  readonly #stop = new AbortController()
  readonly #paces: boolean
  readonly #tries: boolean
  readonly #onMet: ((at: Timestamp) => void) | undefined
  #knowledge: Knowledge
  #metAt: Timestamp = 0
  #metToldAt: Timestamp = -Infinity
  #trying = false
  #waiting: readonly Waiting[] = []
  #pumping = false

  constructor(clock: Clock, options: SendingBudgetOptions = {}) {
    const { foreign = false, sent, metAt } = options
    const known = sent === 'unknown' ? undefined : sent
    const spent = (times: readonly Timestamp[] | undefined) => (sent === 'unknown' ? sent : times)
    this.#clock = clock
    this.#paces = foreign
    this.#tries = options.tries ?? true
    this.#onMet = options.onMet
    this.#events = new Bucket(eventLimit, clock, spent(known?.events))
    this.#rooms = new Bucket(roomLimit, clock, spent(known?.rooms))
    const invited = new Map<UserId, Timestamp[]>()
    for (const { userId, at } of known?.invitations ?? []) invited.set(userId, [...(invited.get(userId) ?? []), at])
    for (const [userId, times] of invited) this.#invited.set(userId, new Bucket(invitedLimit, clock, times))
    this.#knowledge = foreign ? 'assumed' : 'open'
    // Not on the own server: there a restart follows the lifting of the limits.
    if (foreign && metAt !== undefined) {
      this.#knowledge = 'met'
      this.#metAt = Math.min(metAt, clock.now())
      this.#metToldAt = this.#metAt
    }
  }

  /** Does the server limit the bot, as far as is known? */
  get limited(): boolean {
    return this.#knowledge !== 'open'
  }

  /**
   * Waits until an event would not be refused, and takes its place. Urgent ones first, else in order.
   * @returns to be called with what came of the event
   */
  async turn(urgent = false): Promise<(went: boolean) => void> {
    const nothing = (): void => undefined
    if (this.#knowledge === 'met' && this.#clock.now() - this.#metAt > doubtAfterMs) this.#knowledge = this.#paces ? 'assumed' : 'open'
    if (!this.#paces || this.#knowledge === 'open') {
      this.#events.spend()
      return nothing
    }
    if (urgent && this.#tries && this.#knowledge === 'assumed' && !this.#trying && this.#events.wait > 0) {
      this.#trying = true
      return (went) => {
        this.#trying = false
        if (went && this.#knowledge === 'assumed') this.#open()
      }
    }
    await new Promise<void>((go) => {
      const ahead = this.#waiting.filter((one) => one.urgent || !urgent)
      const behind = this.#waiting.filter((one) => !one.urgent && urgent)
      this.#waiting = [...ahead, { urgent, go }, ...behind]
      if (!this.#pumping) void this.#pump()
    })
    return nothing
  }

  /** It sends more than the defaults allow: nobody has to wait. */
  #open(): void {
    this.#knowledge = 'open'
    const free = this.#waiting
    this.#waiting = []
    for (const { go } of free) go()
  }

  /** Lets those who wait go, one after another, each when its time has come. Never rejects. */
  async #pump(): Promise<void> {
    this.#pumping = true
    while (this.#waiting.length > 0) {
      const wait = this.#stop.signal.aborted ? 0 : this.#events.wait
      if (wait > 0) {
        await this.#clock.sleep(wait, this.#stop.signal).catch(() => undefined)
        continue
      }
      const [next, ...others] = this.#waiting
      this.#waiting = others
      this.#events.spend()
      next?.go()
    }
    this.#pumping = false
  }

  /**
   * The server has refused something for now.
   * @param route as the gate counts it
   */
  refused(route: string): void {
    if (!eventRoutes.has(route)) return
    if (route === 'createRoom') this.#rooms.empty()
    // Which of the limits of invitations it was is known by the wait only: see `invitationRefused`.
    else if (route !== 'invite') this.#events.empty()
    this.#met()
  }

  #met(): void {
    this.#knowledge = 'met'
    this.#metAt = this.#clock.now()
    if (this.#metAt - this.#metToldAt < hourMs) return
    this.#metToldAt = this.#metAt
    this.#onMet?.(this.#metAt)
  }

  /** Milliseconds until a room may be made; 0 = now, and the place is taken. */
  room(): number {
    const wait = this.limited ? this.#rooms.wait : 0
    if (wait === 0) this.#rooms.spend()
    return wait
  }

  /** Milliseconds until a person may be invited once more; 0 = now, and the place is taken. */
  invitation(userId: UserId): number {
    for (const [other, bucket] of this.#invited) if (bucket.isFull) this.#invited.delete(other)
    const bucket = this.#invited.get(userId) ?? new Bucket(invitedLimit, this.#clock)
    const wait = this.limited ? bucket.wait : 0
    if (wait === 0) {
      bucket.spend()
      this.#invited.set(userId, bucket)
    }
    return wait
  }

  /** The server has refused to let a person be invited for now: the limit of that person, which others may have used up too. */
  invitationRefused(userId: UserId): void {
    this.#met()
    const bucket = this.#invited.get(userId) ?? new Bucket(invitedLimit, this.#clock)
    bucket.empty()
    this.#invited.set(userId, bucket)
  }

  /** Ends all waiting. */
  close(): void {
    this.#stop.abort(new Error('the bot is shutting down'))
  }
}
