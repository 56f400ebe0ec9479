import type { Database } from '../database/database.ts'
import { sweepDatabase } from '../database/sweep.ts'
import type { Retention } from '../database/sweep.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { JobHandler } from './job.ts'

/** The kind of the nightly job, of which there is one. */
export const housekeepingKind = 'housekeeping'

/** Everything else gets so long between two batches (milliseconds). */
const pauseMs = 20

/** Deletes at night what was finished long ago, and says how much. */
export const createHousekeepingHandler = (options: {
  readonly database: Database
  readonly retention: Retention
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'count'>
  /** Milliseconds until the next night. */
  readonly untilNext: () => number
}): JobHandler => ({
  // It runs for ever.
  maxAttempts: Infinity,
  run: async (_job, { signal }) => {
    const { clock, metrics, logger } = options
    const now = clock.now()
    const gone = await sweepDatabase({ ...options, now, pause: () => clock.sleep(pauseMs, signal) }).catch((error: unknown) => {
      if (signal.aborted) return undefined
      throw error
    })
    if (gone === undefined) return { state: 'failed', reason: 'the bot is shutting down' }
    for (const [table, rows] of gone) metrics.count('gatehouse_rows_deleted_total', { table }, rows)
    logger.info({ gone: Object.fromEntries(gone) }, 'what was finished long ago was deleted')
    const all = [...gone.values()].reduce((sum, rows) => sum + rows, 0)
    const parts = [...gone].filter(([, rows]) => rows > 0).map(([table, rows]) => `${rows} of ${table}`)
    const day = new Date(now).toISOString().slice(0, 16).replace('T', ' ')
    const note = `on ${day} UTC ${all === 0 ? 'there was nothing old enough to delete' : `deleted ${all} old rows (${parts.join(', ')})`}`
    return { state: 'wait', delayMs: options.untilNext(), note }
  },
})
