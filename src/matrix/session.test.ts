import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answered, memoryDatabase, refused, TestClock, timedOut } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { Sealed } from '../database/sealed.ts'
import type { Gate, GateRequest, GateResult } from '../http/contract.ts'
import { silentLogger } from '../operations/logger.ts'
import type { UserId } from '../types.ts'
import { errcode } from './errcode.ts'
import { exitReasonOf } from './session-failure.ts'
import { Session } from './session.ts'
import type { SessionOptions } from './session.ts'
import { readSession } from './session-store.ts'

const bot = '@bot:x' as UserId
type Given = Partial<Pick<SessionOptions, 'password' | 'accessToken' | 'userId'>>
type Answer = GateResult | ((request: GateRequest) => GateResult)

let database: Database
let sealed: Sealed
let clock: TestClock
let secrets: string[]
let warnings: string[]
let requests: GateRequest[]
/** What the server answers, by the end of the path. */
let server: Record<string, Answer>

beforeEach(async () => {
  database = memoryDatabase()
  clock = new TestClock()
  const unlocked = await Sealed.unlock(database, 'a passphrase', clock.now())
  if (!unlocked.ok) throw new Error('not unlocked')
  ;({ sealed } = unlocked)
  secrets = []
  warnings = []
  requests = []
  server = { login: (request) => loggedIn(request) }
})
afterEach(() => {
  database.close()
})

const pathOf = ({ path }: GateRequest): string => path.replace('/_matrix/client/v3/', '')
const paths = (): string[] => requests.map((request) => pathOf(request))
const fakeGate = (at: string): Gate =>
  ({
    request: async (request: GateRequest) => {
      requests.push(request)
      await Promise.resolve()
      const answer = server[`${at}${pathOf(request)}`]
      if (answer === undefined) throw new Error(`nobody expected ${at}${request.path}`)
      return typeof answer === 'function' ? answer(request) : answer
    },
  }) as unknown as Gate
const options = (more: Given = {}): SessionOptions => ({
  gate: fakeGate(''),
  gateTo: (origin) => fakeGate(origin),
  sealed,
  clock,
  logger: { ...silentLogger, warn: (first: unknown, second?: string) => void warnings.push(second ?? String(first)) },
  userId: bot,
  deviceName: 'Gatehouse',
  onSecret: (secret) => secrets.push(secret),
  ...more,
})
let logins = 0
beforeEach(() => {
  logins = 0
})
const deviceOf = ({ body }: GateRequest): string => (body as { readonly device_id: string }).device_id
const loggedIn = (request: GateRequest, more: object = {}): GateResult => {
  logins += 1
  return answered({
    user_id: bot,
    device_id: deviceOf(request),
    access_token: `access-${logins}`,
    refresh_token: `refresh-${logins}`,
    expires_in_ms: 300_000,
    ...more,
  })
}
const password = { password: 'a password' }
const renewed = answered({ access_token: 'access-new', refresh_token: 'refresh-new', expires_in_ms: 300_000 })
const dead = (soft: boolean): GateResult => ({ ...refused(401), body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: soft } }) as GateResult

const opened = async (more: Given = password): Promise<Session> => {
  const result = await Session.open(options(more))
  if (!result.ok) throw new Error(result.words)
  return result.session
}
/** A session of a login by password, then with nothing but what the test's server answers. */
const started = async (answers: Record<string, Answer>, more: Given = password, login: object = {}): Promise<Session> => {
  server = { login: (request) => loggedIn(request, login) }
  await opened()
  requests = []
  server = answers
  return await opened(more)
}

describe('the first start', () => {
  test('logs in with the password, asks for a refresh token, and keeps the session sealed', async () => {
    const session = await opened()
    expect(requests.map(({ body }) => body)).toMatchObject([
      { type: 'm.login.password', identifier: { type: 'm.id.user', user: bot }, password: 'a password', refresh_token: true },
    ])
    expect(session.deviceId).toMatch(/^GATEHOUSE[0-9A-Z]{10}$/)
    expect([session.userId, session.expiresAt]).toEqual([bot, clock.now() + 300_000])
    expect(secrets).toEqual(expect.arrayContaining(['access-1', 'refresh-1']))
    const row = database.first(database.query.selectFrom('sealed').selectAll().where('name', '=', 'session'))
    expect(Buffer.from(row?.value ?? []).toString('latin1')).not.toContain('access-1')
  })

  test('a crash after the login logs in again as the same device', async () => {
    server['login'] = timedOut
    expect(await Session.open(options(password))).toMatchObject({ ok: false, code: 'unreachable' })
    server['login'] = (request) => loggedIn(request)
    const session = await opened()
    expect(requests.map((request) => deviceOf(request))).toEqual([session.deviceId, session.deviceId])
  })

  test('adopts a given access token and its device', async () => {
    server = { 'account/whoami': answered({ user_id: bot, device_id: 'GIVEN' }) }
    const session = await opened({ accessToken: 'given-token' })
    expect([session.deviceId, await session.token()]).toEqual(['GIVEN', 'given-token'])
    expect(requests).toMatchObject([{ method: 'GET', token: 'given-token' }])
  })

  test.each<[string, Given, Answer, string, string]>([
    ['nothing to log in with', {}, answered({}), 'no-credentials', 'tokenDead'],
    ['a wrong password', password, refused(403, 'M_FORBIDDEN'), 'login-refused', 'forbidden'],
    ['a deactivated account', password, refused(403, 'M_USER_DEACTIVATED'), 'account-refused', 'forbidden'],
    ['a locked account', password, refused(401, 'M_USER_LOCKED'), 'account-refused', 'forbidden'],
    ['another user than configured', password, (request) => loggedIn(request, { user_id: '@other:x' }), 'wrong-user', 'forbidden'],
    ['another device than asked for', password, (request) => loggedIn(request, { device_id: 'OTHER' }), 'unreachable', 'unreachable'],
    ['something that is no session', password, answered({ user_id: bot }), 'unreachable', 'unreachable'],
    ['a server that stumbles', password, refused(502), 'unreachable', 'unreachable'],
    ['a dead access token', { accessToken: 't' }, refused(401, 'M_UNKNOWN_TOKEN'), 'login-refused', 'forbidden'],
    ['a token of somebody else', { accessToken: 't' }, answered({ user_id: '@other:x', device_id: 'D' }), 'wrong-user', 'forbidden'],
    ['a token without a device', { accessToken: 't' }, answered({ user_id: bot }), 'no-device', 'forbidden'],
    ['a token of which the server says nothing', { accessToken: 't' }, answered({}), 'unreachable', 'unreachable'],
  ])('%s', async (_what, more, result, code, reason) => {
    server = { login: result, 'account/whoami': result }
    const found = await Session.open(options(more))
    expect(found).toMatchObject({ ok: false, code })
    if (found.ok) throw new Error('a session')
    expect(exitReasonOf(found)).toBe(reason)
    expect(found.words.length).toBeGreaterThan(20)
    expect(sealed.get('session')).toBeUndefined()
  })
})

describe('later starts', () => {
  test('make no request', async () => {
    const session = await started({})
    expect([requests.length, await session.token()]).toEqual([0, 'access-1'])
  })

  test('refuse a directory of another user', async () => {
    await opened()
    expect(await Session.open(options({ ...password, userId: '@other:x' as UserId }))).toMatchObject({
      ok: false,
      code: 'other-user-stored',
    })
  })
})

describe('a configured token that is not the stored session', () => {
  const other = { accessToken: 'another' }

  test('of the same device is used, and asked about only once', async () => {
    const { deviceId } = await opened()
    server = { 'account/whoami': answered({ user_id: bot, device_id: deviceId }) }
    requests = []
    expect(await (await opened(other)).token()).toBe('another')
    expect(await (await opened(other)).token()).toBe('another')
    expect(paths()).toEqual(['account/whoami'])
  })

  test.each<[string, Answer, string]>([
    ['another device', answered({ user_id: bot, device_id: 'OTHER' }), 'other-device'],
    ['another user', answered({ user_id: '@other:x', device_id: 'OTHER' }), 'wrong-user'],
    ['no device', answered({ user_id: bot }), 'no-device'],
    ['a locked account', refused(401, 'M_USER_LOCKED'), 'account-refused'],
    ['nobody knows', timedOut, 'unreachable'],
  ])('of %s stops the bot', async (_what, result, code) => {
    await opened()
    server = { 'account/whoami': result }
    expect(await Session.open(options(other))).toMatchObject({ ok: false, code })
    expect(await (await opened({})).token()).toBe('access-1')
  })

  test('the words for another device name the ways out', async () => {
    await opened()
    server = { 'account/whoami': answered({ user_id: bot, device_id: 'OTHER' }) }
    const found = await Session.open(options(other))
    expect('words' in found && found.words).toMatch(/OTHER.*GATEHOUSE.*gatehouse login --again.*gatehouse reset-crypto/)
  })

  test('that is dead is warned about, and the stored session goes on', async () => {
    const session = await started({ 'account/whoami': dead(false) }, other)
    expect(await session.token()).toBe('access-1')
    expect(warnings).toEqual([expect.stringContaining('homeserver.accessToken is dead') as string])
  })
})

describe('the token', () => {
  test('is renewed shortly before it runs out, and stored before it is used', async () => {
    const session = await started({ refresh: renewed })
    await clock.advance(200_000)
    expect(await session.token()).toBe('access-1')
    await clock.advance(60_000)
    expect(await session.token()).toBe('access-new')
    expect(requests.map(({ body }) => body)).toEqual([{ refresh_token: 'refresh-1' }])
    expect(secrets).toEqual(expect.arrayContaining(['access-new', 'refresh-new']))
    requests = []
    expect(await (await opened()).token()).toBe('access-new')
    expect(requests).toEqual([])
  })

  test('that lives for seconds only is renewed at half its life', async () => {
    const session = await started({ refresh: renewed }, password, { expires_in_ms: 20_000 })
    await clock.advance(9_000)
    expect(await session.token()).toBe('access-1')
    await clock.advance(1_000)
    expect(await session.token()).toBe('access-new')
  })

  test('is used on while its renewal ahead of time fails, which is tried every few seconds', async () => {
    const session = await started({ refresh: refused(502) })
    await clock.advance(260_000)
    expect([await session.token(), await session.token()]).toEqual(['access-1', 'access-1'])
    expect(paths()).toEqual(['refresh'])
    await clock.advance(5_000)
    server = { refresh: refused(403, 'M_FORBIDDEN') }
    expect(await session.token()).toBe('access-1')
    server = { refresh: renewed }
    await clock.advance(5_000)
    expect(await session.token()).toBe('access-new')
  })

  test('is renewed once, however many requests were refused at the same time', async () => {
    const session = await started({ refresh: renewed })
    expect(await Promise.all([session.renew('access-1'), session.renew('access-1'), session.renew('access-1')])).toEqual([
      'renewed',
      'renewed',
      'renewed',
    ])
    // One that was sent with the old token and is refused only now.
    expect(await session.renew('access-1')).toBe('renewed')
    expect(requests).toHaveLength(1)
  })

  test.each<[string, GateResult]>([
    ['the server stumbles', refused(502)],
    ['no answer', timedOut],
    ['something strange', answered({ hello: 'hotel' })],
  ])('%s: the same refresh token is used again', async (_what, result) => {
    const session = await started({ refresh: result })
    expect(await session.renew('access-1')).toBe('later')
    expect(await session.token()).toBe('access-1')
    server = { refresh: renewed }
    expect(await session.renew('access-1')).toBe('renewed')
    expect(requests.map(({ body }) => body)).toEqual([{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-1' }])
  })

  test('a server that gives no new refresh token lets the old one live', async () => {
    const session = await started({ refresh: answered({ access_token: 'access-2' }) })
    await session.renew('access-1')
    await session.renew('access-2')
    expect(requests.map(({ body }) => body)).toEqual([{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-1' }])
  })
})

describe('a token that is refused and cannot be refreshed', () => {
  const noRefresh = { refresh: refused(401, 'M_UNKNOWN_TOKEN') }

  test('is none of our business when the server still knows it: another server was quoted', async () => {
    const session = await started({ ...noRefresh, 'account/whoami': answered({ user_id: bot, device_id: 'D' }) })
    expect(await session.renew('access-1')).toBe('later')
  })

  test.each<[string, Answer]>([
    ['nobody answers', timedOut],
    ['the server stumbles', refused(500)],
  ])('%s: later', async (_what, result) => {
    const session = await started({ ...noRefresh, 'account/whoami': result })
    expect(await session.renew('access-1')).toBe('later')
  })

  test('soft logout: logs in again with the password, as the same device', async () => {
    const session = await started({ ...noRefresh, 'account/whoami': dead(true), login: (request) => loggedIn(request) })
    const { deviceId } = session
    expect(await session.renew('access-1')).toBe('renewed')
    expect([session.deviceId, await session.token()]).toEqual([deviceId, 'access-2'])
    expect(deviceOf(requests.at(-1) as GateRequest)).toBe(deviceId)
    expect(readSession(sealed)).toMatchObject({ deviceId, accessToken: 'access-2', refreshToken: 'refresh-2' })
    expect(warnings.at(-1)).toBe('the session had run out on the homeserver; logged in again as the same device')
  })

  test('soft logout, and the server is busy or gone at the login: later, and then it works', async () => {
    const session = await started({ ...noRefresh, 'account/whoami': dead(true), login: timedOut })
    expect(await session.renew('access-1')).toBe('later')
    server['login'] = (request) => loggedIn(request)
    expect(await session.renew('access-1')).toBe('renewed')
  })

  const ends: readonly [string, Record<string, Answer>, Given, string, string, RegExp][] = [
    ['soft logout without a password', { 'account/whoami': dead(true) }, {}, 'session-expired', 'sessionExpired', /login --again/],
    [
      'soft logout, and the password was changed',
      { 'account/whoami': dead(true), login: refused(403, 'M_FORBIDDEN') },
      password,
      'login-refused',
      'forbidden',
      /password/,
    ],
    ['locked', { 'account/whoami': refused(401, 'M_USER_LOCKED') }, password, 'account-refused', 'forbidden', /unlock/],
    ['ended for good, no password', { 'account/whoami': dead(false) }, {}, 'token-dead', 'tokenDead', /login --again/],
    [
      'ended for good, the account deactivated',
      { 'account/whoami': dead(false), login: refused(403, 'M_USER_DEACTIVATED') },
      password,
      'account-refused',
      'forbidden',
      /deactivated/,
    ],
    [
      'ended for good, the device deleted',
      {
        'account/whoami': dead(false),
        login: (request) => loggedIn(request),
        'devices/': refused(404, 'M_NOT_FOUND'),
        logout: answered({}),
      },
      password,
      'device-lost',
      'deviceLost',
      /reset-crypto/,
    ],
    [
      'ended for good, the device still there',
      { 'account/whoami': dead(false), login: (request) => loggedIn(request), 'devices/': answered({}), logout: answered({}) },
      password,
      'token-dead',
      'tokenDead',
      /device is still there.*login --again/,
    ],
  ]
  test.each(ends)('%s', async (_what, answers, given, code, reason, words) => {
    const session = await started({ ...noRefresh, ...answers }, given)
    server[`devices/${session.deviceId}`] = answers['devices/'] ?? timedOut
    const end = await session.renew('access-1')
    if (typeof end === 'string') throw new Error(`the session goes on: ${end}`)
    expect([end.code, exitReasonOf(end)]).toEqual([code, reason])
    expect(end.words).toMatch(words)
    // What is stored stays: a person may set it right.
    expect(readSession(sealed)?.accessToken).toBe('access-1')
    // And nothing is asked again.
    requests = []
    expect(await session.renew('access-1')).toBe(end)
    expect(requests).toEqual([])
  })

  test('looking for the device uses a session of its own, which ends at once', async () => {
    const session = await started({
      ...noRefresh,
      'account/whoami': dead(false),
      login: (request) => loggedIn(request),
      logout: answered({}),
    })
    server[`devices/${session.deviceId}`] = refused(404, 'M_NOT_FOUND')
    await session.renew('access-1')
    expect(paths()).toEqual(['refresh', 'account/whoami', 'login', `devices/${session.deviceId}`, 'logout'])
    expect(requests.slice(-2).map(({ token }) => token)).toEqual(['access-2', 'access-2'])
    expect(deviceOf(requests[2] as GateRequest)).not.toBe(session.deviceId)
    expect(secrets).toContain('access-2')
  })
})

describe('an answer about an account', () => {
  const locked = refused(401, 'M_USER_LOCKED')

  test('counts when the server says so of the bot itself', async () => {
    const session = await started({ 'account/whoami': locked })
    expect(await session.examine(locked)).toMatchObject({ code: 'account-refused' })
  })
  test('does not count when the server still serves the bot: another server was quoted', async () => {
    const session = await started({ 'account/whoami': answered({ user_id: bot }) })
    expect(await session.examine(locked)).toBeUndefined()
    server = { 'account/whoami': timedOut }
    expect(await session.examine(locked)).toBeUndefined()
  })
  test('suspended counts for what the bot sends, which no other server can refuse', async () => {
    const session = await started({})
    const suspended = refused(403, 'M_USER_SUSPENDED')
    expect(await session.examine({ ...suspended, route: 'send' })).toMatchObject({ code: 'account-refused' })
    expect(await session.examine({ ...suspended, route: 'join' })).toBeUndefined()
    expect(requests).toEqual([])
  })
})

test('error codes of Matrix, and of others', () => {
  const failure = (body: unknown) => ({ ...refused(400), body }) as Parameters<typeof errcode>[0]
  expect([failure({ errcode: 'M_X' }), failure('M_X'), failure(null), failure({ errcode: 5 }), timedOut].map(errcode)).toEqual([
    'M_X',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
