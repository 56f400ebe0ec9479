import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { exitCode } from '../../src/operations/exit-codes.ts'
import { startOAuthStandIn, type OAuthStandIn } from '../support/oauth/stand-in.ts'
import { botWith, runGatehouse, withoutPassword } from './gatehouse.ts'
import type { CommandEnd } from './gatehouse.ts'
import type { BotProcess } from '../demo/bot-process.ts'
import { patience, startWorld, type World } from './world.ts'

// A server whose logins are OAuth's only: a stand-in for the Matrix Authentication Service before the real Synapse.

const accessLifetimeMs = 4000
let standIn: OAuthStandIn
let world: World
let bot: BotProcess
let deviceId = ''

beforeAll(async () => {
  standIn = await startOAuthStandIn({ target: inject('homeserver').url, accessLifetimeMs, interval: 1 })
  world = await startWorld({ bot: { start: false, env: { GATEHOUSE_HOMESERVER_URL: standIn.url } } })
  bot = botWith(world, withoutPassword(world))
})
afterAll(async () => {
  // `stop` of the world ends the bot that it made, which is another one.
  await bot.stop()
  await world.stop()
  await standIn.stop()
})

/** Logs in while somebody answers in the browser. */
const login = async (args: readonly string[], answer: (userCode: string) => void): Promise<CommandEnd> => {
  let answered = false
  return await runGatehouse(world, ['login', ...args], {
    env: withoutPassword(world),
    onOutput: (text) => {
      const code = /code\s+([\dA-F]{4}-[\dA-F]{4})/.exec(text)?.[1]
      if (code === undefined || answered) return
      answered = true
      answer(code)
    },
  })
}
const approve = (code: string): void => standIn.approve(code, world.users.bot)
const devices = async (): Promise<readonly string[]> => {
  const { devices: found } = await world.admin.request('GET', `/_synapse/admin/v2/users/${encodeURIComponent(world.botId)}/devices`)
  return (found as readonly { readonly device_id: string }[]).map(({ device_id }) => device_id).filter((id) => id.startsWith('GATEHOUSE'))
}
const refreshes = (): number => standIn.log.filter((line) => line === 'token 200').length
const works = async (): Promise<void> => {
  expect(await world.ask(world.indoc, '!ping')).toMatchObject({ encrypted: true, shield: 'none' })
  expect(await devices()).toEqual([deviceId])
}
/** Pings until the token was renewed that often. */
const untilRefreshed = async (times: number): Promise<void> => {
  const wanted = refreshes() + times
  await expect
    .poll(
      async () => {
        await works()
        return refreshes()
      },
      { timeout: patience, interval: 500 },
    )
    .toBeGreaterThanOrEqual(wanted)
}

test('a no in the browser, and a yes as somebody else, leave nothing behind', async () => {
  expect(await login([], (code) => standIn.deny(code))).toMatchObject({ code: exitCode('failed') })
  const other = await login(['--oauth'], (code) => standIn.approve(code, world.users.moderator))
  expect(other).toMatchObject({ code: exitCode('forbidden') })
  expect(other.output).toContain(`confirmed as ${world.users.moderator.userId}, but the bot is ${world.botId}`)
  expect(standIn.log.at(-1)).toBe('revoke 200')
  expect(await devices()).toEqual([])
})

test('a yes makes the device; the bot runs on it through many tokens, also after kill -9', async () => {
  const done = await login([], approve)
  expect(done).toMatchObject({ code: 0 })
  expect(done.output).toContain('https://auth.example.test/link')
  deviceId = /device (GATEHOUSE\w+)/.exec(done.output)?.[1] ?? ''
  expect(await devices()).toEqual([deviceId])

  await bot.start()
  await untilRefreshed(2)
  await bot.kill()
  await bot.start()
  await works()
  expect(standIn.log.filter((line) => line.includes('slow_down') || line.includes('bug'))).toEqual([])
})

test('the answer of a renewal is lost: the same refresh token is taken again', async () => {
  standIn.loseNextToken()
  await untilRefreshed(2)
  expect(standIn.log.filter((line) => line.includes('invalid_grant'))).toEqual([])
})

test('the session ended in the account: its own code, and login finds that the device went with it', async () => {
  await standIn.endSessions()
  await world.moderator.sendText(world.indoc, '!ping')
  expect(await bot.exited).toEqual({ code: exitCode('tokenDead'), signal: null })
  expect(bot.log()).toContain('gatehouse login --again')
  const again = await login(['--again'], approve)
  expect(again).toMatchObject({ code: exitCode('deviceLost') })
  expect(again.output).toContain('gatehouse reset-crypto')
  expect(await devices()).toEqual([])
})
