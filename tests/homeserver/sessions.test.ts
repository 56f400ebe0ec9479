import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BotProcess } from '../demo/bot-process.ts'
import { exitCode } from '../../src/operations/exit-codes.ts'
import type { ExitReason } from '../../src/operations/exit-codes.ts'
import { HomeserverAnswerError, rest } from '../support/homeserver/rest.ts'
import { botWith, runGatehouse, withoutPassword } from './gatehouse.ts'
import type { CommandEnd } from './gatehouse.ts'
import { patience, startWorld, type World } from './world.ts'

// The life of the bot's session on a real server whose tokens live for seconds. The tests go on from each other, as a session does.

const accessLifetimeMs = 5_000
let world: World
let deviceId = ''
let endBeat: () => Promise<void>

beforeAll(async () => {
  world = await startWorld({
    bot: { start: false },
    overrides: { refreshable_access_token_lifetime: accessLifetimeMs },
  })
  endBeat = beat()
})
afterAll(async () => {
  await endBeat()
  await world.stop()
})

/** Something happens every second: a bot in a quiet room holds one long poll and no token that has to be good. */
const beat = (): (() => Promise<void>) => {
  const stop = new AbortController()
  const olga = world.admin.as(world.users.admin)
  const running = (async () => {
    for (let count = 0; !stop.signal.aborted; count += 1) {
      await olga('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/state/test.beat`, { count })
      await setTimeout(1000, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  })()
  return async () => {
    stop.abort()
    await running
  }
}

const login = async (args: readonly string[] = [], input?: string): Promise<CommandEnd> =>
  await runGatehouse(world, ['login', ...args], { env: withoutPassword(world), ...(input === undefined ? {} : { input }) })
const devices = async (): Promise<unknown> => {
  const path = `/_synapse/admin/v2/users/${encodeURIComponent(world.botId)}/devices`
  const { devices: found } = await world.admin.request('GET', path)
  return (found as readonly { readonly device_id: string; readonly display_name: string | null }[])
    .filter(({ device_id }) => device_id.startsWith('GATEHOUSE') || device_id.startsWith('LOOK'))
    .map(({ device_id }) => device_id)
}
const setUser = async (change: object): Promise<unknown> =>
  await world.admin.request('PUT', `/_synapse/admin/v2/users/${encodeURIComponent(world.botId)}`, change)
const suspend = async (on: boolean): Promise<unknown> =>
  await world.admin.request('PUT', `/_synapse/admin/v1/suspend/${encodeURIComponent(world.botId)}`, { suspend: on })
/** The bot works, with its old keys. */
const works = async (): Promise<void> => {
  expect(await world.ask(world.indoc, '!ping')).toMatchObject({ encrypted: true, shield: 'none' })
  expect(await devices()).toEqual([deviceId])
}
/** Makes a pair useless as time would: its refresh token was used twice over, and its access token has ended. */
const runOut = async (pair: { readonly access_token: string; readonly refresh_token: string }): Promise<void> => {
  const anybody = rest(world.homeserver.url)
  const next = await anybody('POST', '/_matrix/client/v3/refresh', { refresh_token: pair.refresh_token })
  await anybody('POST', '/_matrix/client/v3/refresh', { refresh_token: next.refresh_token })
  const whoami = async (): Promise<string> => {
    try {
      await rest(world.homeserver.url, pair.access_token)('GET', '/_matrix/client/v3/account/whoami')
      return 'alive'
    } catch (error) {
      return error instanceof HomeserverAnswerError ? error.errcode : String(error)
    }
  }
  await expect.poll(whoami, { timeout: patience, interval: 250 }).toBe('M_UNKNOWN_TOKEN')
}
const endsWith = async (bot: BotProcess, reason: ExitReason, words: RegExp): Promise<void> => {
  expect(await bot.exited).toEqual({ code: exitCode(reason), signal: null })
  expect(world.bot.log().trim().split('\n').slice(-6).join('\n')).toMatch(words)
}
test('login makes the device once; a second login changes nothing', async () => {
  const nothing = await login()
  expect(nothing).toMatchObject({ code: exitCode('failed') })
  expect(nothing.output).toContain('is missing')
  const wrong = await login([], 'not the password\n')
  expect(wrong).toMatchObject({ code: exitCode('forbidden') })
  expect(wrong.output).not.toContain('not the password')
  expect(await devices()).toEqual([])

  const first = await login([], `${world.users.bot.password}\n`)
  expect(first).toMatchObject({ code: 0 })
  deviceId = /device (GATEHOUSE\w+)/.exec(first.output)?.[1] ?? ''
  expect(await devices()).toEqual([deviceId])

  const second = await login()
  expect(second).toMatchObject({ code: 0 })
  expect(second.output).toContain(`Logged in already as ${world.botId}, device ${deviceId}`)
  expect(await devices()).toEqual([deviceId])
})

test('the bot starts without a password and outlives many tokens', async () => {
  const bot = botWith(world, withoutPassword(world))
  await bot.start()
  await world.proxy.requests.waitFor({ path: /\/refresh$/, status: 200 }, { timeoutMs: patience, times: 2 })
  await works()
  const locked = await login()
  expect(locked).toMatchObject({ code: exitCode('locked') })

  // What the next test needs: the last pair of this bot.
  let pair = { access_token: '', refresh_token: '' }
  const watch = (body: unknown): unknown => {
    pair = body as typeof pair
    return body
  }
  const rule = world.proxy.add({ match: { path: /\/refresh$/ }, how: { kind: 'transform', change: watch } })
  await expect.poll(() => pair.access_token, { timeout: patience }).not.toBe('')
  await bot.stop()
  rule.remove()
  await runOut(pair)
})

test('a session that ran out while the bot was away: without a password its own code, with it the same device again', async () => {
  const bot = botWith(world, withoutPassword(world))
  await bot.start({ untilReady: false })
  await endsWith(bot, 'sessionExpired', /gatehouse login --again/)

  world.proxy.requests.clear()
  await world.bot.start()
  await works()
  expect(world.proxy.requests.list({ path: /\/login$/ })).toHaveLength(1)
})

test.each([
  ['locked', async (on: boolean) => await setUser({ locked: on }), /is locked/],
  ['suspended', suspend, /is suspended/],
] as const)('%s: ends as forbidden, and goes on after that with the same session', async (_what, set, words) => {
  await set(true)
  await world.moderator.sendText(world.indoc, '!ping')
  await endsWith(world.bot, 'forbidden', words)
  await set(false)
  await world.bot.start()
  await works()
})

test('login --again keeps the device and its keys', async () => {
  await world.bot.stop()
  const again = await login(['--again'], `${world.users.bot.password}\n`)
  expect(again).toMatchObject({ code: 0 })
  expect(again.output).toContain('device and its keys are the same')
  await world.bot.start()
  await works()
})

test('a token of another device in the configuration stops the bot; one of the same device is used', async () => {
  await world.bot.stop()
  const other = await world.admin.login(world.users.bot.localpart, world.users.bot.password, { deviceId: 'ELSEWHERE' })
  const started = botWith(world, { ...withoutPassword(world), GATEHOUSE_HOMESERVER_ACCESS_TOKEN: other.accessToken })
  await started.start({ untilReady: false })
  await endsWith(started, 'config', /ELSEWHERE.*GATEHOUSE.*reset-crypto/)
  const given = await login(['--again', '--token'], `${other.accessToken}\n`)
  expect(given).toMatchObject({ code: exitCode('config') })
  expect(given.output).not.toContain(other.accessToken)

  const same = await world.admin.login(world.users.bot.localpart, world.users.bot.password, { deviceId })
  const bot = botWith(world, { ...withoutPassword(world), GATEHOUSE_HOMESERVER_ACCESS_TOKEN: same.accessToken })
  await bot.start()
  await works()
  await bot.stop()
  await world.bot.start()
  await works()
})

test('the device deleted on the server: without a password a dead token, with it a lost device; a login says so too', async () => {
  await world.bot.stop()
  const bot = botWith(world, withoutPassword(world))
  await bot.start()
  await world.admin.request('DELETE', `/_synapse/admin/v2/users/${encodeURIComponent(world.botId)}/devices/${deviceId}`)
  await endsWith(bot, 'tokenDead', /signed out, or the device was deleted.*gatehouse login --again/)
  expect(await login()).toMatchObject({ code: exitCode('tokenDead') })

  await world.bot.start({ untilReady: false })
  await endsWith(world.bot, 'deviceLost', /no longer has the device.*gatehouse reset-crypto/)
  // The look for it leaves nothing behind, and neither does a login that finds the keys gone.
  expect(await devices()).toEqual([])
  const again = await login(['--again', '--password'], `${world.users.bot.password}\n`)
  expect(again).toMatchObject({ code: exitCode('deviceLost') })
  expect(again.output).toContain('gatehouse reset-crypto')
  expect(await devices()).toEqual([])
})

test('a deactivated account is forbidden', async () => {
  await setUser({ deactivated: true })
  await world.bot.start({ untilReady: false })
  await endsWith(world.bot, 'forbidden', /deactivated|refused the login/)
})
