import type { CryptoPort } from '../crypto/port.ts'
import type { Journal, JournalEntry } from '../matrix/journal.ts'
import type { UnreadMessages } from '../matrix/unread.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { EventId, RoomId, Timestamp } from '../types.ts'
import { openMessage } from './incoming.ts'
import type { IncomingMessage, Opened } from './incoming.ts'
import type { UnreadableCause } from './unreadable.ts'

/** Which try at a message it is; after the last one it is given up, and only a late key brings another. */
type Attempt = 'first' | 'again' | 'last' | 'late'

/** Who handles what was journaled. */
export interface Handlers {
  /**
   * Handles a message. The promise ends when the next message of the room may be handled; work that takes longer is returned as `rest`.
   * The handler marks the entry as done itself, in the transaction that stores the answer.
   */
  message(message: IncomingMessage, signal: AbortSignal): Promise<{ readonly rest?: Promise<void> }>
  /** A message that stayed unreadable, so that somebody is told. Marks the entry as done. */
  unreadable(entry: JournalEntry, cause: UnreadableCause): Promise<void>
  /** A bug has stopped the handling of a message: the person is told. */
  broken(entry: JournalEntry): Promise<void>
  /** Somebody invites the bot. Marks the entry as done. */
  invitation(entry: JournalEntry): Promise<void>
}

interface Waiting {
  readonly entry: JournalEntry
  readonly sessionId: string | undefined
  /** Ends the patience. */
  readonly over: AbortController
}

/** When an unreadable message is tried again without a key having come (milliseconds after it was received). */
const retries = [1000, 3000, 10_000, 30_000]
/** The last try, and the end of patience. */
const patienceMs = 60_000
/** After a restart the patience may be over before the first sync has brought the key (milliseconds). */
const leastPatienceMs = 10_000

type Undecryptable = Extract<Opened, { readonly kind: 'undecryptable' }>

/**
 * Hands journaled events to their handlers: the events of a room one after another, rooms beside each other. A handler that fails is logged and
 * never stops those behind it. Messages whose key is missing wait aside until it comes.
 */
export class Dispatcher {
  readonly #crypto: CryptoPort
  readonly #journal: Journal
  readonly #unread: UnreadMessages
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #handlers: Handlers
  readonly #stop = new AbortController()
  readonly #tails = new Map<RoomId, Promise<void>>()
  readonly #rest = new Set<Promise<void>>()
  readonly #waiting = new Map<EventId, Waiting>()

  constructor(options: {
    readonly crypto: CryptoPort
    readonly journal: Journal
    readonly unread: UnreadMessages
    readonly clock: Clock
    readonly logger: Logger
    readonly handlers: Handlers
  }) {
    this.#crypto = options.crypto
    this.#journal = options.journal
    this.#unread = options.unread
    this.#clock = options.clock
    this.#logger = options.logger
    this.#handlers = options.handlers
    options.crypto.onRoomKeys((keys) => {
      const sessions = new Set(keys.map((key) => key.sessionId))
      for (const waiting of this.#waiting.values()) {
        if (waiting.sessionId === undefined || sessions.has(waiting.sessionId)) this.#again(waiting.entry)
      }
      for (const entry of this.#unread.of([...sessions])) this.#again(entry, 'late')
    })
  }

  /** Takes up what an earlier run of the program left open. Call before the first sync. */
  start(): void {
    this.dispatch(this.#journal.open())
    // Their keys may have come just before the last run ended.
    for (const entry of this.#unread.of()) this.#again(entry, 'late')
  }

  /** Puts entries into their rooms' queues. Returns at once. */
  dispatch(entries: readonly JournalEntry[]): void {
    for (const entry of entries) this.#enqueue(entry)
  }

  /** Messages that are waiting for a key. */
  get waiting(): number {
    return this.#waiting.size
  }

  #enqueue(entry: JournalEntry, attempt: Attempt = 'first'): void {
    const before = this.#tails.get(entry.roomId) ?? Promise.resolve()
    const tail = before.then(() => this.#handle(entry, attempt))
    this.#tails.set(entry.roomId, tail)
    void tail.then(() => {
      if (this.#tails.get(entry.roomId) === tail) this.#tails.delete(entry.roomId)
    })
  }

  /** Never rejects. */
  async #handle(entry: JournalEntry, attempt: Attempt): Promise<void> {
    if (this.#stop.signal.aborted) return
    try {
      if (entry.kind === 'invite') await this.#handlers.invitation(entry)
      else await this.#message(entry, attempt)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#logger.error({ err: error, event: entry.eventId }, 'an event could not be handled')
      await this.#broken(entry)
    }
  }

  /** Closes an entry that a bug has stopped, so that it does not run again at every start, and tells the person. Never rejects. */
  async #broken(entry: JournalEntry): Promise<void> {
    try {
      if (entry.kind === 'message') await this.#handlers.broken(entry)
    } catch (error) {
      this.#logger.error({ err: error, event: entry.eventId }, 'an internal error could not be told')
    }
    this.#journal.mark(entry.eventId, 'done', this.#clock.now(), 'error')
  }

  async #message(entry: JournalEntry, attempt: Attempt): Promise<void> {
    if (attempt === 'late') return this.#tooLate(entry)
    // The schedule and a key may both have asked for another try: the first one that could read the message, or the end of patience, settles it.
    const settled = (): boolean => attempt !== 'first' && !this.#waiting.has(entry.eventId)
    if (settled()) return
    const opened = await openMessage(entry, this.#crypto)
    if (this.#stop.signal.aborted || settled()) return
    if (opened.kind === 'undecryptable') {
      if (attempt === 'last') await this.#giveUp(entry, opened)
      else this.#wait(entry, opened)
      return
    }
    const waited = this.#waiting.has(entry.eventId) || entry.state === 'waiting'
    this.#forget(entry.eventId)
    if (waited) this.#unread.forget(entry.eventId)
    if (opened.kind === 'not-text') {
      this.#journal.mark(entry.eventId, 'done', this.#clock.now(), 'not-text')
      return
    }
    if (opened.message.transport.encrypted && !this.#journal.claimReading(entry, this.#clock.now())) {
      this.#logger.warn(
        { roomId: entry.roomId, event: entry.eventId },
        'a message that was read before was delivered again as another event',
      )
      this.#journal.mark(entry.eventId, 'done', this.#clock.now(), 'replayed')
      return
    }
    const keyLate = waited && this.#clock.now() - entry.receivedAt > patienceMs
    await this.#hand(keyLate ? { ...opened.message, keyLate } : opened.message)
  }

  /** A message that was given up and answered, whose key has come after all: data is still taken from it, and no change is made by it. */
  async #tooLate(entry: JournalEntry): Promise<void> {
    if (!this.#unread.has(entry.eventId)) return
    const opened = await openMessage(entry, this.#crypto)
    if (opened.kind === 'undecryptable' || this.#stop.signal.aborted) return
    if (opened.kind === 'message' && this.#journal.claimReading(entry, this.#clock.now()))
      await this.#hand({ ...opened.message, keyLate: true })
    this.#unread.forget(entry.eventId)
  }

  /** Hands a message that could be read to its handler. */
  async #hand(message: IncomingMessage): Promise<void> {
    const { entry } = message
    const { rest } = await this.#handlers.message(message, this.#stop.signal)
    if (rest === undefined) return
    const tracked = rest
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return
        this.#logger.error({ err: error, event: entry.eventId }, 'a command could not be finished')
        return this.#broken(entry)
      })
      .finally(() => this.#rest.delete(tracked))
    this.#rest.add(tracked)
  }

  #wait(entry: JournalEntry, { sessionId, code, withheld }: Undecryptable): void {
    const note = withheld ?? code
    this.#journal.mark(entry.eventId, 'waiting', this.#clock.now(), note)
    if (this.#waiting.has(entry.eventId)) return
    const over = new AbortController()
    this.#waiting.set(entry.eventId, { entry, sessionId, over })
    this.#tryOnSchedule(entry, over.signal).catch((error: unknown) => {
      if (!over.signal.aborted) this.#logger.error({ err: error, event: entry.eventId }, 'an unreadable message is not tried again')
    })
  }

  /** Tries again at the times of the schedule, counted from when the message was received, also across a restart. Rejects when the waiting is over. */
  async #tryOnSchedule(entry: JournalEntry, over: AbortSignal): Promise<void> {
    const begun = this.#clock.now()
    const left = Math.max(leastPatienceMs, entry.receivedAt + patienceMs - begun)
    // A clock that was set back must not make the waiting endless.
    const end: Timestamp = begun + Math.min(left, patienceMs)
    for (const at of [...retries.map((delay) => entry.receivedAt + delay).filter((at) => at > begun && at < end), end]) {
      await this.#clock.sleep(at - this.#clock.now(), over)
      this.#again(entry, at === end ? 'last' : 'again')
    }
  }

  #again(entry: JournalEntry, attempt: Exclude<Attempt, 'first'> = 'again'): void {
    if (!this.#stop.signal.aborted) this.#enqueue(entry, attempt)
  }

  #forget(eventId: EventId): void {
    this.#waiting.get(eventId)?.over.abort(new Error('the waiting for a key is over'))
    this.#waiting.delete(eventId)
  }

  /** The patience is over: somebody is told. A key that comes later makes no change. */
  async #giveUp(entry: JournalEntry, { code, withheld, sessionId }: Undecryptable): Promise<void> {
    this.#forget(entry.eventId)
    if (sessionId !== undefined) this.#unread.keep(entry, sessionId, this.#clock.now())
    await this.#handlers.unreadable(entry, { code, withheld })
  }

  /**
   * Stops: nothing more begins; commands in work come to a point from which the next start goes on.
   * @param graceMs how long to wait for them
   */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort(new Error('the bot is shutting down'))
    for (const eventId of this.#waiting.keys()) this.#forget(eventId)
    const grace = new AbortController()
    await Promise.race([
      Promise.all([...this.#tails.values(), ...this.#rest]),
      this.#clock.sleep(graceMs, grace.signal).catch(() => undefined),
    ])
    grace.abort()
  }
}
