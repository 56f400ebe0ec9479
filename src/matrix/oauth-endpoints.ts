import { z } from 'zod'
import type { Gate, GateFailure, GateResult } from '../http/contract.ts'
import type { SessionFailure } from './session-failure.ts'
import { unreachable } from './session-failure.ts'
import type { TokenPair } from './session-store.ts'

/** Makes a way to an authorization server: it has an address of its own. */
export type GateTo = (origin: string) => Gate

const metadata = z.object({
  issuer: z.string(),
  token_endpoint: z.url(),
  registration_endpoint: z.url().optional(),
  revocation_endpoint: z.url().optional(),
  device_authorization_endpoint: z.url().optional(),
  grant_types_supported: z.array(z.string()).default([]),
})

/** The grant of RFC 8628. */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** The addresses that the device grant needs. */
export interface Endpoints {
  readonly token: string
  readonly registration: string
  readonly deviceAuthorization: string
  readonly revocation?: string
}

const answer = z.object({
  access_token: z.string().min(1),
  token_type: z.string().regex(/^bearer$/i),
  refresh_token: z.string().min(1).optional(),
  expires_in: z.number().positive().optional(),
  scope: z.string().optional(),
})

/**
 * What the homeserver says about its authorization server (spec v1.15: `GET /auth_metadata`, RFC 8414).
 * @returns undefined when it has none, or one without the device grant
 */
export const findEndpoints = async (gate: Gate): Promise<Endpoints | SessionFailure | undefined> => {
  let result: GateResult | undefined
  // The second path is that of servers before Matrix v1.15.
  for (const path of ['/_matrix/client/v1/auth_metadata', '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata']) {
    result = await gate.request({ method: 'GET', path, route: 'auth_metadata', repeatable: true })
    if (result.ok || result.code !== 'status' || result.status !== 404) break
  }
  if (result === undefined) return undefined
  if (!result.ok) return result.code === 'status' && result.status < 500 ? undefined : unreachable(result)
  const { data } = metadata.safeParse(result.body)
  if (data?.device_authorization_endpoint === undefined || data.registration_endpoint === undefined) return undefined
  if (!data.grant_types_supported.includes(deviceGrant)) return undefined
  return {
    token: data.token_endpoint,
    registration: data.registration_endpoint,
    deviceAuthorization: data.device_authorization_endpoint,
    ...(data.revocation_endpoint === undefined ? {} : { revocation: data.revocation_endpoint }),
  }
}

/**
 * Posts to an endpoint of the authorization server: a form (RFC 6749), or JSON where `json` is given (RFC 7591).
 * @throws Error when the address is plain http to another machine and that is not permitted
 */
export const post = async (
  gateTo: GateTo,
  address: string,
  content: { readonly form: Readonly<Record<string, string>> } | { readonly json: unknown },
  route: string,
  repeatable = false,
): Promise<GateResult> => {
  const url = new URL(address)
  const gate = gateTo(url.origin)
  const body =
    'json' in content
      ? { body: content.json }
      : { body: Buffer.from(new URLSearchParams(content.form).toString()), contentType: 'application/x-www-form-urlencoded' }
  return await gate.request({
    method: 'POST',
    path: url.pathname,
    ...(url.search === '' ? {} : { query: Object.fromEntries(url.searchParams) }),
    route: `oauth/${route}`,
    repeatable,
    ...body,
  })
}

/** The error code of RFC 6749 section 5.2, if the failure has one. */
export const oauthError = (failure: GateFailure): string | undefined =>
  failure.code === 'status' ? z.object({ error: z.string() }).safeParse(failure.body).data?.error : undefined

/** A token pair from the answer of a token endpoint; undefined when it is none. */
export const readPair = (body: unknown): (TokenPair & { readonly scope?: string | undefined }) | undefined => {
  const { data } = answer.safeParse(body)
  if (data === undefined) return undefined
  return {
    accessToken: data.access_token,
    refreshToken: data.refresh_token,
    expiresInMs: data.expires_in === undefined ? undefined : data.expires_in * 1000,
    scope: data.scope,
  }
}
