import Database from 'better-sqlite3'

/** An event as Synapse stores it. */
export interface StoredEvent {
  readonly event_id: string
  readonly room_id: string
  readonly type: string
  readonly sender: string
  readonly state_key?: string
  readonly content: Readonly<Record<string, unknown>>
  readonly origin_server_ts: number
}

export interface EventFilter {
  readonly roomId?: string
  readonly sender?: string
  readonly type?: string
  readonly stateKey?: string
}

/**
 * Reads the homeserver's own SQLite database while the server runs: what it shows is what really reached the server, whatever any client
 * believes. Nothing is ever written.
 */
export interface ServerDatabase {
  /** All events that fit, in the order in which the server took them; rejected ones left out. */
  events(filter: EventFilter | string): StoredEvent[]
  countEvents(filter: EventFilter): number
  /** `m.room.message` events in clear that were sent to a room after encryption was switched on there. Must be empty for the bot. */
  plaintextMessages(filter?: Pick<EventFilter, 'roomId' | 'sender'>): StoredEvent[]
  /** Current memberships of a room: user id → `join`, `invite`, `leave`, `ban` or `knock`. */
  memberships(roomId: string): Map<string, string>
  /** Ids of the rooms with this membership now. */
  roomsOf(userId: string, membership?: string): string[]
  /** Content of a piece of current state, undefined where there is none. */
  state(roomId: string, type: string, stateKey?: string): Readonly<Record<string, unknown>> | undefined
  /** Any other question, read-only. */
  query(sql: string, ...parameters: readonly unknown[]): Readonly<Record<string, unknown>>[]
  close(): void
}

interface EventRow {
  readonly event_id: string
  readonly json: string
}

const afterEncryption = `EXISTS (SELECT 1 FROM events AS e
  WHERE e.room_id = events.room_id AND e.type = 'm.room.encryption' AND e.state_key = '' AND e.stream_ordering < events.stream_ordering)`

/**
 * Opens a homeserver's database.
 * @param file of a server on this machine (`Synapse.databaseFile`)
 */
export const openServerDatabase = (file: string): ServerDatabase => {
  const database = new Database(file, { readonly: true, fileMustExist: true })

  const select = (what: string, filter: EventFilter, more: readonly string[] = []): unknown[] => {
    const columns = [
      ['events.room_id', filter.roomId],
      ['events.sender', filter.sender],
      ['events.type', filter.type],
      ['events.state_key', filter.stateKey],
    ] as const
    const given = columns.filter(([, value]) => value !== undefined)
    const conditions = ['events.rejection_reason IS NULL', 'NOT events.outlier', ...given.map(([column]) => `${column} = ?`), ...more]
    return database
      .prepare(
        `SELECT ${what} FROM events JOIN event_json USING (event_id) WHERE ${conditions.join(' AND ')} ORDER BY events.stream_ordering`,
      )
      .all(...given.map(([, value]) => value))
  }
  const read = (rows: unknown[]): StoredEvent[] =>
    (rows as EventRow[]).map((row) => ({ ...(JSON.parse(row.json) as Omit<StoredEvent, 'event_id'>), event_id: row.event_id }))
  const wholeEvent = 'events.event_id, event_json.json'

  return {
    events: (filter) => read(select(wholeEvent, typeof filter === 'string' ? { roomId: filter } : filter)),
    countEvents: (filter) => (select('count(*) AS count', filter)[0] as { count: number }).count,
    plaintextMessages: (filter = {}) => read(select(wholeEvent, { ...filter, type: 'm.room.message' }, [afterEncryption])),
    memberships: (roomId) => {
      const rows = database
        .prepare(`SELECT state_key, membership FROM current_state_events WHERE room_id = ? AND type = 'm.room.member'`)
        .all(roomId) as { state_key: string; membership: string }[]
      return new Map(rows.map((row) => [row.state_key, row.membership]))
    },
    roomsOf: (userId, membership = 'join') => {
      const rows = database
        .prepare(`SELECT room_id FROM current_state_events WHERE type = 'm.room.member' AND state_key = ? AND membership = ?`)
        .all(userId, membership) as { room_id: string }[]
      return rows.map((row) => row.room_id)
    },
    state: (roomId, type, stateKey = '') => {
      const row = database
        .prepare(`SELECT json FROM current_state_events JOIN event_json USING (event_id)
                  WHERE current_state_events.room_id = ? AND type = ? AND state_key = ?`)
        .get(roomId, type, stateKey) as { json: string } | undefined
      return row && (JSON.parse(row.json) as StoredEvent).content
    },
    query: (sql, ...parameters) => database.prepare(sql).all(...parameters) as Record<string, unknown>[],
    close: () => {
      database.close()
    },
  }
}
