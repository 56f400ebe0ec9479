import { describe, expect, test } from 'vitest'
import type { EffectContext } from '../chat/execute.ts'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { Scheduler } from '../jobs/scheduler.ts'
import { systemClock } from '../operations/clock.ts'
import { silentLogger } from '../operations/logger.ts'
import { createJobEffects } from './jobs.ts'

const context: EffectContext = { planId: 7, step: 0, key: '7.0', outcomes: new Map(), signal: new AbortController().signal }
const setUp = () => {
  const database = Database.open(':memory:')
  migrate(database)
  const scheduler = new Scheduler({ database, clock: systemClock, logger: silentLogger, random: () => 0 })
  const add = (state: 'waiting' | 'running' | 'done' | 'dead' | 'cancelled', key = 'k'): number => {
    const { jobId } = scheduler.add({ kind: 'welcome', uniqueKey: key, payload: {}, delayMs: 3_600_000 })
    database.run(database.query.updateTable('job').set({ state }).where('job_id', '=', jobId))
    return jobId
  }
  return { scheduler, add, effects: createJobEffects(scheduler) }
}

describe('job.schedule', () => {
  test('the job is written with the outcome, once', async () => {
    const { scheduler, effects } = setUp()
    const effect = { kind: 'job.schedule', job: 'welcome', uniqueKey: '@ada:x', payload: { a: 1 }, delayMs: 5 } as const
    const result = await effects['job.schedule'].act(effect, context)
    // Scheduled is not delivered yet: the answer says so.
    expect(result.text).toContain('!jobs')
    expect(scheduler.open('welcome', '@ada:x')).toBeUndefined()
    result.also?.()
    result.also?.()
    expect(scheduler.open('welcome', '@ada:x')).toMatchObject({ payload: { a: 1 }, createdBy: 'plan 7' })
    expect(scheduler.counts().get('waiting')).toBe(1)
    expect(await effects['job.schedule'].probe(effect, context)).toBe('absent')
  })
})

describe('job.retry', () => {
  const retry = async (state: Parameters<ReturnType<typeof setUp>['add']>[0]) => {
    const { scheduler, add, effects } = setUp()
    const jobId = add(state)
    const result = await effects['job.retry'].act({ kind: 'job.retry', jobId }, context)
    return { result, job: scheduler.get(jobId) }
  }

  test.each(['waiting', 'dead'] as const)('a job that is %s is due now', async (state) => {
    const before = Date.now()
    const { result, job } = await retry(state)
    expect(result).toMatchObject({ state: 'done' })
    expect(job).toMatchObject({ state: 'waiting', attempts: 0 })
    expect(job!.runAt).toBeLessThan(before + 60_000)
  })

  test.each([
    ['done', 'already-done'],
    ['cancelled', 'already-cancelled'],
    ['running', 'already-running'],
  ] as const)('a job that is %s stays so', async (state, code) => {
    const { result, job } = await retry(state)
    expect(result).toMatchObject({ state: 'skipped', code })
    expect(job?.state).toBe(state)
  })

  test('no job, and one that a younger job has replaced', async () => {
    const { add, effects } = setUp()
    expect(await effects['job.retry'].act({ kind: 'job.retry', jobId: 99 }, context)).toMatchObject({ state: 'failed', code: 'not-found' })
    const old = add('dead')
    const young = add('waiting')
    const result = await effects['job.retry'].act({ kind: 'job.retry', jobId: old }, context)
    expect(result).toMatchObject({ state: 'skipped', code: 'already-open', text: `#${young} does the same and is still open` })
    expect(await effects['job.retry'].probe({ kind: 'job.retry', jobId: old }, context)).toBe('absent')
  })
})

describe('job.cancel', () => {
  const effect = (jobId: number, reason = 'by mod') => ({ kind: 'job.cancel', jobId, reason }) as const

  test.each(['waiting', 'dead'] as const)('a job that is %s is given up; the same effect again knows its own work', async (state) => {
    const { scheduler, add, effects } = setUp()
    const jobId = add(state)
    expect(await effects['job.cancel'].act(effect(jobId), context)).toMatchObject({ state: 'done' })
    expect(scheduler.get(jobId)).toMatchObject({ state: 'cancelled', lastError: 'by mod' })
    expect(await effects['job.cancel'].act(effect(jobId), context)).toMatchObject({ state: 'done' })
    expect(await effects['job.cancel'].act(effect(jobId, 'by another'), context)).toMatchObject({
      state: 'skipped',
      code: 'already-cancelled',
    })
  })

  test('done, running, unknown', async () => {
    const { add, effects } = setUp()
    expect(await effects['job.cancel'].act(effect(add('done')), context)).toMatchObject({ state: 'skipped', code: 'already-done' })
    expect(await effects['job.cancel'].act(effect(add('running')), context)).toMatchObject({ state: 'failed', code: 'running' })
    expect(await effects['job.cancel'].act(effect(99), context)).toMatchObject({ state: 'failed', code: 'not-found' })
    expect(await effects['job.cancel'].probe(effect(1), context)).toBe('absent')
  })
})
