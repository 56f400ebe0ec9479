import type { MatrixClient } from 'matrix-bot-sdk'
import type { Gate, GateFailure, GateRequest, GateResult, Method } from '../http/contract.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { eventRoutes } from './sending-budget.ts'
import type { SendingBudget } from './sending-budget.ts'
import { loadSdk } from './sdk.ts'
import { errcode } from './errcode.ts'
import { isAboutAccount } from './session-failure.ts'
import type { SessionFailure } from './session-failure.ts'
import type { Session } from './session.ts'

/** What a request through `Homeserver` may set; path and method come first. */
export interface HomeserverRequest extends Omit<GateRequest, 'token' | 'method' | 'path'> {
  /** Goes before others where the server limits the bot: somebody waits for it. Default false. */
  readonly urgent?: boolean
}

/** A failed request of the SDK client, as the one error type at the edge: no raw response, no token. */
export class HomeserverError extends Error {
  readonly failure: GateFailure

  constructor(failure: GateFailure) {
    super(describeFailure(failure))
    this.name = 'HomeserverError'
    this.failure = failure
  }
}

/** A failure in plain words, without ids or secrets. */
export const describeFailure = (failure: GateFailure): string => {
  switch (failure.code) {
    case 'status':
      return `the server answered ${failure.status}${errcode(failure) === undefined ? '' : ` ${errcode(failure)}`}`
    case 'limited':
      return `the server asks to wait ${Math.ceil(failure.retryAfterMs / 1000)} s`
    case 'network':
      return `no connection (${failure.reason})`
    case 'timeout':
      return 'the server did not answer in time'
    case 'malformed':
      return 'the server answered something that is not JSON'
    case 'down':
      return 'the server is down'
    case 'cancelled':
      return 'the bot is shutting down'
  }
}

/** A request that the server would refuse now, so it is not made. */
const notYet = (method: Method, route: string, retryAfterMs: number): GateFailure => ({
  ok: false,
  code: 'limited',
  retryAfterMs,
  untouched: true,
  method,
  route,
  ms: 0,
})

/** Percent-encodes one path segment. */
export const segment = (value: string): string => encodeURIComponent(value)

/**
 * The homeserver's client-server API as the bot's user. Adds the token, renews it once when the server says it has ended, and reports a
 * session that is over. Failures are values.
 */
export class Homeserver {
  readonly gate: Gate
  readonly session: Session
  readonly #onSessionEnd: (end: SessionFailure) => void
  readonly #budget: SendingBudget | undefined
  #sdk: Promise<MatrixClient> | undefined

  /**
   * @param onSessionEnd called when the session is over and cannot be renewed: the process should stop with the code for it
   * @param budget paces what the server limits
   */
  constructor(gate: Gate, session: Session, onSessionEnd: (end: SessionFailure) => void, budget?: SendingBudget) {
    this.gate = gate
    this.session = session
    this.#onSessionEnd = onSessionEnd
    this.#budget = budget
  }

  get userId(): UserId {
    return this.session.userId
  }

  /** One request below `/_matrix/…`. `path` is percent-encoded already. */
  async request(method: Method, path: string, options: HomeserverRequest): Promise<GateResult> {
    const { urgent = false, ...rest } = options
    if (options.route === 'createRoom') {
      const wait = this.#budget?.room() ?? 0
      if (wait > 0) return notYet(method, options.route, wait)
    }
    if (this.#budget === undefined || !eventRoutes.has(options.route)) return this.#ask(method, path, rest)
    const told = await this.#budget.turn(urgent)
    const result = await this.#ask(method, path, rest)
    told(result.ok)
    return result
  }

  async #ask(method: Method, path: string, options: Omit<HomeserverRequest, 'urgent'>): Promise<GateResult> {
    const token = await this.session.token()
    const result = await this.gate.request({ ...options, method, path, token })
    if (result.ok || result.code !== 'status' || (result.status !== 401 && result.status !== 403)) return result
    if (isAboutAccount(result)) {
      const end = await this.session.examine(result)
      if (end !== undefined) this.#onSessionEnd(end)
      return result
    }
    if (result.status !== 401 || errcode(result) !== 'M_UNKNOWN_TOKEN') return result
    const renewal = await this.session.renew(token)
    if (renewal === 'renewed') return this.gate.request({ ...options, method, path, token: await this.session.token() })
    if (renewal !== 'later') this.#onSessionEnd(renewal)
    return result
  }

  /** Sends a room event. The transaction id makes a repeat the same event (spec: transaction identifiers). */
  send(roomId: RoomId, type: string, txnId: string, content: unknown, options: Partial<HomeserverRequest> = {}): Promise<GateResult> {
    return this.request('PUT', `/_matrix/client/v3/rooms/${segment(roomId)}/send/${segment(type)}/${segment(txnId)}`, {
      route: 'send',
      body: content,
      repeatable: true,
      ...options,
    })
  }

  /** Membership changes by the bot: `invite`, `kick`, `ban`, `unban`. Not repeatable: the caller looks whether it took effect. */
  async member(action: 'invite' | 'kick' | 'ban' | 'unban', roomId: RoomId, userId: UserId, reason?: string): Promise<GateResult> {
    const wait = action === 'invite' ? (this.#budget?.invitation(userId) ?? 0) : 0
    if (wait > 0) return notYet('POST', action, wait)
    const result = await this.request('POST', `/_matrix/client/v3/rooms/${segment(roomId)}/${action}`, {
      route: action,
      body: { user_id: userId, ...(reason === undefined ? {} : { reason }) },
      repeatable: false,
      // The server counts kicks and bans per sender, and invitations above all per invited person: once it limits the bot, they wait in one queue for
      // each other instead of being refused one by one, and nobody waits for somebody else's budget.
      lane: action !== 'invite' ? `member:${action}` : `invite:${this.#budget?.limited === true ? userId : roomId}`,
      deadlineMs: 600_000,
      // An invitation that has to wait longer becomes a job. A removal is waited for: half of one is worse than a slow one.
      ...(action === 'invite' ? {} : { maxWaitMs: 120_000, urgent: true }),
    })
    if (action === 'invite' && !result.ok && result.code === 'limited') this.#budget?.invitationRefused(userId)
    return result
  }

  /** A state event's content; `undefined` as value = the server says there is none (404 M_NOT_FOUND). */
  async state(roomId: RoomId, type: string, stateKey = ''): Promise<{ readonly ok: true; readonly content: unknown } | GateFailure> {
    const result = await this.request('GET', `/_matrix/client/v3/rooms/${segment(roomId)}/state/${segment(type)}/${segment(stateKey)}`, {
      route: 'state',
      repeatable: true,
    })
    if (result.ok) return { ok: true, content: result.body }
    if (result.code === 'status' && result.status === 404 && errcode(result) === 'M_NOT_FOUND') return { ok: true, content: undefined }
    return result
  }

  /** Marks an event as read. Failures do not matter to anybody; the result says so. */
  receipt(roomId: RoomId, eventId: EventId): Promise<GateResult> {
    return this.request('POST', `/_matrix/client/v3/rooms/${segment(roomId)}/receipt/m.read/${segment(eventId)}`, {
      route: 'receipt',
      body: {},
      repeatable: false,
    })
  }

  /** Shows or ends the typing notice. */
  typing(roomId: RoomId, timeoutMs: number): Promise<GateResult> {
    return this.request('PUT', `/_matrix/client/v3/rooms/${segment(roomId)}/typing/${segment(this.userId)}`, {
      route: 'typing',
      body: timeoutMs > 0 ? { typing: true, timeout: timeoutMs } : { typing: false },
      repeatable: false,
    })
  }

  /**
   * The matrix-bot-sdk client for the calls it is good at (state, aliases, account data, media, room creation). Its requests pass the same
   * gate; its sync loop, crypto and HTTP client are never used. Failures are thrown as `HomeserverError`.
   */
  sdk(): Promise<MatrixClient> {
    this.#sdk ??= this.#makeSdk()
    return this.#sdk
  }

  async #makeSdk(): Promise<MatrixClient> {
    const { MatrixClient: Base } = await loadSdk()
    const send = (method: Method, path: string, options: HomeserverRequest): Promise<GateResult> => this.request(method, path, options)
    class GatehouseClient extends Base {
      override async doRequest(
        method: Method,
        endpoint: string,
        query: Record<string, string> | null = null,
        body: unknown = null,
        timeout = 60_000,
        _raw = false,
        contentType = 'application/json',
      ): Promise<unknown> {
        const result = await send(method, endpoint, {
          route: `sdk/${endpoint.split('/').slice(1, 5).join('/')}`,
          ...(query === null ? {} : { query }),
          ...(body === null ? {} : { body }),
          ...(body instanceof Uint8Array ? { contentType } : {}),
          repeatable: method === 'GET',
          timeoutMs: timeout,
        })
        if (!result.ok) throw new HomeserverError(result)
        return result.body
      }
    }
    return new GatehouseClient(this.gate.baseUrl, 'held by the session, not by the SDK')
  }
}
