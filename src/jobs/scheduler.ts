import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { Timestamp } from '../types.ts'

/** A job as its handler sees it. */
export interface Job {
  readonly jobId: number
  readonly kind: string
  readonly uniqueKey: string
  readonly payload: Readonly<Record<string, unknown>>
  /** What earlier runs have noted: handlers keep their place here. */
  readonly progress: Readonly<Record<string, unknown>>
  readonly attempts: number
  readonly createdAt: Timestamp
  readonly createdBy: string | null
}

/** What a run of a job came to. */
export type JobResult =
  | { readonly state: 'done'; readonly note?: string }
  | /** Not a failure: look again later, or when `wake` is called. */ {
      readonly state: 'wait'
      readonly delayMs: number
      readonly note?: string
    }
  | /** A failure that may pass: tried again with growing gaps, `dead` after the handler's limit. */ {
      readonly state: 'failed'
      readonly reason: string
      readonly delayMs?: number
    }
  | /** It makes no sense any more. */ { readonly state: 'cancelled'; readonly reason: string }
  | /** It cannot succeed: dead at once, for an operator to see. */ { readonly state: 'dead'; readonly reason: string }

/** Does the jobs of one kind. */
export interface JobHandler {
  /** Failures in a row until it is dead (default 10). */
  readonly maxAttempts?: number
  /** A job that has existed this long is dead at its next failure (milliseconds). */
  readonly maxAgeMs?: number
  run(job: Job, tools: JobTools): Promise<JobResult>
  /** Called once when the job died. */
  onDead?(job: Job, reason: string): Promise<void> | void
}

/** What a handler may use while it runs. */
export interface JobTools {
  readonly signal: AbortSignal
  /** Stores the handler's place. Join it with other writes by calling it inside a transaction. */
  note(progress: Readonly<Record<string, unknown>>): void
}

/** A job for lists and `!jobs`. */
export interface JobView extends Job {
  readonly state: 'waiting' | 'running' | 'done' | 'dead' | 'cancelled'
  readonly runAt: Timestamp
  readonly lastError: string | null
}

const firstDelayMs = 2000
const longestDelayMs = 10 * 60_000
const width = 6
/** How often the table is asked even if no timer says so: for jobs that another connection added. */
const idleMs = 60_000
const keepDoneMs = 30 * 24 * 3_600_000

/**
 * Durable jobs. A job stands in SQLite before anything is done, is unique by kind and key while it is open, is tried again with growing gaps,
 * and ends as done, cancelled or dead; a dead one stays visible. What was running when the program ended runs again.
 */
export class Scheduler {
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #handlers = new Map<string, JobHandler>()
  readonly #running = new Map<number, Promise<void>>()
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #started = false

  /** @param random from 0 up to 1, for jitter */
  constructor(options: { readonly database: Database; readonly clock: Clock; readonly logger: Logger; readonly random: () => number }) {
    this.#database = options.database
    this.#clock = options.clock
    this.#logger = options.logger
    this.#random = options.random
  }

  /** Names who does the jobs of a kind. Before `start`. */
  register(kind: string, handler: JobHandler): void {
    this.#handlers.set(kind, handler)
  }

  /** Takes up what is open. */
  start(): void {
    this.#started = true
    const now = this.#clock.now()
    this.#database.run(this.#database.query.updateTable('job').set({ state: 'waiting', updated_at: now }).where('state', '=', 'running'))
    this.#database.run(
      this.#database.query
        .deleteFrom('job')
        .where('state', 'in', ['done', 'cancelled'])
        .where('updated_at', '<', now - keepDoneMs),
    )
    this.#tick()
  }

  /**
   * Adds a job, inside the caller's transaction if there is one.
   * @returns its number; the number of the open job of the same kind and key if there is one
   */
  add(job: {
    readonly kind: string
    readonly uniqueKey: string
    readonly payload: Readonly<Record<string, unknown>>
    readonly delayMs?: number
    readonly createdBy?: string
  }): { readonly jobId: number; readonly added: boolean } {
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
    this.#soon()
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

  /** Something that a waiting job waits for may have happened: it looks now. */
  wake(kind: string, uniqueKey: string): void {
    const { changes } = this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ run_at: this.#clock.now() })
        .where('kind', '=', kind)
        .where('unique_key', '=', uniqueKey)
        .where('state', '=', 'waiting')
        .where('run_at', '>', this.#clock.now()),
    )
    if (changes > 0) this.#soon()
    // It may be running and about to wait for what has just happened: then it looks again.
    else if (this.#looking.has(keyOf({ kind, uniqueKey }))) this.#looking.set(keyOf({ kind, uniqueKey }), true)
  }

  /** As `wake`, for all jobs of a kind. */
  wakeAll(kind: string): void {
    const open = this.#database.all(
      this.#database.query.selectFrom('job').select('unique_key').where('kind', '=', kind).where('state', 'in', ['waiting', 'running']),
    )
    for (const { unique_key: key } of open) this.wake(kind, key)
  }

  /** The jobs that are running, by kind and key, and whether they were woken meanwhile. */
  readonly #looking = new Map<string, boolean>()

  /** Tries a dead or waiting job now. Returns whether there is such a job. */
  retry(jobId: number): boolean {
    const { changes } = this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ state: 'waiting', run_at: this.#clock.now(), attempts: 0, updated_at: this.#clock.now() })
        .where('job_id', '=', jobId)
        .where('state', 'in', ['waiting', 'dead']),
    )
    this.#soon()
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

  /** Takes back the open job of a kind and key. */
  cancelOpen(kind: string, uniqueKey: string, reason: string): boolean {
    const job = this.open(kind, uniqueKey)
    return job !== undefined && this.cancel(job.jobId, reason)
  }

  /** Begins no more jobs and waits for the running ones, at most `graceMs`. They are told by their signal. */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort(new Error('the bot is shutting down'))
    clearTimeout(this.#timer)
    const grace = new AbortController()
    await Promise.race([Promise.all(this.#running.values()), this.#clock.sleep(graceMs, grace.signal).catch(() => undefined)])
    grace.abort()
  }

  #soon(): void {
    if (this.#started && !this.#stop.signal.aborted) this.#arm(0)
  }

  #arm(delay: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#tick(), delay)
  }

  #tick(): void {
    if (this.#stop.signal.aborted) return
    const now = this.#clock.now()
    const due = this.#database.all(
      this.#database.query
        .selectFrom('job')
        .selectAll()
        .where('state', '=', 'waiting')
        .where('run_at', '<=', now)
        .orderBy('run_at')
        .limit(Math.max(0, width - this.#running.size)),
    )
    for (const row of due) this.#begin(view(row))
    const next = this.#database.first(
      this.#database.query
        .selectFrom('job')
        .select('run_at')
        .where('state', '=', 'waiting')
        .where('run_at', '>', now)
        .orderBy('run_at')
        .limit(1),
    )
    this.#arm(Math.min(idleMs, next === undefined ? idleMs : Math.max(1, next.run_at - now)))
  }

  #begin(job: JobView): void {
    this.#set(job.jobId, { state: 'running' })
    this.#looking.set(keyOf(job), false)
    const work = this.#work(job).finally(() => {
      this.#running.delete(job.jobId)
      this.#looking.delete(keyOf(job))
      this.#soon()
    })
    this.#running.set(job.jobId, work)
  }

  /** Never rejects. */
  async #work(job: JobView): Promise<void> {
    const handler = this.#handlers.get(job.kind)
    let result: JobResult
    if (handler === undefined) result = { state: 'dead', reason: `this version does not know jobs of the kind ${job.kind}` }
    else {
      try {
        result = await handler.run(job, {
          signal: this.#stop.signal,
          note: (progress) =>
            this.#database.run(
              this.#database.query
                .updateTable('job')
                .set({ progress: JSON.stringify(progress) })
                .where('job_id', '=', job.jobId),
            ),
        })
      } catch (error) {
        this.#logger.error({ err: error, job: job.jobId, kind: job.kind }, 'a job failed unexpectedly')
        result = { state: 'failed', reason: 'internal error; see the log' }
      }
    }
    // Cut short by the shutdown: it stays as running and is taken up by the next start.
    if (this.#stop.signal.aborted && (result.state === 'failed' || result.state === 'wait')) return
    await this.#settle(job, handler, result)
  }

  async #settle(job: JobView, handler: JobHandler | undefined, result: JobResult): Promise<void> {
    const now = this.#clock.now()
    switch (result.state) {
      case 'done':
        this.#set(job.jobId, { state: 'done', last_error: result.note ?? null })
        return
      case 'cancelled':
        this.#set(job.jobId, { state: 'cancelled', last_error: result.reason })
        return
      case 'wait': {
        const again = this.#looking.get(keyOf(job)) === true
        this.#set(job.jobId, { state: 'waiting', attempts: 0, run_at: again ? now : now + result.delayMs, last_error: result.note ?? null })
        return
      }
      case 'failed': {
        const attempts = job.attempts + 1
        const old = handler?.maxAgeMs !== undefined && now - job.createdAt > handler.maxAgeMs
        if (!old && attempts < (handler?.maxAttempts ?? 10)) {
          const backoff = Math.min(firstDelayMs * 2 ** (attempts - 1), longestDelayMs) * (0.75 + this.#random() / 2)
          this.#set(job.jobId, {
            state: 'waiting',
            attempts,
            run_at: now + Math.round(result.delayMs ?? backoff),
            last_error: result.reason,
          })
          return
        }
        await this.#die(job, handler, result.reason)
        return
      }
      case 'dead':
        await this.#die(job, handler, result.reason)
    }
  }

  async #die(job: JobView, handler: JobHandler | undefined, reason: string): Promise<void> {
    this.#set(job.jobId, { state: 'dead', attempts: job.attempts + 1, last_error: reason })
    this.#logger.warn({ job: job.jobId, kind: job.kind, reason }, 'a job is dead: it needs somebody to look')
    try {
      await handler?.onDead?.(job, reason)
    } catch (error) {
      this.#logger.error({ err: error, job: job.jobId }, 'the end of a job could not be told')
    }
  }

  #set(jobId: number, values: { state: JobView['state']; attempts?: number; run_at?: Timestamp; last_error?: string | null }): void {
    this.#database.run(
      this.#database.query
        .updateTable('job')
        .set({ ...values, updated_at: this.#clock.now() })
        .where('job_id', '=', jobId),
    )
  }
}

const keyOf = ({ kind, uniqueKey }: Pick<Job, 'kind' | 'uniqueKey'>): string => `${kind}\u0000${uniqueKey}`

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
