import {
  CollectStrategy,
  DecryptionErrorCode,
  DecryptionSettings,
  DeviceId as WasmDeviceId,
  DeviceLists,
  EncryptionAlgorithm,
  EncryptionSettings,
  getVersions,
  HistoryVisibility,
  ProcessedToDeviceEventType,
  RoomId as WasmRoomId,
  ShieldStateCode,
  TrustRequirement,
  UserId as WasmUserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { DecryptedRoomEvent, Device, OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm'
import { z } from 'zod'
import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'
import type { DurableStore } from './durable-store.ts'
import type {
  DecryptedFacts,
  DeviceFacts,
  EngineBinding,
  EngineListener,
  EngineRequest,
  EngineSync,
  IdentityBinding,
  Received,
  RequestKind,
  SessionSettings,
} from './engine-binding.ts'
import type { SenderTrust, Undecryptable } from './port.ts'
import type { UndecidedKeys } from './undecided-keys.ts'
import { questionFor, receivedKeys, UnneededKeys } from './unneeded-keys.ts'
import type { KeepsKeys } from './unneeded-keys.ts'
import { WasmIdentity } from './wasm-identity.ts'
import { requestTypes, toRequest } from './wasm-requests.ts'
import type { WasmRequest } from './wasm-requests.ts'

const visibilities: Readonly<Record<string, HistoryVisibility>> = {
  invited: HistoryVisibility.Invited,
  joined: HistoryVisibility.Joined,
  world_readable: HistoryVisibility.WorldReadable,
}

/** Ids as the engine takes them (each call consumes them). */
const usersOf = (ids: readonly string[]): WasmUserId[] =>
  ids.flatMap((id) => {
    try {
      return [new WasmUserId(id)]
    } catch {
      return []
    }
  })

const toDevice = (device: Device): DeviceFacts => ({
  deviceId: device.deviceId.toString() as DeviceId,
  signed: device.isCrossSignedByOwner(),
  senderKey: device.curve25519Key?.toBase64(),
  name: device.displayName,
})

/** Where the engine keeps what it says of people (object stores of `matrix-sdk-indexeddb`). */
const peopleStores = ['devices', 'identities'] as const

const publicKey = z.object({ keys: z.record(z.string(), z.string()) })

/** The Rust crypto state machine, built for WebAssembly. */
export class WasmBinding implements EngineBinding {
  readonly name: string
  readonly identity: IdentityBinding
  readonly #machine: OlmMachine
  readonly #unneeded: UnneededKeys
  readonly #store: DurableStore
  readonly #decryption = new DecryptionSettings(TrustRequirement.Untrusted)

  /** @param database name of the machine's IndexedDB */
  constructor(
    machine: OlmMachine,
    options: { readonly store: DurableStore; readonly database: string; readonly undecided: UndecidedKeys },
  ) {
    this.#machine = machine
    this.#store = options.store
    this.identity = new WasmIdentity(machine)
    this.name = `wasm ${getVersions().matrix_sdk_crypto}`
    const ask = async (roomId: RoomId, sessionId: string): Promise<void> => {
      const question = async () => machine.getRoomEventEncryptionInfo(questionFor(roomId, sessionId), new WasmRoomId(roomId))
      // It is about the look-up alone; that there is no such session is the usual answer.
      await question().then(
        () => undefined,
        () => undefined,
      )
    }
    this.#unneeded = new UnneededKeys({ ...options, ask })
  }

  get identityKeys(): { readonly ed25519: string; readonly curve25519: string } {
    const { ed25519, curve25519 } = this.#machine.identityKeys
    return { ed25519: ed25519.toBase64(), curve25519: curve25519.toBase64() }
  }

  listen(listener: EngineListener): void {
    this.#machine.registerRoomKeyUpdatedCallback((infos) => {
      listener.roomKeys(infos.map((info) => ({ roomId: info.roomId.toString() as RoomId, sessionId: info.sessionId })))
      return Promise.resolve()
    })
    this.#machine.registerDevicesUpdatedCallback((userIds) => {
      listener.devices(userIds as UserId[])
      return Promise.resolve()
    })
    this.#machine.registerUserIdentityUpdatedCallback((userId) => {
      listener.devices([userId.toString() as UserId])
      return Promise.resolve()
    })
  }

  // It surfaces as an uncaught error of the process; the call stays pending.
  panicked(): boolean {
    return false
  }

  takes(userId: string): boolean {
    return usersOf([userId]).length > 0
  }

  async receive(sync: EngineSync): Promise<Received> {
    const events = await this.#machine.receiveSyncChanges(
      JSON.stringify(sync.toDevice),
      new DeviceLists(usersOf(sync.changedDevices), usersOf(sync.leftDevices)),
      new Map(Object.entries(sync.oneTimeKeyCounts)),
      sync.unusedFallbackKeys === undefined ? undefined : new Set(sync.unusedFallbackKeys),
      new DecryptionSettings(TrustRequirement.Untrusted),
    )
    const rawOf = (wanted: ProcessedToDeviceEventType): readonly string[] =>
      events.filter(({ type }) => type === wanted).map(({ rawEvent }) => rawEvent)
    return { decrypted: rawOf(ProcessedToDeviceEventType.Decrypted), undecrypted: rawOf(ProcessedToDeviceEventType.UnableToDecrypt) }
  }

  keepOnly(keeps: KeepsKeys): void {
    this.#unneeded.keepOnly(keeps)
  }

  dropUnneeded(decrypted: readonly string[]): Promise<number> {
    return this.#unneeded.drop(receivedKeys(decrypted))
  }

  async outgoing(): Promise<readonly EngineRequest[]> {
    return ((await this.#machine.outgoingRequests()) as WasmRequest[]).map(toRequest)
  }

  async markSent(id: string, kind: RequestKind, body: unknown): Promise<void> {
    await this.#machine.markRequestAsSent(id, requestTypes[kind], JSON.stringify(body))
  }

  queryFor(userIds: readonly string[]): EngineRequest {
    return toRequest(this.#machine.queryKeysForUsers(usersOf(userIds)))
  }

  async track(userIds: readonly string[]): Promise<void> {
    await this.#machine.updateTrackedUsers(usersOf(userIds))
  }

  async missingSessions(userIds: readonly string[]): Promise<EngineRequest | undefined> {
    const request = (await this.#machine.getMissingSessions(usersOf(userIds))) as WasmRequest | null | undefined
    return request === null || request === undefined ? undefined : toRequest(request)
  }

  async endSession(roomId: RoomId): Promise<void> {
    await this.#machine.invalidateGroupSession(new WasmRoomId(roomId))
  }

  async share(roomId: RoomId, userIds: readonly string[], wanted: SessionSettings): Promise<readonly EngineRequest[]> {
    const settings = new EncryptionSettings()
    settings.algorithm = EncryptionAlgorithm.MegolmV1AesSha2
    settings.historyVisibility = visibilities[wanted.historyVisibility] ?? HistoryVisibility.Shared
    // In microseconds.
    settings.rotationPeriod = BigInt(wanted.periodMs) * 1000n
    settings.rotationPeriodMessages = BigInt(wanted.messages)
    settings.sharingStrategy = wanted.sharing === 'signed-devices' ? CollectStrategy.identityBasedStrategy() : CollectStrategy.allDevices()
    const requests = (await this.#machine.shareRoomKey(new WasmRoomId(roomId), usersOf(userIds), settings)) as WasmRequest[]
    return requests.map(toRequest)
  }

  encrypt(roomId: RoomId, type: string, content: string): Promise<string> {
    return this.#machine.encryptRoomEvent(new WasmRoomId(roomId), type, content)
  }

  async decrypt(roomId: RoomId, event: string): Promise<DecryptedFacts> {
    const decrypted = await this.#machine.decryptRoomEvent(event, new WasmRoomId(roomId), this.#decryption)
    return {
      event: decrypted.event,
      sender: decrypted.sender.toString() as UserId,
      deviceId: decrypted.senderDevice?.toString() as DeviceId | undefined,
      senderKey: decrypted.senderCurve25519Key,
      trust: trustOf(decrypted),
    }
  }

  failureOf(error: unknown): Pick<Undecryptable, 'code' | 'withheld'> {
    // The engine's error is no `Error`: it has a code and a description.
    const { code, withheldCode } = error as { readonly code?: DecryptionErrorCode; readonly withheldCode?: string }
    if (withheldCode !== undefined) return { code: 'withheld', withheld: withheldCode }
    switch (code) {
      case DecryptionErrorCode.MissingRoomKey:
      case DecryptionErrorCode.UnknownMessageIndex:
        return { code: 'missing-key', withheld: undefined }
      case DecryptionErrorCode.MismatchedIdentityKeys:
      case DecryptionErrorCode.MismatchedSender:
        return { code: 'forged', withheld: undefined }
      default:
        return { code: 'other', withheld: undefined }
    }
  }

  async devicesOf(userId: UserId): Promise<readonly DeviceFacts[]> {
    return (await this.#machine.getUserDevices(new WasmUserId(userId))).devices().map(toDevice)
  }

  async #device(userId: UserId, deviceId: DeviceId): Promise<Device | undefined> {
    return this.#machine.getDevice(new WasmUserId(userId), new WasmDeviceId(deviceId))
  }

  async deviceOf(userId: UserId, deviceId: DeviceId): Promise<DeviceFacts | undefined> {
    const device = await this.#device(userId, deviceId)
    return device === undefined ? undefined : toDevice(device)
  }

  async masterKeyOf(userId: UserId): Promise<string | undefined> {
    const identity = await this.#machine.getIdentity(new WasmUserId(userId))
    const parsed = identity === undefined ? undefined : publicKey.safeParse(JSON.parse(identity.masterKey))
    return parsed?.success === true ? Object.values(parsed.data.keys)[0] : undefined
  }

  peopleVersion(): number | undefined {
    return this.#store.writes.count(peopleStores)
  }

  async dummyFor(userId: UserId, deviceId: DeviceId): Promise<JsonObject | undefined> {
    const device = await this.#device(userId, deviceId)
    if (device === undefined) return {}
    return { [userId]: { [deviceId]: JSON.parse(await device.encryptToDeviceEvent('m.dummy', {})) as JsonObject } }
  }

  close(): Promise<void> {
    this.#machine.close()
    return Promise.resolve()
  }
}

const trustOf = (decrypted: DecryptedRoomEvent): SenderTrust => {
  // "Not strict": an identity that we have not verified ourselves is fine, as long as it signed the device. Whether it is still the one that we
  // know is not for the engine to say: see `PersonIdentities`.
  const { code } = decrypted.shieldState(false)
  const strict = decrypted.shieldState(true).code
  switch (code ?? strict) {
    case undefined:
    case ShieldStateCode.UnverifiedIdentity:
      return 'signed'
    case ShieldStateCode.UnsignedDevice:
      return 'unsigned'
    case ShieldStateCode.UnknownDevice:
      return 'unknown-device'
    case ShieldStateCode.MismatchedSender:
      return 'mismatched-sender'
    case ShieldStateCode.VerificationViolation:
      return 'identity-changed'
    case ShieldStateCode.AuthenticityNotGuaranteed:
      return 'not-guaranteed'
  }
}
