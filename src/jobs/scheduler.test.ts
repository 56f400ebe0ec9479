import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { systemClock } from '../operations/clock.ts'
import { silentLogger } from '../operations/logger.ts'
import { Scheduler } from './scheduler.ts'
import type { Job, JobHandler, JobResult, JobTools } from './job.ts'

let database: Database
let scheduler: Scheduler
let runs: { readonly job: Job; readonly tools: JobTools; readonly end: (result: JobResult) => void }[]
/** What every run gives at once; undefined = the test ends each by hand. */
let result: JobResult | undefined

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
  database = memoryDatabase()
  runs = []
  result = { state: 'done' }
  scheduler = open()
})
afterEach(async () => {
  for (const { end } of runs) end({ state: 'done' })
  const stopped = scheduler.stop(0)
  await vi.advanceTimersByTimeAsync(10)
  await stopped
  database.close()
  vi.useRealTimers()
})

const open = (handler: Partial<JobHandler> = {}): Scheduler => {
  const made = new Scheduler({ database, clock: systemClock, logger: silentLogger, random: () => 0.5 })
  made.register('test', {
    run: (job, tools) => {
      const { promise, resolve } = Promise.withResolvers<JobResult>()
      runs.push({ job, tools, end: resolve })
      if (result !== undefined) resolve(result)
      return promise
    },
    ...handler,
  })
  return made
}
const add = (uniqueKey = 'ada', more: Partial<Parameters<Scheduler['add']>[0]> = {}): number =>
  scheduler.add({ kind: 'test', uniqueKey, payload: { who: uniqueKey }, ...more }).jobId
const pass = async (milliseconds: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(milliseconds))

describe('a job', () => {
  test('runs when it is due, and is done', async () => {
    scheduler.start()
    const jobId = add('ada', { delayMs: 5000, createdBy: '@mo:x' })
    await pass(4999)
    expect(runs).toHaveLength(0)
    await pass(1)
    expect(runs[0]?.job).toMatchObject({ jobId, kind: 'test', uniqueKey: 'ada', payload: { who: 'ada' }, attempts: 0, createdBy: '@mo:x' })
    expect(scheduler.get(jobId)?.state).toBe('done')
  })

  test('is unique by kind and key while it is open', async () => {
    const first = add()
    expect(scheduler.add({ kind: 'test', uniqueKey: 'ada', payload: {} })).toEqual({ jobId: first, added: false })
    const ben = add('ben')
    scheduler.start()
    await pass(1)
    expect(runs.map(({ job }) => job.jobId)).toEqual([first, ben])
    // Once it is done there may be another.
    expect(add()).not.toBe(first)
    expect(scheduler.latest('test', 'ada')?.jobId).not.toBe(first)
  })

  test('that is rolled back was never there', () => {
    expect(() =>
      database.transaction(() => {
        add()
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(scheduler.open('test', 'ada')).toBeUndefined()
  })

  test('at most six at the same time', async () => {
    result = undefined
    for (let number = 0; number < 9; number += 1) add(`p${number}`)
    scheduler.start()
    await pass(1)
    expect(runs).toHaveLength(6)
    runs[0]?.end({ state: 'done' })
    await pass(1)
    expect(runs).toHaveLength(7)
  })
})

describe('failures', () => {
  test('are tried again with growing gaps; the first success ends it', async () => {
    result = { state: 'failed', reason: 'no' }
    scheduler = open({ maxAttempts: 10 })
    const jobId = add()
    scheduler.start()
    const gaps: number[] = []
    for (let round = 0; round < 5; round += 1) {
      await pass(1)
      gaps.push((scheduler.get(jobId)?.runAt ?? 0) - Date.now())
      await pass(gaps.at(-1) ?? 0)
    }
    expect(gaps.map((gap) => Math.round(gap / 1000))).toEqual([2, 4, 8, 16, 32])
    result = { state: 'done' }
    await pass(100_000)
    expect(scheduler.get(jobId)?.state).toBe('done')
  })

  test('wait as long as they ask', async () => {
    result = { state: 'failed', reason: 'limited', delayMs: 90_000 }
    const jobId = add()
    scheduler.start()
    await pass(1)
    expect(scheduler.get(jobId)).toMatchObject({ state: 'waiting', attempts: 1, lastError: 'limited' })
    await pass(89_000)
    expect(runs).toHaveLength(1)
    await pass(1001)
    expect(runs).toHaveLength(2)
  })

  test.each<[string, JobResult, Partial<JobHandler>, number]>([
    ['after the handler’s limit', { state: 'failed', reason: 'no', delayMs: 10 }, { maxAttempts: 3 }, 3],
    ['when it is too old', { state: 'failed', reason: 'no', delayMs: 1000 }, { maxAgeMs: 1500 }, 3],
    ['at once when it cannot succeed', { state: 'dead', reason: 'no' }, {}, 1],
  ])('it is dead %s, stays visible, and somebody is told once', async (_what, given, handler, times) => {
    const told: string[] = []
    result = given
    scheduler = open({ ...handler, onDead: (job, reason) => void told.push(`${job.uniqueKey} ${reason}`) })
    const jobId = add()
    scheduler.start()
    await pass(60_000)
    expect(runs).toHaveLength(times)
    expect(scheduler.get(jobId)).toMatchObject({ state: 'dead', lastError: 'no' })
    expect(told).toEqual(['ada no'])
    expect(scheduler.counts().get('dead')).toBe(1)
  })

  test('a bug in a handler is a failure, and is not told to the world', async () => {
    scheduler = open({ run: () => Promise.reject(new Error('secret detail')) })
    const jobId = add()
    scheduler.start()
    await pass(1)
    expect(scheduler.get(jobId)).toMatchObject({ state: 'waiting', attempts: 1, lastError: 'internal error; see the log' })
  })

  test('a kind that this version does not know is dead, not lost', async () => {
    scheduler.start()
    const { jobId } = scheduler.add({ kind: 'future', uniqueKey: 'x', payload: {} })
    await pass(1)
    expect(scheduler.get(jobId)?.state).toBe('dead')
  })
})

describe('waiting', () => {
  test('is no failure; waking looks at once', async () => {
    result = { state: 'wait', delayMs: 3_600_000, note: 'waits for the join' }
    const jobId = add()
    scheduler.start()
    await pass(1)
    expect(scheduler.get(jobId)).toMatchObject({ state: 'waiting', attempts: 0, lastError: 'waits for the join' })
    scheduler.wake('test', 'ben')
    await pass(1)
    expect(runs).toHaveLength(1)
    scheduler.wake('test', 'ada')
    await pass(1)
    expect(runs).toHaveLength(2)
  })

  test('what happens while it looks is not missed', async () => {
    result = undefined
    add()
    scheduler.start()
    await pass(1)
    scheduler.wake('test', 'ada')
    runs[0]?.end({ state: 'wait', delayMs: 3_600_000 })
    await pass(1)
    expect(runs).toHaveLength(2)
    // Only once.
    runs[1]?.end({ state: 'wait', delayMs: 3_600_000 })
    await pass(60_000)
    expect(runs).toHaveLength(2)
  })
})

describe('the next process', () => {
  test('runs what was running again, with the place it had noted', async () => {
    result = undefined
    const jobId = add()
    scheduler.start()
    await pass(1)
    runs[0]?.tools.note({ roomId: '!dm' })
    // Killed here: nothing else is written.
    const before = scheduler
    scheduler = open()
    scheduler.start()
    await pass(1)
    expect(runs[1]?.job).toMatchObject({ jobId, progress: { roomId: '!dm' } })
    runs[0]?.end({ state: 'done' })
    const stopped = before.stop(0)
    await pass(1)
    await stopped
  })

  test.each<JobResult>([
    { state: 'failed', reason: 'the bot is shutting down' },
    { state: 'wait', delayMs: 3_600_000 },
  ])('runs what the shutdown cut short (%j)', async (cut) => {
    result = undefined
    const jobId = add()
    scheduler.start()
    await pass(1)
    const stopping = scheduler.stop(4000)
    expect(runs[0]?.tools.signal.aborted).toBe(true)
    runs[0]?.end(cut)
    await pass(1)
    await stopping
    expect(scheduler.get(jobId)).toMatchObject({ state: 'running', attempts: 0 })
    scheduler = open()
    scheduler.start()
    await pass(1)
    expect(runs).toHaveLength(2)
  })

  test('a stop does not wait longer than it may', async () => {
    result = undefined
    add()
    scheduler.start()
    await pass(1)
    const stopping = scheduler.stop(4000)
    await pass(4000)
    await stopping
    add('ben')
    await pass(60_000)
    expect(runs).toHaveLength(1)
  })
})

describe('by hand', () => {
  test('a dead one is tried again, a waiting one is taken back', async () => {
    result = { state: 'dead', reason: 'no' }
    const jobId = add()
    scheduler.start()
    await pass(1)
    result = { state: 'done' }
    expect(scheduler.retry(jobId)).toBe(true)
    await pass(1)
    expect(scheduler.get(jobId)?.state).toBe('done')
    expect([scheduler.retry(jobId), scheduler.cancel(jobId, 'x'), scheduler.retry(999)]).toEqual([false, false, false])
    const later = add('ben', { delayMs: 5000 })
    expect(scheduler.cancelOpen('test', 'ben', 'not needed')).toBe(true)
    await pass(10_000)
    expect(scheduler.get(later)).toMatchObject({ state: 'cancelled', lastError: 'not needed' })
    expect(scheduler.list(['cancelled', 'done'], 10).map((job) => job.jobId)).toEqual([later, jobId])
  })
})
