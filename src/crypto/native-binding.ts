import { randomUUID } from 'node:crypto'
import type { DecryptedRoomEvent, UserId as NativeUserId } from '@matrix-org/matrix-sdk-crypto-nodejs'
import { z } from 'zod'
import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'
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
import type { KnownPeople } from './known-people.ts'
import { NativeIdentity } from './native-identity.ts'
import type { NativeLibrary } from './native-library.ts'
import type { NativeMachine } from './native-machine.ts'
import type { NativePages } from './native-pages.ts'
import { requestKinds, toRequest } from './native-requests.ts'
import { failureOfWords, isPanic } from './native-words.ts'
import type { SenderTrust, Undecryptable } from './port.ts'

// The numbers of the library's enumerations, which exist in its types only.
const visibilities: Readonly<Record<string, number>> = { invited: 0, joined: 1, shared: 2, world_readable: 3 }
const shared = 2
const worldReadable = 3
const megolm = 1
const allDevices = 0
const identityBased = 2
const trusts: readonly SenderTrust[] = [
  'not-guaranteed',
  'unknown-device',
  'unsigned',
  // The identity is one that we have not verified ourselves: fine, as long as it signed the device.
  'signed',
  'mismatched-sender',
  'identity-changed',
  'signed',
]
const noShield = 6

const received = z.tuple([
  z.array(z.looseObject({ type: z.string().optional() })),
  z.array(z.looseObject({ room_id: z.string(), session_id: z.string() })),
])
const messagesOf = z.object({ messages: z.record(z.string(), z.record(z.string(), z.unknown())) })

/** The native build of the Rust crypto state machine. What it does not tell is known by `KnownPeople`; what it cannot do is said in docs/native-engine.md. */
export class NativeBinding implements EngineBinding {
  readonly name: string
  readonly identity: IdentityBinding
  readonly identityKeys: { readonly ed25519: string; readonly curve25519: string }
  readonly #library: NativeLibrary
  readonly #machine: NativeMachine
  readonly #pages: NativePages
  readonly #people: KnownPeople
  #listener: EngineListener = { roomKeys: () => undefined, devices: () => undefined }
  /** Rooms whose next share has to begin a new session. */
  readonly #ended = new Set<RoomId>()

  constructor(options: {
    readonly library: NativeLibrary
    readonly version: string
    readonly machine: NativeMachine
    readonly pages: NativePages
    readonly people: KnownPeople
  }) {
    this.#library = options.library
    this.#machine = options.machine
    this.#pages = options.pages
    this.#people = options.people
    this.identity = new NativeIdentity(options)
    this.name = `native ${options.version} (experimental, keeps all room keys)`
    const { ed25519, curve25519 } = options.machine.ask(({ identityKeys }) => identityKeys)
    this.identityKeys = { ed25519: ed25519.toBase64(), curve25519: curve25519.toBase64() }
  }

  listen(listener: EngineListener): void {
    this.#listener = listener
  }

  panicked(error: unknown): boolean {
    return error instanceof Error && isPanic(error.message)
  }

  takes(userId: string): boolean {
    return this.#usersOf([userId]).length > 0
  }

  #usersOf(ids: readonly string[]): NativeUserId[] {
    return ids.flatMap((id) => {
      try {
        return [new this.#library.UserId(id)]
      } catch {
        return []
      }
    })
  }

  #user(id: UserId): NativeUserId {
    return new this.#library.UserId(id)
  }

  async receive(sync: EngineSync): Promise<Received> {
    const lists = new this.#library.DeviceLists(this.#usersOf(sync.changedDevices), this.#usersOf(sync.leftDevices))
    // It cannot be told that the server knows no fallback keys; "one is there" makes it do as little.
    const fallback = [...(sync.unusedFallbackKeys ?? ['signed_curve25519'])]
    const counts = { ...sync.oneTimeKeyCounts }
    const text = await this.#machine.call((machine) => machine.receiveSyncChanges(JSON.stringify(sync.toDevice), lists, counts, fallback))
    const [events, keys] = received.parse(JSON.parse(text))
    if (keys.length > 0) this.#listener.roomKeys(keys.map((key) => ({ roomId: key.room_id as RoomId, sessionId: key.session_id })))
    // It does not say which events were decrypted. What came in clear comes out as it was; what still is encrypted could not be decrypted.
    const clear = new Set(sync.toDevice.filter(({ type }) => type !== 'm.room.encrypted').map((event) => JSON.stringify(event)))
    const encrypted = events.filter(({ type }) => type === 'm.room.encrypted')
    const others = events.filter(({ type }) => type !== 'm.room.encrypted')
    return {
      decrypted: others.map((event) => JSON.stringify(event)).filter((event) => !clear.has(event)),
      undecrypted: encrypted.map((event) => JSON.stringify(event)),
    }
  }

  // The library has no call for it, and its rows cannot be told apart from outside: it keeps every room key, encrypted.
  keepOnly(): void {
    return undefined
  }

  dropUnneeded(): Promise<number> {
    return Promise.resolve(0)
  }

  async outgoing(): Promise<readonly EngineRequest[]> {
    return (await this.#machine.call((machine) => machine.outgoingRequests())).map(toRequest)
  }

  async markSent(id: string, kind: RequestKind, body: unknown): Promise<void> {
    await this.#machine.call((machine) => machine.markRequestAsSent(id, requestKinds.indexOf(kind), JSON.stringify(body)))
    const changed = kind === 'keys-query' ? this.#people.note(body) : []
    this.#pages.keep()
    if (changed.length > 0) this.#listener.devices(changed)
  }

  queryFor(userIds: readonly string[]): EngineRequest {
    return toRequest(this.#machine.ask((machine) => machine.queryKeysForUsers(this.#usersOf(userIds))))
  }

  async track(userIds: readonly string[]): Promise<void> {
    const users = this.#usersOf(userIds)
    await this.#machine.call((machine) => machine.updateTrackedUsers(users), users)
  }

  async missingSessions(userIds: readonly string[]): Promise<EngineRequest | undefined> {
    const users = this.#usersOf(userIds)
    const request = await this.#machine.call((machine) => machine.getMissingSessions(users), users)
    return request === null ? undefined : toRequest(request)
  }

  endSession(roomId: RoomId): Promise<void> {
    this.#ended.add(roomId)
    return Promise.resolve()
  }

  async share(roomId: RoomId, userIds: readonly string[], wanted: SessionSettings): Promise<readonly EngineRequest[]> {
    if (this.#ended.has(roomId)) {
      // There is no call that ends a session, but one for another visibility is a new one: this one goes to nobody, and the next is new again.
      const visibility = visibilities[wanted.historyVisibility] ?? shared
      await this.#share(roomId, [], wanted, visibility === worldReadable ? shared : worldReadable)
      this.#ended.delete(roomId)
    }
    return this.#share(roomId, userIds, wanted, visibilities[wanted.historyVisibility] ?? shared)
  }

  async #share(roomId: RoomId, userIds: readonly string[], wanted: SessionSettings, visibility: number): Promise<readonly EngineRequest[]> {
    const settings = new this.#library.EncryptionSettings()
    settings.algorithm = megolm
    settings.historyVisibility = visibility
    // In microseconds.
    settings.rotationPeriod = BigInt(wanted.periodMs) * 1000n
    settings.rotationPeriodMessages = BigInt(wanted.messages)
    settings.sharingStrategy = wanted.sharing === 'signed-devices' ? identityBased : allDevices
    const room = new this.#library.RoomId(roomId)
    const users = this.#usersOf(userIds)
    return (await this.#machine.call((machine) => machine.shareRoomKey(room, users, settings), users)).map(toRequest)
  }

  encrypt(roomId: RoomId, type: string, content: string): Promise<string> {
    const room = new this.#library.RoomId(roomId)
    return this.#machine.call((machine) => machine.encryptRoomEvent(room, type, content))
  }

  async decrypt(roomId: RoomId, event: string): Promise<DecryptedFacts> {
    const room = new this.#library.RoomId(roomId)
    const decrypted = await this.#machine.call((machine) => machine.decryptRoomEvent(event, room))
    const sender = decrypted.sender?.toString() as UserId | undefined
    if (sender === undefined) throw new Error('the native engine names no sender')
    return {
      event: decrypted.event,
      sender,
      deviceId: decrypted.senderDevice?.toString() as DeviceId | undefined,
      senderKey: decrypted.senderCurve25519Key ?? undefined,
      trust: trustOf(decrypted),
    }
  }

  failureOf(error: unknown): Pick<Undecryptable, 'code' | 'withheld'> {
    return failureOfWords(error instanceof Error ? error.message : String(error))
  }

  async devicesOf(userId: UserId): Promise<readonly DeviceFacts[]> {
    const found: DeviceFacts[] = []
    for (const { deviceId } of this.#people.of(userId).devices) {
      const device = await this.deviceOf(userId, deviceId)
      if (device !== undefined) found.push(device)
    }
    return found
  }

  async deviceOf(userId: UserId, deviceId: DeviceId): Promise<DeviceFacts | undefined> {
    // Where the person's keys are being asked for just now it waits a moment, so it comes first (seconds).
    const [user, id] = [this.#user(userId), new this.#library.DeviceId(deviceId)]
    const device = await this.#machine.call((machine) => machine.getDevice(user, id, 1), [user, id])
    const known = this.#people.of(userId).devices.find((one) => one.deviceId === deviceId)
    if (known === undefined || device === null) return undefined
    // Both have to say so: the library by what it has stored, and the signatures as they were checked here.
    return { deviceId, signed: known.signed && device.isCrossSignedByOwner(), senderKey: known.curve25519, name: known.name }
  }

  masterKeyOf(userId: UserId): Promise<string | undefined> {
    return Promise.resolve(this.#people.of(userId).identity?.masterKey)
  }

  async dummyFor(userId: UserId, deviceId: DeviceId): Promise<JsonObject | undefined> {
    // The library encrypts nothing but room keys for a device. That of a room which does not exist tells the other side of the new session as well.
    const roomId = `!${randomUUID()}:gatehouse.invalid` as RoomId
    const settings = { historyVisibility: 'joined', sharing: 'all-devices', periodMs: 3_600_000, messages: 1 } as const
    for (const { body } of await this.#share(roomId, [userId], settings, visibilities[settings.historyVisibility] ?? shared)) {
      const content = messagesOf.parse(JSON.parse(body)).messages[userId]?.[deviceId]
      if (content !== undefined) return { [userId]: { [deviceId]: content as JsonObject } }
    }
    return undefined
  }

  close(): Promise<void> {
    return this.#machine.close(() => this.#pages.keep())
  }
}

const trustOf = (decrypted: DecryptedRoomEvent): SenderTrust => {
  const lax = decrypted.shieldState(false)?.code ?? noShield
  const code = lax === noShield ? (decrypted.shieldState(true)?.code ?? noShield) : lax
  return trusts[code] ?? 'not-guaranteed'
}
