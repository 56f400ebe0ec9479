import type { Database } from '../database/database.ts'
import type { GateFailure, GateResult } from '../http/contract.ts'
import type { Logger } from '../operations/logger.ts'
import type { DeviceId, UserId } from '../types.ts'
import type { EngineBinding, EngineRequest, RequestKind } from './engine-binding.ts'
import type { EngineCalls } from './engine-calls.ts'
import type { EngineStore } from './engine-store.ts'
import type { CryptoHttp } from './http.ts'
import { concerns, ownKeysProblem } from './own-keys.ts'
import type { OwnKeys, OwnKeysProblem } from './own-keys.ts'

/** Under this name the master key is remembered that signed this device. */
export const ownMasterKey = 'identity.master'

/** What sending the engine's requests needs. */
export interface KeyRequestsOptions {
  readonly database: Database
  readonly store: EngineStore
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly http: CryptoHttp
  readonly logger: Logger
  /** The server has other keys of this device than the store: an older copy of the store was put back. It cannot heal. */
  readonly onForeignKeys: () => void
  /** An answer of the server does not fit the bot's own keys. The engine was not told of that answer: it would drop its private keys. */
  readonly onOwnKeysProblem?: (problem: OwnKeysProblem) => void
}

/** Synapse refuses a one-time key under an id that it has with another key. It has no error code of its own for that. */
const hasForeignKeys = (failure: GateFailure): boolean => {
  if (failure.code !== 'status' || failure.status !== 400 || typeof failure.body !== 'object' || failure.body === null) return false
  const { error } = failure.body as { readonly error?: unknown }
  return typeof error === 'string' && /one time key .* already exists/i.test(error)
}

/**
 * The library cancels verifications when several are asked for, each with a request of its own; this bot takes part in none. A thousand of them in one
 * sync would keep every key and answer behind them waiting for half a minute.
 */
const isVerification = ({ kind, eventType }: EngineRequest): boolean =>
  kind === 'to-device' && eventType?.startsWith('m.key.verification.') === true

/** Sends what the engine wants to send and gives it the answers; those that speak against the bot's own keys it never sees. */
export class KeyRequests {
  readonly #options: KeyRequestsOptions
  readonly #binding: EngineBinding
  readonly #calls: EngineCalls
  #outgoing: Promise<string | undefined> | undefined

  constructor(options: KeyRequestsOptions, binding: EngineBinding, calls: EngineCalls) {
    this.#options = options
    this.#binding = binding
    this.#calls = calls
  }

  /** Sends what waits. Returns why the devices of somebody could not be asked for, if so. */
  flush(): Promise<string | undefined> {
    // One at a time: two uploads of keys at once would confuse the server's count.
    this.#outgoing ??= this.#sendOutgoing().finally(() => {
      this.#outgoing = undefined
    })
    return this.#outgoing
  }

  /** Asks for the devices of all people that the engine has to know. Returns why that failed, in words. */
  async queryTracked(): Promise<string | undefined> {
    // A round under way took its requests before the newest people were added.
    await this.settled()
    return this.flush()
  }

  /** Resolves when no round is under way. */
  async settled(): Promise<void> {
    await this.#outgoing?.catch(() => undefined)
  }

  async #sendOutgoing(): Promise<string | undefined> {
    const requests = await this.#calls.run('outgoingRequests', () => this.#binding.outgoing())
    if (requests.length === 0) return undefined
    await this.#options.store.durable()
    let failed: string | undefined
    for (const request of requests) {
      const problem = await this.#sendOne(request)
      if (problem === undefined) continue
      if (request.kind === 'keys-query') failed ??= `devices could not be asked for (${problem})`
      this.#options.logger.warn({ type: request.kind, problem }, 'a key request failed; it is repeated after the next sync')
    }
    return failed
  }

  /** Returns why it failed. An answer that the engine cannot read must not keep the other requests from being sent. */
  async #sendOne(request: EngineRequest): Promise<string | undefined> {
    if (isVerification(request)) {
      await this.markSent(request, {})
      return undefined
    }
    const result = await this.#send(request)
    if (result === undefined) return undefined
    if (!result.ok) {
      if (request.kind === 'keys-upload' && hasForeignKeys(result)) this.#options.onForeignKeys()
      return result.code
    }
    if (request.kind === 'keys-query' && this.#foreign(result.body)) return 'the answer does not fit our own keys'
    try {
      await this.markSent(request, result.body)
      return undefined
    } catch (error) {
      if (this.#calls.closed) throw error
      return `the answer could not be read: ${String(error)}`
    }
  }

  async #send(request: EngineRequest): Promise<GateResult | undefined> {
    const { http, logger } = this.#options
    const body: unknown = JSON.parse(request.body)
    switch (request.kind) {
      case 'keys-upload':
        return http.keysUpload(body)
      case 'keys-query':
        return http.keysQuery(body)
      case 'keys-claim':
        return http.keysClaim(body)
      case 'signatures-upload':
        return http.signaturesUpload(body)
      case 'to-device':
        return http.sendToDevice(request.eventType ?? '', request.txnId ?? '', body)
      case 'room-message':
      case 'keys-backup':
        logger.debug({ type: request.kind }, 'the engine asked for something this bot does not do')
        return undefined
    }
  }

  /** Asks for a person's keys now. Returns whether the answer could be had and taken in. */
  async query(userId: UserId): Promise<boolean> {
    const request = this.#binding.queryFor([userId])
    const result = await this.#options.http.keysQuery(JSON.parse(request.body))
    if (!result.ok || this.#foreign(result.body)) return false
    await this.markSent(request, result.body)
    return true
  }

  /** This device's public keys, and those of its identity once it is signed. */
  get ownKeys(): OwnKeys {
    const { userId, deviceId, database } = this.#options
    return { userId, deviceId, ...this.#binding.identityKeys, masterKey: database.meta(ownMasterKey) }
  }

  /** Does an answer speak against our own keys? It is reported then. Before the device is signed it may not be known to the server yet. */
  #foreign(body: unknown): boolean {
    const { ownKeys } = this
    const problem = concerns(body, ownKeys.userId) ? ownKeysProblem(body, ownKeys) : undefined
    if (problem === undefined || (problem.code === 'device-missing' && ownKeys.masterKey === undefined)) return false
    this.#options.onOwnKeysProblem?.(problem)
    return true
  }

  /** Asks the server what it shows for this bot. `undefined` = it could not be asked. */
  async checkOwn(): Promise<{ readonly problem: OwnKeysProblem | undefined } | undefined> {
    const { http, userId } = this.#options
    const result = await http.keysQuery({ device_keys: { [userId]: [] } })
    return result.ok ? { problem: ownKeysProblem(result.body, this.ownKeys) } : undefined
  }

  /** Tells the engine the answer to one of its requests, if it wants one. */
  async markSent({ id, kind }: { readonly id: string | undefined; readonly kind: RequestKind }, body: unknown): Promise<void> {
    if (id !== undefined) await this.#calls.run('markRequestAsSent', () => this.#binding.markSent(id, kind, body ?? {}))
  }
}
