import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { Timestamp } from '../types.ts'
import type { JobView } from './job.ts'

/** A job that is to be done. */
export interface NewJob {
  readonly kind: string
  readonly uniqueKey: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly delayMs?: number
  readonly createdBy?: string
}

/**
 * The table of the jobs. A job is unique by kind and key while it is open (waiting or running), and stays as done, cancelled or dead. Every call may be
 * part of the caller's transaction.
 */
export class JobTable {
  readonly #database: Database
  readonly #clock: Clock

  constructor(options: { readonly database: Database; readonly clock: Clock }) {
    this.#database = options.database
    this.#clock = options.clock
  }

  /** After a start: what was running when the program ended waits again. */
  recover(): void {
    const now = this.#clock.now()
    this.#database.run(this.#database.query.updateTable('job').set({ state: 'waiting', updated_at: now }).where('state', '=', 'running'))
  }

  /**
   * Adds a job.
   * @returns its number; the number of the open job of the same kind and key if there is one
   */
  add(job: NewJob): { readonly jobId: number; readonly added: boolean } {
    const now = this.#clock.now()
    const open = this.open(job.kind, job.uniqueKey)
    if (open !== undefined) return { jobId: open.jobId, added: false }
    const { lastInsertId } = this.#database.run(
      this.#database.query.insertInto('job').values({
        kind: job.kind,
        unique_key: job.uniqueKey,
        payload: JSON.stringify(job.payload),
        state: 'waiting',
        run_at: now + (job.delayMs ?? 0),
        last_error: null,
        created_by: job.createdBy ?? null,
        created_at: now,
        updated_at: now,
      }),
    )
    return { jobId: lastInsertId, added: true }
  }

  /** The open job of a kind and key. */
  open(kind: string, uniqueKey: string): JobView | undefined {
    const row = this.#database.first(
      this.#database.query
        .selectFrom('job')
        .selectAll()
        .where('kind', '=', kind)
        .where('unique_key', '=', uniqueKey)
        .where('state', 'in', ['waiting', 'running']),
    )
    return row === undefined ? undefined : view(row)
  }

  /** The newest job of a kind and key, whatever became of it. */
  latest(kind: string, uniqueKey: string): JobView | undefined {
    const row = this.#database.first(
      this.#database.query
        .selectFrom('job')
        .selectAll()
        .where('kind', '=', kind)
        .where('unique_key', '=', uniqueKey)
        .orderBy('job_id', 'desc')
        .limit(1),
    )
    return row === undefined ? undefined : view(row)
  }

  /** A job by number. */
  get(jobId: number): JobView | undefined {
    const row = this.#database.first(this.#database.query.selectFrom('job').selectAll().where('job_id', '=', jobId))
    return row === undefined ? undefined : view(row)
  }

  /** Jobs by state, newest first. */
  list(states: readonly JobView['state'][], limit: number): readonly JobView[] {
    return this.#database
      .all(this.#database.query.selectFrom('job').selectAll().where('state', 'in', states).orderBy('job_id', 'desc').limit(limit))
      .map(view)
  }

  /** How many jobs are in each state. */
  counts(): ReadonlyMap<JobView['state'], number> {
    const rows = this.#database.all(
      this.#database.query
        .selectFrom('job')
        .select(['state', (build) => build.fn.countAll<number>().as('number')])
        .groupBy('state'),
    )
    return new Map(rows.map((row) => [row.state, row.number]))
  }

  /** Lets a waiting job be due now. Returns whether there is one that was not. */
  hasten(kind: string, uniqueKey: string): boolean {
    const now = this.#clock.now()
    const { changes } = this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ run_at: now })
        .where('kind', '=', kind)
        .where('unique_key', '=', uniqueKey)
        .where('state', '=', 'waiting')
        .where('run_at', '>', now),
    )
    return changes > 0
  }

  /** The keys of the open jobs of a kind. */
  openKeys(kind: string): readonly string[] {
    return this.#database
      .all(
        this.#database.query.selectFrom('job').select('unique_key').where('kind', '=', kind).where('state', 'in', ['waiting', 'running']),
      )
      .map((row) => row.unique_key)
  }

  /** Lets a dead or waiting job be due now, as if it had never failed. Returns whether there is such a job. */
  retry(jobId: number): boolean {
    const { changes } = this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ state: 'waiting', run_at: this.#clock.now(), attempts: 0, updated_at: this.#clock.now() })
        .where('job_id', '=', jobId)
        .where('state', 'in', ['waiting', 'dead']),
    )
    return changes > 0
  }

  /** Takes back an open or dead job. Returns whether there was one. A running one ends at its next step. */
  cancel(jobId: number, reason: string): boolean {
    return (
      this.#database.run(
        this.#database.query
          .updateTable('job')
          .set({ state: 'cancelled', last_error: reason, updated_at: this.#clock.now() })
          .where('job_id', '=', jobId)
          .where('state', 'in', ['waiting', 'dead']),
      ).changes > 0
    )
  }

  /** Waiting jobs whose time has come, the longest due first. */
  due(now: Timestamp, limit: number): readonly JobView[] {
    return this.#database
      .all(
        this.#database.query
          .selectFrom('job')
          .selectAll()
          .where('state', '=', 'waiting')
          .where('run_at', '<=', now)
          .orderBy('run_at')
          .limit(limit),
      )
      .map(view)
  }

  /** When the next job is due that is not yet; undefined = none waits. */
  nextAfter(now: Timestamp): Timestamp | undefined {
    return this.#database.first(
      this.#database.query
        .selectFrom('job')
        .select('run_at')
        .where('state', '=', 'waiting')
        .where('run_at', '>', now)
        .orderBy('run_at')
        .limit(1),
    )?.run_at
  }

  /** Stores what became of a job. */
  set(jobId: number, values: { state: JobView['state']; attempts?: number; run_at?: Timestamp; last_error?: string | null }): void {
    this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ ...values, updated_at: this.#clock.now() })
        .where('job_id', '=', jobId),
    )
  }

  /** Stores a handler's place in a job. */
  note(jobId: number, progress: Readonly<Record<string, unknown>>): void {
    this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ progress: JSON.stringify(progress) })
        .where('job_id', '=', jobId),
    )
  }
}

const view = (row: {
  readonly job_id: number
  readonly kind: string
  readonly unique_key: string
  readonly payload: string
  readonly progress: string
  readonly state: JobView['state']
  readonly run_at: Timestamp
  readonly attempts: number
  readonly last_error: string | null
  readonly created_by: string | null
  readonly created_at: Timestamp
}): JobView => ({
  jobId: row.job_id,
  kind: row.kind,
  uniqueKey: row.unique_key,
  payload: JSON.parse(row.payload) as Record<string, unknown>,
  progress: JSON.parse(row.progress) as Record<string, unknown>,
  state: row.state,
  runAt: row.run_at,
  attempts: row.attempts,
  lastError: row.last_error,
  createdAt: row.created_at,
  createdBy: row.created_by,
})
