import { z } from 'zod'
import type { Gate, GateFailure } from '../http/contract.ts'
import type { Clock } from '../operations/clock.ts'
import type { UserId } from '../types.ts'
import { errcode, isSoftLogout } from './errcode.ts'
import { accountRefusal, refusal, unreachable } from './session-failure.ts'
import type { SessionFailure } from './session-failure.ts'
import { fingerprint, withPair } from './session-store.ts'
import type { StoredSession } from './session-store.ts'

const loginAnswer = z.object({
  user_id: z.string(),
  device_id: z.string(),
  access_token: z.string(),
  refresh_token: z.string().optional(),
  expires_in_ms: z.number().optional(),
})
const whoamiAnswer = z.object({ user_id: z.string(), device_id: z.string().optional() })
const keysAnswer = z.object({ device_keys: z.record(z.string(), z.record(z.string(), z.unknown())) })
const flowsAnswer = z.object({ flows: z.array(z.object({ type: z.string() })) })

/** What a login needs. */
export interface LoginOptions {
  readonly gate: Gate
  readonly clock: Clock
  readonly userId: UserId
  /** Name of the device, as people see it. */
  readonly deviceName: string
  /** Told of every secret as soon as it is known, so that logs can mask it. */
  readonly onSecret: (secret: string) => void
}

/** A session that is not stored yet. */
export type LoginResult = { readonly ok: true; readonly session: StoredSession } | SessionFailure

/**
 * Logs in with a password as the given device (spec: `POST /login`), asking for a refresh token. A device of that id keeps its keys on the server.
 */
export const passwordLogin = async (options: LoginOptions, password: string, deviceId: string): Promise<LoginResult> => {
  const { userId } = options
  const result = await options.gate.request({
    method: 'POST',
    path: '/_matrix/client/v3/login',
    route: 'login',
    repeatable: false,
    body: {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: userId },
      password,
      device_id: deviceId,
      initial_device_display_name: options.deviceName,
      refresh_token: true,
    },
  })
  if (!result.ok) return refusal(userId, result, `the server refused the login of ${userId}: is the password right?`)
  const body = loginAnswer.safeParse(result.body)
  if (!body.success) return { ok: false, code: 'unreachable', words: 'the server answered the login with something that is not a session' }
  const { data } = body
  options.onSecret(data.access_token)
  if (data.refresh_token !== undefined) options.onSecret(data.refresh_token)
  if (data.user_id !== userId)
    return { ok: false, code: 'wrong-user', words: `the server logged in ${data.user_id} instead of ${userId}: correct homeserver.userId` }
  if (data.device_id !== deviceId)
    return { ok: false, code: 'unreachable', words: `the server made the device ${data.device_id} instead of ${deviceId}` }
  const pair = { accessToken: data.access_token, refreshToken: data.refresh_token, expiresInMs: data.expires_in_ms }
  return { ok: true, session: withPair({ userId, deviceId }, pair, options.clock.now()) }
}

/** Whom a token belongs to. */
export type Whoami =
  | { readonly kind: 'known'; readonly userId: string; readonly deviceId?: string | undefined }
  /** The server does not know the token any more; `soft` = the device stays. */
  | { readonly kind: 'unknown'; readonly soft: boolean; readonly failure: GateFailure }
  | { readonly kind: 'failed'; readonly end: SessionFailure }

/** Asks whom a token belongs to (spec: `GET /account/whoami`). */
export const whoami = async (gate: Gate, token: string, userId: UserId): Promise<Whoami> => {
  const result = await gate.request({
    method: 'GET',
    path: '/_matrix/client/v3/account/whoami',
    route: 'whoami',
    token,
    repeatable: true,
  })
  if (!result.ok) {
    if (result.code === 'status' && result.status === 401 && errcode(result) === 'M_UNKNOWN_TOKEN')
      return { kind: 'unknown', soft: isSoftLogout(result), failure: result }
    return { kind: 'failed', end: accountRefusal(userId, result) ?? refusal(userId, result, 'the server refused the token') }
  }
  const body = whoamiAnswer.safeParse(result.body)
  if (!body.success) return { kind: 'failed', end: { ok: false, code: 'unreachable', words: 'the server does not say whose token it is' } }
  return { kind: 'known', userId: body.data.user_id, deviceId: body.data.device_id }
}

/**
 * A session from an access token that somebody made for the bot: the device is the token's.
 * @param name what the token is called in words, such as `homeserver.accessToken`
 */
export const tokenLogin = async (options: LoginOptions, accessToken: string, name: string): Promise<LoginResult> => {
  const who = await whoami(options.gate, accessToken, options.userId)
  if (who.kind === 'failed') return who.end
  if (who.kind === 'unknown')
    return { ok: false, code: 'login-refused', words: `${name} was refused (M_UNKNOWN_TOKEN): give a new one`, failure: who.failure }
  if (who.userId !== options.userId)
    return { ok: false, code: 'wrong-user', words: `${name} belongs to another user than ${options.userId}` }
  if (who.deviceId === undefined)
    return { ok: false, code: 'no-device', words: `${name} has no device, so it cannot encrypt: log in with a password instead` }
  options.onSecret(accessToken)
  return {
    ok: true,
    session: { userId: options.userId, deviceId: who.deviceId, accessToken, configured: fingerprint(accessToken) },
  }
}

/**
 * Does the server still have this device? Asked with a session of its own that ends at once, because the bot's own one is over. Devices are
 * only told to their user, so there is no way without one.
 * @returns why there is no answer, otherwise
 */
export const findDevice = async (options: LoginOptions, password: string, deviceId: string): Promise<'there' | 'gone' | SessionFailure> => {
  const { gate } = options
  const probe = await passwordLogin(
    { ...options, deviceName: `${options.deviceName} (looking for its device)` },
    password,
    `LOOK${deviceId}`,
  )
  if (!probe.ok) return probe
  const token = probe.session.accessToken
  const found = await gate.request({
    method: 'GET',
    path: `/_matrix/client/v3/devices/${encodeURIComponent(deviceId)}`,
    route: 'devices',
    token,
    repeatable: true,
  })
  await logOut(gate, token)
  if (found.ok) return 'there'
  return found.code === 'status' && found.status === 404 ? 'gone' : unreachable(found)
}

/** Does the server hold keys of the session's device (spec: `POST /keys/query`)? */
export const keysOnServer = async (gate: Gate, session: StoredSession): Promise<boolean | SessionFailure> => {
  const { userId, deviceId } = session
  const result = await gate.request({
    method: 'POST',
    path: '/_matrix/client/v3/keys/query',
    route: 'keys/query',
    token: session.accessToken,
    repeatable: true,
    body: { device_keys: { [userId]: [deviceId] } },
  })
  if (!result.ok) return refusal(userId, result, 'the server does not give the keys of the bot')
  const own = Object.entries(keysAnswer.safeParse(result.body).data?.device_keys ?? {}).find(([user]) => user === userId)?.[1] ?? {}
  return Object.hasOwn(own, deviceId)
}

/**
 * Ends the session of a token; its device goes with it (spec: `POST /logout`). A token that is dead already counts as logged out, one that has
 * only run out does not: its device is still there.
 */
export const logOut = async (gate: Gate, token: string): Promise<GateFailure | undefined> => {
  const result = await gate.request({
    method: 'POST',
    path: '/_matrix/client/v3/logout',
    route: 'logout',
    token,
    repeatable: true,
    body: {},
  })
  return result.ok || (errcode(result) === 'M_UNKNOWN_TOKEN' && !isSoftLogout(result)) ? undefined : result
}

/** Does the server take passwords (spec: `GET /login`)? */
export const takesPasswords = async (gate: Gate): Promise<boolean | SessionFailure> => {
  const result = await gate.request({ method: 'GET', path: '/_matrix/client/v3/login', route: 'login', repeatable: true })
  // A server that has nothing but OAuth does not know this path at all.
  if (!result.ok) return result.code === 'status' && result.status === 404 ? false : unreachable(result)
  return flowsAnswer.safeParse(result.body).data?.flows.some(({ type }) => type === 'm.login.password') ?? false
}
