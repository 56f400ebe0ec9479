import { placeInSession } from '../crypto/megolm-index.ts'
import type { Database } from '../database/database.ts'
import { prepare } from '../database/prepared.ts'
import type { JournalTable } from '../database/schema.ts'
import type { EventId, JsonObject, RoomId, Timestamp, UserId } from '../types.ts'
import type { RoomEvent } from './sync-types.ts'

/** An event that may need an answer. */
export interface JournalEntry {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly sender: UserId
  readonly kind: JournalTable['kind']
  readonly event: RoomEvent | JsonObject
  /** Sent while the bot was away. */
  readonly late: boolean
  readonly state: JournalTable['state']
  readonly receivedAt: Timestamp
}

/**
 * Events are claimed by their id in the transaction that stores the sync token, and handlers run from here: an event that is delivered twice
 * is handled once, and one that was delivered before a crash is handled after it.
 */
export class Journal {
  readonly #database: Database
  readonly #queries
  #sequence: number

  constructor(database: Database) {
    this.#database = database
    this.#queries = queriesOf(database)
    const last = database.first(database.query.selectFrom('journal').select((eb) => eb.fn.max('sequence').as('last')))
    this.#sequence = last?.last ?? 0
  }

  /**
   * Claims an event. Call inside the transaction of the sync token.
   * @returns the entry, or undefined when it was claimed before
   */
  add(entry: Omit<JournalEntry, 'state'>): JournalEntry | undefined {
    const { changes } = this.#database.run(
      this.#queries.add.of({
        eventId: entry.eventId,
        sequence: this.#sequence + 1,
        roomId: entry.roomId,
        sender: entry.sender,
        kind: entry.kind,
        event: JSON.stringify(entry.event),
        late: entry.late ? 1 : 0,
        receivedAt: entry.receivedAt,
      }),
    )
    if (changes === 0) return undefined
    this.#sequence += 1
    return { ...entry, state: 'pending' }
  }

  /** Entries that are not finished, oldest first: what a start has to take up again. */
  open(): readonly JournalEntry[] {
    return this.#database
      .all(this.#database.query.selectFrom('journal').selectAll().where('state', '<>', 'done').orderBy('sequence'))
      .map((row) => ({
        eventId: row.event_id,
        roomId: row.room_id,
        sender: row.sender,
        kind: row.kind,
        event: JSON.parse(row.event) as RoomEvent,
        late: row.late === 1,
        state: row.state,
        receivedAt: row.received_at,
      }))
  }

  /** When the sender's server says an open event was sent: a hint, never proof. undefined = done, or no such event. */
  sentAt(eventId: EventId): Timestamp | undefined {
    const row = this.#database.first(this.#queries.event.of({ eventId }))
    const sentAt = row === undefined ? undefined : (JSON.parse(row.event) as Partial<RoomEvent>).origin_server_ts
    return typeof sentAt === 'number' ? sentAt : undefined
  }

  /** Who sent an event that was claimed in this room; undefined = no such message, or it was too long ago. */
  senderOf(eventId: EventId, roomId: RoomId): UserId | undefined {
    return this.#database.first(
      this.#database.query
        .selectFrom('journal')
        .select('sender')
        .where('event_id', '=', eventId)
        .where('room_id', '=', roomId)
        .where('kind', '=', 'message'),
    )?.sender
  }

  /**
   * Has this person said something in a room, ended with that note, that the sender of an event may not have seen when they wrote it? What came
   * later in the same room; of another room, what came with the same answer of the server or later: rooms have no common order.
   */
  noted(note: string, sender: UserId, roomId: RoomId, after: EventId): boolean {
    const event = this.#database.first(
      this.#database.query.selectFrom('journal').select(['sequence', 'room_id', 'received_at']).where('event_id', '=', after),
    )
    if (event === undefined) return false
    return (
      this.#database.first(
        this.#database.query
          .selectFrom('journal')
          .select('event_id')
          .where('room_id', '=', roomId)
          .where('sender', '=', sender)
          .where('note', '=', note)
          .where((build) =>
            event.room_id === roomId
              ? build('sequence', '>', event.sequence)
              : build.or([build('sequence', '>', event.sequence), build('received_at', '=', event.received_at)]),
          )
          .limit(1),
      ) !== undefined
    )
  }

  /** Has this event been claimed? */
  has(eventId: EventId): boolean {
    return this.#database.first(this.#database.query.selectFrom('journal').select('event_id').where('event_id', '=', eventId)) !== undefined
  }

  /** The event that was claimed last in a room: back-fill ends there. */
  lastOf(roomId: RoomId): EventId | undefined {
    return this.#database.first(
      this.#database.query.selectFrom('journal').select('event_id').where('room_id', '=', roomId).orderBy('sequence', 'desc').limit(1),
    )?.event_id
  }

  /** Moves an entry on. `note` is a stable word: why it was ignored, or what it waits for. */
  mark(eventId: EventId, state: 'running' | 'waiting' | 'done', now: Timestamp, note?: string): void {
    if (state === 'done' && note !== undefined) {
      this.#database.run(this.#queries.done.of({ eventId, now, note }))
      return
    }
    // The event itself is not needed any more once it is done.
    const done = state === 'done' ? { done_at: now, event: '{}' } : {}
    this.#database.run(
      this.#database.query
        .updateTable('journal')
        .set({ state, ...done, ...(note === undefined ? {} : { note }) })
        .where('event_id', '=', eventId),
    )
  }

  /**
   * Claims the place in its session that a decrypted message takes. Nobody but its sender can make another message of that place; a server can
   * deliver the same one again, under another event id or when its entry here was forgotten.
   * @returns false when the message was read before: it must not be handled again
   */
  claimReading(entry: Pick<JournalEntry, 'event' | 'eventId' | 'receivedAt'>, now: Timestamp): boolean {
    const place = placeInSession(entry.event)
    if (place === undefined) return true
    const { sessionId, index } = place
    const claim = this.#queries.claim.of({ sessionId, index, eventId: entry.eventId, now })
    // Soon: it is on disk before, or together with, anything that is done about the message.
    const { changes } = this.#database.transaction(() => this.#database.run(claim), { soon: true })
    if (changes > 0) return true
    const before = this.#database.first(
      this.#database.query
        .selectFrom('read_message')
        .select(['event_id', 'read_at'])
        .where('session_id', '=', sessionId)
        .where('message_index', '=', index),
    )
    // The same entry may be taken up again after a crash; one that came later than the reading is another delivery.
    return before?.event_id === entry.eventId && before.read_at >= entry.receivedAt
  }
}

/** What every message asks and writes. */
const queriesOf = ({ query }: Database) => ({
  add: prepare(
    (entry: {
      readonly eventId: EventId
      readonly sequence: number
      readonly roomId: RoomId
      readonly sender: UserId
      readonly kind: JournalTable['kind']
      readonly event: string
      readonly late: 0 | 1
      readonly receivedAt: Timestamp
    }) =>
      query
        .insertInto('journal')
        .values({
          event_id: entry.eventId,
          sequence: entry.sequence,
          room_id: entry.roomId,
          sender: entry.sender,
          kind: entry.kind,
          event: entry.event,
          late: entry.late,
          state: 'pending',
          note: null,
          received_at: entry.receivedAt,
          done_at: null,
        })
        .onConflict((conflict) => conflict.column('event_id').doNothing()),
  ),
  event: prepare(({ eventId }: { readonly eventId: EventId }) =>
    query.selectFrom('journal').select('event').where('event_id', '=', eventId),
  ),
  claim: prepare((place: { readonly sessionId: string; readonly index: number; readonly eventId: EventId; readonly now: Timestamp }) =>
    query
      .insertInto('read_message')
      .values({ session_id: place.sessionId, message_index: place.index, event_id: place.eventId, read_at: place.now })
      .onConflict((conflict) => conflict.columns(['session_id', 'message_index']).doNothing()),
  ),
  done: prepare(({ eventId, now, note }: { readonly eventId: EventId; readonly now: Timestamp; readonly note: string }) =>
    // The event itself is not needed any more.
    query.updateTable('journal').set({ state: 'done', done_at: now, event: '{}', note }).where('event_id', '=', eventId),
  ),
})
