import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PlannedStep } from '../chat/effects.ts'
import { PlanStore } from '../chat/plans.ts'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createEarlierAccounts } from './earlier-account.ts'
import type { Identity } from './earlier-account.ts'

const ada = '@ada:example.org' as UserId
const day = 86_400_000
let database: Database
let store: PlanStore
let plans = 0

beforeEach(() => {
  database = Database.open(':memory:')
  migrate(database)
  store = new PlanStore(database, () => 0)
})
afterEach(() => database.close())

interface Given {
  readonly username?: string
  readonly email?: string
  readonly userId?: UserId
  readonly name?: string
  readonly state?: 'planned' | 'intended' | 'done' | 'failed' | 'unknown'
  readonly code?: string
  readonly ended?: boolean
}

const keep = ({ username = 'ada-oak11', email = '', userId, name = 'Ada', state = 'done', code = state, ended = false }: Given): void => {
  const effect = {
    kind: 'account.create' as const,
    username,
    email,
    name,
    attributes: { created_by: 'gatehouse:@mod:example.org' },
    ...(userId === undefined ? {} : { userId }),
  }
  const group: PlannedStep = { effect: { kind: 'account.group', account: { step: 0, username }, group: 'g', groupName: email }, text: '' }
  plans += 1
  const planId = store.create({
    eventId: `$event-${plans}` as EventId,
    command: 'adduser',
    asker: '@mod:example.org' as UserId,
    roomId: '!a:example.org' as RoomId,
    plan: { summary: '', steps: [{ effect, text: '' }, group], targets: [] },
    state: 'running',
    now: 0,
  })
  if (state === 'planned') {
    if (ended) store.setState(planId, 'cancelled', 1)
    return
  }
  store.intend(planId, 0, 0)
  if (state !== 'intended')
    store.finish(planId, 0, { state, code, text: '', ...(state === 'done' ? { data: { pk: 7, username } } : {}) }, 0)
}

const find = (wish: Partial<Identity>, now = 1000) => createEarlierAccounts(database)({ name: 'Ada', ...wish }, now)

describe('who is the same newcomer', () => {
  test.each([
    ['the same Matrix user', { userId: ada }, { userId: ada }, true],
    ['the same Matrix user, whatever the e-mail', { userId: ada, email: 'a@x.org' }, { userId: ada, email: 'b@x.org' }, true],
    ['another Matrix user', { userId: ada }, { userId: '@bob:example.org' as UserId }, false],
    ['the same e-mail in another letter case', { email: 'Ada@X.org' }, { email: 'aDA@x.ORG' }, true],
    ['an e-mail that only fits as a pattern', { email: 'adaXl@x.org' }, { email: 'ada_l@x.org' }, false],
    ['the same username, nothing else known', {}, { username: 'Ada-Oak11', userId: ada }, true],
    ['the same username, of somebody with an e-mail', { email: 'a@x.org' }, { username: 'ada-oak11' }, false],
    ['the same name of a certain account', {}, {}, false],
    ['the same name of an uncertain one', { state: 'unknown' }, {}, true],
    ['the same name of an uncertain one, asked for with more', { state: 'unknown' }, { email: 'a@x.org' }, false],
    ['another name', { state: 'unknown', name: 'Bob' }, {}, false],
  ] as readonly (readonly [string, Given, Partial<Identity>, boolean])[])('%s', (_, given, wish, expected) => {
    keep(given)
    expect(find(wish) !== undefined).toBe(expected)
  })

  test('a name alone counts for a day', () => {
    keep({ state: 'unknown' })
    expect(find({}, day - 1)).toBeDefined()
    expect(find({}, day)).toBeUndefined()
  })

  test('nothing was ever done', () => expect(find({ email: 'a@x.org' })).toBeUndefined())
})

test.each([
  ['done', { state: 'done' }, true],
  ['intended', { state: 'intended' }, true],
  ['unknown', { state: 'unknown' }, true],
  ['planned in a running plan', { state: 'planned' }, true],
  ['planned in a plan that was given up', { state: 'planned', ended: true }, false],
  ['failed by time-out', { state: 'failed', code: 'timeout' }, true],
  ['failed inside Authentik', { state: 'failed', code: 'server' }, true],
  ['refused as a double', { state: 'failed', code: 'conflict' }, false],
  ['refused', { state: 'failed', code: 'no-permission' }, false],
] as readonly (readonly [string, Given, boolean])[])('an effect that is %s', (_, given, expected) => {
  keep({ userId: ada, ...given })
  expect(find({ userId: ada }) !== undefined).toBe(expected)
})

test('what is certain comes before what is newer', () => {
  keep({ userId: ada, username: 'first', email: 'a@x.org' })
  keep({ userId: ada, username: 'second', state: 'unknown' })
  expect(find({ userId: ada })).toEqual({
    username: 'first',
    pk: 7,
    email: 'a@x.org',
    userId: ada,
    createdBy: 'gatehouse:@mod:example.org',
  })
  database.run(database.query.deleteFrom('plan').where('plan_id', '=', 1))
  expect(find({ userId: ada })).toEqual({ username: 'second', email: '', userId: ada, createdBy: 'gatehouse:@mod:example.org' })
})
