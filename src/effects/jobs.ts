import type { EffectHandler, EffectResult } from '../chat/execute.ts'
import type { Scheduler } from '../jobs/scheduler.ts'

const done: EffectResult = { state: 'done', code: 'done', text: '' }

const schedule = (scheduler: Pick<Scheduler, 'add'>): EffectHandler<'job.schedule'> => ({
  act: (effect, context) =>
    Promise.resolve({
      ...done,
      // Scheduled is not delivered: people read "done" above it.
      text: 'arranged, and goes on by itself; `!jobs` shows how far it is',
      also: () =>
        scheduler.add({
          kind: effect.job,
          uniqueKey: effect.uniqueKey,
          payload: effect.payload,
          delayMs: effect.delayMs,
          createdBy: `plan ${context.planId}`,
        }),
    }),
  probe: () => Promise.resolve('absent'),
})

const gone = (jobId: number): EffectResult => ({ state: 'failed', code: 'not-found', text: `there is no job #${jobId} any more` })
const ended = (jobId: number, state: 'done' | 'cancelled'): EffectResult => ({
  state: 'skipped',
  code: `already-${state}`,
  text: state === 'done' ? `#${jobId} is done already` : `#${jobId} was given up already`,
})

const retry = (scheduler: Pick<Scheduler, 'get' | 'open' | 'retry'>): EffectHandler<'job.retry'> => ({
  act: ({ jobId }) => {
    const job = scheduler.get(jobId)
    if (job === undefined) return Promise.resolve(gone(jobId))
    if (job.state === 'done' || job.state === 'cancelled') return Promise.resolve(ended(jobId, job.state))
    if (job.state === 'running') {
      return Promise.resolve({ state: 'skipped', code: 'already-running', text: `#${jobId} is being done right now` })
    }
    // One open job of a kind and key at a time: a younger one does the same.
    const open = job.state === 'dead' ? scheduler.open(job.kind, job.uniqueKey) : undefined
    if (open !== undefined)
      return Promise.resolve({ state: 'skipped', code: 'already-open', text: `#${open.jobId} does the same and is still open` })
    scheduler.retry(jobId)
    return Promise.resolve(done)
  },
  // Telling it twice to look now is the same as once.
  probe: () => Promise.resolve('absent'),
})

const cancel = (scheduler: Pick<Scheduler, 'get' | 'cancel'>): EffectHandler<'job.cancel'> => ({
  act: ({ jobId, reason }) => {
    const job = scheduler.get(jobId)
    if (job === undefined) return Promise.resolve(gone(jobId))
    if (job.state === 'done') return Promise.resolve(ended(jobId, 'done'))
    if (job.state === 'cancelled') return Promise.resolve(job.lastError === reason ? done : ended(jobId, 'cancelled'))
    if (scheduler.cancel(jobId, reason)) return Promise.resolve(done)
    return Promise.resolve({
      state: 'failed',
      code: 'running',
      text: `#${jobId} is being done right now; look at \`!jobs\` in a moment and give it up then`,
    })
  },
  // A job that this very effect gave up is known by its reason.
  probe: () => Promise.resolve('absent'),
})

/**
 * Effects on jobs. Key of a new one: its kind and unique key; the row is written in the transaction that stores the outcome, so it exists once or
 * not. Key of the others: the job's number; doing them twice is the same as once.
 */
export const createJobEffects = (
  scheduler: Pick<Scheduler, 'add' | 'get' | 'open' | 'retry' | 'cancel'>,
): {
  readonly 'job.schedule': EffectHandler<'job.schedule'>
  readonly 'job.retry': EffectHandler<'job.retry'>
  readonly 'job.cancel': EffectHandler<'job.cancel'>
} => ({ 'job.schedule': schedule(scheduler), 'job.retry': retry(scheduler), 'job.cancel': cancel(scheduler) })
