import type { Timestamp } from '../types.ts'
import type { Database } from './database.ts'

/** What was open when the backup was made, and is not gone on with by itself. */
export interface HeldWork {
  readonly jobs: number
  readonly plans: number
  readonly messages: number
}

/** Numbers go on so far above, rounded up: a number that somebody reads in the chat must not mean another job now. */
const gap = 1000

/**
 * Takes a restored database out of work. Whatever was open when the backup was made may have been done since then, by the bot whose data was lost:
 * no event is handled again, no message sent again, and jobs wait for somebody to look and to say `!retry`. Jobs that run for ever begin anew.
 * One transaction.
 */
export const holdWork = (database: Database, now: Timestamp): HeldWork => {
  const { connection } = database
  const run = (sql: string, ...values: readonly (string | number)[]): number => connection.prepare(sql).run(...values).changes
  return database.transaction(() => {
    run("UPDATE journal SET state = 'done', note = 'restored', event = '{}', done_at = ? WHERE state <> 'done'", now)
    // What could not be read then may have been read since.
    run('DELETE FROM unread_message')
    const messages = run(
      "UPDATE outbox SET state = 'failed', content = '{}', error = 'not sent again after a restore', updated_at = ? WHERE state = 'queued'",
      now,
    )
    run('DELETE FROM confirmation')
    run('DELETE FROM held_command')
    run("UPDATE plan SET state = 'expired', finished_at = ? WHERE state = 'confirming'", now)
    run(
      `UPDATE effect SET state = 'unknown', code = 'restored', finished_at = ?, detail = 'it was open when the backup was made that the bot was restored from'
       WHERE state IN ('planned', 'intended') AND plan_id IN (SELECT plan_id FROM plan WHERE state = 'running')`,
      now,
    )
    const plans = run("UPDATE plan SET state = 'done', finished_at = ? WHERE state = 'running'", now)
    // The jobs that run for ever have the key `all` and are added by each start.
    run("DELETE FROM job WHERE unique_key = 'all' AND state IN ('waiting', 'running')")
    const jobs = run(
      `UPDATE job SET state = 'dead', updated_at = ?, last_error = 'held, because the bot was restored from a backup: it may have been done since then. Look first' WHERE state IN ('waiting', 'running')`,
      now,
    )
    // A code that was replaced since the backup must not work again.
    run('UPDATE pending_link SET code_hash = NULL')
    for (const table of ['job', 'plan', 'audit']) {
      // Written out: a number that is bound counts as one with a fraction.
      const set = run(`UPDATE sqlite_sequence SET seq = (seq / ${gap} + 2) * ${gap} WHERE name = ?`, table)
      if (set === 0) run(`INSERT INTO sqlite_sequence (name, seq) VALUES (?, ${gap})`, table)
    }
    return { jobs, plans, messages }
  })
}
