import { beforeEach, describe, expect, test } from 'vitest'
import { answered, refused, TestClock, timedOut } from '../../tests/support/unit.ts'
import type { Gate, GateRequest, GateResult } from '../http/contract.ts'
import type { UserId } from '../types.ts'
import { deviceGrantLogin, endSession } from './device-grant.ts'
import type { DeviceGrantOptions, GrantQuestion } from './device-grant.ts'
import { findEndpoints } from './oauth-endpoints.ts'
import { refresh } from './refresh.ts'

const bot = '@bot:community.example' as UserId
const device = 'GATEHOUSE0123456789'
const auth = 'https://auth.community.example'
const endpoints = {
  token: `${auth}/oauth2/token`,
  registration: `${auth}/oauth2/registration`,
  deviceAuthorization: `${auth}/oauth2/device`,
  revocation: `${auth}/oauth2/revoke`,
}

let clock: TestClock
let requests: { readonly at: string; readonly when: number; readonly body: unknown }[]
let secrets: string[]
let questions: GrantQuestion[]
let server: Record<string, GateResult>
/** What the token endpoint answers, one after another. */
let polls: GateResult[]

const gateAt = (origin: string): Gate =>
  ({
    request: async ({ path, body, contentType }: GateRequest) => {
      const form = contentType === 'application/x-www-form-urlencoded'
      const at = `${origin}${path}`
      const read = form ? Object.fromEntries(new URLSearchParams(Buffer.from(body as Uint8Array).toString())) : body
      requests.push({ at, when: clock.now(), body: read })
      await Promise.resolve()
      const answer = at === endpoints.token ? polls.shift() : server[at]
      if (answer === undefined) throw new Error(`nobody expected ${at}`)
      return answer
    },
  }) as unknown as Gate
const options = (): DeviceGrantOptions => ({
  gate: gateAt(''),
  gateTo: gateAt,
  permits: (address) => address.startsWith('https:'),
  ask: (question) => void questions.push(question),
  clock,
  userId: bot,
  deviceName: 'Gatehouse',
  onSecret: (secret) => secrets.push(secret),
})
const oauthFailure = (error: string): GateResult => ({ ...refused(400), body: { error } }) as GateResult
const granted = answered({ access_token: 'mat_access', refresh_token: 'mar_refresh', token_type: 'Bearer', expires_in: 300 })
const grant = {
  device_code: 'the-device-code',
  user_code: 'ABCD-EFGH',
  verification_uri: `${auth}/link`,
  verification_uri_complete: `${auth}/link?code=ABCD-EFGH`,
  expires_in: 1200,
  interval: 5,
}

beforeEach(() => {
  clock = new TestClock(0)
  requests = []
  secrets = []
  questions = []
  polls = []
  server = {
    [endpoints.registration]: answered({ client_id: 'the-client' }, 201),
    [endpoints.deviceAuthorization]: answered(grant),
    [endpoints.revocation]: answered(undefined),
    '/_matrix/client/v3/account/whoami': answered({ user_id: bot, device_id: device }),
  }
})

/** Runs the login with the time going on whenever it waits. */
const run = async (given: Partial<typeof endpoints> = {}): ReturnType<typeof deviceGrantLogin> => {
  let ended = false
  const login = deviceGrantLogin(options(), { ...endpoints, ...given }, device).finally(() => {
    ended = true
  })
  const over = (): boolean => ended
  for (let step = 0; !over() && step < 1000; step += 1) await clock.advance(clock.sleeping[0] ?? 0)
  return await login
}
const pollTimes = (): number[] => requests.filter(({ at }) => at === endpoints.token).map(({ when }) => when)

describe('the device grant', () => {
  test('registers, asks, polls at the pace it is given, and keeps what renews the session', async () => {
    polls = [oauthFailure('authorization_pending'), oauthFailure('slow_down'), oauthFailure('authorization_pending'), granted]
    expect(await run()).toEqual({
      ok: true,
      session: {
        userId: bot,
        deviceId: device,
        accessToken: 'mat_access',
        refreshToken: 'mar_refresh',
        oauth: { clientId: 'the-client', tokenEndpoint: endpoints.token, revocationEndpoint: endpoints.revocation },
        expiresAt: 330_000,
        renewAt: 285_000,
      },
    })
    expect(pollTimes()).toEqual([5_000, 10_000, 20_000, 30_000])
    expect(requests.map(({ body }) => body)).toMatchObject([
      {
        client_name: 'Gatehouse',
        client_uri: 'https://community.example/',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types: [],
        token_endpoint_auth_method: 'none',
      },
      { client_id: 'the-client', scope: `urn:matrix:client:api:* urn:matrix:client:device:${device}` },
      { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'the-device-code', client_id: 'the-client' },
      {},
      {},
      {},
      undefined,
    ])
    expect(questions).toEqual([
      { address: `${auth}/link`, code: 'ABCD-EFGH', complete: `${auth}/link?code=ABCD-EFGH`, expiresInMs: 1_200_000 },
    ])
    expect(secrets).toEqual(['the-device-code', 'mat_access', 'mar_refresh'])
  })

  test('without an interval it waits five seconds; after a lost answer twice as long', async () => {
    const { interval: _none, ...rest } = grant
    server[endpoints.deviceAuthorization] = answered(rest)
    polls = [timedOut, granted]
    expect((await run()).ok).toBe(true)
    expect(pollTimes()).toEqual([5_000, 15_000])
  })

  test('nobody confirms in time', async () => {
    server[endpoints.deviceAuthorization] = answered({ ...grant, expires_in: 20 })
    polls = Array<GateResult>(10).fill(oauthFailure('authorization_pending'))
    expect(await run()).toMatchObject({ ok: false, code: 'not-granted' })
    expect(pollTimes()).toEqual([5_000, 10_000, 15_000])
  })

  test.each<[string, GateResult, string]>([
    ['refused in the browser', oauthFailure('access_denied'), 'not-granted'],
    ['expired on the server', oauthFailure('expired_token'), 'not-granted'],
    ['another OAuth error', oauthFailure('invalid_client'), 'not-offered'],
    ['no OAuth error', refused(404), 'unreachable'],
    ['no token', answered({ token_type: 'Bearer' }), 'unreachable'],
    ['a token that is no bearer token', answered({ access_token: 'x', token_type: 'mac' }), 'unreachable'],
  ])('%s', async (_what, answer, code) => {
    polls = [answer]
    expect(await run()).toMatchObject({ ok: false, code })
  })

  test.each<[string, string, GateResult]>([
    ['no registration', endpoints.registration, oauthFailure('invalid_client_metadata')],
    ['no grant', endpoints.deviceAuthorization, oauthFailure('unauthorized_client')],
  ])('%s', async (_what, at, answer) => {
    server[at] = answer
    expect(await run()).toMatchObject({ ok: false, code: 'not-offered' })
    expect(questions).toEqual([])
  })

  test.each([
    { ...grant, user_code: 'AB\u001b[2JCD' },
    { ...grant, verification_uri: 'javascript:alert(1)' },
    { ...grant, expires_in: 0 },
  ])('what could harm a terminal or a person is not shown', async (strange) => {
    server[endpoints.deviceAuthorization] = answered(strange)
    expect(await run()).toMatchObject({ ok: false, code: 'unreachable' })
    expect(questions).toEqual([])
  })

  test.each([
    ['somebody else confirmed it', { user_id: '@moderator:community.example', device_id: device }, 'wrong-user'],
    ['the server made another device', { user_id: bot, device_id: 'OTHER' }, 'unreachable'],
  ])('%s: the token is given back', async (_what, who, code) => {
    server['/_matrix/client/v3/account/whoami'] = answered(who)
    polls = [granted]
    expect(await run()).toMatchObject({ ok: false, code })
    expect(requests.at(-1)).toMatchObject({
      at: endpoints.revocation,
      body: { token: 'mar_refresh', token_type_hint: 'refresh_token', client_id: 'the-client' },
    })
  })

  test('no address that is not permitted is ever asked', async () => {
    expect(await run({ token: 'http://10.0.0.1/token' })).toMatchObject({ ok: false, code: 'unreachable' })
    expect(requests).toEqual([])
  })
})

test('a session without OAuth, or without an address to revoke at, ends at the homeserver', async () => {
  server['/_matrix/client/v3/logout'] = answered({})
  const session = { userId: bot, deviceId: device, accessToken: 'a', refreshToken: 'r' }
  expect(await endSession(options(), session)).toBeUndefined()
  expect(requests.map(({ at }) => at)).toEqual(['/_matrix/client/v3/logout'])
  server['/_matrix/client/v3/logout'] = refused(401, 'M_UNKNOWN_TOKEN')
  expect(await endSession(options(), session)).toBeUndefined()
  const ranOut = { ...refused(401), body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true } } as GateResult
  server['/_matrix/client/v3/logout'] = ranOut
  expect(await endSession(options(), session)).toMatchObject({ status: 401 })
  server['/_matrix/client/v3/logout'] = refused(502)
  expect(await endSession(options(), session)).toMatchObject({ status: 502 })
})

describe('the metadata of the homeserver', () => {
  const document = {
    issuer: `${auth}/`,
    token_endpoint: endpoints.token,
    registration_endpoint: endpoints.registration,
    device_authorization_endpoint: endpoints.deviceAuthorization,
    revocation_endpoint: endpoints.revocation,
    grant_types_supported: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  }
  const stable = '/_matrix/client/v1/auth_metadata'
  const unstable = '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata'

  test('names the addresses, at the stable path or at the one of before', async () => {
    server = { [stable]: answered(document) }
    expect(await findEndpoints(gateAt(''))).toEqual(endpoints)
    server = { [stable]: refused(404, 'M_UNRECOGNIZED'), [unstable]: answered(document) }
    expect(await findEndpoints(gateAt(''))).toEqual(endpoints)
  })

  test.each<[string, GateResult]>([
    ['none', refused(404, 'M_UNRECOGNIZED')],
    ['no device grant', answered({ ...document, grant_types_supported: ['authorization_code'] })],
    ['no address for it', answered({ ...document, device_authorization_endpoint: undefined })],
    ['something else', answered('hello')],
  ])('%s: OAuth is not offered', async (_what, answer) => {
    server = { [stable]: answer, [unstable]: answer }
    expect(await findEndpoints(gateAt(''))).toBeUndefined()
  })

  test('a server that does not answer is not one without OAuth', async () => {
    server = { [stable]: timedOut }
    expect(await findEndpoints(gateAt(''))).toMatchObject({ ok: false, code: 'unreachable' })
  })
})

describe('renewal at the authorization server', () => {
  const session = { userId: bot, deviceId: device, accessToken: 'a', oauth: { clientId: 'the-client', tokenEndpoint: endpoints.token } }

  test.each<[string, GateResult, object]>([
    ['a new pair', granted, { kind: 'pair', pair: { accessToken: 'mat_access', refreshToken: 'mar_refresh', expiresInMs: 300_000 } }],
    ['the refresh token is dead', oauthFailure('invalid_grant'), { kind: 'refused' }],
    ['the client was forgotten', { ...refused(401), body: { error: 'invalid_client' } } as GateResult, { kind: 'refused' }],
    ['a fault of the server', oauthFailure('temporarily_unavailable'), { kind: 'later' }],
    ['a stumble', refused(502), { kind: 'later' }],
    ['no answer', timedOut, { kind: 'later' }],
    ['no token', answered({}), { kind: 'later' }],
  ])('%s', async (_what, answer, expected) => {
    polls = [answer]
    expect(await refresh(gateAt(''), gateAt, session, 'mar_old')).toMatchObject(expected)
    expect(requests).toMatchObject([{ body: { grant_type: 'refresh_token', refresh_token: 'mar_old', client_id: 'the-client' } }])
  })
})
