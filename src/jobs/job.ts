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
