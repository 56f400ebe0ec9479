import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HomeserverAnswerError, rest } from '../homeserver/rest.ts'
import { logIn } from '../homeserver/admin.ts'
import { Authorization, OAuthError, type Grants } from './authorization.ts'
import { relay } from './relay.ts'

export interface OAuthStandInOptions {
  /** Base URL of the real homeserver behind it. */
  readonly target: string
  /** How long an access token lives (milliseconds). */
  readonly accessLifetimeMs: number
  /** The pace of polling that is asked for (seconds). */
  readonly interval: number
}

/** A homeserver whose logins are OAuth's only, and its authorization server. */
export interface OAuthStandIn {
  /** Base URL of the homeserver. */
  readonly url: string
  /** Names of what the authorization server was asked for and how it answered, such as `token 400 slow_down`. */
  readonly log: readonly string[]
  /** The person in the browser says yes, signed in as this user. */
  approve(userCode: string, user: { readonly localpart: string; readonly password: string }): void
  /** The person in the browser says no. */
  deny(userCode: string): void
  /** Ends all sessions, as an admin would in the account's list of sessions. Their devices go with them. */
  endSessions(): Promise<void>
  /** The next answer of the token endpoint takes effect but gets lost. */
  loseNextToken(): void
  stop(): Promise<void>
}

const limit = 64 * 1024

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > limit) throw new OAuthError(413, 'invalid_request')
  }
  return text
}

const reply = (response: ServerResponse, status: number, json: unknown): void => {
  const text = JSON.stringify(json)
  // RFC 6749 section 5.1: what holds tokens must not be kept anywhere.
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(text)
}

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const close = async (server: Server): Promise<void> => {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/**
 * Stands in for the Matrix Authentication Service, which is not to be had from a registry: strict about RFC 8414, 7591, 8628, 6749 and 7009, and
 * about the parts of the Matrix specification (v1.15) that use them. Its tokens stand for real ones of the Synapse behind it, which it gets by password.
 */
export const startOAuthStandIn = async (options: OAuthStandInOptions): Promise<OAuthStandIn> => {
  const { target } = options
  const log: string[] = []
  let losing = 0
  const grants: Grants = {
    mint: async ({ localpart, password }, deviceId) => (await logIn(target, localpart, password, { deviceId })).accessToken,
    end: async (token) => {
      try {
        await rest(target, token)('POST', '/_matrix/client/v3/logout', {})
      } catch (error) {
        // Ended behind our back, which is what is wanted.
        if (!(error instanceof HomeserverAnswerError) || error.errcode !== 'M_UNKNOWN_TOKEN') throw error
      }
    },
  }
  const authorization = new Authorization({ ...options, grants })

  const answerOAuth = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = (request.url ?? '').replace(/^\/oauth2\//, '')
    try {
      if (request.method !== 'POST') throw new OAuthError(405, 'invalid_request')
      const json = await authorization.answer(name, request.headers['content-type'] ?? '', await bodyOf(request))
      log.push(`${name} 200`)
      if (name === 'token' && losing > 0) {
        losing -= 1
        request.socket.resetAndDestroy()
        return
      }
      reply(response, name === 'registration' ? 201 : 200, json)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      log.push(`${name} ${error.status} ${error.code}`)
      reply(response, error.status, { error: error.code })
    }
  }
  const failed = (response: ServerResponse) => (error: unknown) => {
    log.push(`a bug of the stand-in: ${String(error)}`)
    response.destroy()
  }
  const oauth = createServer((request, response) => void answerOAuth(request, response).catch(failed(response)))
  const issuer = await listen(oauth)

  const answerMatrix = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').replace(/\?.*$/s, '')
    if (path === '/_matrix/client/v1/auth_metadata') return reply(response, 200, metadata(issuer))
    // Such a server knows no other login (spec v1.15: "OAuth 2.0 API").
    if (/^\/_matrix\/client\/v3\/(?:login|refresh|logout|register)(?:\/|$)/.test(path))
      return reply(response, 404, { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' })
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const real = token === undefined ? undefined : authorization.use(token)
    if (token !== undefined && real === undefined)
      return reply(response, 401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Token is not active', soft_logout: false })
    await relay(request, response, target, real)
  }
  const matrix = createServer((request, response) => void answerMatrix(request, response).catch(failed(response)))
  matrix.requestTimeout = 0
  const url = await listen(matrix)

  return {
    url,
    log,
    approve: (userCode, user) => authorization.approve(userCode, user),
    deny: (userCode) => authorization.deny(userCode),
    endSessions: async () => await authorization.endAll(),
    loseNextToken: () => {
      losing += 1
    },
    stop: async () => {
      await Promise.all([close(matrix), close(oauth)])
    },
  }
}

const metadata = (issuer: string): Record<string, unknown> => ({
  issuer: `${issuer}/`,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/oauth2/token`,
  registration_endpoint: `${issuer}/oauth2/registration`,
  revocation_endpoint: `${issuer}/oauth2/revoke`,
  device_authorization_endpoint: `${issuer}/oauth2/device`,
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment'],
  grant_types_supported: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  code_challenge_methods_supported: ['S256'],
})
