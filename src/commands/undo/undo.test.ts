import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { planOf, refusalOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import { memoryDatabase } from '../../../tests/support/unit.ts'
import type { Effect, Outcome } from '../../chat/effects.ts'
import { PlanStore } from '../../chat/plans.ts'
import type { Database } from '../../database/database.ts'
import type { Membership } from '../../database/schema.ts'
import type { DirectoryRoom } from '../../directory/lookup.ts'
import type { JobView } from '../../jobs/job.ts'
import { createEarlierAccounts } from '../../onboarding/earlier-account.ts'
import { createMadeArrivals } from '../../onboarding/made-arrivals.ts'
import type { EventId, RoomId, UserId } from '../../types.ts'
import { createUndoCommand } from './undo.ts'
import type { UndoPorts } from './undo.ts'

const ada = '@ada:example.org' as UserId
const mod = '@mod:example.org' as UserId
const room = (name: string): RoomId => `!${name}` as RoomId

let database: Database
let store: PlanStore
let events: number
let members: Record<string, Membership>
let jobs: Record<string, number>
let guarded: string | undefined

beforeEach(() => {
  database = memoryDatabase()
  store = new PlanStore(database, () => 0)
  events = 0
  members = { '!lobby': 'invite', '!tech': 'join', '!dm': 'invite', '!indoc': 'leave' }
  jobs = { [`welcome ${ada}`]: 5, [`graduation ${ada}`]: 6, [`invite !hiking ${ada}`]: 7 }
  guarded = undefined
})
afterEach(() => database.close())

type Step = readonly [Effect, Outcome['state'], Record<string, unknown>?]

/** A plan that has run. */
const ran = (command: string, steps: readonly Step[], more: { asker?: UserId; targets?: UserId[]; undoes?: number } = {}): number => {
  events += 1
  const planId = store.create({
    eventId: `$made-${events}` as EventId,
    command,
    asker: more.asker ?? mod,
    roomId: room('admin'),
    plan: {
      summary: 'Ada Lovelace (@ada:example.org)',
      steps: steps.map(([effect]) => ({ effect, text: effect.kind })),
      targets: more.targets ?? [ada],
      ...(more.undoes === undefined ? {} : { undoes: more.undoes }),
    },
    state: 'running',
    now: 1000,
  })
  for (const [step, [, state, data]] of steps.entries())
    store.finish(planId, step, { state, code: state, text: '', ...(data === undefined ? {} : { data }) }, 2000)
  store.setState(planId, 'done', 2000)
  return planId
}

const create: Step = [
  { kind: 'account.create', username: 'ada-oak11', name: 'Ada Lovelace', email: 'ada@example.org', attributes: {}, userId: ada },
  'done',
  { pk: 7, username: 'ada-oak11' },
]
const invite = (name: string, state: Outcome['state'] = 'done'): Step => [{ kind: 'room.invite', roomId: room(name), userId: ada }, state]
const graduation: Step = [{ kind: 'job.schedule', job: 'graduation', uniqueKey: ada, payload: {}, delayMs: 0 }, 'done']
const arrival = [create, invite('lobby'), invite('tech'), invite('hiking', 'failed'), invite('old', 'skipped'), graduation]

const ports = (): UndoPorts => ({
  arrivals: createMadeArrivals(database),
  links: { ofAccount: (pk) => (pk === 7 ? { userId: ada, pk, username: 'ada-oak11', proven: false } : undefined) },
  scheduler: {
    open: (kind, key) => (Object.hasOwn(jobs, `${kind} ${key}`) ? ({ jobId: jobs[`${kind} ${key}`] } as JobView) : undefined),
  },
  directory: {
    membership: (roomId) => members[roomId],
    room: (roomId) => ({ name: roomId.slice(1) }) as DirectoryRoom,
  },
  directRoomOf: () => room('dm'),
  indoc: () => room('indoc'),
  protectedAccount: () => guarded,
})
const planned = async (line = 'undo', options: RequestOptions = {}) =>
  planOf(createUndoCommand(ports()), await requestOf(line, { now: 62_000, ...options }))
const refused = async (line = 'undo', options: RequestOptions = {}) =>
  (await refusalOf(createUndoCommand(ports()), await requestOf(line, options))).code

describe('undo', () => {
  test('takes back the account, its link, open invitations and open work; what was joined stays and is named', async () => {
    const planId = ran('adduser', arrival)
    const plan = await planned()
    const account = { pk: 7, username: 'ada-oak11' }
    expect(plan.steps.map(({ effect }) => effect)).toEqual([
      { kind: 'account.deactivate', account },
      { kind: 'account.unlink', account, userId: ada },
      expect.objectContaining({ kind: 'job.cancel', jobId: 5 }),
      expect.objectContaining({ kind: 'job.cancel', jobId: 6 }),
      expect.objectContaining({ kind: 'room.kick', roomId: '!dm', userId: ada, onlyInvited: true }),
      expect.objectContaining({ kind: 'room.kick', roomId: '!lobby', userId: ada, onlyInvited: true }),
      expect.objectContaining({ kind: 'job.cancel', jobId: 7 }),
    ])
    expect(plan).toMatchObject({
      targets: [ada],
      undoes: planId,
      summary: 'undo the arrival of Ada Lovelace (@ada:example.org) (61 s ago)',
    })
    expect(plan.notes?.join(' ')).toMatch(/They have joined tech and stay there.*left INDOC already.*kept, disabled/)
  })

  test('in INDOC no room is named', async () => {
    ran('adduser', arrival)
    const plan = await planned('undo', { place: 'indoc' })
    expect(JSON.stringify([plan.steps.map(({ text }) => text), plan.notes])).not.toMatch(/lobby|tech|hiking/)
  })

  test('only the own last one, or the one that is named; never twice', async () => {
    ran('adduser', arrival, { asker: '@other:example.org' as UserId })
    expect(await refused()).toBe('not-found')
    expect(await refused('undo @ben:example.org')).toBe('not-found')
    const plan = await planned('undo @ada:example.org')
    const kick: Step = [{ kind: 'room.kick', roomId: room('lobby'), userId: ada }, 'failed']
    ran('undo', [kick], { undoes: plan.undoes ?? 0 })
    // Something failed: it can be given again.
    expect((await planned('undo @ada:example.org')).undoes).toBe(plan.undoes)
    ran('undo', [[kick[0], 'done']], { undoes: plan.undoes ?? 0 })
    expect(await refused('undo @ada:example.org')).toBe('not-found')
  })

  test('a command that changed nothing is passed over, and an account that was there before is left alone', async () => {
    ran('adduser', [invite('lobby'), [{ kind: 'account.link', account: { pk: 7, username: 'x' }, userId: ada }, 'done']])
    ran('adduser', [invite('lobby', 'skipped')])
    const plan = await planned()
    expect(plan.steps.map(({ effect }) => effect.kind)).toEqual(['job.cancel', 'job.cancel', 'room.kick', 'room.kick'])
    expect(plan.notes).toContain('The account was there before, so it is left as it is.')
  })

  test('an account that only admins may touch', async () => {
    ran('adduser', arrival)
    guarded = 'is a superuser of Authentik'
    expect(await refused()).toBe('protected-account')
    expect((await planned('undo', { role: 'admin' })).steps.length).toBeGreaterThan(0)
  })

  test('the rules on targets hold for whoever has linked the account since', async () => {
    ran('adduser', [create], { targets: [] })
    const { targets, steps } = await planned()
    expect(targets).toEqual([ada])
    expect(steps.map(({ effect }) => effect)).toContainEqual(expect.objectContaining({ kind: 'job.cancel', jobId: 5 }))
  })

  test('an account that was taken back is not found as an earlier one of the same person', () => {
    const planId = ran('adduser', arrival)
    const wish = { email: 'ada@example.org', userId: ada, name: 'Ada Lovelace' }
    expect(createEarlierAccounts(database)(wish, 3000)).toMatchObject({ username: 'ada-oak11', pk: 7 })
    ran('undo', [[{ kind: 'account.deactivate', account: { pk: 7, username: 'ada-oak11' } }, 'done']], { undoes: planId })
    expect(createEarlierAccounts(database)(wish, 3000)).toBeUndefined()
  })
})
