import type { Database } from '../database/database.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'

/** One line of the audit: a command and what became of it. Arguments come masked. */
export interface AuditEntry {
  readonly at: Timestamp
  readonly actor: UserId
  readonly roomId: RoomId
  readonly eventId: EventId
  /** The command, or the first word of what was not understood. */
  readonly command: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** `answered`, `refused`, `planned`, `confirmed`, `ran`. */
  readonly outcome: 'answered' | 'refused' | 'planned' | 'ran' | 'saved'
  /** Stable word: `ok`, `partly`, the refusal's code… */
  readonly code: string
  readonly detail?: string
  /** What was planned, in words. */
  readonly steps?: readonly { readonly text: string }[]
  readonly outcomes?: readonly { readonly state: string; readonly code: string }[]
  readonly durationMs: number
  /** The transaction id of the answer, by which `!why` finds this row. */
  readonly answerTxn?: string
}

/** A row as it is read again. */
export interface AuditRow {
  readonly auditId: number
  readonly at: Timestamp
  readonly actor: UserId
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly command: string
  readonly arguments: string
  readonly outcome: string
  readonly code: string
  readonly detail: string | null
  readonly durationMs: number
}

/** What was asked, by whom, and what came of it. Refusals too. Never a secret. */
export class Audit {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Writes a row. Call inside the transaction that finishes the command. The same event, command and code again are one row. */
  add(entry: AuditEntry): void {
    this.#database.run(
      this.#database.query
        .insertInto('audit')
        .values({
          at: entry.at,
          actor: entry.actor,
          room_id: entry.roomId,
          event_id: entry.eventId,
          command: entry.command,
          arguments: JSON.stringify(entry.arguments),
          outcome: entry.outcome,
          code: entry.code,
          detail: entry.detail ?? null,
          plan: entry.steps === undefined ? null : JSON.stringify(entry.steps.map((step) => step.text)),
          outcomes: entry.outcomes === undefined ? null : JSON.stringify(entry.outcomes.map(({ state, code }) => ({ state, code }))),
          answer_txn: entry.answerTxn ?? null,
          duration_ms: entry.durationMs,
        })
        .onConflict((conflict) => conflict.columns(['event_id', 'command', 'code']).doNothing()),
    )
  }

  /** The row of a command, or of the bot's answer to it. Newest first. */
  about(eventId: EventId): AuditRow | undefined {
    const rows = this.#select().where((or) =>
      or.or([
        or('event_id', '=', eventId),
        or('answer_txn', 'in', or.selectFrom('outbox').select('txn_id').where('outbox.event_id', '=', eventId)),
      ]),
    )
    const row = this.#database.first(rows)
    return row === undefined ? undefined : toRow(row)
  }

  /** The newest row of a person, `!why` itself aside. */
  lastOf(actor: UserId, roomId: RoomId): AuditRow | undefined {
    const row = this.#database.first(this.#select().where('actor', '=', actor).where('room_id', '=', roomId).where('command', '<>', 'why'))
    return row === undefined ? undefined : toRow(row)
  }

  /** Rows that fit, newest first. */
  list(filter: {
    readonly actor?: UserId
    readonly command?: string
    readonly code?: string
    readonly notBefore?: Timestamp
    readonly limit: number
    readonly offset: number
  }): readonly AuditRow[] {
    let query = this.#select().limit(filter.limit).offset(filter.offset)
    if (filter.notBefore !== undefined) {
      // The rows are read by their numbers: without a first one, a search that finds little would read all of them.
      const { notBefore } = filter
      const first = this.#database.first(
        this.#database.query
          .selectFrom('audit')
          .select((eb) => eb.fn.min('audit_id').as('first'))
          .where('at', '>=', notBefore),
      )?.first
      if (typeof first !== 'number') return []
      query = query.where('audit_id', '>=', first).where('at', '>=', notBefore)
    }
    if (filter.code !== undefined) query = query.where('code', '=', filter.code)
    if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor)
    if (filter.command !== undefined) query = query.where('command', '=', filter.command)
    return this.#database.all(query).map(toRow)
  }

  #select() {
    return this.#database.query.selectFrom('audit').selectAll().orderBy('audit_id', 'desc')
  }
}

const toRow = (row: {
  readonly audit_id: number
  readonly at: Timestamp
  readonly actor: UserId
  readonly room_id: RoomId
  readonly event_id: EventId
  readonly command: string
  readonly arguments: string
  readonly outcome: string
  readonly code: string
  readonly detail: string | null
  readonly duration_ms: number
}): AuditRow => ({
  auditId: row.audit_id,
  at: row.at,
  actor: row.actor,
  roomId: row.room_id,
  eventId: row.event_id,
  command: row.command,
  arguments: row.arguments,
  outcome: row.outcome,
  code: row.code,
  detail: row.detail,
  durationMs: row.duration_ms,
})
