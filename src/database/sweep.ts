import type { Timestamp } from '../types.ts'
import type { Database } from './database.ts'

/** How long finished things are kept (milliseconds); 0 = for ever. */
export interface Retention {
  readonly work: number
  readonly audit: number
}

interface Rule {
  readonly table: string
  readonly keepMs: number
  /** Deletes at most `@limit` rows that are older than `@before`. */
  readonly sql: string
}

const dayMs = 24 * 3_600_000
/** Longer than a server could replay an event in a sync: events and transaction ids are remembered at least so long. */
export const leastWorkMs = 14 * dayMs
/** How long it is remembered which encrypted messages were read: longer than anybody keeps a session. */
const keepReadMs = 400 * dayMs

/**
 * What may go. Never what is open, nor what tells whether something was done already:
 * - the newest event of each room, where the filling of a gap ends;
 * - plans with a step that nobody could prove, which the same command looks for when it is given again, and `!undo` of a plan that is still there.
 */
const rulesOf = ({ work, audit }: Retention): readonly Rule[] =>
  [
    {
      table: 'journal',
      keepMs: work,
      sql: `DELETE FROM journal WHERE event_id IN (
        SELECT event_id FROM journal AS old WHERE state = 'done' AND done_at < @before
        AND EXISTS (SELECT 1 FROM journal AS newer WHERE newer.room_id = old.room_id AND newer.sequence > old.sequence) LIMIT @limit)`,
    },
    {
      table: 'outbox',
      keepMs: work,
      sql: "DELETE FROM outbox WHERE txn_id IN (SELECT txn_id FROM outbox WHERE state <> 'queued' AND updated_at < @before LIMIT @limit)",
    },
    {
      table: 'plan',
      keepMs: work,
      sql: `DELETE FROM plan WHERE plan_id IN (
        SELECT plan_id FROM plan AS old WHERE created_at < @before AND coalesce(finished_at, 0) < @before AND state <> 'running'
        AND NOT EXISTS (SELECT 1 FROM effect WHERE effect.plan_id = old.plan_id AND effect.state IN ('intended', 'unknown'))
        AND NOT (command = 'undo' AND EXISTS (SELECT 1 FROM plan AS earlier WHERE earlier.plan_id < old.plan_id)) LIMIT @limit)`,
    },
    {
      table: 'job',
      keepMs: work,
      sql: "DELETE FROM job WHERE job_id IN (SELECT job_id FROM job WHERE state IN ('done', 'cancelled', 'dead') AND updated_at < @before LIMIT @limit)",
    },
    {
      table: 'bridge_answer',
      keepMs: work,
      sql: 'DELETE FROM bridge_answer WHERE event_id IN (SELECT event_id FROM bridge_answer WHERE at < @before LIMIT @limit)',
    },
    {
      table: 'pending_link',
      keepMs: work,
      sql: 'DELETE FROM pending_link WHERE account_pk IN (SELECT account_pk FROM pending_link WHERE expires_at < @before LIMIT @limit)',
    },
    {
      table: 'audit',
      keepMs: audit,
      sql: 'DELETE FROM audit WHERE audit_id IN (SELECT audit_id FROM audit WHERE at < @before LIMIT @limit)',
    },
    {
      table: 'read_message',
      keepMs: keepReadMs,
      sql: `DELETE FROM read_message WHERE (session_id, message_index) IN (
        SELECT session_id, message_index FROM read_message WHERE read_at < @before LIMIT @limit)`,
    },
  ].filter(({ keepMs }) => keepMs > 0)

const firstBatch = 50
const [leastBatch, mostBatch] = [10, 500]
/** A batch that took longer is halved, one that took less than half of it may be doubled: nobody waits longer than that for the database. */
const batchMs = 15

/**
 * Deletes what is older than it has to be, a small batch at a time.
 * @param pause waits between two batches, so that everything else gets its turn; rejects when the program stops
 * @param elapsed milliseconds of a clock that never goes back
 * @returns how many rows went, by table
 */
export const sweepDatabase = async (options: {
  readonly database: Database
  readonly retention: Retention
  readonly now: Timestamp
  readonly pause: () => Promise<void>
  readonly elapsed?: () => number
}): Promise<ReadonlyMap<string, number>> => {
  const { database, retention, now, pause, elapsed = () => performance.now() } = options
  const gone = new Map<string, number>()
  for (const { table, keepMs, sql } of rulesOf(retention)) {
    const statement = database.connection.prepare(sql)
    for (let limit = firstBatch; ;) {
      const begun = elapsed()
      const { changes } = statement.run({ before: now - keepMs, limit })
      const took = elapsed() - begun
      gone.set(table, (gone.get(table) ?? 0) + changes)
      if (changes < limit) break
      limit = took > batchMs ? Math.max(leastBatch, Math.floor(limit / 2)) : took * 2 < batchMs ? Math.min(mostBatch, limit * 2) : limit
      await pause()
    }
    await pause()
  }
  return gone
}
