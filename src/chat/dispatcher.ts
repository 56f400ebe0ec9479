import type { CryptoPort } from '../crypto/port.ts'
import type { Journal, JournalEntry } from '../matrix/journal.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { EventId, RoomId } from '../types.ts'
import { openMessage } from './incoming.ts'
import type { IncomingMessage } from './incoming.ts'

/** Who handles what was journaled. */
export interface Handlers {
  /**
   * Handles a message. The promise ends when the next message of the room may be handled; work that takes longer is returned as `rest`.
   * The handler marks the entry as done itself, in the transaction that stores the answer.
   */
  message(message: IncomingMessage, signal: AbortSignal): Promise<{ readonly rest?: Promise<void> }>
  /** A message that stayed unreadable, so that somebody is told. Marks the entry as done. */
  unreadable(entry: JournalEntry, cause: { readonly code: string; readonly withheld: string | undefined }): Promise<void>
  /** A bug has stopped the handling of a message: the person is told. */
  broken(entry: JournalEntry): Promise<void>
  /** Somebody invites the bot. Marks the entry as done. */
  invitation(entry: JournalEntry): Promise<void>
}

interface Waiting {
  readonly entry: JournalEntry
  readonly sessionId: string | undefined
  readonly cause: { readonly code: string; readonly withheld: string | undefined }
  readonly timers: NodeJS.Timeout[]
}

/** When an unreadable message is tried again without a key having come (milliseconds), the last being the end of patience. */
const retries = [1000, 3000, 10_000, 30_000, 60_000]

/**
 * Hands journaled events to their handlers: the events of a room one after another, rooms beside each other. A handler that fails is logged and
 * never stops those behind it. Messages whose key is missing wait aside until it comes.
 */
export class Dispatcher {
  readonly #crypto: CryptoPort
  readonly #journal: Journal
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
    readonly clock: Clock
    readonly logger: Logger
    readonly handlers: Handlers
  }) {
    this.#crypto = options.crypto
    this.#journal = options.journal
    this.#clock = options.clock
    this.#logger = options.logger
    this.#handlers = options.handlers
    options.crypto.onRoomKeys((keys) => {
      const sessions = new Set(keys.map((key) => key.sessionId))
      for (const waiting of this.#waiting.values()) {
        if (waiting.sessionId === undefined || sessions.has(waiting.sessionId)) this.#again(waiting.entry)
      }
    })
  }

  /** Takes up what an earlier run of the program left open. Call before the first sync. */
  start(): void {
    this.dispatch(this.#journal.open())
  }

  /** Puts entries into their rooms' queues. Returns at once. */
  dispatch(entries: readonly JournalEntry[]): void {
    for (const entry of entries) this.#enqueue(entry)
  }

  /** Messages that are waiting for a key. */
  get waiting(): number {
    return this.#waiting.size
  }

  #enqueue(entry: JournalEntry, again = false): void {
    const before = this.#tails.get(entry.roomId) ?? Promise.resolve()
    const tail = before.then(() => this.#handle(entry, again))
    this.#tails.set(entry.roomId, tail)
    void tail.then(() => {
      if (this.#tails.get(entry.roomId) === tail) this.#tails.delete(entry.roomId)
    })
  }

  /** Never rejects. */
  async #handle(entry: JournalEntry, again: boolean): Promise<void> {
    if (this.#stop.signal.aborted) return
    try {
      if (entry.kind === 'invite') await this.#handlers.invitation(entry)
      else await this.#message(entry, again)
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

  async #message(entry: JournalEntry, again: boolean): Promise<void> {
    // A timer and a key may both have asked for another try: the first one that could read the message, or the end of patience, settles it.
    const settled = (): boolean => again && !this.#waiting.has(entry.eventId)
    if (settled()) return
    const opened = await openMessage(entry, this.#crypto)
    if (settled()) return
    if (opened.kind !== 'undecryptable') this.#forget(entry.eventId)
    if (opened.kind === 'not-text') {
      this.#journal.mark(entry.eventId, 'done', this.#clock.now(), 'not-text')
      return
    }
    if (opened.kind === 'undecryptable') {
      this.#wait(entry, opened)
      return
    }
    const { rest } = await this.#handlers.message(opened.message, this.#stop.signal)
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

  #wait(
    entry: JournalEntry,
    { sessionId, code, withheld }: { readonly sessionId: string | undefined; readonly code: string; readonly withheld: string | undefined },
  ): void {
    if (this.#waiting.has(entry.eventId)) return
    this.#journal.mark(entry.eventId, 'waiting', this.#clock.now(), code)
    const timers = retries.map((delay, index) =>
      setTimeout(() => {
        if (index === retries.length - 1) this.#giveUp(entry.eventId)
        else this.#again(entry)
      }, delay),
    )
    this.#waiting.set(entry.eventId, { entry, sessionId, cause: { code, withheld }, timers })
  }

  #again(entry: JournalEntry): void {
    if (!this.#stop.signal.aborted) this.#enqueue(entry, true)
  }

  #forget(eventId: EventId): void {
    for (const timer of this.#waiting.get(eventId)?.timers ?? []) clearTimeout(timer)
    this.#waiting.delete(eventId)
  }

  #giveUp(eventId: EventId): void {
    const waiting = this.#waiting.get(eventId)
    if (waiting === undefined) return
    this.#forget(eventId)
    this.#handlers.unreadable(waiting.entry, waiting.cause).catch((error: unknown) => {
      this.#logger.error({ err: error, event: eventId }, 'an unreadable message could not be answered')
    })
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
