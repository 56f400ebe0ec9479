import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import { JobTable } from './job-table.ts'
import type { NewJob } from './job-table.ts'
import type { Job, JobHandler, JobResult, JobView } from './job.ts'

const firstDelayMs = 2000
const longestDelayMs = 10 * 60_000
const width = 6
/** How often the table is asked even if no timer says so: for jobs that another connection added. */
const idleMs = 60_000

/**
 * Durable jobs. A job stands in SQLite before anything is done, is unique by kind and key while it is open, is tried again with growing gaps,
 * and ends as done, cancelled or dead; a dead one stays visible. What was running when the program ended runs again.
 */
export class Scheduler {
  readonly #jobs: JobTable
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #handlers = new Map<string, JobHandler>()
  readonly #running = new Map<number, Promise<void>>()
  /** The jobs that are running, by kind and key, and whether they were woken meanwhile. */
  readonly #looking = new Map<string, boolean>()
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #started = false

  /** @param random from 0 up to 1, for jitter */
  constructor(options: { readonly database: Database; readonly clock: Clock; readonly logger: Logger; readonly random: () => number }) {
    this.#jobs = new JobTable(options)
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
    this.#jobs.recover()
    this.#tick()
  }

  /**
   * Adds a job, inside the caller's transaction if there is one.
   * @returns its number; the number of the open job of the same kind and key if there is one
   */
  add(job: NewJob): { readonly jobId: number; readonly added: boolean } {
    const added = this.#jobs.add(job)
    if (added.added) this.#soon()
    return added
  }

  /** The open job of a kind and key. */
  open(kind: string, uniqueKey: string): JobView | undefined {
    return this.#jobs.open(kind, uniqueKey)
  }

  /** The newest job of a kind and key, whatever became of it. */
  latest(kind: string, uniqueKey: string): JobView | undefined {
    return this.#jobs.latest(kind, uniqueKey)
  }

  /** A job by number. */
  get(jobId: number): JobView | undefined {
    return this.#jobs.get(jobId)
  }

  /** Jobs by state, newest first. */
  list(states: readonly JobView['state'][], limit: number): readonly JobView[] {
    return this.#jobs.list(states, limit)
  }

  /** How many jobs are in each state. */
  counts(): ReadonlyMap<JobView['state'], number> {
    return this.#jobs.counts()
  }

  /** Something that a waiting job waits for may have happened: it looks now. */
  wake(kind: string, uniqueKey: string): void {
    if (this.#jobs.hasten(kind, uniqueKey)) this.#soon()
    // It may be running and about to wait for what has just happened: then it looks again.
    else if (this.#looking.has(keyOf({ kind, uniqueKey }))) this.#looking.set(keyOf({ kind, uniqueKey }), true)
  }

  /** As `wake`, for all jobs of a kind. */
  wakeAll(kind: string): void {
    for (const key of this.#jobs.openKeys(kind)) this.wake(kind, key)
  }

  /** Tries a dead or waiting job now. Returns whether there is such a job. */
  retry(jobId: number): boolean {
    const found = this.#jobs.retry(jobId)
    this.#soon()
    return found
  }

  /** Takes back an open or dead job. Returns whether there was one. A running one ends at its next step. */
  cancel(jobId: number, reason: string): boolean {
    return this.#jobs.cancel(jobId, reason)
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
    for (const job of this.#jobs.due(now, Math.max(0, width - this.#running.size))) this.#begin(job)
    const next = this.#jobs.nextAfter(now)
    this.#arm(Math.min(idleMs, next === undefined ? idleMs : Math.max(1, next - now)))
  }

  #begin(job: JobView): void {
    this.#jobs.set(job.jobId, { state: 'running' })
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
          note: (progress) => this.#jobs.note(job.jobId, progress),
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
        this.#jobs.set(job.jobId, { state: 'done', last_error: result.note ?? null })
        return
      case 'cancelled':
        this.#jobs.set(job.jobId, { state: 'cancelled', last_error: result.reason })
        return
      case 'wait': {
        const again = this.#looking.get(keyOf(job)) === true
        this.#jobs.set(job.jobId, {
          state: 'waiting',
          attempts: 0,
          run_at: again ? now : now + result.delayMs,
          last_error: result.note ?? null,
        })
        return
      }
      case 'failed': {
        const attempts = job.attempts + 1
        const old = handler?.maxAgeMs !== undefined && now - job.createdAt > handler.maxAgeMs
        if (!old && attempts < (handler?.maxAttempts ?? 10)) {
          const backoff = Math.min(firstDelayMs * 2 ** (attempts - 1), longestDelayMs) * (0.75 + this.#random() / 2)
          this.#jobs.set(job.jobId, {
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
    this.#jobs.set(job.jobId, { state: 'dead', attempts: job.attempts + 1, last_error: reason })
    this.#logger.warn({ job: job.jobId, kind: job.kind, reason }, 'a job is dead: it needs somebody to look')
    try {
      await handler?.onDead?.(job, reason)
    } catch (error) {
      this.#logger.error({ err: error, job: job.jobId }, 'the end of a job could not be told')
    }
  }
}

const keyOf = ({ kind, uniqueKey }: Pick<Job, 'kind' | 'uniqueKey'>): string => `${kind}\u0000${uniqueKey}`
