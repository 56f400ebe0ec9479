import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase, TestClock, turns } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import type { Effect, Outcome, PlannedStep } from './effects.ts'
import { Executor } from './execute.ts'
import type { EffectContext, EffectHandler, EffectHandlers, EffectResult } from './execute.ts'
import { PlanStore } from './plans.ts'

const done: Outcome = { state: 'done', code: 'done', text: '' }
const fails: Outcome = { state: 'failed', code: 'no-power', text: 'no power' }

let database: Database
let store: PlanStore
/** What was done, in order: `act 0`, `probe 0`. */
let log: string[]
let act: (step: number, context: EffectContext) => Promise<EffectResult> | EffectResult
let probe: (step: number) => Promise<EffectResult | 'absent' | 'unknown'> | EffectResult | 'absent' | 'unknown'

beforeEach(() => {
  database = memoryDatabase()
  store = new PlanStore(database, () => 0)
  log = []
  act = () => done
  probe = () => 'absent'
})
afterEach(() => {
  database.close()
})

const handler: EffectHandler<'job.retry'> = {
  act: async (effect, context) => {
    log.push(`act ${effect.jobId}`)
    // Whatever the handler does, its intent is on disk by now.
    expect(store.steps(context.planId)[context.step]?.state).toBe('intended')
    return act(effect.jobId, context)
  },
  probe: async (effect) => {
    log.push(`probe ${effect.jobId}`)
    return probe(effect.jobId)
  },
}
const executor = (): Executor =>
  new Executor({ store, handlers: { 'job.retry': handler } as unknown as EffectHandlers, clock: new TestClock(), logger: silentLogger })

const create = (steps: readonly Partial<PlannedStep>[]): number =>
  store.create({
    eventId: '$ask' as EventId,
    command: 'test',
    asker: '@mo:x' as UserId,
    roomId: '!r' as RoomId,
    plan: {
      summary: '',
      targets: [],
      steps: steps.map((step, index) => ({ text: `step ${index}`, effect: { kind: 'job.retry', jobId: index } satisfies Effect, ...step })),
    },
    state: 'running',
    now: 1,
  })
const run = (planId: number, signal = new AbortController().signal) => executor().run(planId, signal)
const statesOf = (outcomes: readonly Outcome[] | undefined): readonly string[] | undefined => outcomes?.map(({ state }) => state)

describe('running', () => {
  test('independent steps run at the same time, at most eight; dependent ones after those they need', async () => {
    const gates = Array.from({ length: 11 }, () => Promise.withResolvers<EffectResult>())
    act = (step) => gates[step]?.promise ?? done
    const planId = create([...Array.from({ length: 10 }, () => ({})), { after: [0, 1] }])
    const running = run(planId)
    await turns()
    expect(log).toHaveLength(8)
    gates[0]?.resolve(done)
    await turns()
    expect(log).toContain('act 8')
    expect(log).not.toContain('act 10')
    for (const gate of gates) gate.resolve(done)
    expect(statesOf(await running)).toEqual(Array.from({ length: 11 }, () => 'done'))
    expect(log.indexOf('act 10')).toBeGreaterThan(log.indexOf('act 1'))
  })

  test('a failed step blocks those that need it, and nobody else', async () => {
    act = (step) => (step === 0 ? fails : done)
    const outcomes = await run(create([{}, { after: [0] }, {}, { after: [1] }, { after: [2] }]))
    expect(outcomes?.map(({ state, code }) => `${state} ${code}`)).toEqual([
      'failed no-power',
      'failed blocked',
      'done done',
      'failed blocked',
      'done done',
    ])
    expect(outcomes?.[1]?.text).toContain('step 0')
    expect(log).not.toContain('act 1')
  })

  test('a skipped step counts as success, an unknown one does not', async () => {
    act = (step) =>
      step === 0 ? { state: 'skipped', code: 'already', text: '' } : step === 1 ? { state: 'unknown', code: 'timeout', text: '' } : done
    expect(statesOf(await run(create([{}, {}, { after: [0] }, { after: [1] }])))).toEqual(['skipped', 'unknown', 'done', 'failed'])
  })

  test('blocked steps of the plan are reported and never run', async () => {
    const outcomes = await run(create([{ blocked: { state: 'skipped', code: 'already-member', text: 'is in' } }, { after: [0] }]))
    expect(statesOf(outcomes)).toEqual(['skipped', 'done'])
    expect(log).toEqual(['act 1'])
  })

  test('later steps see what came of earlier ones; keys are stable', async () => {
    const seen: unknown[] = []
    act = (step, context) => {
      seen.push(context.key, context.outcomes.get(0)?.data)
      return step === 0 ? { ...done, data: { pk: 12 } } : done
    }
    const planId = create([{}, { after: [0] }])
    await run(planId)
    expect(seen).toEqual([`${planId}.0`, undefined, `${planId}.1`, { pk: 12 }])
  })

  test('a bug in a handler is told as unknown and hides nothing', async () => {
    act = (step) => {
      if (step === 0) throw new Error('a bug')
      return done
    }
    const outcomes = await run(create([{}, {}]))
    expect(outcomes?.map(({ state, code }) => `${state} ${code}`)).toEqual(['unknown bug', 'done done'])
  })

  test('the rows of an outcome are stored with it, and progress is told', async () => {
    act = () => ({ ...done, also: () => database.setMeta('linked', 'yes') })
    const progress: string[] = []
    const planId = create([{}, { after: [0] }])
    await executor().run(planId, new AbortController().signal, (finished, total) => progress.push(`${finished}/${total}`))
    expect(database.meta('linked')).toBe('yes')
    expect(progress).toEqual(['1/2', '2/2'])
  })

  test('a plan that waits for itself is a bug, not an endless wait', async () => {
    await expect(run(create([{ after: [1] }, { after: [0] }]))).rejects.toThrow('waits for itself')
  })
})

describe('after a crash', () => {
  const interrupted = (): number => {
    const planId = create([{}, {}, { after: [1] }])
    store.finish(planId, 0, done, 1)
    store.intend(planId, 1, 1)
    return planId
  }

  test('finished steps are kept; an intended one is looked up and, being absent, done', async () => {
    expect(statesOf(await run(interrupted()))).toEqual(['done', 'done', 'done'])
    expect(log).toEqual(['probe 1', 'act 1', 'act 2'])
  })

  test('what is there already is not done again', async () => {
    probe = () => ({ ...done, data: { pk: 7 } })
    const outcomes = await run(interrupted())
    expect(log).toEqual(['probe 1', 'act 2'])
    expect(outcomes?.[1]?.data).toEqual({ pk: 7 })
  })

  test('what nobody can tell is reported as such and never repeated', async () => {
    probe = () => 'unknown'
    const outcomes = await run(interrupted())
    expect(statesOf(outcomes)).toEqual(['done', 'unknown', 'failed'])
    expect(log).toEqual(['probe 1'])
    // Also not by one more run.
    expect(statesOf(await run(1))).toEqual(['done', 'unknown', 'failed'])
    expect(log).toEqual(['probe 1'])
  })
})

describe('the shutdown', () => {
  test('begins no further step; the rest runs after the restart', async () => {
    const stop = new AbortController()
    act = () => {
      stop.abort()
      return done
    }
    const planId = create([{}, { after: [0] }])
    expect(await run(planId, stop.signal)).toBeUndefined()
    expect(log).toEqual(['act 0'])
    act = () => done
    expect(statesOf(await run(planId))).toEqual(['done', 'done'])
    expect(log).toEqual(['act 0', 'act 1'])
  })

  test.each(['failed', 'unknown'] as const)(
    'a step that it cut short (%s) stays open and is looked up after the restart',
    async (state) => {
      const stop = new AbortController()
      act = () => {
        stop.abort()
        return { state, code: state, text: 'the bot is shutting down' }
      }
      const planId = create([{}])
      expect(await run(planId, stop.signal)).toBeUndefined()
      expect(store.steps(planId)[0]?.state).toBe('intended')
      act = () => done
      expect(statesOf(await run(planId))).toEqual(['done'])
      expect(log).toEqual(['act 0', 'probe 0', 'act 0'])
    },
  )

  test('a plan that is finished anyway gives its outcomes', async () => {
    const stop = new AbortController()
    act = () => {
      stop.abort()
      return done
    }
    expect(statesOf(await run(create([{}]), stop.signal))).toEqual(['done'])
  })
})
