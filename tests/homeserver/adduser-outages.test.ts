import { describe, expect, test } from 'vitest'
import { startLightUser } from '../support/people/light.ts'
import { accountsOf, arriveAtIndoc, untilGraduated, untilOffered } from './arrivals.ts'
import { useFailingWorld, ways } from './failing.ts'
import { patience } from './world.ts'

// Authentik is gone for longer, or fails in what comes after the account: the link for the welcome, the attributes of an account that is there.

const failing = useFailingWorld()
const { send, expectArrived, expectCompletedByAnother } = failing

describe('Authentik is gone from one call on', () => {
  test.each([
    ['making the account', 'POST', /\/core\/users\/$/],
    ['the group', 'POST', /\/add_user\/$/],
  ] as const)(
    '%s',
    async (_what, method, path) => {
      for (const [, how] of ways) {
        const newcomer = await arriveAtIndoc(failing.world)
        await failing.world.settle(failing.world.indoc)
        failing.world.authentik.failNext({ method, pathPattern: path, how, times: 50 })
        // What the bot would look up afterwards does not answer either.
        if (path.source.includes('core'))
          failing.world.authentik.failNext({ method: 'GET', pathPattern: path, how: { status: 503 }, after: 3, times: 50 })
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
    const newcomer = await arriveAtIndoc(failing.world)
    const client = await startLightUser(failing.world.homeserver, { user: newcomer.user })
    await failing.world.settle(failing.world.indoc)
    const before = failing.world.authentik.requests.length
    failing.world.authentik.failNext({ method: 'POST', pathPattern: /\/recovery\/$/, how, times: 2 })
    expect((await send(newcomer)).body).toMatch(/^✅/)
    const direct = await client.join(await untilOffered(failing.world, newcomer.userId))
    const welcome = await client.waitForMessage(({ body }) => /Your account is ready/.test(body), patience)
    const [account] = accountsOf(failing.world, newcomer.email)
    expect(welcome.body).toContain(failing.world.authentik.state.recoveryKeys.get(account?.pk ?? 0)?.key)
    expect(failing.world.authentik.requests.slice(before).filter((request) => request.path.endsWith('/recovery/')).length).toBeGreaterThan(
      1,
    )
    await untilGraduated(failing.world, newcomer.userId)
    await failing.world.settle(failing.world.adminRoom)
    expect(client.messages(direct).filter(({ body }) => /^Hello|Your account is ready/.test(body))).toHaveLength(2)
    expectArrived(newcomer)
    await client.stop()
  })
})

describe('the attributes of an account that is there', () => {
  test.each(ways)('%s: told, and done by the next command', async (_way, how) => {
    const newcomer = await arriveAtIndoc(failing.world)
    await failing.world.settle(failing.world.indoc)
    await send(newcomer)
    const [account] = accountsOf(failing.world, newcomer.email)
    if (account === undefined) throw new Error('there is no account')
    account.attributes = { note: 'of somebody else', matrix_id: newcomer.userId }
    failing.world.authentik.failNext({ method: 'PATCH', pathPattern: /\/core\/users\/\d+\/$/, how, times: 50 })
    const failed = await send(newcomer)
    expect(failed.body).toMatch(/^(⚠️|❌|❔)/u)
    await expectCompletedByAnother(newcomer, failed)
    expect(account.attributes).toMatchObject({ note: 'of somebody else', organization: 'Analytical Engines' })
  })
})
