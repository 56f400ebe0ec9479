import { z } from 'zod'
import type { GateFailure } from '../http/contract.ts'
import { logOut, whoami } from './login.ts'
import type { LoginOptions, LoginResult } from './login.ts'
import { deviceGrant, oauthError, post, readPair } from './oauth-endpoints.ts'
import type { Endpoints, GateTo } from './oauth-endpoints.ts'
import { unreachable } from './session-failure.ts'
import type { SessionFailure } from './session-failure.ts'
import { withPair } from './session-store.ts'
import type { StoredSession } from './session-store.ts'

/** What a person is asked to open and to compare. */
export interface GrantQuestion {
  readonly address: string
  readonly code: string
  /** The address with the code in it, where the server gives one. */
  readonly complete?: string
  readonly expiresInMs: number
}

export interface DeviceGrantOptions extends LoginOptions {
  readonly gateTo: GateTo
  /** May this address be spoken to? The homeserver names it, and the tokens go there. */
  readonly permits: (address: string) => boolean
  /** Shows the question to the operator. */
  readonly ask: (question: GrantQuestion) => void
}

const registered = z.object({ client_id: z.string().min(1) })
const printable = z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/)
const authorised = z.object({
  device_code: z.string().min(1),
  user_code: printable,
  // Parsed and written again: what is shown in a terminal must not hold control characters.
  verification_uri: z.url({ protocol: /^https?$/ }).transform((value) => new URL(value).href),
  verification_uri_complete: z
    .url({ protocol: /^https?$/ })
    .transform((value) => new URL(value).href)
    .optional(),
  expires_in: z.number().positive(),
  interval: z.number().nonnegative().default(5),
})

/** RFC 8628 section 3.5: asked to slow down, wait five seconds more each time. */
const slowerMs = 5000

const problem = (words: string): SessionFailure => ({ ok: false, code: 'unreachable', words })

const refused = (failure: GateFailure, words: string): SessionFailure => {
  const code = oauthError(failure)
  return code === undefined ? unreachable(failure) : { ok: false, code: 'not-offered', words: `${words} (${code})`, failure }
}

/** The Matrix server name of a user. */
const serverOf = (userId: string): string => userId.slice(userId.indexOf(':') + 1)

/**
 * Logs in by the OAuth device grant (RFC 8628; Matrix MSC4341): the bot registers as a client (RFC 7591), shows an address and a code, and asks at the
 * given pace until a person has said yes in a browser. The device id is part of the scope, so the same device can be granted again.
 */
export const deviceGrantLogin = async (options: DeviceGrantOptions, endpoints: Endpoints, deviceId: string): Promise<LoginResult> => {
  const { gateTo, permits, clock, userId } = options
  const addresses = [
    endpoints.token,
    endpoints.registration,
    endpoints.deviceAuthorization,
    ...(endpoints.revocation === undefined ? [] : [endpoints.revocation]),
  ]
  const forbidden = addresses.find((address) => !permits(address))
  if (forbidden !== undefined)
    return problem(
      `the homeserver names ${new URL(forbidden).origin} for logins, which does not begin with https:// or is inside your network`,
    )

  const registration = await post(gateTo, endpoints.registration, { json: clientMetadata(options) }, 'register')
  if (!registration.ok) return refused(registration, 'the authorization server does not register the bot')
  const client = registered.safeParse(registration.body).data
  if (client === undefined) return problem('the authorization server gave no client id')
  const { client_id } = client

  // The stable names of Matrix v1.15.
  const scope = `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`
  const authorisation = await post(gateTo, endpoints.deviceAuthorization, { form: { client_id, scope } }, 'device')
  if (!authorisation.ok) return refused(authorisation, 'the authorization server does not allow this way to log in')
  const grant = authorised.safeParse(authorisation.body).data
  if (grant === undefined) return problem('the authorization server gave no address and code')
  options.onSecret(grant.device_code)
  const expiresInMs = grant.expires_in * 1000
  options.ask({
    address: grant.verification_uri,
    code: grant.user_code,
    expiresInMs,
    ...(grant.verification_uri_complete === undefined ? {} : { complete: grant.verification_uri_complete }),
  })

  const form = { grant_type: deviceGrant, device_code: grant.device_code, client_id }
  const deadline = clock.now() + expiresInMs
  for (let waitMs = grant.interval * 1000; ;) {
    await clock.sleep(waitMs)
    if (clock.now() >= deadline) return late
    const result = await post(gateTo, endpoints.token, { form }, 'token')
    if (result.ok) {
      const pair = readPair(result.body)
      if (pair === undefined) return problem('the authorization server answered with something that is not a token')
      options.onSecret(pair.accessToken)
      if (pair.refreshToken !== undefined) options.onSecret(pair.refreshToken)
      const { token: tokenEndpoint, revocation } = endpoints
      const oauth = { clientId: client_id, tokenEndpoint, ...(revocation === undefined ? {} : { revocationEndpoint: revocation }) }
      const session = withPair({ userId, deviceId, oauth }, pair, clock.now())
      const wrong = await checkOwner(options, session)
      if (wrong === undefined) return { ok: true, session }
      await endSession(options, session)
      return wrong
    }
    switch (oauthError(result)) {
      case 'authorization_pending':
        break
      case 'slow_down':
        waitMs += slowerMs
        break
      case 'access_denied':
        return { ok: false, code: 'not-granted', words: 'the login was refused in the browser; nothing was changed' }
      case 'expired_token':
        return late
      case undefined:
        // RFC 8628 section 3.5: after a time-out or a stumble, back off. A plain refusal does not get better.
        if (result.code === 'status' && result.status < 500) return unreachable(result)
        waitMs = Math.max(waitMs, 1000) * 2
        break
      default:
        return refused(result, 'the authorization server refused the login')
    }
  }
}

const late: SessionFailure = {
  ok: false,
  code: 'not-granted',
  words: 'nobody confirmed the login in time; nothing was changed. Run `gatehouse login` again',
}

const clientMetadata = ({ deviceName, userId }: LoginOptions): Record<string, unknown> => ({
  client_name: deviceName,
  // Required by Matrix (v1.15: "Client registration"). The bot is its community's own client.
  client_uri: `https://${serverOf(userId)}/`,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: [deviceGrant, 'refresh_token'],
  response_types: [],
})

/** The person in the browser decided who the token is for, and the server which device: both must be what was asked for. */
const checkOwner = async ({ gate, userId }: DeviceGrantOptions, session: StoredSession): Promise<SessionFailure | undefined> => {
  const who = await whoami(gate, session.accessToken, userId)
  if (who.kind === 'failed') return who.end
  if (who.kind === 'unknown') return problem('the homeserver does not know the token that its authorization server gave')
  if (who.userId !== userId) {
    const words = `the login was confirmed as ${who.userId}, but the bot is ${userId}: sign in as the bot in the browser (a private window helps) and run it again`
    return { ok: false, code: 'wrong-user', words }
  }
  return who.deviceId === session.deviceId
    ? undefined
    : problem(`the server made the device ${who.deviceId} instead of ${session.deviceId}`)
}

/**
 * Ends a session on the server; its device and keys there go with it. An OAuth session ends where it began (RFC 7009).
 * @returns why the server could not be told
 */
export const endSession = async (
  { gate, gateTo }: Pick<DeviceGrantOptions, 'gate' | 'gateTo'>,
  session: StoredSession,
): Promise<GateFailure | undefined> => {
  if (session.oauth?.revocationEndpoint === undefined) return await logOut(gate, session.accessToken)
  const token = session.refreshToken ?? session.accessToken
  const hint = session.refreshToken === undefined ? 'access_token' : 'refresh_token'
  const form = { token, token_type_hint: hint, client_id: session.oauth.clientId }
  const result = await post(gateTo, session.oauth.revocationEndpoint, { form }, 'revoke', true)
  return result.ok ? undefined : result
}
