import type { Sealed } from '../database/sealed.ts'
import type { GateFailure } from '../http/contract.ts'
import type { Logger } from '../operations/logger.ts'
import type { DeviceId, Timestamp, UserId } from '../types.ts'
import { errcode } from './errcode.ts'
import { findDevice, passwordLogin, tokenLogin, whoami } from './login.ts'
import type { LoginOptions, LoginResult } from './login.ts'
import type { GateTo } from './oauth-endpoints.ts'
import { refresh } from './refresh.ts'
import { accountRefusal } from './session-failure.ts'
import type { SessionFailure } from './session-failure.ts'
import { deviceToLogIn, fingerprint, readSession, withPair, writeSession } from './session-store.ts'
import type { StoredSession } from './session-store.ts'

export { errcode } from './errcode.ts'

export interface SessionOptions extends LoginOptions {
  readonly sealed: Sealed
  readonly logger: Logger
  readonly password?: string
  readonly accessToken?: string
  /** To the authorization server of an OAuth session. */
  readonly gateTo: GateTo
}

export type SessionResult = { readonly ok: true; readonly session: Session } | SessionFailure

/** What came of renewing the token: another one is there, the server could not be asked now, or the session is over. */
export type Renewal = 'renewed' | 'later' | SessionFailure

/** After a renewal ahead of time that failed, the token that is still good is used for so long before the next try (milliseconds). */
const patienceMs = 5000

/**
 * The bot's login: one device for the life of the data directory. Tokens are stored sealed; a refreshed pair is committed before its first
 * use, so a kill in between costs nothing (the server keeps the old pair until the new one is used; spec: `POST /refresh`).
 */
export class Session {
  readonly #options: SessionOptions
  #stored: StoredSession
  #renewing: Promise<Renewal> | undefined
  #aheadNotBefore: Timestamp = 0
  #end: SessionFailure | undefined

  private constructor(options: SessionOptions, found: StoredSession) {
    this.#options = options
    this.#stored = found
    options.onSecret(found.accessToken)
    if (found.refreshToken !== undefined) options.onSecret(found.refreshToken)
  }

  /**
   * Uses the stored session, else the configured access token, else logs in with the password (asking for a refresh token). Makes no request when
   * a session is stored, unless the configuration holds an access token that it was not made from.
   */
  static async open(options: SessionOptions): Promise<SessionResult> {
    const { sealed, userId, accessToken } = options
    const found = readSession(sealed)
    if (found !== undefined) {
      if (found.userId !== userId) {
        return {
          ok: false,
          code: 'other-user-stored',
          words: `this data directory belongs to ${found.userId}, the configuration says ${userId}: use another data directory for another user`,
        }
      }
      const same = accessToken === undefined || accessToken === found.accessToken || fingerprint(accessToken) === found.configured
      return same ? { ok: true, session: new Session(options, found) } : await Session.#reconcile(options, found, accessToken)
    }
    if (accessToken !== undefined) return Session.keep(options, await tokenLogin(options, accessToken, 'homeserver.accessToken'))
    if (options.password !== undefined)
      return Session.keep(options, await passwordLogin(options, options.password, deviceToLogIn(sealed, options.clock.now())))
    return {
      ok: false,
      code: 'no-credentials',
      words:
        'no session is stored: run `gatehouse login`, or set homeserver.password or homeserver.accessToken (GATEHOUSE_HOMESERVER_PASSWORD_FILE …) for the first start',
    }
  }

  /** Stores the session of a login and opens it; a failure is handed on. */
  static keep(options: SessionOptions, login: LoginResult): SessionResult {
    if (!login.ok) return login
    const session = new Session(options, login.session)
    session.#save(login.session)
    return { ok: true, session }
  }

  /** The configuration names another token than the one in use: it counts if it is of the same device, whose keys are stored here. */
  static async #reconcile(options: SessionOptions, found: StoredSession, accessToken: string): Promise<SessionResult> {
    const login = await tokenLogin(options, accessToken, 'homeserver.accessToken')
    if (!login.ok) {
      // A token that is dead says nothing against the session that is stored.
      if (login.code !== 'login-refused') return login
      options.logger.warn('homeserver.accessToken is dead; the stored session is used. Take the token out of the configuration')
      return { ok: true, session: new Session(options, found) }
    }
    if (login.session.deviceId === found.deviceId) return Session.keep(options, login)
    return {
      ok: false,
      code: 'other-device',
      words:
        `homeserver.accessToken is of device ${login.session.deviceId}, but the keys in this data directory are of device ${found.deviceId}. ` +
        'Take the token out of the configuration to go on as before (if that session is dead: `gatehouse login --again`), or give the old device up with `gatehouse reset-crypto`',
    }
  }

  #save(next: StoredSession): void {
    this.#options.onSecret(next.accessToken)
    if (next.refreshToken !== undefined) this.#options.onSecret(next.refreshToken)
    writeSession(this.#options.sealed, next, this.#options.clock.now())
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
    const { renewAt, refreshToken } = this.#stored
    const now = this.#options.clock.now()
    if (renewAt !== undefined && refreshToken !== undefined && now >= renewAt && now >= this.#aheadNotBefore) {
      this.#renewing ??= this.#share(this.#refresh(refreshToken).then((done) => (done === 'renewed' ? done : 'later')))
      if ((await this.#renewing) !== 'renewed') this.#aheadNotBefore = this.#options.clock.now() + patienceMs
    }
    return this.#stored.accessToken
  }

  /**
   * Renews the token after the server refused it: by the refresh token, or after a soft logout by the configured password, as the same device.
   * @param refused the token that was refused; when it is no longer the current one, nothing is done
   */
  async renew(refused: string): Promise<Renewal> {
    if (this.#end !== undefined) return this.#end
    if (this.#renewing !== undefined) return this.#renewing
    if (refused !== this.#stored.accessToken) return 'renewed'
    this.#renewing = this.#share(this.#renew())
    return this.#renewing
  }

  /** Asks the server whether the session is alive, and renews it if that is what it needs. */
  async check(): Promise<'alive' | 'unknown' | SessionFailure> {
    const token = await this.token()
    const who = await whoami(this.#options.gate, token, this.userId)
    if (who.kind === 'known') return 'alive'
    if (who.kind === 'failed') return who.end.code === 'unreachable' ? 'unknown' : who.end
    const renewal = await this.renew(token)
    if (renewal === 'renewed') return 'alive'
    return renewal === 'later' ? 'unknown' : renewal
  }

  /**
   * Finds out whether an answer that speaks of the account (locked, deactivated, suspended) means the bot's own: a homeserver passes on what other
   * servers answer, and those must not be able to end the bot.
   */
  async examine(failure: GateFailure): Promise<SessionFailure | undefined> {
    // A suspended user may still ask who it is. Sending never involves another server.
    if (errcode(failure) === 'M_USER_SUSPENDED') return failure.route === 'send' ? accountRefusal(this.userId, failure) : undefined
    const who = await whoami(this.#options.gate, this.#stored.accessToken, this.userId)
    return who.kind === 'failed' && who.end.code === 'account-refused' ? who.end : undefined
  }

  #share(work: Promise<Renewal>): Promise<Renewal> {
    return work.finally(() => {
      this.#renewing = undefined
    })
  }

  async #renew(): Promise<Renewal> {
    const { refreshToken } = this.#stored
    const done = refreshToken === undefined ? 'refused' : await this.#refresh(refreshToken)
    if (done !== 'refused') return done
    const result = await this.#revive()
    // Once over it stays over: every request that is under way would ask again otherwise.
    if (typeof result !== 'string') this.#end = result
    return result
  }

  async #refresh(refreshToken: string): Promise<'renewed' | 'refused' | 'later'> {
    const { gate, gateTo, logger, clock } = this.#options
    const result = await refresh(gate, gateTo, this.#stored, refreshToken)
    if (result.kind === 'pair') {
      this.#save(withPair(this.#stored, result.pair, clock.now()))
      return 'renewed'
    }
    const reason = result.kind === 'later' ? result.reason : errcode(result.failure)
    logger.warn({ outcome: result.kind, reason }, 'the access token could not be renewed')
    return result.kind
  }

  /** Nothing to refresh with. Asks the server itself, because the refusal may have been passed on from another server. */
  async #revive(): Promise<Renewal> {
    const { gate, password, logger } = this.#options
    const who = await whoami(gate, this.#stored.accessToken, this.userId)
    if (who.kind === 'known') return 'later'
    if (who.kind === 'failed') return who.end.code === 'unreachable' ? 'later' : who.end
    if (!who.soft) return await this.#diagnose()
    if (password === undefined || this.#stored.oauth !== undefined) {
      return {
        ok: false,
        code: 'session-expired',
        words: `the session of device ${this.deviceId} has run out on the homeserver. Device and keys are good: run \`gatehouse login --again\`, then start the bot`,
      }
    }
    const login = await passwordLogin(this.#options, password, this.deviceId)
    if (!login.ok) return login.code === 'unreachable' ? 'later' : login
    this.#save(login.session)
    // Not for the bot to judge: a long outage does this, and so does somebody who renews with a stolen refresh token.
    logger.warn({ deviceId: this.deviceId }, 'the session had run out on the homeserver; logged in again as the same device')
    return 'renewed'
  }

  /** Somebody ended the session on purpose, so the bot does not come back by itself; but it says what is left. */
  async #diagnose(): Promise<Renewal> {
    const { password } = this.#options
    const ended = `the homeserver has ended the session of device ${this.deviceId}`
    const again = 'if that was not meant, run `gatehouse login --again`'
    if (password === undefined || this.#stored.oauth !== undefined)
      return {
        ok: false,
        code: 'token-dead',
        words: `${ended}: it was signed out, or the device was deleted. ${again}; it says whether the device's keys are gone`,
      }
    const found = await findDevice(this.#options, password, this.deviceId)
    if (found === 'there') return { ok: false, code: 'token-dead', words: `${ended}, but the device is still there: ${again}` }
    if (found === 'gone') return deviceLost(this.deviceId)
    if (found.code === 'unreachable') return 'later'
    return { ...found, words: `${ended}, and ${found.words}` }
  }
}

/** The server no longer has the device: its keys there are gone, and the ones here are of no more use for it. */
export const deviceLost = (deviceId: string): SessionFailure => ({
  ok: false,
  code: 'device-lost',
  words:
    `the homeserver no longer has the device ${deviceId}: it was signed out or deleted there. ` +
    'Make a new one with `gatehouse reset-crypto`; with the recovery key the bot keeps its identity',
})
