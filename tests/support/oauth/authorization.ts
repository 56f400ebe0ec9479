import { randomBytes } from 'node:crypto'
import { z } from 'zod'

/** Who signed in in the browser. */
export interface Owner {
  readonly localpart: string
  readonly password: string
}

/** What an authorization stands for on the real homeserver. */
export interface Grants {
  /** Makes the device, or takes it up again, and answers with a real token. */
  mint(owner: Owner, deviceId: string): Promise<string>
  /** Ends the real session; its device goes with it. */
  end(token: string): Promise<void>
}

export interface AuthorizationOptions {
  readonly accessLifetimeMs: number
  readonly interval: number
  readonly grants: Grants
}

/** An error answer (RFC 6749 section 5.2). */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

interface Grant {
  readonly clientId: string
  readonly deviceCode: string
  readonly userCode: string
  readonly deviceId: string
  readonly expiresAt: number
  polledAt: number
  intervalMs: number
  decision: Owner | 'denied' | undefined
}

/** A session with the pairs that were given out for it; the last one is the newest. */
interface OAuthSession {
  readonly clientId: string
  readonly real: string
  readonly pairs: Pair[]
}

interface Pair {
  readonly access: string
  readonly refresh: string
  readonly expiresAt: number
}

const device = 'urn:ietf:params:oauth:grant-type:device_code'
const grantLifetimeMs = 60_000
/** As on MAS: each part of the scope is a word, and a device id has at least ten letters, digits and dashes. */
const scopePattern = /^urn:matrix:client:api:\* urn:matrix:client:device:([A-Za-z0-9-]{10,})$/

const clientMetadata = z.object({
  client_name: z.string().optional(),
  // Required by Matrix, and no plain http.
  client_uri: z.url({ protocol: /^https$/ }),
  application_type: z.enum(['native', 'web']),
  token_endpoint_auth_method: z.literal('none'),
  grant_types: z.array(z.string()).refine((types) => types.includes(device) && types.includes('refresh_token')),
  response_types: z.array(z.never()),
})

/** The authorization server: clients, grants and token pairs. Refresh tokens are rotated; the old one lives until the new pair is used. */
export class Authorization {
  readonly #options: AuthorizationOptions
  readonly #clients = new Set<string>()
  #grants: Grant[] = []
  #sessions: OAuthSession[] = []

  constructor(options: AuthorizationOptions) {
    this.#options = options
  }

  /** Answers a request to an endpoint. @throws OAuthError */
  async answer(endpoint: string, contentType: string, body: string): Promise<unknown> {
    if (endpoint === 'registration') {
      if (!contentType.startsWith('application/json')) throw new OAuthError(400, 'invalid_client_metadata')
      return this.#register(JSON.parse(body))
    }
    if (contentType !== 'application/x-www-form-urlencoded') throw new OAuthError(400, 'invalid_request')
    const params = new URLSearchParams(body)
    // RFC 6749 section 3.2: parameters must not be repeated.
    if (new Set(params.keys()).size !== params.size) throw new OAuthError(400, 'invalid_request')
    const form = Object.fromEntries(params)
    const clientId = form['client_id'] ?? ''
    if (!this.#clients.has(clientId)) throw new OAuthError(401, 'invalid_client')
    switch (endpoint) {
      case 'device':
        return this.#authorise(clientId, form['scope'] ?? '')
      case 'token':
        if (form['grant_type'] === device) return await this.#poll(clientId, form['device_code'])
        if (form['grant_type'] === 'refresh_token') return this.#refresh(clientId, form['refresh_token'])
        throw new OAuthError(400, 'unsupported_grant_type')
      case 'revoke':
        await this.#revoke(clientId, form['token'])
        return {}
      default:
        throw new OAuthError(404, 'invalid_request')
    }
  }

  approve(userCode: string, owner: Owner): void {
    this.#grantOf(userCode).decision = owner
  }

  deny(userCode: string): void {
    this.#grantOf(userCode).decision = 'denied'
  }

  /** The real token behind an access token; with its use the pairs before it end. undefined = not active. */
  use(access: string): string | undefined {
    for (const session of this.#sessions) {
      const at = session.pairs.findIndex((pair) => pair.access === access)
      const pair = session.pairs[at]
      if (pair === undefined) continue
      if (pair.expiresAt <= Date.now()) return undefined
      session.pairs.splice(0, at)
      return session.real
    }
    return undefined
  }

  async endAll(): Promise<void> {
    const sessions = this.#sessions
    this.#sessions = []
    for (const { real } of sessions) await this.#options.grants.end(real)
  }

  #grantOf(userCode: string): Grant {
    const grant = this.#grants.find((one) => one.userCode === userCode)
    if (grant === undefined) throw new Error(`nobody asks with the code ${userCode}`)
    return grant
  }

  #register(metadata: unknown): unknown {
    const { data } = clientMetadata.safeParse(metadata)
    if (data === undefined) throw new OAuthError(400, 'invalid_client_metadata')
    const clientId = randomBytes(12).toString('hex')
    this.#clients.add(clientId)
    return { client_id: clientId, client_id_issued_at: Math.floor(Date.now() / 1000), ...data }
  }

  #authorise(clientId: string, scope: string): unknown {
    const deviceId = scopePattern.exec(scope)?.[1]
    if (deviceId === undefined) throw new OAuthError(400, 'invalid_scope')
    const { interval } = this.#options
    const grant: Grant = {
      clientId,
      deviceId,
      deviceCode: randomBytes(24).toString('base64url'),
      userCode: `${randomBytes(2).toString('hex')}-${randomBytes(2).toString('hex')}`.toUpperCase(),
      expiresAt: Date.now() + grantLifetimeMs,
      polledAt: Date.now(),
      intervalMs: interval * 1000,
      decision: undefined,
    }
    this.#grants.push(grant)
    return {
      device_code: grant.deviceCode,
      user_code: grant.userCode,
      verification_uri: 'https://auth.example.test/link',
      verification_uri_complete: `https://auth.example.test/link?code=${grant.userCode}`,
      expires_in: grantLifetimeMs / 1000,
      interval,
    }
  }

  async #poll(clientId: string, deviceCode: string | undefined): Promise<unknown> {
    const grant = this.#grants.find((one) => one.deviceCode === deviceCode && one.clientId === clientId)
    if (grant === undefined) throw new OAuthError(400, 'invalid_grant')
    const now = Date.now()
    const early = now - grant.polledAt < grant.intervalMs - 20
    grant.polledAt = now
    if (now >= grant.expiresAt) throw new OAuthError(400, 'expired_token')
    if (early) {
      grant.intervalMs += 5000
      throw new OAuthError(400, 'slow_down')
    }
    if (grant.decision === undefined) throw new OAuthError(400, 'authorization_pending')
    this.#grants = this.#grants.filter((one) => one !== grant)
    if (grant.decision === 'denied') throw new OAuthError(400, 'access_denied')
    const real = await this.#options.grants.mint(grant.decision, grant.deviceId)
    const session: OAuthSession = { clientId, real, pairs: [] }
    this.#sessions.push(session)
    return this.#pair(session)
  }

  #refresh(clientId: string, refresh: string | undefined): unknown {
    const session = this.#sessions.find((one) => one.clientId === clientId && one.pairs.some((pair) => pair.refresh === refresh))
    if (session === undefined) throw new OAuthError(400, 'invalid_grant')
    // The pairs before it have ended with this use, and a pair after it was lost on its way.
    const at = session.pairs.findIndex((pair) => pair.refresh === refresh)
    session.pairs.splice(0, at)
    session.pairs.splice(1)
    return this.#pair(session)
  }

  async #revoke(clientId: string, token: string | undefined): Promise<void> {
    const session = this.#sessions.find(
      (one) => one.clientId === clientId && one.pairs.some(({ access, refresh }) => access === token || refresh === token),
    )
    // RFC 7009 section 2.2: an unknown token is no error.
    if (session === undefined) return
    this.#sessions = this.#sessions.filter((one) => one !== session)
    await this.#options.grants.end(session.real)
  }

  #pair(session: OAuthSession): unknown {
    const { accessLifetimeMs } = this.#options
    const pair = {
      access: `mat_${randomBytes(24).toString('base64url')}`,
      refresh: `mar_${randomBytes(24).toString('base64url')}`,
      expiresAt: Date.now() + accessLifetimeMs,
    }
    session.pairs.push(pair)
    return { access_token: pair.access, refresh_token: pair.refresh, token_type: 'Bearer', expires_in: accessLifetimeMs / 1000 }
  }
}
