import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Effect } from '../chat/effects.ts'
import { PlanStore } from '../chat/plans.ts'
import type { Database } from '../database/database.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createRivals } from './rivals.ts'

type Create = Extract<Effect, { kind: 'account.create' }>

const ada = '@ada:x' as UserId
let database: Database
let store: PlanStore
let events: number

beforeEach(() => {
  database = memoryDatabase()
  store = new PlanStore(database, () => 0)
  events = 0
})
afterEach(() => database.close())

const create = (username: string, more: Partial<Create> = {}): Create => ({
  kind: 'account.create',
  username,
  name: 'Ada',
  email: 'ada@x.org',
  attributes: {},
  userId: ada,
  ...more,
})
const plan = (effect: Create, now: number, state: 'running' | 'confirming' = 'running'): number => {
  events += 1
  return store.create({
    eventId: `$${events}` as EventId,
    command: 'adduser',
    asker: '@mo:x' as UserId,
    roomId: '!a' as RoomId,
    plan: { summary: '', steps: [{ effect, text: '' }], targets: [ada] },
    state,
    now,
  })
}
const rival = (effect: Create, planId: number): boolean => createRivals(database)(effect, planId)

test('two plans of the same second: the first to begin makes the account, also after a crash of both', () => {
  const [one, two] = [create('ada-oak11'), create('ada-elm22')]
  const [first, second] = [plan(one, 1000), plan(two, 1000)]
  // The second begins first: what counts is who began.
  store.intend(second, 0, 1001)
  expect(rival(two, second)).toBe(false)
  store.intend(first, 0, 1002)
  expect(rival(one, first)).toBe(true)
  expect(rival(two, second)).toBe(false)
})

test('in the same millisecond the lower number', () => {
  const [one, two] = [create('ada-oak11'), create('ada-elm22')]
  const [first, second] = [plan(one, 1000), plan(two, 1000)]
  store.intend(first, 0, 1001)
  store.intend(second, 0, 1001)
  expect([rival(one, first), rival(two, second)]).toEqual([false, true])
})

test('one that ended while this one was planned counts; one that ended before does not, nor one that failed or was not confirmed', () => {
  const one = create('ada-oak11')
  const first = plan(one, 1000)
  store.intend(first, 0, 1001)
  store.finish(first, 0, { state: 'done', code: 'done', text: '' }, 2000)
  const soon = plan(create('ada-elm22'), 2500)
  store.intend(soon, 0, 2501)
  expect(rival(create('ada-elm22'), soon)).toBe(true)
  store.finish(soon, 0, { state: 'failed', code: 'asked-twice', text: '' }, 2502)
  plan(create('ada-ash33'), 50_000, 'confirming')
  const later = plan(create('ada-fir44'), 60_000)
  store.intend(later, 0, 60_001)
  expect(rival(create('ada-fir44'), later)).toBe(false)
})

test('the same e-mail is enough, in any letter case; another person is none', () => {
  const first = plan(create('ada-oak11', { email: 'Ada@X.org', userId: '@other:x' as UserId }), 1000)
  store.intend(first, 0, 1001)
  const two = create('ada-elm22')
  const second = plan(two, 1000)
  store.intend(second, 0, 1002)
  expect(rival(two, second)).toBe(true)
  const ben = create('ben-oak11', { email: 'ben@x.org', userId: '@ben:x' as UserId })
  const third = plan(ben, 1000)
  store.intend(third, 0, 1003)
  expect(rival(ben, third)).toBe(false)
  const nameless = create('eve-oak11', { email: '' })
  const { userId: _none, ...anonymous } = nameless
  const fourth = plan(anonymous, 1000)
  store.intend(fourth, 0, 1004)
  expect(rival(anonymous, fourth)).toBe(false)
})
