import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { CryptoPort, RoomEncryption } from '../crypto/port.ts'
import type { RoomEncryptions } from '../crypto/room-encryption.ts'
import type { Database } from '../database/database.ts'
import type { GateFailure, GateResult } from '../http/contract.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { EventId, JsonObject, RoomId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import { outboxQueries } from './outbox-queries.ts'
import { errcode } from './session.ts'

/** A message to send. */
export interface OutgoingMessage {
  /** Stable: a repeat with the same id is the same event on the server. Make it with `transactionId`. */
  readonly txnId: string
  readonly roomId: RoomId
  readonly type: string
  readonly content: JsonObject
  /** Somebody waits for it: where the server limits the bot it goes before others. Forgotten at a restart. Default false. */
  readonly urgent?: boolean
}

/** What came of a direct send. */
export type SendResult =
  | { readonly ok: true; readonly eventId: EventId }
  | {
      readonly ok: false
      readonly code: 'not-encryptable' | 'refused' | 'unknown' | 'retry'
      readonly words: string
      readonly retryAfterMs?: number
    }

/**
 * A transaction id that says the same thing at every try: hashed, because event ids are long and hold signs that paths dislike.
 * @param cause what the message answers, such as an event id
 * @param part which of its messages it is
 */
export const transactionId = (cause: string, part: string): string =>
  `gh${createHash('sha256').update(`${cause}\u0000${part}`).digest('base64url').slice(0, 26)}`

const answer = z.object({ event_id: z.string().startsWith('$') })

const first = 500
const longest = 60_000
/** A message that could not be sent for this long is given up: it would answer nobody any more. */
const giveUpMs = 24 * 3_600_000

/**
 * Messages are written here in the transaction that finishes their cause, then sent in order, one room beside the other. After a crash they
 * are sent again under the same transaction id, so nobody reads an answer twice and none is lost.
 */
export class Outbox {
  readonly #database: Database
  readonly #homeserver: Homeserver
  readonly #crypto: CryptoPort
  readonly #encryptions: RoomEncryptions
  readonly #fetchMembers: (roomId: RoomId) => Promise<void>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stop = new AbortController()
  readonly #workers = new Map<RoomId, Promise<void>>()
  readonly #sent = new Map<string, ((eventId: EventId | undefined) => void)[]>()
  readonly #urgent = new Set<string>()
  readonly #queries
  #sequence: number

  constructor(options: {
    readonly database: Database
    readonly homeserver: Homeserver
    readonly crypto: CryptoPort
    readonly encryptions: RoomEncryptions
    /** Fetches the member list of a room that is not known in full, for its key goes to everybody. Never rejects. */
    readonly fetchMembers: (roomId: RoomId) => Promise<void>
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#database = options.database
    this.#homeserver = options.homeserver
    this.#crypto = options.crypto
    this.#encryptions = options.encryptions
    this.#fetchMembers = options.fetchMembers
    this.#clock = options.clock
    this.#logger = options.logger
    this.#queries = outboxQueries(this.#database)
    const last = this.#database.first(this.#database.query.selectFrom('outbox').select((eb) => eb.fn.max('sequence').as('last')))
    this.#sequence = last?.last ?? 0
  }

  /** Writes a message down. Call inside the transaction that finishes its cause, then `kick` after the commit. A known id is left alone. */
  add(message: OutgoingMessage): void {
    const now = this.#clock.now()
    this.#sequence += 1
    if (message.urgent === true) this.#urgent.add(message.txnId)
    this.#database.run(
      this.#queries.add.of({
        txnId: message.txnId,
        sequence: this.#sequence,
        roomId: message.roomId,
        type: message.type,
        content: JSON.stringify(message.content),
        now,
      }),
    )
  }

  /** Sends what is queued for a room. Returns at once. */
  kick(roomId: RoomId): void {
    if (this.#workers.has(roomId) || this.#stop.signal.aborted) return
    const worker = this.#work(roomId)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#logger.error({ err: error }, 'the outbox of a room stopped; it goes on with the next message')
      })
      .finally(() => {
        this.#workers.delete(roomId)
        // A message that came while the worker was ending must not wait for the next one.
        if (!this.#stop.signal.aborted && this.#next(roomId) !== undefined) this.kick(roomId)
      })
    this.#workers.set(roomId, worker)
  }

  /** Takes up what an earlier run of the program left. */
  start(): void {
    const rooms = this.#database.all(this.#database.query.selectFrom('outbox').select('room_id').distinct().where('state', '=', 'queued'))
    for (const { room_id } of rooms) this.kick(room_id)
  }

  /** Resolves with the event id once the message is on the server; undefined when it was given up or the program stops. */
  sent(txnId: string): Promise<EventId | undefined> {
    const row = this.#database.first(this.#queries.state.of({ txnId }))
    if (row?.state === 'sent') return Promise.resolve(row.event_id ?? undefined)
    if (row === undefined || row.state === 'failed' || this.#stop.signal.aborted) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#sent.set(txnId, [...(this.#sent.get(txnId) ?? []), resolve]))
  }

  /** The event that a message became; undefined = not sent (yet). */
  eventOf(txnId: string): EventId | undefined {
    const row = this.#database.first(this.#database.query.selectFrom('outbox').select('event_id').where('txn_id', '=', txnId))
    return row?.event_id ?? undefined
  }

  /** Is this event a message that was sent from here? */
  isOwn(eventId: EventId): boolean {
    return this.#database.first(this.#database.query.selectFrom('outbox').select('txn_id').where('event_id', '=', eventId)) !== undefined
  }

  #next(roomId: RoomId) {
    return this.#database.first(this.#queries.next.of({ roomId }))
  }

  async #work(roomId: RoomId): Promise<void> {
    for (let wait = first; ;) {
      const row = this.#next(roomId)
      if (row === undefined || this.#stop.signal.aborted) return
      const urgent = this.#urgent.has(row.txn_id)
      const result = await this.#try({ txnId: row.txn_id, roomId, type: row.type, content: JSON.parse(row.content) as JsonObject, urgent })
      if (result.ok) {
        this.#finish(row.txn_id, 'sent', result.eventId, null)
        wait = first
        continue
      }
      if (this.#stop.signal.aborted) return
      const tooOld = this.#clock.now() - row.created_at > giveUpMs
      if (result.code === 'refused' || tooOld) {
        this.#logger.warn({ roomId, reason: result.words }, 'a message could not be sent and is given up')
        this.#finish(row.txn_id, 'failed', undefined, result.words)
        continue
      }
      await this.#clock.sleep(result.retryAfterMs ?? wait, this.#stop.signal)
      wait = Math.min(wait * 2, longest)
    }
  }

  /** A bug on the way must neither lose the message nor be repeated without a pause. */
  async #try(message: OutgoingMessage): Promise<SendResult> {
    try {
      return await this.send(message)
    } catch (error) {
      if (!this.#stop.signal.aborted)
        this.#logger.error({ err: error, roomId: message.roomId }, 'a message could not be sent; it is tried again')
      return { ok: false, code: 'retry', words: 'an internal error' }
    }
  }

  #finish(txnId: string, state: 'sent' | 'failed', eventId: EventId | undefined, error: string | null): void {
    this.#urgent.delete(txnId)
    const finished = this.#queries.finish.of({ txnId, state, eventId: eventId ?? null, error, now: this.#clock.now() })
    // Soon: if the process ends before, the message is sent once more under the same transaction id.
    this.#database.transaction(() => this.#database.run(finished), { soon: true })
    for (const resolve of this.#sent.get(txnId) ?? []) resolve(eventId)
    this.#sent.delete(txnId)
  }

  /**
   * Sends one message now, without writing it down: for messages that hold a secret. Encrypts where the room is (or ever was) encrypted.
   * @param secret it is never sent in clear, also not to a room that never was encrypted, and to fewer devices where the policy of keys says so. Default
   *   false
   */
  async send(message: OutgoingMessage, secret = false): Promise<SendResult> {
    if (message.type === 'm.room.redaction') return sendResult(await this.#redact(message))
    // Reactions stay in clear, as clients send and read them (their key is a mark without content).
    const inClear = message.type === 'm.reaction'
    let encryption = this.#encryptions.of(message.roomId, secret)
    if (encryption.state === 'members-unknown' && !inClear) {
      await this.#fetchMembers(message.roomId)
      encryption = this.#encryptions.of(message.roomId, secret)
      if (encryption.state === 'members-unknown')
        return { ok: false, code: 'retry', words: 'it is not known at the moment who is in the room' }
    }
    if (encryption.state === 'unknown') return { ok: false, code: 'retry', words: 'it is not known yet whether the room is encrypted' }
    if (encryption.state === 'clear' && secret) return { ok: false, code: 'not-encryptable', words: 'the room is not encrypted' }
    let { type, content } = message
    if (encryption.state === 'encrypted' && !inClear) {
      const encrypted = await this.#crypto.encrypt(
        message.roomId,
        () => this.#encryptedRoom(message.roomId, secret),
        message.type,
        message.content,
      )
      if (!encrypted.ok) return { ok: false, code: 'retry', words: encrypted.words }
      type = 'm.room.encrypted'
      content = encrypted.content
    }
    return sendResult(
      await this.#homeserver.send(message.roomId, type, message.txnId, content, {
        lane: `send:${message.roomId}`,
        urgent: message.urgent === true,
        signal: this.#stop.signal,
        deadlineMs: 120_000,
      }),
    )
  }

  #encryptedRoom(roomId: RoomId, secret: boolean): RoomEncryption | undefined {
    const encryption = this.#encryptions.of(roomId, secret)
    return encryption.state === 'encrypted' ? encryption.room : undefined
  }

  /** A redaction has a request of its own (spec, "Redactions"): `content` names the event, as room versions from 11 on have it, and the reason. */
  #redact({ roomId, txnId, content, urgent = false }: OutgoingMessage): Promise<GateResult> {
    const { redacts, ...body } = content
    const path = `/_matrix/client/v3/rooms/${segment(roomId)}/redact/${segment(typeof redacts === 'string' ? redacts : '')}/${segment(txnId)}`
    const lane = `send:${roomId}`
    return this.#homeserver.request('PUT', path, { route: 'redact', body, repeatable: true, lane, urgent, signal: this.#stop.signal })
  }

  /** Hides the text of an event (spec: redaction). The transaction id makes a repeat harmless. */
  async redact(roomId: RoomId, eventId: EventId, reason: string): Promise<boolean> {
    const path = `/_matrix/client/v3/rooms/${segment(roomId)}/redact/${segment(eventId)}/${transactionId(eventId, 'redact')}`
    const result = await this.#homeserver.request('PUT', path, { route: 'redact', body: { reason }, repeatable: true })
    return result.ok
  }

  /** Stops sending; what is queued stays on disk. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the bot is shutting down'))
    await Promise.all(this.#workers.values())
    for (const resolve of [...this.#sent.values()].flat()) resolve(undefined)
    this.#sent.clear()
  }
}

const sendResult = (result: GateResult): SendResult => {
  if (!result.ok) return refusal(result)
  const sent = answer.safeParse(result.body)
  // A 200 of somebody in between (a log-in page, a cache) proves nothing. The transaction id makes a repeat harmless.
  return sent.success
    ? { ok: true, eventId: sent.data.event_id as EventId }
    : { ok: false, code: 'unknown', words: 'the server answered a message with something that is no event id' }
}

/** A 4xx that says nothing about the message: of the session, of a proxy that is just being set up, of a request that took too long. */
const isPassing = (status: number, code: string | undefined): boolean =>
  [408, 421, 425].includes(status) ||
  (status === 404 && (code === undefined || code === 'M_UNRECOGNIZED')) ||
  (status === 401 && (code === undefined || code === 'M_UNKNOWN_TOKEN' || code === 'M_MISSING_TOKEN'))

const refusal = (failure: GateFailure): SendResult & { ok: false } => {
  const words = describeFailure(failure)
  if (failure.code === 'limited' || failure.code === 'down') return { ok: false, code: 'retry', words, retryAfterMs: failure.retryAfterMs }
  if (failure.code === 'status' && failure.status < 500 && !isPassing(failure.status, errcode(failure))) {
    return { ok: false, code: 'refused', words }
  }
  return { ok: false, code: failure.untouched ? 'retry' : 'unknown', words }
}
