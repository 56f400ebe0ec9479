import type { Homeserver } from '../matrix/client.ts'
import type { Outbox } from '../matrix/outbox.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Logger } from '../operations/logger.ts'
import type { EventId, RoomId } from '../types.ts'

/** How long a command may take before it is shown that somebody works on it (milliseconds). */
export interface Patience {
  /** Receipt and typing notice. An answer that is faster says more than they do, and they would delay it. */
  readonly notice: number
  /** 👀, where the bot is exempt from rate limits. */
  readonly eyes: number
  /** One progress message. */
  readonly progress: number
}

export const defaultPatience: Patience = { notice: 120, eyes: 400, progress: 2000 }
const receiptDelayMs = 700
const typingMs = 30_000

/** Shows people that their command was seen: receipts (gathered, one per room), typing, 👀, and the call for a progress message. */
export class Acknowledger {
  readonly #homeserver: Homeserver
  readonly #outbox: Outbox
  readonly #logger: Logger
  readonly #exempt: () => boolean
  readonly #patience: Patience
  readonly #receipts = new Map<RoomId, { eventId: EventId; timer: NodeJS.Timeout }>()

  constructor(options: {
    readonly homeserver: Homeserver
    readonly outbox: Outbox
    readonly logger: Logger
    /** Is the bot exempt from the server's rate limits? */
    readonly exempt: () => boolean
    readonly patience?: Patience
  }) {
    this.#homeserver = options.homeserver
    this.#outbox = options.outbox
    this.#logger = options.logger
    this.#exempt = options.exempt
    this.#patience = options.patience ?? defaultPatience
  }

  /**
   * Begins to watch a command.
   * @param onProgress called once when it takes long
   * @returns ends the watch; call it when the answer is ready, with a promise of its being sent: until then the bot is shown as typing
   */
  begin(roomId: RoomId, eventId: EventId, onProgress: () => void): (sent?: Promise<unknown>) => void {
    let typing = false
    const timers = [
      setTimeout(() => {
        typing = true
        this.#receipt(roomId, eventId)
        this.#quietly(this.#homeserver.typing(roomId, typingMs))
      }, this.#patience.notice),
      setTimeout(onProgress, this.#patience.progress),
    ]
    if (this.#exempt()) timers.push(setTimeout(() => this.#eyes(roomId, eventId), this.#patience.eyes))
    return (sent = Promise.resolve()) => {
      for (const timer of timers) clearTimeout(timer)
      if (typing) this.#quietly(sent.then(() => this.#homeserver.typing(roomId, 0)))
      else this.#receiptSoon(roomId, eventId)
    }
  }

  #eyes(roomId: RoomId, eventId: EventId): void {
    const content = { 'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key: '👀' } }
    this.#quietly(this.#outbox.send({ txnId: transactionId(eventId, 'eyes'), roomId, type: 'm.reaction', content }))
  }

  /** Receipts of answered commands are gathered: a burst of commands needs only the last one. */
  #receiptSoon(roomId: RoomId, eventId: EventId): void {
    const pending = this.#receipts.get(roomId)
    if (pending !== undefined) {
      pending.eventId = eventId
      pending.timer.refresh()
      return
    }
    const timer = setTimeout(() => {
      const last = this.#receipts.get(roomId)
      this.#receipts.delete(roomId)
      if (last !== undefined) this.#receipt(roomId, last.eventId)
    }, receiptDelayMs)
    this.#receipts.set(roomId, { eventId, timer })
  }

  #receipt(roomId: RoomId, eventId: EventId): void {
    this.#quietly(this.#homeserver.receipt(roomId, eventId))
  }

  /** Receipts, typing notices and 👀 are a courtesy: their failure is logged and changes nothing. */
  #quietly(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#logger.debug({ err: error }, 'a courtesy could not be sent'))
  }

  /** Ends all timers. */
  close(): void {
    for (const { timer } of this.#receipts.values()) clearTimeout(timer)
    this.#receipts.clear()
  }
}
