import { beforeEach, expect, test } from 'vitest'
import { answered, refused, TestClock, timedOut } from '../../tests/support/unit.ts'
import type { Gate, GateRequest, GateResult } from '../http/contract.ts'
import type { UserId } from '../types.ts'
import { keysOnServer, takesPasswords } from './login.ts'
import { logInBy } from './login-ways.ts'
import type { LoginWay, LoginWaysOptions } from './login-ways.ts'

const bot = '@bot:x' as UserId
let server: Record<string, GateResult>
let requests: GateRequest[]
let asked: string[]
let typed: string | undefined

const gate = {
  request: async (request: GateRequest) => {
    requests.push(request)
    await Promise.resolve()
    const answer = server[`${request.method} ${request.path.replace(/^.*\/(?:v3|v1|unstable)\//, '')}`]
    return answer ?? refused(404, 'M_UNRECOGNIZED')
  },
} as unknown as Gate
const session = { user_id: bot, device_id: 'DEVICE', access_token: 'a' }
const flows = (...types: readonly string[]): GateResult => answered({ flows: types.map((type) => ({ type })) })

beforeEach(() => {
  requests = []
  asked = []
  typed = 'typed secret'
  server = {
    'POST login': answered(session),
    'GET login': flows('m.login.password'),
    'GET account/whoami': answered({ user_id: bot, device_id: 'DEVICE' }),
  }
})

const logIn = (way: LoginWay | undefined, more: Partial<LoginWaysOptions> = {}) =>
  logInBy(
    way,
    {
      gate,
      gateTo: () => gate,
      clock: new TestClock(),
      userId: bot,
      deviceName: 'Gatehouse',
      onSecret: () => undefined,
      permits: () => true,
      ask: () => undefined,
      readSecret: (what) => {
        asked.push(what)
        return Promise.resolve(typed === undefined ? { ok: false, words: 'stopped' } : { ok: true, secret: typed })
      },
      ...more,
    },
    'DEVICE',
  )
const sent = (): unknown => requests.at(-1)?.body ?? requests.at(-1)?.token

test.each<[string, LoginWay | undefined, Partial<LoginWaysOptions>, unknown, readonly string[]]>([
  ['a configured password', undefined, { password: 'p' }, { password: 'p', device_id: 'DEVICE' }, []],
  ['a configured token goes before it', undefined, { password: 'p', accessToken: 't' }, 't', []],
  ['unless the password is asked for', 'password', { password: 'p', accessToken: 't' }, { password: 'p' }, []],
  ['a typed password', 'password', {}, { password: 'typed secret' }, ['Password of @bot:x']],
  ['a typed token', 'token', {}, 'typed secret', ['Access token of @bot:x']],
  ['nothing configured: what the server takes', undefined, {}, { password: 'typed secret' }, ['Password of @bot:x']],
])('%s', async (_what, way, more, expected, questions) => {
  expect(await logIn(way, more)).toMatchObject({ ok: true, session: { userId: bot, deviceId: 'DEVICE' } })
  if (typeof expected === 'string') expect(sent()).toBe(expected)
  else expect(sent()).toMatchObject(expected as object)
  expect(asked).toEqual(questions)
})

test('who stops at the question has changed nothing', async () => {
  typed = undefined
  expect(await logIn('password')).toMatchObject({ ok: false, code: 'not-granted', words: 'stopped' })
  expect(requests).toEqual([])
})

test.each<[string, LoginWay | undefined, Record<string, GateResult>, string]>([
  ['OAuth where there is none', 'oauth', {}, 'not-offered'],
  ['neither password nor OAuth', undefined, { 'GET login': flows('m.login.sso') }, 'not-offered'],
  ['a server that knows no login at all', undefined, { 'GET login': refused(404, 'M_UNRECOGNIZED') }, 'not-offered'],
  ['a server that does not answer', undefined, { 'GET login': timedOut }, 'unreachable'],
  ['a server that does not answer about OAuth', 'oauth', { 'GET auth_metadata': timedOut }, 'unreachable'],
])('%s', async (_what, way, answers, code) => {
  server = { ...server, ...answers }
  const result = await logIn(way)
  expect(result).toMatchObject({ ok: false, code })
  expect(asked).toEqual([])
})

test('whether the server takes passwords, and whether it has the keys of the device', async () => {
  server['GET login'] = answered('hello')
  expect(await takesPasswords(gate)).toBe(false)
  const own = { userId: bot, deviceId: 'DEVICE', accessToken: 'a' }
  server['POST keys/query'] = answered({ device_keys: { [bot]: { DEVICE: {} } } })
  expect(await keysOnServer(gate, own)).toBe(true)
  server['POST keys/query'] = answered({ device_keys: { [bot]: { OTHER: {} } } })
  expect(await keysOnServer(gate, own)).toBe(false)
  server['POST keys/query'] = answered({ device_keys: {} })
  expect(await keysOnServer(gate, own)).toBe(false)
  server['POST keys/query'] = timedOut
  expect(await keysOnServer(gate, own)).toMatchObject({ code: 'unreachable' })
})
