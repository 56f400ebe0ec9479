import type { Database } from '../database/database.ts'
import type { EventId, Timestamp } from '../types.ts'
import type { JournalEntry } from './journal.ts'
import type { RoomEvent } from './sync-types.ts'

/** How long a key may be late: a phone that was off for a weekend still sends it (milliseconds). */
const keepMs = 7 * 24 * 3_600_000
/** Nobody fills the disk with nonsense: the oldest go first. */
const most = 1000

/** Messages that were given up because their key did not come. The journal forgets an event that is done; here its ciphertext waits for a late key. */
export class UnreadMessages {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Keeps a message. A known one is left alone. */
  keep(entry: JournalEntry, sessionId: string, now: Timestamp): void {
    this.#database.run(
      this.#database.query
        .insertInto('unread_message')
        .values({
          event_id: entry.eventId,
          session_id: sessionId,
          room_id: entry.roomId,
          sender: entry.sender,
          event: JSON.stringify(entry.event),
          late: entry.late ? 1 : 0,
          received_at: entry.receivedAt,
          given_up_at: now,
        })
        .onConflict((conflict) => conflict.column('event_id').doNothing()),
    )
    this.#sweep(now)
  }

  #sweep(now: Timestamp): void {
    const newest = this.#database.query.selectFrom('unread_message').select('event_id').orderBy('given_up_at', 'desc').limit(most)
    this.#database.run(
      this.#database.query
        .deleteFrom('unread_message')
        .where((where) => where.or([where('given_up_at', '<', now - keepMs), where('event_id', 'not in', newest)])),
    )
  }

  /** Those that were really given up, oldest first. @param sessionIds whose keys have come; undefined = all */
  of(sessionIds?: readonly string[]): readonly JournalEntry[] {
    const given = this.#database.query
      .selectFrom('unread_message')
      .innerJoin('journal', 'journal.event_id', 'unread_message.event_id')
      .where('journal.state', '=', 'done')
      .selectAll('unread_message')
      .orderBy('unread_message.received_at')
    const rows = this.#database.all(sessionIds === undefined ? given : given.where('unread_message.session_id', 'in', sessionIds))
    return rows.map((row) => ({
      eventId: row.event_id,
      roomId: row.room_id,
      sender: row.sender,
      kind: 'message',
      event: JSON.parse(row.event) as RoomEvent,
      late: row.late === 1,
      state: 'done',
      receivedAt: row.received_at,
    }))
  }

  /** Is it still waited for? */
  has(eventId: EventId): boolean {
    return (
      this.#database.first(this.#database.query.selectFrom('unread_message').select('event_id').where('event_id', '=', eventId)) !==
      undefined
    )
  }

  /** It was read. */
  forget(eventId: EventId): void {
    this.#database.run(this.#database.query.deleteFrom('unread_message').where('event_id', '=', eventId))
  }
}
