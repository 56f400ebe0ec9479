import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomInt } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { Effect, Outcome, Plan } from '../../src/chat/effects.ts'
import { Executor } from '../../src/chat/execute.ts'
import type { EffectHandlers, EffectResult } from '../../src/chat/execute.ts'
import { PlanStore } from '../../src/chat/plans.ts'
import { createAdduserCommand } from '../../src/commands/adduser/adduser.ts'
import { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { Accounts } from '../../src/directory/accounts.ts'
import { Links } from '../../src/directory/links.ts'
import { createAccountEffects } from '../../src/effects/accounts.ts'
import { createJobEffects } from '../../src/effects/jobs.ts'
import { Scheduler } from '../../src/jobs/scheduler.ts'
import { resolvingAccounts } from '../../src/onboarding/arrival-jobs.ts'
import type { ArrivalPorts } from '../../src/onboarding/arrival-wish.ts'
import { createEarlierAccounts } from '../../src/onboarding/earlier-account.ts'
import { systemClock } from '../../src/operations/clock.ts'
import { silentLogger } from '../../src/operations/logger.ts'
import { setUp, valueOf } from '../authentik/client-of.ts'
import type { FaultHow } from '../support/authentik/faults.ts'
import type { UserRecord } from '../support/authentik/state.ts'
import { addUser } from '../support/authentik/state.ts'
import { ada, arrivalDefaults, arrivalWorld, indoc, listedRoom } from '../support/commands/arrival-world.ts'
import { requestOf } from '../support/commands/request.ts'

const endings: (() => void)[] = []
afterEach(() => {
  for (const end of endings.splice(0)) end()
})

const full =
  'adduser Ada Lovelace --email ada@example.org --matrix @ada:example.org --interests "maths, poetry" --organization "Analytical Society" --invited-by Charles --groups Members'

const unexpected = {
  act: () => Promise.reject(new Error('not part of an arrival')),
  probe: () => Promise.reject(new Error('not part of it')),
}
const fine: EffectResult = { state: 'done', code: 'done', text: '' }

/** A bot without Matrix on a real stand-in for Authentik: real plans, executor, links, jobs and account effects. */
const bench = async (settings: Partial<ArrivalPorts['settings']> = {}, invite: EffectResult = fine) => {
  const { standIn, authentik, log } = await setUp({
    seed: { people: 3 },
    patience: { readMs: 1500, writeMs: 1500 },
    gate: { breaker: { failures: 1000, openMs: 1 } },
  })
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-adduser-'))
  const database = Database.open(join(directory, 'gatehouse.db'))
  endings.push(() => {
    database.close()
    rmSync(directory, { recursive: true })
  })
  migrate(database)
  const links = new Links(database, systemClock)
  const accounts = new Accounts(database, systemClock)
  const scheduler = new Scheduler({ database, clock: systemClock, logger: silentLogger, random: () => 0 })
  const store = new PlanStore(database, (below) => randomInt(below))
  const jobs = createJobEffects(scheduler)
  const handlers: EffectHandlers = {
    ...createAccountEffects({
      authentik,
      links,
      mirror: (user) => accounts.keep(user),
      usersPath: 'users',
      suspend: () => unexpected.act(),
    }),
    ...jobs,
    'job.schedule': resolvingAccounts(jobs['job.schedule']),
    'room.invite': { act: () => Promise.resolve(invite), probe: () => Promise.resolve('absent') },
    'room.join': unexpected,
    'room.kick': unexpected,
    'room.ban': unexpected,
    'room.redact': unexpected,
    'invitation.create': unexpected,
    'invitation.delete': unexpected,
    'identity.trust': unexpected,
    'newcomer.decide': unexpected,
    'newcomer.extend': unexpected,
    'newcomer.post': unexpected,
    'account.credentials': unexpected,
    'account.hand-over': { act: () => Promise.resolve({ state: 'done', code: 'done', text: '' }), probe: () => Promise.resolve('absent') },
  }
  accounts.keepGroups(valueOf(await authentik.listGroups()))
  standIn.requests.splice(0)
  const command = createAdduserCommand({
    ...arrivalDefaults,
    ...arrivalWorld({
      rooms: [listedRoom('Maths', { keywords: ['maths'] }), listedRoom('Lobby', { always: true })],
      members: { [indoc]: { [ada]: 'join' } },
    }),
    authentik,
    accounts,
    links,
    earlier: createEarlierAccounts(database),
    scheduler,
    random: (below) => randomInt(below),
    settings: { ...arrivalDefaults.settings, ...settings },
  })
  const plan = async (line = full) => {
    const request = await requestOf(line, { now: Date.now() })
    return { request, plan: await command.plan(request) }
  }
  const keep = async (line = full): Promise<{ planId: number; plan: Plan } | { refused: unknown }> => {
    const { request, plan: made } = await plan(line)
    if (!('steps' in made)) return { refused: made }
    const { asker, eventId, roomId, now } = request
    const planId = store.create({ eventId, command: 'adduser', asker: asker.userId, roomId, plan: made, state: 'running', now })
    return { planId, plan: made }
  }
  const executor = () => new Executor({ store, handlers, clock: systemClock, logger: silentLogger })
  /** Plans and runs; undefined = there was no plan. */
  const run = async (line = full): Promise<readonly Outcome[] | undefined> => {
    const kept = await keep(line)
    if ('refused' in kept) return undefined
    const outcomes = await executor().run(kept.planId, new AbortController().signal)
    store.setState(kept.planId, 'done', Date.now())
    return outcomes
  }
  const adas = (): readonly UserRecord[] => [...standIn.state.users.values()].filter((user) => user.email === 'ada@example.org')
  return { standIn, authentik, log, database, links, accounts, scheduler, store, command, plan, keep, executor, run, adas }
}

type Bench = Awaited<ReturnType<typeof bench>>

/** Everything that an arrival is for, seen on the servers. */
const expectArrived = ({ standIn, links, scheduler, adas, database }: Bench): void => {
  const [user, ...others] = adas()
  expect(others).toEqual([])
  const members = [...standIn.state.groups.values()].find((group) => group.name === 'Members')!
  expect(user).toMatchObject({ name: 'Ada Lovelace', email: 'ada@example.org' })
  expect([...user!.groups]).toEqual([members.pk])
  expect(user!.attributes).toEqual({
    matrix_id: ada,
    invited_by: 'Charles',
    organization: 'Analytical Society',
    interests: ['maths', 'poetry'],
    created_by: 'gatehouse:@mod:example.org',
  })
  expect(links.of(ada)).toMatchObject({ pk: user!.pk, username: user!.username, proven: false })
  expect(scheduler.open('welcome', ada)?.payload).toMatchObject({ account: { pk: user!.pk, username: user!.username } })
  expect(scheduler.open('graduation', ada)).toBeDefined()
  const jobs = database.all(database.query.selectFrom('job').select(['kind', 'unique_key']))
  expect(jobs).toHaveLength(2)
}

const good = (outcomes: readonly Outcome[] | undefined): void => {
  expect(outcomes?.filter(({ state }) => state !== 'done' && state !== 'skipped')).toEqual([])
  expect(outcomes).toBeDefined()
}

test('a whole arrival, in at most 9 requests to Authentik including the recovery link', async () => {
  const it = await bench()
  good(await it.run())
  expectArrived(it)
  valueOf(await it.authentik.recoveryLink(it.adas()[0]!.pk, 86_400_000))
  expect(it.log()).toEqual([
    'GET /core/users/',
    'GET /core/users/',
    'GET /core/users/',
    'POST /core/users/',
    expect.stringMatching(/^POST \/core\/groups\/[-0-9a-f]+\/add_user\/$/),
    expect.stringMatching(/^POST \/core\/users\/\d+\/recovery\/$/),
  ])
})

test('given again, it finds everything done: the same account, no second job', async () => {
  const it = await bench()
  good(await it.run())
  it.standIn.requests.splice(0)
  const outcomes = await it.run()
  good(outcomes)
  expect(outcomes?.map(({ code }) => code)).toEqual([
    'already-so',
    'already-member',
    'already-scheduled',
    'done',
    'done',
    'already-scheduled',
  ])
  expectArrived(it)
  expect(it.standIn.requests.length).toBeLessThanOrEqual(9)
})

const faults: readonly (readonly [string, FaultHow])[] = [
  ['answers 500', { status: 500, html: '<h1>Server Error</h1>' }],
  ['is cut before it is done', 'reset'],
  ['is done but the answer is lost', 'commit-then-drop'],
  ['is refused', { status: 403, json: { detail: 'You do not have permission to perform this action.' } }],
]

describe.each(faults)('a call to Authentik that %s', (_, how) => {
  // 3 reads, create, group; a lost answer adds look-ups.
  test.each([0, 1, 2, 3, 4, 5])('from number %i on: a second run completes the arrival with one account', async (after) => {
    const it = await bench()
    it.standIn.failNext({ pathPattern: '/api/v3/', times: 1000, after, how })
    await it.run()
    it.standIn.clearFaults()
    expect(it.adas().length).toBeLessThanOrEqual(1)
    good(await it.run())
    expectArrived(it)
  })

  test.each([0, 1, 2, 3, 4])('number %i alone: a second run completes the arrival with one account', async (after) => {
    const it = await bench()
    it.standIn.failNext({ pathPattern: '/api/v3/', times: 1, after, how })
    await it.run()
    it.standIn.clearFaults()
    good(await it.run())
    expectArrived(it)
  })
})

test('without an e-mail the earlier account is found by the Matrix user', async () => {
  const it = await bench()
  it.standIn.failNext({ pathPattern: '/api/v3/', times: 1000, after: 2, how: 'commit-then-drop' })
  const first = await it.run('adduser Ada --matrix @ada:example.org')
  expect(first?.[0]).toMatchObject({ state: 'unknown' })
  it.standIn.clearFaults()
  good(await it.run('adduser Ada --matrix @ada:example.org'))
  expect([...it.standIn.state.users.values()].filter(({ name }) => name === 'Ada')).toHaveLength(1)
})

test('without e-mail and Matrix user the earlier try is found by the name', async () => {
  const it = await bench()
  it.standIn.failNext({ pathPattern: '/api/v3/', times: 1000, after: 2, how: 'commit-then-drop' })
  expect((await it.run('adduser Ada'))?.[0]).toMatchObject({ state: 'unknown' })
  it.standIn.clearFaults()
  good(await it.run('adduser Ada'))
  const named = (): number => [...it.standIn.state.users.values()].filter(({ name }) => name === 'Ada').length
  expect(named()).toBe(1)
  // Another person of that name is told apart by anything else.
  good(await it.run('adduser Ada --username ada-two'))
  expect(named()).toBe(2)
})

test('an account that comes into being late is refused a twin, and adopted by the next run', async () => {
  const it = await bench()
  it.standIn.failNext({ method: 'POST', pathPattern: '/core/users/', how: 'reset' })
  const kept = await it.keep()
  if ('refused' in kept) throw new Error('expected a plan')
  await it.executor().run(kept.planId, new AbortController().signal)
  expect(it.adas()).toEqual([])
  const second = await it.keep()
  if ('refused' in second) throw new Error('expected a plan')
  const create = (plan: Plan) => plan.steps[0]!.effect as Extract<Effect, { kind: 'account.create' }>
  expect(create(second.plan).username).toBe(create(kept.plan).username)
  // The first request is carried out only now, between planning and running of the second.
  const { username, name, email, attributes } = create(kept.plan)
  addUser(it.standIn.state, { username, name, email, attributes: structuredClone(attributes) }, Date.now())
  const outcomes = await it.executor().run(second.planId, new AbortController().signal)
  expect(outcomes?.[0]).toMatchObject({ state: 'failed', code: 'conflict' })
  good(await it.run())
  expectArrived(it)
})

test.each([false, true])('killed between intent and outcome (request sent: %s): one account, one welcome', async (sent) => {
  const it = await bench()
  const kept = await it.keep()
  if ('refused' in kept) throw new Error('expected a plan')
  it.store.intend(kept.planId, 0, Date.now())
  if (sent) {
    const effect = kept.plan.steps[0]!.effect as Extract<Effect, { kind: 'account.create' }>
    const { username, name, email, attributes } = effect
    addUser(it.standIn.state, { username, name, email, attributes: structuredClone(attributes) }, Date.now())
  }
  good(await it.executor().run(kept.planId, new AbortController().signal))
  expectArrived(it)
})

test('the graduation is scheduled without rooms, and when invitations fail', async () => {
  const none = await bench()
  good(await none.run(`${full} --no-rooms --no-welcome`))
  expect(none.scheduler.open('graduation', ada)).toBeDefined()
  expect(none.scheduler.open('welcome', ada)).toBeUndefined()
  const failing = await bench({}, { state: 'failed', code: 'no-power', text: 'no power' })
  const outcomes = await failing.run()
  expect(outcomes?.filter(({ code }) => code === 'no-power')).toHaveLength(2)
  expectArrived(failing)
})

test('an account of somebody else is never taken over, whatever its attributes say', async () => {
  const it = await bench()
  addUser(it.standIn.state, { username: 'other', email: 'ada@example.org', attributes: { matrix_id: ada } }, Date.now())
  const { plan } = await it.plan()
  expect(plan).toMatchObject({ code: 'account-exists', mark: '❌' })
  expect(JSON.stringify(plan)).toContain('other')
  expect(JSON.stringify(plan)).not.toContain('ada@example.org')
  expect(it.links.of(ada)).toBeUndefined()
})

test('first without, later with a Matrix user: the same account is linked and welcomed', async () => {
  const it = await bench()
  good(await it.run('adduser Ada Lovelace --email Ada@Example.org --groups Members'))
  expect(it.links.count()).toBe(0)
  good(await it.run(full))
  const users = [...it.standIn.state.users.values()].filter(({ email }) => email.toLowerCase() === 'ada@example.org')
  expect(users).toHaveLength(1)
  const [user] = users
  expect(it.links.of(ada)?.pk).toBe(user!.pk)
  expect(it.scheduler.open('welcome', ada)?.payload).toMatchObject({ account: { pk: user!.pk } })
})

test('Authentik hangs: within 5 s it is said to be unavailable, and nothing was changed', async () => {
  const it = await bench()
  it.standIn.failNext({ pathPattern: '/api/v3/', times: 1000, how: 'hang' })
  const { plan } = await it.plan()
  expect(plan).toMatchObject({ unavailable: 'authentik' })
  expect(it.standIn.requests.every(({ method }) => method === 'GET')).toBe(true)
})

test('1 s per answer adds up to no more than the patience', async () => {
  const it = await bench()
  const slow = <Value>(value: Value): Promise<Value> => systemClock.sleep(60_000).then(() => value)
  let waited = 0
  const command = createAdduserCommand({
    ...arrivalDefaults,
    ...arrivalWorld(),
    authentik: {
      findUserByUsername: () => slow({ ok: true, value: { exact: undefined, similar: [] } }),
      findUsersByEmail: () => slow({ ok: true, value: [] }),
      getUser: () => slow({ ok: false, code: 'not-found', changed: 'no', text: '' }),
      listGroups: () => slow({ ok: true, value: [] }),
    },
    accounts: it.accounts,
    links: it.links,
    earlier: () => undefined,
    scheduler: it.scheduler,
    clock: {
      sleep: (milliseconds) => {
        waited = milliseconds
        return Promise.resolve()
      },
    },
  })
  expect(await command.plan(await requestOf(full))).toMatchObject({ unavailable: 'authentik' })
  expect(waited).toBeLessThan(5000)
})
