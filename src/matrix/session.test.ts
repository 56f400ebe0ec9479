import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answered, memoryDatabase, refused, TestClock, timedOut } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { Sealed } from '../database/sealed.ts'
import type { Gate, GateRequest, GateResult } from '../http/contract.ts'
import { silentLogger } from '../operations/logger.ts'
import type { UserId } from '../types.ts'
import { errcode, Session } from './session.ts'
import type { SessionOptions } from './session.ts'

const bot = '@bot:x' as UserId
let database: Database
let sealed: Sealed
let clock: TestClock
let secrets: string[]
let requests: GateRequest[]
let answer: (request: GateRequest) => GateResult | Promise<GateResult>

beforeEach(async () => {
  database = memoryDatabase()
  clock = new TestClock()
  const unlocked = await Sealed.unlock(database, 'a passphrase', clock.now())
  if (!unlocked.ok) throw new Error('not unlocked')
  ;({ sealed } = unlocked)
  secrets = []
  requests = []
})
afterEach(() => {
  database.close()
})

const options = (more: Partial<SessionOptions> = {}): SessionOptions => ({
  gate: {
    request: async (request: GateRequest) => {
      requests.push(request)
      return await answer(request)
    },
  } as unknown as Gate,
  sealed,
  clock,
  logger: silentLogger,
  userId: bot,
  deviceName: 'Gatehouse',
  onSecret: (secret) => secrets.push(secret),
  ...more,
})
const loggedIn = (more: object = {}): GateResult =>
  answered({ user_id: bot, device_id: 'DEVICE', access_token: 'access-1', refresh_token: 'refresh-1', expires_in_ms: 300_000, ...more })
const password = { password: 'a password' }

const opened = async (more: Partial<SessionOptions> = password): Promise<Session> => {
  const result = await Session.open(options(more))
  if (!result.ok) throw new Error(result.words)
  return result.session
}

describe('the first start', () => {
  test('logs in with the password, asks for a refresh token, and keeps the session sealed', async () => {
    answer = () => loggedIn()
    const session = await opened()
    expect(requests.map(({ body }) => body)).toMatchObject([
      { type: 'm.login.password', identifier: { type: 'm.id.user', user: bot }, password: 'a password', refresh_token: true },
    ])
    expect([session.userId, session.deviceId, session.expiresAt]).toEqual([bot, 'DEVICE', clock.now() + 300_000])
    expect(secrets).toEqual(expect.arrayContaining(['access-1', 'refresh-1']))
    const row = database.first(database.query.selectFrom('sealed').selectAll().where('name', '=', 'session'))
    expect(Buffer.from(row?.value ?? []).toString('latin1')).not.toContain('access-1')
  })

  test('a crash after the login logs in again as the same device', async () => {
    answer = () => timedOut
    expect(await Session.open(options(password))).toMatchObject({ ok: false, code: 'unreachable' })
    answer = () => loggedIn()
    await opened()
    const devices = requests.map(({ body }) => (body as { readonly device_id: string }).device_id)
    expect(devices[0]).toMatch(/^GATEHOUSE[0-9A-Z]+$/)
    expect(devices[1]).toBe(devices[0])
  })

  test('adopts a given access token and its device', async () => {
    answer = () => answered({ user_id: bot, device_id: 'GIVEN' })
    const session = await opened({ accessToken: 'given-token' })
    expect([session.deviceId, await session.token()]).toEqual(['GIVEN', 'given-token'])
    expect(requests).toMatchObject([{ method: 'GET', token: 'given-token' }])
  })

  test.each<[string, Partial<SessionOptions>, GateResult, string]>([
    ['nothing to log in with', {}, answered({}), 'no-credentials'],
    ['a wrong password', password, refused(403, 'M_FORBIDDEN'), 'login-refused'],
    ['another user than configured', password, loggedIn({ user_id: '@other:x' }), 'wrong-user'],
    ['something that is no session', password, answered({ user_id: bot }), 'unreachable'],
    ['a server that stumbles', password, refused(502), 'unreachable'],
    ['a dead access token', { accessToken: 't' }, refused(401, 'M_UNKNOWN_TOKEN'), 'login-refused'],
    ['a token of somebody else', { accessToken: 't' }, answered({ user_id: '@other:x', device_id: 'D' }), 'wrong-user'],
    ['a token without a device', { accessToken: 't' }, answered({ user_id: bot }), 'no-device'],
  ])('%s', async (_what, more, result, code) => {
    answer = () => result
    const found = await Session.open(options(more))
    expect(found).toMatchObject({ ok: false, code })
    expect('words' in found && found.words.length > 20).toBe(true)
    expect(sealed.get('session')).toBeUndefined()
  })
})

describe('later starts', () => {
  test('make no request, whatever the configuration holds', async () => {
    answer = () => loggedIn()
    await opened()
    requests = []
    const session = await opened({ accessToken: 'another' })
    expect([requests.length, session.deviceId, await session.token()]).toEqual([0, 'DEVICE', 'access-1'])
  })

  test('refuse a directory of another user', async () => {
    answer = () => loggedIn()
    await opened()
    expect(await Session.open(options({ ...password, userId: '@other:x' as UserId }))).toMatchObject({
      ok: false,
      code: 'other-user-stored',
    })
  })
})

describe('the token', () => {
  const renewed = answered({ access_token: 'access-2', refresh_token: 'refresh-2', expires_in_ms: 300_000 })
  const started = async (): Promise<Session> => {
    answer = () => loggedIn()
    const session = await opened()
    requests = []
    answer = () => renewed
    return session
  }

  test('is renewed shortly before it runs out, and stored before it is used', async () => {
    const session = await started()
    await clock.advance(200_000)
    expect(await session.token()).toBe('access-1')
    await clock.advance(60_000)
    expect(await session.token()).toBe('access-2')
    expect(requests.map(({ body }) => body)).toEqual([{ refresh_token: 'refresh-1' }])
    expect(secrets).toEqual(expect.arrayContaining(['access-2', 'refresh-2']))
    requests = []
    expect(await (await opened()).token()).toBe('access-2')
    expect(requests).toEqual([])
  })

  test('is renewed once, however many requests were refused at the same time', async () => {
    const session = await started()
    expect(await Promise.all([session.renew('access-1'), session.renew('access-1'), session.renew('access-1')])).toEqual([
      'renewed',
      'renewed',
      'renewed',
    ])
    // One that was sent with the old token and is refused only now.
    expect(await session.renew('access-1')).toBe('renewed')
    expect(requests).toHaveLength(1)
  })

  test.each<[string, GateResult, string]>([
    ['the server refuses', refused(401, 'M_UNKNOWN_TOKEN'), 'over'],
    ['the account is deactivated', refused(403, 'M_USER_DEACTIVATED'), 'over'],
    ['the server stumbles', refused(502), 'later'],
    ['no answer', timedOut, 'later'],
    ['something strange', answered({ hello: 'hotel' }), 'later'],
  ])('%s: %s', async (_what, result, expected) => {
    const session = await started()
    answer = () => result
    expect(await session.renew('access-1')).toBe(expected)
    // The old one is still there, and so is the way to a new one.
    expect(await session.token()).toBe('access-1')
    answer = () => renewed
    expect(await session.renew('access-1')).toBe('renewed')
  })

  test('that cannot be renewed ends the session', async () => {
    answer = () => loggedIn({ refresh_token: undefined, expires_in_ms: undefined })
    const session = await opened()
    expect([session.expiresAt, await session.renew('access-1')]).toEqual([undefined, 'over'])
  })

  test('a server that gives no new refresh token lets the old one live', async () => {
    const session = await started()
    answer = () => answered({ access_token: 'access-2' })
    await session.renew('access-1')
    answer = () => renewed
    await session.renew('access-2')
    expect(requests.map(({ body }) => body)).toEqual([{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-1' }])
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
