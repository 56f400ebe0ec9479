import { z } from 'zod'
import type { Sealed } from '../database/sealed.ts'
import type { Gate, GateFailure, GateResult } from '../http/contract.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { DeviceId, Timestamp, UserId } from '../types.ts'

const login = z.object({
  user_id: z.string(),
  device_id: z.string(),
  access_token: z.string(),
  refresh_token: z.string().optional(),
  expires_in_ms: z.number().optional(),
})
const refreshed = z.object({ access_token: z.string(), refresh_token: z.string().optional(), expires_in_ms: z.number().optional() })
const whoami = z.object({ user_id: z.string(), device_id: z.string().optional() })
const stored = z.object({
  userId: z.string(),
  deviceId: z.string(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  expiresAt: z.number().optional(),
})
type Stored = z.infer<typeof stored>

/** Why there is no session. `words` name the remedy. */
export interface SessionFailure {
  readonly ok: false
  readonly code: 'no-credentials' | 'login-refused' | 'wrong-user' | 'no-device' | 'token-dead' | 'unreachable' | 'other-user-stored'
  readonly words: string
  readonly failure?: GateFailure
}

export interface SessionOptions {
  readonly gate: Gate
  readonly sealed: Sealed
  readonly clock: Clock
  readonly logger: Logger
  readonly userId: UserId
  readonly password?: string
  readonly accessToken?: string
  readonly deviceName: string
  /** Told of every secret as soon as it is known, so that logs can mask it. */
  readonly onSecret: (secret: string) => void
}

/** What came of renewing the token: another one is there, the session is over, or the server could not be asked now. */
export type Renewal = 'renewed' | 'over' | 'later'

/** Renew this long before the token ends: longer than one request's time-out would waste short tokens, shorter risks a refusal. */
const renewBeforeMs = 45_000
const entry = 'session'

const json = (result: GateResult & { ok: false }): Record<string, unknown> =>
  result.code === 'status' && typeof result.body === 'object' && result.body !== null ? (result.body as Record<string, unknown>) : {}

/** The error code of a Matrix error answer (spec: `errcode`), if it is one. */
export const errcode = (result: GateFailure): string | undefined => {
  const value = json(result)['errcode']
  return typeof value === 'string' ? value : undefined
}

/**
 * The bot's login: one device for the life of the data directory. Tokens are stored sealed; a refreshed pair is committed before its first
 * use, so a kill in between costs nothing (the server keeps the old pair until the new one is used; spec: `POST /refresh`).
 */
export class Session {
  readonly #options: SessionOptions
  #stored: Stored
  #renewing: Promise<Renewal> | undefined

  private constructor(options: SessionOptions, found: Stored) {
    this.#options = options
    this.#stored = found
    options.onSecret(found.accessToken)
    if (found.refreshToken !== undefined) options.onSecret(found.refreshToken)
  }

  /**
   * Uses the stored session, else the configured access token, else logs in with the password (asking for a refresh token).
   * Makes no request when a session is stored.
   */
  static async open(options: SessionOptions): Promise<{ readonly ok: true; readonly session: Session } | SessionFailure> {
    const raw = options.sealed.get(entry)
    if (raw !== undefined) {
      const found = stored.parse(JSON.parse(raw))
      if (found.userId !== options.userId) {
        return {
          ok: false,
          code: 'other-user-stored',
          words: `this data directory belongs to ${found.userId}, the configuration says ${options.userId}: use another data directory for another user`,
        }
      }
      return { ok: true, session: new Session(options, found) }
    }
    if (options.accessToken !== undefined) return Session.#adopt(options, options.accessToken)
    if (options.password !== undefined) return Session.#login(options, options.password)
    return {
      ok: false,
      code: 'no-credentials',
      words:
        'no session is stored: set homeserver.password or homeserver.accessToken (GATEHOUSE_HOMESERVER_PASSWORD_FILE …) for the first start',
    }
  }

  static async #adopt(
    options: SessionOptions,
    accessToken: string,
  ): Promise<{ readonly ok: true; readonly session: Session } | SessionFailure> {
    const result = await options.gate.request({
      method: 'GET',
      path: '/_matrix/client/v3/account/whoami',
      route: 'whoami',
      token: accessToken,
      repeatable: true,
    })
    if (!result.ok) return refusal(result, 'homeserver.accessToken was refused')
    const who = whoami.safeParse(result.body)
    if (!who.success || who.data.user_id !== options.userId) {
      return { ok: false, code: 'wrong-user', words: `homeserver.accessToken belongs to another user than ${options.userId}` }
    }
    if (who.data.device_id === undefined) {
      return {
        ok: false,
        code: 'no-device',
        words: 'homeserver.accessToken has no device, so it cannot encrypt: log in with a password instead',
      }
    }
    return Session.#keep(options, { userId: options.userId, deviceId: who.data.device_id, accessToken })
  }

  static async #login(
    options: SessionOptions,
    password: string,
  ): Promise<{ readonly ok: true; readonly session: Session } | SessionFailure> {
    // The device id is chosen and stored before the request: a crash after it logs in again as the same device instead of leaving two.
    const known = options.sealed.get('session.device')
    const deviceId =
      known ??
      `GATEHOUSE${[...crypto.getRandomValues(new Uint8Array(5))].map((byte) => byte.toString(36).toUpperCase().padStart(2, '0')).join('')}`
    if (known === undefined) options.sealed.set('session.device', deviceId, options.clock.now())
    const result = await options.gate.request({
      method: 'POST',
      path: '/_matrix/client/v3/login',
      route: 'login',
      repeatable: false,
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: options.userId },
        password,
        device_id: deviceId,
        initial_device_display_name: options.deviceName,
        refresh_token: true,
      },
    })
    if (!result.ok) return refusal(result, `the server refused the login of ${options.userId}`)
    const body = login.safeParse(result.body)
    if (!body.success)
      return { ok: false, code: 'unreachable', words: 'the server answered the login with something that is not a session' }
    if (body.data.user_id !== options.userId) {
      return {
        ok: false,
        code: 'wrong-user',
        words: `the server logged in ${body.data.user_id} instead of ${options.userId}: correct homeserver.userId`,
      }
    }
    return Session.#keep(options, pair(options, { userId: body.data.user_id, deviceId: body.data.device_id, accessToken: '' }, body.data))
  }

  static #keep(options: SessionOptions, found: Stored): { readonly ok: true; readonly session: Session } {
    const session = new Session(options, found)
    session.#save(found)
    return { ok: true, session }
  }

  #save(next: Stored): void {
    this.#options.onSecret(next.accessToken)
    if (next.refreshToken !== undefined) this.#options.onSecret(next.refreshToken)
    this.#options.sealed.set(entry, JSON.stringify(next), this.#options.clock.now())
    this.#stored = next
  }

  get userId(): UserId {
    return this.#stored.userId as UserId
  }

  get deviceId(): DeviceId {
    return this.#stored.deviceId as DeviceId
  }

  /** When the access token ends, if it does. */
  get expiresAt(): Timestamp | undefined {
    return this.#stored.expiresAt
  }

  /** A token that is good for the next request; renews it first when it is about to end. */
  async token(): Promise<string> {
    const { expiresAt } = this.#stored
    if (expiresAt !== undefined && expiresAt - this.#options.clock.now() < renewBeforeMs) await this.renew(this.#stored.accessToken)
    return this.#stored.accessToken
  }

  /**
   * Renews the token after the server refused it.
   * @param refused the token that was refused; when it is no longer the current one, nothing is done
   */
  async renew(refused: string): Promise<Renewal> {
    if (this.#renewing !== undefined) return this.#renewing
    if (refused !== this.#stored.accessToken) return 'renewed'
    if (this.#stored.refreshToken === undefined) return 'over'
    this.#renewing = this.#refresh(this.#stored.refreshToken).finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #refresh(refreshToken: string): Promise<Renewal> {
    const result = await this.#options.gate.request({
      method: 'POST',
      path: '/_matrix/client/v3/refresh',
      route: 'refresh',
      // The server answers a repeat with a new pair as long as the first new one was not used (spec v1.3).
      repeatable: true,
      body: { refresh_token: refreshToken },
    })
    if (!result.ok) {
      const status = result.code === 'status' ? result.status : undefined
      this.#options.logger.warn({ code: result.code, status }, 'the access token could not be renewed')
      // Only the server's refusal ends a session (spec: `POST /refresh`, 401); one that stumbles is asked again with the next request.
      return status === 401 || status === 403 ? 'over' : 'later'
    }
    const body = refreshed.safeParse(result.body)
    if (!body.success) return 'later'
    this.#save(pair(this.#options, this.#stored, body.data))
    return 'renewed'
  }
}

const pair = (options: SessionOptions, before: Stored, answer: z.infer<typeof refreshed>): Stored => {
  const refreshToken = answer.refresh_token ?? before.refreshToken
  return {
    userId: before.userId,
    deviceId: before.deviceId,
    accessToken: answer.access_token,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(answer.expires_in_ms === undefined ? {} : { expiresAt: options.clock.now() + answer.expires_in_ms }),
  }
}

const refusal = (failure: GateFailure, words: string): SessionFailure => {
  if (failure.code === 'status' && (failure.status === 401 || failure.status === 403)) {
    return { ok: false, code: 'login-refused', words: `${words} (${errcode(failure) ?? failure.status})`, failure }
  }
  const reason = failure.code === 'network' ? failure.reason : failure.code === 'status' ? `HTTP ${failure.status}` : failure.code
  return { ok: false, code: 'unreachable', words: `the homeserver could not be reached (${reason})`, failure }
}
