import {
  DecryptionSettings,
  DeviceId,
  DeviceLists,
  EncryptionSettings,
  OlmMachine,
  RequestType,
  RoomId as WasmRoomId,
  TrustRequirement,
  UserId as WasmUserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { GateResult } from '../../src/http/contract.ts'
import type { JsonObject } from '../../src/types.ts'
import { answered } from './unit.ts'

interface UploadBody {
  readonly device_keys?: JsonObject
  readonly one_time_keys?: Readonly<Record<string, JsonObject>>
}

/** The body of `/keys/device_signing/upload`. */
interface Identity {
  readonly master_key: JsonObject
  readonly self_signing_key: JsonObject
  readonly user_signing_key: JsonObject
}

/** The key endpoints of a homeserver, in memory. */
export class KeyServer {
  readonly #devices = new Map<string, JsonObject>()
  readonly #oneTimeKeys = new Map<string, [string, JsonObject][]>()
  readonly #inboxes = new Map<string, JsonObject[]>()
  readonly #identities = new Map<string, Identity>()

  upload(user: string, device: string, body: UploadBody): GateResult {
    const key = `${user} ${device}`
    if (body.device_keys !== undefined) this.#devices.set(key, body.device_keys)
    const keys = [...(this.#oneTimeKeys.get(key) ?? []), ...Object.entries(body.one_time_keys ?? {})]
    this.#oneTimeKeys.set(key, keys)
    return answered({ one_time_key_counts: { signed_curve25519: keys.length } })
  }

  query(body: { readonly device_keys: JsonObject }): GateResult {
    const found = Object.keys(body.device_keys).map((user) => {
      const own = [...this.#devices].filter(([key]) => key.startsWith(`${user} `))
      return [user, Object.fromEntries(own.map(([key, keys]) => [key.slice(user.length + 1), keys]))]
    })
    const identities = (name: keyof Identity): JsonObject =>
      Object.fromEntries(
        [...this.#identities].flatMap(([user, keys]) => (Object.hasOwn(body.device_keys, user) ? [[user, keys[name]]] : [])),
      )
    return answered({
      device_keys: Object.fromEntries(found) as JsonObject,
      master_keys: identities('master_key'),
      self_signing_keys: identities('self_signing_key'),
      user_signing_keys: identities('user_signing_key'),
      failures: {},
    })
  }

  /** Takes a cross-signing identity, and the signatures of its device. */
  publish(user: string, identity: string, signatures: string): void {
    this.#identities.set(user, JSON.parse(identity) as Identity)
    const signed = JSON.parse(signatures) as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
    for (const [owner, keys] of Object.entries(signed))
      for (const [device, content] of Object.entries(keys))
        if (this.#devices.has(`${owner} ${device}`)) this.#merge(`${owner} ${device}`, content)
  }

  /** Keeps the identity that is shown of somebody. Call what comes back to show it again. */
  keep(user: string): () => void {
    const kept = this.#identities.get(user)
    return () => void (kept !== undefined && this.#identities.set(user, kept))
  }

  #merge(key: string, content: JsonObject): void {
    const { signatures = {} } = this.#devices.get(key) as { readonly signatures?: Readonly<Record<string, JsonObject>> }
    const added = content['signatures'] as Readonly<Record<string, JsonObject>>
    const merged = Object.entries(added).map(([user, own]) => [user, { ...signatures[user], ...own }])
    this.#devices.set(key, { ...this.#devices.get(key), signatures: { ...signatures, ...Object.fromEntries(merged) } as JsonObject })
  }

  /** Forgets a device, as after its logout. */
  forget(user: string, device: string): void {
    this.#devices.delete(`${user} ${device}`)
  }

  claim(body: { readonly one_time_keys: Readonly<Record<string, JsonObject>> }): GateResult {
    const given = Object.entries(body.one_time_keys).map(([user, devices]) => {
      const keys = Object.keys(devices).flatMap((device) => {
        const key = this.#oneTimeKeys.get(`${user} ${device}`)?.shift()
        return key === undefined ? [] : [[device, Object.fromEntries([key])]]
      })
      return [user, Object.fromEntries(keys) as JsonObject]
    })
    return answered({ one_time_keys: Object.fromEntries(given) as JsonObject, failures: {} })
  }

  deliver(sender: string, type: string, body: { readonly messages: Readonly<Record<string, JsonObject>> }): GateResult {
    for (const [user, devices] of Object.entries(body.messages))
      for (const [device, content] of Object.entries(devices)) {
        const key = `${user} ${device}`
        this.#inboxes.set(key, [...(this.#inboxes.get(key) ?? []), { type, sender, content }])
      }
    return answered({})
  }

  collect(user: string, device: string): readonly JsonObject[] {
    const events = this.#inboxes.get(`${user} ${device}`) ?? []
    this.#inboxes.delete(`${user} ${device}`)
    return events
  }
}

/** Somebody else's device. */
export class Peer {
  readonly user: string
  readonly device: string
  readonly #server: KeyServer
  readonly #machine: OlmMachine
  readonly #received: JsonObject[] = []

  private constructor(server: KeyServer, user: string, device: string, machine: OlmMachine) {
    this.#server = server
    this.user = user
    this.device = device
    this.#machine = machine
  }

  static async make(server: KeyServer, user: string, device: string): Promise<Peer> {
    const machine = await OlmMachine.initialize(new WasmUserId(user), new DeviceId(device))
    for (const request of await machine.outgoingRequests()) {
      if (request.type !== RequestType.KeysUpload || request.id === undefined) continue
      const result = server.upload(user, device, JSON.parse(request.body) as UploadBody)
      await machine.markRequestAsSent(request.id, request.type, JSON.stringify(result.ok ? result.body : undefined))
    }
    return new Peer(server, user, device, machine)
  }

  /** Makes a cross-signing identity and signs this device with it. */
  async crossSign(): Promise<void> {
    const requests = await this.#machine.bootstrapCrossSigning(true)
    this.#server.publish(this.user, requests.uploadSigningKeysRequest.body, requests.uploadSignaturesRequest.body)
  }

  /** Gives the room's key to the recipients' devices and encrypts. The event is as a server would hand it on. */
  async says(roomId: string, recipients: readonly string[], body: string): Promise<JsonObject> {
    const machine = this.#machine
    const users = (): WasmUserId[] => recipients.map((user) => new WasmUserId(user))
    const mark = async (request: { readonly id: string; readonly type: RequestType } | undefined, result: GateResult): Promise<void> => {
      if (request !== undefined && result.ok) await machine.markRequestAsSent(request.id, request.type, JSON.stringify(result.body))
    }
    await machine.updateTrackedUsers(users())
    const query = machine.queryKeysForUsers(users())
    await mark(query, this.#server.query(JSON.parse(query.body) as { device_keys: JsonObject }))
    const claim = await machine.getMissingSessions(users())
    if (claim !== null && claim !== undefined) await mark(claim, this.#server.claim(JSON.parse(claim.body) as { one_time_keys: never }))
    for (const request of await machine.shareRoomKey(new WasmRoomId(roomId), users(), new EncryptionSettings()))
      await mark(request, this.#server.deliver(this.user, request.event_type, JSON.parse(request.body) as { messages: never }))
    const content = JSON.parse(
      await machine.encryptRoomEvent(new WasmRoomId(roomId), 'm.room.message', JSON.stringify({ msgtype: 'm.text', body })),
    ) as JsonObject
    const event_id = `$${Math.random()}`
    return { type: 'm.room.encrypted', event_id, room_id: roomId, sender: this.user, origin_server_ts: Date.now(), content }
  }

  /** The codes with which room keys were withheld from this device (spec, `m.room_key.withheld`), as of the last `reads`. */
  get withheld(): readonly unknown[] {
    return this.#received
      .filter((event) => event['type'] === 'm.room_key.withheld')
      .map((event) => (event['content'] as JsonObject)['code'])
  }

  async reads(roomId: string, content: JsonObject, sender = '@bot:x'): Promise<string | undefined> {
    // Each call consumes its settings.
    const settings = (): DecryptionSettings => new DecryptionSettings(TrustRequirement.Untrusted)
    const inbox = this.#server.collect(this.user, this.device)
    this.#received.push(...inbox)
    await this.#machine.receiveSyncChanges(
      JSON.stringify(inbox),
      new DeviceLists(),
      new Map([['signed_curve25519', 50]]),
      undefined,
      settings(),
    )
    const event = { type: 'm.room.encrypted', event_id: `$${Math.random()}`, room_id: roomId, sender, origin_server_ts: 1, content }
    try {
      const plain = await this.#machine.decryptRoomEvent(JSON.stringify(event), new WasmRoomId(roomId), settings())
      return (JSON.parse(plain.event) as { content: { body: string } }).content.body
    } catch {
      return undefined
    }
  }
}
