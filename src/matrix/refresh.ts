import { z } from 'zod'
import type { Gate, GateFailure } from '../http/contract.ts'
import { oauthError, post, readPair } from './oauth-endpoints.ts'
import type { GateTo } from './oauth-endpoints.ts'
import type { StoredSession, TokenPair } from './session-store.ts'

const refreshed = z.object({ access_token: z.string(), refresh_token: z.string().optional(), expires_in_ms: z.number().optional() })

/** What came of asking for a new token pair. */
export type Refresh =
  | { readonly kind: 'pair'; readonly pair: TokenPair }
  /** The server takes the refresh token no more. */
  | { readonly kind: 'refused'; readonly failure: GateFailure }
  /** The server could not be asked, or stumbled. */
  | { readonly kind: 'later'; readonly reason: string }

const stumble = (failure: GateFailure): Refresh => ({
  kind: 'later',
  reason: failure.code === 'status' ? `HTTP ${failure.status}` : failure.code,
})

/**
 * Asks for a new pair, at the homeserver (spec v1.3: `POST /refresh`) or at the authorization server (RFC 6749 section 6). When an answer is
 * lost, the same refresh token may be used again: both keep it valid until the new pair is used (spec: "Refresh token grant" and `POST /refresh`).
 */
export const refresh = async (gate: Gate, gateTo: GateTo, session: StoredSession, refreshToken: string): Promise<Refresh> => {
  if (session.oauth !== undefined) {
    const { clientId, tokenEndpoint } = session.oauth
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId }
    const result = await post(gateTo, tokenEndpoint, { form }, 'token', true)
    if (!result.ok) {
      const code = oauthError(result)
      return code === 'invalid_grant' || code === 'invalid_client' || code === 'unauthorized_client'
        ? { kind: 'refused', failure: result }
        : stumble(result)
    }
    const pair = readPair(result.body)
    return pair === undefined ? { kind: 'later', reason: 'the answer is no token' } : { kind: 'pair', pair }
  }
  const result = await gate.request({
    method: 'POST',
    path: '/_matrix/client/v3/refresh',
    route: 'refresh',
    repeatable: true,
    body: { refresh_token: refreshToken },
  })
  if (!result.ok) {
    // Only the server's refusal ends a session (spec: 401; Synapse answers 403 for one that was used or has run out).
    return result.code === 'status' && (result.status === 401 || result.status === 403)
      ? { kind: 'refused', failure: result }
      : stumble(result)
  }
  const { data } = refreshed.safeParse(result.body)
  return data === undefined
    ? { kind: 'later', reason: 'the answer is no token' }
    : {
        kind: 'pair',
        pair: { accessToken: data.access_token, refreshToken: data.refresh_token, expiresInMs: data.expires_in_ms },
      }
}
