import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { FaultHow } from '../support/authentik/faults.ts'
import { startLightUser } from '../support/people/light.ts'
import type { SeenMessage } from '../support/people/people.ts'
import {
  accountsOf,
  arriveAtIndoc,
  directRooms,
  finalAnswer,
  groupNames,
  startArrivalWorld,
  untilGraduated,
  untilOffered,
  type ArrivalWorld,
  type Newcomer,
} from './arrivals.ts'
import { patience } from './world.ts'

// Authentik fails in the middle of an arrival, in each of its calls and in each way. Whatever was left: the same command again completes it,
// without a second account.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld()
})
afterEach(async () => {
  await mend()
})
afterAll(async () => {
  expect(world.authentik.violations).toEqual([])
  await world.stop()
})

/** Authentik is well again, and the bot has noticed: after failures in a row it asks again only every ten seconds. */
const mend = async (): Promise<void> => {
  world.authentik.clearFaults()
  await vi.waitFor(async () => expect((await world.ask(world.adminRoom, '!invites')).body).not.toMatch(/^❌/), {
    timeout: patience,
    interval: 500,
  })
}

const ways: readonly (readonly [string, FaultHow])[] = [
  ['500', { status: 500 }],
  ['silence', 'hang'],
  ['a reset', 'reset'],
  ['a cut after it was done', 'commit-then-drop'],
]

interface Call {
  readonly name: string
  readonly method: string
  readonly path: RegExp
  /** So many go well before. */
  readonly after?: number
}

const calls: readonly Call[] = [
  { name: 'the first look for the person', method: 'GET', path: /\/core\/users\/$/ },
  { name: 'the second look for the person', method: 'GET', path: /\/core\/users\/$/, after: 1 },
  { name: 'the third look for the person', method: 'GET', path: /\/core\/users\/$/, after: 2 },
  { name: 'making the account', method: 'POST', path: /\/core\/users\/$/ },
  { name: 'the group', method: 'POST', path: /\/add_user\/$/ },
]

const send = async (newcomer: Newcomer): Promise<SeenMessage & { readonly commandId: string }> => {
  const commandId = await world.moderator.sendText(world.adminRoom, newcomer.command())
  return { ...(await finalAnswer(world, world.adminRoom, commandId)), commandId }
}

/** All is there, and once. */
const expectArrived = (newcomer: Newcomer): void => {
  const [account, ...others] = accountsOf(world, newcomer.email)
  expect(others).toEqual([])
  expect(account).toMatchObject({ name: 'Ada Lovelace', attributes: { matrix_id: newcomer.userId, interests: ['hiking'] } })
  expect(groupNames(world, account)).toEqual(['Members'])
  expect(world.query<{ account_pk: number }>('SELECT * FROM link WHERE user_id = ?', newcomer.userId)).toMatchObject([
    { account_pk: account?.pk },
  ])
  expect(directRooms(world, newcomer.userId)).toHaveLength(1)
  // What INDOC awaits of everybody who comes is no part of the arrival.
  const jobs = world.query<{ kind: string }>(
    `SELECT kind FROM job WHERE unique_key = ? AND kind <> 'introduction-deadline' ORDER BY kind`,
    newcomer.userId,
  )
  expect(jobs.map(({ kind }) => kind)).toEqual(['graduation', 'welcome'])
}

/** The command again, and what was saved of the first one too: still one of everything. */
const expectCompletedByAnother = async (newcomer: Newcomer, first: SeenMessage & { readonly commandId: string }): Promise<void> => {
  await mend()
  const again = await send(newcomer)
  expect(again.body).toMatch(/^✅/)
  const saved = /Saved as #(\d+)/.exec(first.body)?.[1]
  if (saved !== undefined) {
    await world.ask(world.adminRoom, `!retry ${saved}`)
    const late = await world.moderator.waitForMessage(
      world.adminRoom,
      { sender: world.botId, replyTo: first.commandId, after: first.eventId, body: /^(✅|⚠️|❌)/u },
      patience,
    )
    expect(late.body).toMatch(/^✅/)
  }
  await untilOffered(world, newcomer.userId)
  expectArrived(newcomer)
}

describe.each(calls)('$name fails', ({ method, path, after }) => {
  test.each(ways)('with %s, once', async (_way, how) => {
    const newcomer = await arriveAtIndoc(world)
    await world.settle(world.indoc)
    world.authentik.failNext({ method, pathPattern: path, how, ...(after === undefined ? {} : { after }) })
    const first = await send(newcomer)
    expect(first.body).toMatch(/^(✅|⚠️|❌|❔)/u)
    expect(accountsOf(world, newcomer.email).length).toBeLessThanOrEqual(1)
    await expectCompletedByAnother(newcomer, first)
  })
})

describe('Authentik is gone from one call on', () => {
  test.each([
    ['making the account', 'POST', /\/core\/users\/$/],
    ['the group', 'POST', /\/add_user\/$/],
  ] as const)(
    '%s',
    async (_what, method, path) => {
      for (const [, how] of ways) {
        const newcomer = await arriveAtIndoc(world)
        await world.settle(world.indoc)
        world.authentik.failNext({ method, pathPattern: path, how, times: 50 })
        // What the bot would look up afterwards does not answer either.
        if (path.source.includes('core'))
          world.authentik.failNext({ method: 'GET', pathPattern: path, how: { status: 503 }, after: 3, times: 50 })
        const first = await send(newcomer)
        expect(first.body).toMatch(/^(⚠️|❌|❔)/u)
        await expectCompletedByAnother(newcomer, first)
      }
    },
    180_000,
  )
})

describe('the recovery link', () => {
  test.each(ways)('%s: it is asked for again, and the welcome comes once', async (_way, how) => {
    const newcomer = await arriveAtIndoc(world)
    const client = await startLightUser(world.homeserver, { user: newcomer.user })
    await world.settle(world.indoc)
    const before = world.authentik.requests.length
    world.authentik.failNext({ method: 'POST', pathPattern: /\/recovery\/$/, how, times: 2 })
    expect((await send(newcomer)).body).toMatch(/^✅/)
    const direct = await client.join(await untilOffered(world, newcomer.userId))
    const welcome = await client.waitForMessage(({ body }) => /Your account is ready/.test(body), patience)
    const [account] = accountsOf(world, newcomer.email)
    expect(welcome.body).toContain(world.authentik.state.recoveryKeys.get(account?.pk ?? 0)?.key)
    expect(world.authentik.requests.slice(before).filter((request) => request.path.endsWith('/recovery/')).length).toBeGreaterThan(1)
    await untilGraduated(world, newcomer.userId)
    await world.settle(world.adminRoom)
    expect(client.messages(direct).filter(({ body }) => /^Hello|Your account is ready/.test(body))).toHaveLength(2)
    expectArrived(newcomer)
    await client.stop()
  })
})

describe('the attributes of an account that is there', () => {
  test.each(ways)('%s: told, and done by the next command', async (_way, how) => {
    const newcomer = await arriveAtIndoc(world)
    await world.settle(world.indoc)
    await send(newcomer)
    const [account] = accountsOf(world, newcomer.email)
    if (account === undefined) throw new Error('there is no account')
    account.attributes = { note: 'of somebody else', matrix_id: newcomer.userId }
    world.authentik.failNext({ method: 'PATCH', pathPattern: /\/core\/users\/\d+\/$/, how, times: 50 })
    const failed = await send(newcomer)
    expect(failed.body).toMatch(/^(⚠️|❌|❔)/u)
    await expectCompletedByAnother(newcomer, failed)
    expect(account.attributes).toMatchObject({ note: 'of somebody else', organization: 'Analytical Engines' })
  })
})
