import {
  DecryptionSettings,
  DeviceId,
  DeviceLists,
  EncryptionSettings,
  initAsync,
  OlmMachine,
  RequestType,
  RoomId,
  TrustRequirement,
  UserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { Content } from './protocol.ts'

/** Performs one request as the user; answers with the body's text. */
export type Call = (method: string, path: string, body?: string) => Promise<string>

/** The parts of a sync answer that are for the engine. */
export interface CryptoSync {
  readonly to_device?: { readonly events?: readonly unknown[] }
  readonly device_lists?: { readonly changed?: readonly string[]; readonly left?: readonly string[] }
  readonly device_one_time_keys_count?: Readonly<Record<string, number>>
  readonly device_unused_fallback_key_types?: readonly string[]
}

/** A request that the engine wants to be made. */
interface EngineRequest {
  readonly id?: string | undefined
  readonly type: RequestType
  readonly body: string
}

const paths: Partial<Record<RequestType, string>> = {
  [RequestType.KeysUpload]: '/_matrix/client/v3/keys/upload',
  [RequestType.KeysQuery]: '/_matrix/client/v3/keys/query',
  [RequestType.KeysClaim]: '/_matrix/client/v3/keys/claim',
  [RequestType.SignatureUpload]: '/_matrix/client/v3/keys/signatures/upload',
}

/** The engine's default, as most clients have it. */
const messagesPerKey = 100

/** The least that a client needs around the Rust engine to read and write encrypted messages; everything is in memory. */
export class LightCrypto {
  readonly #call: Call
  readonly #machine: OlmMachine
  readonly #userId: string
  readonly #decryption = new DecryptionSettings(TrustRequirement.Untrusted)
  /** Rooms whose members have the current room key. */
  readonly #shared = new Map<string, Promise<void>>()
  /** How often the current key of a room was used. */
  readonly #uses = new Map<string, { session: string; times: number }>()
  readonly #tails = new Map<string, Promise<void>>()
  #keyCounts = ''

  private constructor(machine: OlmMachine, userId: string, call: Call) {
    this.#machine = machine
    this.#userId = userId
    this.#call = call
  }

  /** Makes and uploads new device keys. */
  static async open(userId: string, deviceId: string, call: Call): Promise<LightCrypto> {
    await initAsync()
    const crypto = new LightCrypto(await OlmMachine.initialize(new UserId(userId), new DeviceId(deviceId)), userId, call)
    await crypto.#sendOutgoing()
    return crypto
  }

  /** Makes a new cross-signing identity and signs this device with it. */
  async crossSign(): Promise<void> {
    const requests = await this.#machine.bootstrapCrossSigning(true)
    if (requests.uploadKeysRequest) await this.#perform(requests.uploadKeysRequest as EngineRequest)
    await this.#call('POST', '/_matrix/client/v3/keys/device_signing/upload', requests.uploadSigningKeysRequest.body)
    await this.#perform(requests.uploadSignaturesRequest)
  }

  /**
   * Feeds a sync answer to the engine; does nothing when it holds no news, since even an empty feed costs milliseconds.
   * @returns whether to-device messages came, so that what could not be read may be readable now
   */
  async feed(sync: CryptoSync): Promise<boolean> {
    const events = sync.to_device?.events ?? []
    const { changed = [], left = [] } = sync.device_lists ?? {}
    const counts = sync.device_one_time_keys_count ?? {}
    const fallback = sync.device_unused_fallback_key_types
    const keyCounts = JSON.stringify([counts, fallback])
    if (events.length === 0 && changed.length === 0 && left.length === 0 && keyCounts === this.#keyCounts) return false
    this.#keyCounts = keyCounts
    if (changed.length > 0 || left.length > 0) this.#shared.clear()
    const lists = new DeviceLists(
      changed.map((id) => new UserId(id)),
      left.map((id) => new UserId(id)),
    )
    await this.#machine.receiveSyncChanges(JSON.stringify(events), lists, new Map(Object.entries(counts)), fallback && new Set(fallback))
    await this.#sendOutgoing()
    return events.length > 0
  }

  /** The room's members have changed: the key must be shared anew before the next message. */
  forgetShare(roomId: string): void {
    this.#shared.delete(roomId)
  }

  /**
   * One message of a room after another: each is counted before the next one looks whether the key has served its time.
   * @param members ids of those who joined or are invited
   */
  async encrypt(roomId: string, members: readonly string[], type: string, content: Content): Promise<string> {
    const before = this.#tails.get(roomId) ?? Promise.resolve()
    const mine = before.then(async () => await this.#encryptNext(roomId, members, type, content))
    // The failure is the caller's; the next message does not wait for it to be mended.
    this.#tails.set(
      roomId,
      mine.then(
        () => undefined,
        () => undefined,
      ),
    )
    return await mine
  }

  async #encryptNext(roomId: string, members: readonly string[], type: string, content: Content): Promise<string> {
    const uses = this.#uses.get(roomId) ?? { session: '', times: 0 }
    this.#uses.set(roomId, uses)
    let share = this.#shared.get(roomId)
    // Sharing also replaces a key that has served its time; encrypting with one would make the engine panic.
    if (!share || uses.times >= messagesPerKey) {
      if (uses.times >= messagesPerKey) uses.times = 0
      share = this.#share(roomId, members)
      this.#shared.set(roomId, share)
    }
    await share
    uses.times += 1
    const encrypted = await this.#machine.encryptRoomEvent(new RoomId(roomId), type, JSON.stringify(content))
    const session = /"session_id":"([^"]+)"/.exec(encrypted)?.[1] ?? ''
    if (session !== uses.session) Object.assign(uses, { session, times: 1 })
    return encrypted
  }

  /** @returns the event in clear, or undefined while it cannot be read */
  async decrypt(roomId: string, event: unknown): Promise<{ readonly type: string; readonly content: Content } | undefined> {
    try {
      const decrypted = await this.#machine.decryptRoomEvent(JSON.stringify(event), new RoomId(roomId), this.#decryption)
      return JSON.parse(decrypted.event) as { type: string; content: Content }
    } catch (error) {
      // The engine's own kind of failure is no Error; anything else is a fault of ours.
      if (error instanceof Error) throw error
      return undefined
    }
  }

  close(): void {
    this.#machine.close()
  }

  async #share(roomId: string, members: readonly string[]): Promise<void> {
    // Each call consumes the ids that it is given.
    const users = (): UserId[] => members.map((id) => new UserId(id))
    await this.#machine.updateTrackedUsers(users())
    await this.#sendOutgoing()
    const claim = await this.#machine.getMissingSessions(users())
    if (claim) await this.#perform(claim)
    for (const request of await this.#machine.shareRoomKey(new RoomId(roomId), users(), new EncryptionSettings())) {
      const path = `/_matrix/client/v3/sendToDevice/${encodeURIComponent(request.event_type)}/${encodeURIComponent(request.txn_id)}`
      await this.#machine.markRequestAsSent(request.id, RequestType.ToDevice, await this.#call('PUT', path, request.body))
    }
  }

  async #sendOutgoing(): Promise<void> {
    for (const request of (await this.#machine.outgoingRequests()) as (EngineRequest & { event_type?: string; txn_id?: string })[]) {
      if (request.type === RequestType.ToDevice) {
        const path = `/_matrix/client/v3/sendToDevice/${encodeURIComponent(String(request.event_type))}/${encodeURIComponent(String(request.txn_id))}`
        await this.#machine.markRequestAsSent(String(request.id), request.type, await this.#call('PUT', path, request.body))
      } else await this.#perform(request)
    }
  }

  async #perform(request: EngineRequest): Promise<void> {
    const path = paths[request.type]
    if (path === undefined) throw new Error(`${this.#userId}: the engine wants an unexpected request of type ${request.type}`)
    const answer = await this.#call('POST', path, request.body)
    if (request.id !== undefined) await this.#machine.markRequestAsSent(request.id, request.type, answer)
  }
}
