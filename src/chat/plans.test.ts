import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import type { Plan, PlannedStep } from './effects.ts'
import { PlanStore } from './plans.ts'

const mo = '@mo:x' as UserId
const mia = '@mia:x' as UserId
const admin = '!admin' as RoomId
const indoc = '!indoc' as RoomId
const ask = '$ask' as EventId
const answer = '$answer' as EventId
const now = 1_000_000
const minute = 60_000

const step = (text: string, more: Partial<PlannedStep> = {}): PlannedStep => ({ text, effect: { kind: 'job.retry', jobId: 1 }, ...more })
const plan: Plan = {
  summary: 'remove Ada from 2 rooms',
  targets: ['@ada:x' as UserId],
  notes: ['from the cache'],
  estimateMs: 5000,
  steps: [step('kick from Tech'), step('kick from Cats', { after: [0], blocked: { state: 'failed', code: 'no-power', text: 'no power' } })],
}

let database: Database
let store: PlanStore
let dice: number[]

beforeEach(() => {
  database = memoryDatabase()
  dice = []
  store = new PlanStore(database, (below) => (dice.shift() ?? 0) % below)
})
afterEach(() => {
  database.close()
})

const create = (state: 'confirming' | 'running' = 'confirming', eventId: EventId = ask): number =>
  store.create({ eventId, command: 'remove', asker: mo, roomId: admin, plan, state, now })
const asked = (): { readonly planId: number; readonly code: string } => {
  const planId = create()
  return { planId, code: store.askConfirmation(planId, mo, admin, now + 5 * minute) }
}

describe('a plan on disk', () => {
  test('is the plan that was made', () => {
    const planId = create()
    expect(store.get(planId)).toEqual({
      planId,
      eventId: ask,
      command: 'remove',
      asker: mo,
      roomId: admin,
      answerTo: ask,
      state: 'confirming',
      plan,
      createdAt: now,
    })
    expect(store.byEvent(ask)?.planId).toBe(planId)
    expect(store.byEvent(answer)).toBeUndefined()
  })

  test('a command makes one plan', () => {
    create()
    expect(() => create()).toThrow(/UNIQUE/)
    expect(store.get(2)).toBeUndefined()
  })

  test('steps that cannot run have their outcome at once', () => {
    const planId = create('running')
    expect(store.steps(planId).map(({ state, outcome }) => [state, outcome])).toEqual([
      ['planned', undefined],
      ['failed', { state: 'failed', code: 'no-power', text: 'no power' }],
    ])
  })

  test('intent first, then the outcome, with the rows that belong to it or not at all', () => {
    const planId = create('running')
    store.intend(planId, 0, now)
    expect(store.steps(planId)[0]).toMatchObject({ state: 'intended', outcome: undefined })
    expect(() =>
      store.finish(planId, 0, { state: 'done', code: 'done', text: '' }, now, () => {
        throw new Error('the row did not fit')
      }),
    ).toThrow('the row did not fit')
    expect(store.steps(planId)[0]?.state).toBe('intended')
    store.finish(planId, 0, { state: 'done', code: 'done', text: 'x', data: { pk: 12 } }, now, () => database.setMeta('also', 'yes'))
    expect(store.steps(planId)[0]?.outcome).toEqual({ state: 'done', code: 'done', text: 'x', data: { pk: 12 } })
    expect(database.meta('also')).toBe('yes')
  })
})

describe('a confirmation', () => {
  test('by the same person, in the same room, in time: the plan runs and answers the confirming event', () => {
    const { planId, code } = asked()
    expect(store.confirm(code, mo, admin, answer, now + 5 * minute)).toEqual({ ok: true, planId })
    expect(store.get(planId)).toMatchObject({ state: 'running', answerTo: answer, eventId: ask })
    expect(store.answering(answer)?.planId).toBe(planId)
    expect(store.answering(ask)).toBeUndefined()
  })

  test.each([
    ['another person', mia, admin, now, 'not-yours'],
    ['another room', mo, indoc, now, 'unknown'],
    ['too late', mo, admin, now + 5 * minute + 1, 'expired'],
  ] as const)('%s', (_what, by, roomId, at, code) => {
    const given = asked()
    expect(store.confirm(given.code, by, roomId, answer, at)).toEqual({ ok: false, code })
    expect(store.get(given.planId)?.state).toBe(code === 'expired' ? 'expired' : 'confirming')
  })

  test('a code that nobody was asked for', () => {
    asked()
    expect(store.confirm('zzzzz', mo, admin, answer, now)).toEqual({ ok: false, code: 'unknown' })
  })

  test('once: a second event is refused, the same event again gives the same', () => {
    const { planId, code } = asked()
    expect(store.confirm(code, mo, admin, answer, now)).toEqual({ ok: true, planId })
    expect(store.confirm(code, mo, admin, '$other' as EventId, now)).toEqual({ ok: false, code: 'used' })
    // After a crash the same event comes again, perhaps late.
    expect(store.confirm(code, mo, admin, answer, now + 60 * minute)).toEqual({ ok: true, planId })
  })

  test('a refused person does not use it up', () => {
    const { planId, code } = asked()
    store.confirm(code, mia, admin, answer, now)
    expect(store.confirm(code, mo, admin, answer, now)).toEqual({ ok: true, planId })
  })

  test('the code is read in any letter case, with spaces around, and only in its room', () => {
    const { planId, code } = asked()
    expect(code).toMatch(/^[a-hkmnp-z2-9]{5}$/)
    expect([
      store.isCode(` ${code.toUpperCase()} `, admin),
      store.isCode(code, indoc),
      store.isCode('hello', admin),
      store.isCode(`${code}x`, admin),
    ]).toEqual([true, false, false, false])
    expect(store.ofCode(code.toUpperCase())?.planId).toBe(planId)
    expect(store.confirm(code.toUpperCase(), mo, admin, answer, now).ok).toBe(true)
  })

  test('two plans of one person have their own codes, also when chance gives the same twice', () => {
    const first = asked()
    const other = create('confirming', '$second' as EventId)
    // The same five letters again, then others.
    dice = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    const code = store.askConfirmation(other, mo, admin, now + minute)
    expect(code).not.toBe(first.code)
    expect([store.ofCode(first.code)?.planId, store.ofCode(code)?.planId]).toEqual([first.planId, other])
  })

  test('it outlives the process', () => {
    const { planId, code } = asked()
    const next = new PlanStore(database, () => 0)
    expect(next.confirm(code, mo, admin, answer, now)).toEqual({ ok: true, planId })
  })
})
