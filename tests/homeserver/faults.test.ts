import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { exitCode } from '../../src/operations/exit-codes.ts'
import type { Fault } from '../support/homeserver/proxy.ts'
import { startLightUser } from '../support/people/light.ts'
import { patience, sendAll, startWorld, type World } from './world.ts'

// A server that stumbles. Whatever it does: every command is answered exactly once, and never in clear.

let world: World

beforeAll(async () => {
  world = await startWorld({ recordBodies: true })
})
afterEach(() => {
  world.proxy.clear()
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

const sentBy = (roomId: string): number => world.admin.database.countEvents({ roomId, sender: world.botId, type: 'm.room.encrypted' })

const faults: readonly (readonly [string, Fault])[] = [
  ['429 with the wait in the header', { kind: 'rate-limit', tell: 'header', waitMs: 1000 }],
  ['429 with the wait in the body', { kind: 'rate-limit', tell: 'body', waitMs: 700 }],
  ['429 with no wait', { kind: 'rate-limit', tell: 'neither' }],
  ['502 with an HTML page', { kind: 'bad-gateway' }],
  ['a reset', { kind: 'reset' }],
  ['a cut after the server has done it', { kind: 'cut-after-commit' }],
  ['200 with an HTML page', { kind: 'answer', status: 200, json: '<html>Welcome to our hotel</html>' }],
]
const routes = [
  ['/send', /\/send\//],
  ['/sync', /\/sync$/],
] as const

describe.each(routes)('%s', (_route, path) => {
  test.each(faults)('%s', async (_fault, how) => {
    await world.settle(world.indoc)
    const already = sentBy(world.indoc)
    const rule = world.proxy.add({ match: { path }, how, times: 3 })
    const asked = await sendAll(world.moderator, world.indoc, ['!ping', '!ping', '!ping'])
    for (const eventId of asked) await world.answerTo(world.indoc, eventId)
    await world.settle(world.indoc)
    expect(rule.hits).toBeGreaterThan(0)
    expect(asked.map((eventId) => world.answersTo(eventId).length)).toEqual([1, 1, 1])
    expect(sentBy(world.indoc) - already).toBe(4)
  })
})

describe('/keys/* and room keys', () => {
  /** Somebody new comes into the room, so that the next answer needs their devices, one-time keys and a to-device message. */
  const someoneJoins = async (): Promise<string> => {
    const user = await world.admin.registerUser({ name: 'joiner' })
    // Their keys are there, but no client runs that could open the Olm session from its side.
    const device = await startLightUser(world.homeserver, { user })
    await device.stop()
    await world.admin.join(user, world.indoc)
    await world.moderator.waitForMembership(world.indoc, user.userId, 'join')
    return user.userId
  }

  test.each(faults.filter(([, how]) => how.kind !== 'answer'))('%s: the answer waits until everybody has the key', async (_fault, how) => {
    await world.settle(world.indoc)
    const paths = [/\/keys\/query$/, /\/keys\/claim$/, /\/sendToDevice\//]
    const rules = paths.map((path) => world.proxy.add({ match: { path }, how, times: 2 }))
    const joiner = await someoneJoins()
    world.proxy.requests.clear()
    const asked = await world.moderator.sendText(world.indoc, '!ping')
    expect(await world.answerTo(world.indoc, asked)).toMatchObject({ encrypted: true, shield: 'none' })
    await world.settle(world.indoc)
    expect(world.answersTo(asked)).toHaveLength(1)
    expect(rules.map((rule) => rule.hits)).toEqual([2, 2, 2])
    const log = world.proxy.requests.list({ status: 200 }).map(({ path, body }) => [path, body ?? ''] as const)
    const shared = log.findIndex(([path, body]) => path.includes('/sendToDevice/') && body.includes(joiner))
    const answered = log.findIndex(([path]) => path.includes('/send/'))
    expect(shared).toBeGreaterThanOrEqual(0)
    expect(answered).toBeGreaterThan(shared)
  })

  test('the signal to stop while one-time keys are claimed and the server hangs', async () => {
    await world.settle(world.indoc)
    const rule = world.proxy.add({ match: { path: /\/keys\/claim$/ }, how: { kind: 'hang' } })
    await someoneJoins()
    const asked = await world.moderator.sendText(world.indoc, '!ping')
    await expect.poll(() => rule.hits, { timeout: patience }).toBeGreaterThan(0)
    const begun = performance.now()
    expect(await world.bot.stop()).toEqual({ code: 0, signal: null })
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(world.bot.log()).not.toContain('the stop took too long')
    rule.remove()
    await world.bot.start()
    await world.answerTo(world.indoc, asked)
    await world.settle(world.indoc)
    expect(world.answersTo(asked)).toHaveLength(1)
  })
})

describe('a whole outage', () => {
  test('the server is gone for a while: what was sent meanwhile is answered once, and readiness tells it', async () => {
    await world.settle(world.indoc)
    const already = sentBy(world.indoc)
    await world.proxy.down()
    await expect.poll(async () => (await fetch(`${world.bot.health}/readyz`)).status, { timeout: patience }).toBe(503)
    const asked = await sendAll(world.moderator, world.indoc, ['!ping', '!ping'])
    await world.proxy.up()
    for (const eventId of asked) await world.answerTo(world.indoc, eventId)
    await world.settle(world.indoc)
    expect(asked.map((eventId) => world.answersTo(eventId).length)).toEqual([1, 1])
    expect(sentBy(world.indoc) - already).toBe(3)
    await expect.poll(async () => (await fetch(`${world.bot.health}/readyz`)).status, { timeout: patience }).toBe(200)
  })

  test('SIGTERM while a gap is filled loses none of it', async () => {
    await world.settle(world.indoc)
    await world.bot.stop()
    const first = await world.moderator.sendText(world.indoc, '!ping')
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        Array.from({ length: 25 }, (_, index) => world.moderator.sendText(world.indoc, `chatter ${index}`, { plain: true })),
      )
    }
    const last = await world.moderator.sendText(world.indoc, '!ping')
    const rule = world.proxy.add({ match: { path: /\/messages$/ }, how: { kind: 'hang' } })
    await world.bot.start({ untilReady: false })
    await expect.poll(() => rule.hits, { timeout: patience }).toBeGreaterThan(0)
    expect(await world.bot.stop()).toEqual({ code: 0, signal: null })
    rule.remove()
    await world.bot.start()
    for (const eventId of [first, last]) await world.answerTo(world.indoc, eventId)
    await world.settle(world.indoc)
    expect([first, last].map((eventId) => world.answersTo(eventId).length)).toEqual([1, 1])
  })
})

describe('the session', () => {
  const ended: Fault = {
    kind: 'answer',
    status: 401,
    json: { errcode: 'M_UNKNOWN_TOKEN', error: 'Token is not active', soft_logout: true },
  }
  const tokenOf = async (): Promise<void> => await world.settle(world.indoc)

  test.each(['/sync$', '/send/'])('a token that has run out is renewed (%s)', async (path) => {
    await tokenOf()
    world.proxy.requests.clear()
    const rule = world.proxy.add({ match: { path: new RegExp(path) }, how: ended, times: 1 })
    const asked = await world.moderator.sendText(world.indoc, '!ping')
    await world.answerTo(world.indoc, asked)
    await world.settle(world.indoc)
    expect(rule.hits).toBe(1)
    expect(world.proxy.requests.count({ path: /\/refresh$/, status: 200 })).toBe(1)
    expect(world.answersTo(asked)).toHaveLength(1)
  })

  test('killed between the renewal and its first use, it goes on with what it has', async () => {
    const cut = world.proxy.add({ match: { path: /\/refresh$/ }, how: { kind: 'hang-after-commit' }, times: 1 })
    world.proxy.add({ match: { path: /\/sync$/ }, how: ended, times: 1 })
    const asked = await world.moderator.sendText(world.indoc, '!ping')
    await expect.poll(() => cut.hits, { timeout: patience }).toBe(1)
    await world.bot.kill()
    await world.bot.start()
    await world.answerTo(world.indoc, asked)
    await world.settle(world.indoc)
    expect(world.answersTo(asked)).toHaveLength(1)
  })

  test('a renewal that fails because the server stumbles is no end', async () => {
    const stumbling = world.proxy.add({ match: { path: /\/refresh$/ }, how: { kind: 'bad-gateway' }, times: 6 })
    const rule = world.proxy.add({ match: { path: /\/sync$/ }, how: ended, times: 2 })
    await world.moderator.sendText(world.indoc, '!ping')
    await expect.poll(() => stumbling.hits, { timeout: patience }).toBe(6)
    await world.settle(world.indoc)
    expect(rule.hits).toBe(2)
  })

  test('a session that is over, and a password that is refused, end the bot with their own code and words', async () => {
    const dead: Fault = { kind: 'answer', status: 401, json: { errcode: 'M_UNKNOWN_TOKEN', error: 'Invalid access token passed.' } }
    world.proxy.add({ match: {}, how: dead })
    const asked = await world.moderator.sendText(world.indoc, '!ping')
    expect(await world.bot.exited).toEqual({ code: exitCode('forbidden'), signal: null })
    expect(world.bot.log()).toContain('is the password right?')
    // The server has come to its senses: the command is not lost.
    world.proxy.clear()
    await world.bot.start()
    await world.answerTo(world.indoc, asked)
  })
})
