import { randomUUID } from 'node:crypto'
import type { DecryptedRoomEvent, OlmMachine, UserId as NativeUserId } from '@matrix-org/matrix-sdk-crypto-nodejs'
import { z } from 'zod'
import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'
import type {
  DecryptedFacts,
  DeviceFacts,
  EngineBinding,
  EngineListener,
  EngineRequest,
  EngineSync,
  IdentityRequests,
  IdentitySecrets,
  PrivateKeys,
  Received,
  RequestKind,
  SessionSettings,
} from './engine-binding.ts'
import type { KnownPeople } from './known-people.ts'
import type { NativeLibrary } from './native-library.ts'
import type { NativeMachine } from './native-machine.ts'
import type { NativePages } from './native-pages.ts'
import type { SenderTrust, Undecryptable } from './port.ts'

// The numbers of the library's enumerations, which exist in its types only.
const visibilities: Readonly<Record<string, number>> = { invited: 0, joined: 1, shared: 2, world_readable: 3 }
const shared = 2
const worldReadable = 3
const megolm = 1
const allDevices = 0
const identityBased = 2
const kinds = ['keys-upload', 'keys-query', 'keys-claim', 'to-device', 'signatures-upload', 'room-message', 'keys-backup'] as const
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

const secretNames = ['m.cross_signing.master', 'm.cross_signing.self_signing', 'm.cross_signing.user_signing'] as const
const signedKeys = z.object({ signed_keys: z.unknown() })
const received = z.tuple([
  z.array(z.looseObject({ type: z.string().optional() })),
  z.array(z.looseObject({ room_id: z.string(), session_id: z.string() })),
])
const messagesOf = z.object({ messages: z.record(z.string(), z.record(z.string(), z.unknown())) })

/** A request of the library. */
interface NativeRequest {
  readonly id: string
  readonly body: string
  readonly type: number
  readonly eventType?: string
  readonly txnId?: string
}

const toRequest = ({ id, body, type, eventType, txnId }: NativeRequest): EngineRequest => {
  const kind = kinds[type]
  if (kind === undefined) throw new Error(`the native engine has a request of an unknown type ${type}`)
  // The library puts what the server wants as the whole body under a name.
  const whole = kind === 'signatures-upload' ? JSON.stringify(signedKeys.parse(JSON.parse(body)).signed_keys) : body
  return { id: id === '' ? undefined : id, kind, body: whole, eventType, txnId }
}

/** The native build of the Rust crypto state machine. What it does not tell is known by `KnownPeople`; what it cannot do is said in docs/native-engine.md. */
export class NativeBinding implements EngineBinding {
  readonly name: string
  readonly identityKeys: { readonly ed25519: string; readonly curve25519: string }
  readonly #library: NativeLibrary
  readonly #machine: NativeMachine
  readonly #pages: NativePages
  readonly #people: KnownPeople
  readonly #userId: UserId
  readonly #deviceId: DeviceId
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
    this.#userId = options.machine.ask(({ userId }) => userId.toString() as UserId)
    this.#deviceId = options.machine.ask(({ deviceId }) => deviceId.toString() as DeviceId)
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
    await this.#machine.call((machine) => machine.markRequestAsSent(id, kinds.indexOf(kind), JSON.stringify(body)))
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

  async privateKeys(): Promise<PrivateKeys> {
    const { hasMaster, hasSelfSigning, hasUserSigning } = await this.#machine.call((machine) => machine.crossSigningStatus())
    return { master: hasMaster, selfSigning: hasSelfSigning, userSigning: hasUserSigning }
  }

  async makeIdentity(fresh: boolean): Promise<IdentityRequests> {
    const made = await this.#machine.call((machine) => machine.bootstrapCrossSigning(fresh))
    this.#pages.keep()
    // Its types say "undefined", but it is null.
    const upload = made.uploadKeysReq ?? undefined
    return {
      keysUpload: upload && toRequest(upload),
      signingKeys: made.uploadSigningKeysReq,
      signatures: toRequest(made.uploadSignaturesReq),
    }
  }

  async otherIdentity(): Promise<{ readonly signingKeys: string; readonly secrets: IdentitySecrets }> {
    const maker = await this.#library.OlmMachine.initialize(this.#user(this.#userId), new this.#library.DeviceId(this.#deviceId))
    try {
      const { uploadSigningKeysReq: signingKeys } = await maker.bootstrapCrossSigning(true)
      return { signingKeys, secrets: await this.#exportFrom(maker) }
    } finally {
      maker.close()
    }
  }

  exportSecrets(): Promise<IdentitySecrets> {
    return this.#machine.call((machine) => this.#exportFrom(machine))
  }

  /** It gives them away for secret storage only: under a key that nobody else ever sees. */
  async #exportFrom(machine: OlmMachine): Promise<IdentitySecrets> {
    const key = this.#library.SecretStorageKey.createRandomKey()
    const { masterKey, selfSigningKey, userSigningKey } = await machine.exportSecretsForSecretStorage(key)
    return [
      key.decrypt(masterKey, secretNames[0]),
      key.decrypt(selfSigningKey, secretNames[1]),
      key.decrypt(userSigningKey, secretNames[2]),
    ]
  }

  async #import(secrets: readonly (string | undefined)[]): Promise<EngineRequest> {
    const key = this.#library.SecretStorageKey.createRandomKey()
    const [masterKey, selfSigningKey, userSigningKey] = secretNames.map((name, index) => key.encrypt(secrets[index] ?? '', name))
    const items = new this.#library.SecretStorageItems({
      masterKey: masterKey ?? '',
      selfSigningKey: selfSigningKey ?? '',
      userSigningKey: userSigningKey ?? '',
    })
    const request = await this.#machine.call((machine) => machine.importSecretsFromSecretStorage(key, items), [key, items])
    this.#pages.keep()
    return toRequest(request)
  }

  async importSecrets(secrets: readonly (string | undefined)[]): Promise<EngineRequest | undefined> {
    await this.#import(secrets)
    // What it would send signs the device: `signDevice` does that.
    return undefined
  }

  async signDevice(): Promise<EngineRequest | undefined> {
    const [user, id] = [this.#user(this.#userId), new this.#library.DeviceId(this.#deviceId)]
    const device = await this.#machine.call((machine) => machine.getDevice(user, id), [user, id])
    // Signing comes with taking the keys over, which are its own here.
    return device === null ? undefined : this.#import(await this.exportSecrets())
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

/** A panic comes back as an error like any other, with its own words when they are fixed ones: those of Rust's standard library. */
const panics =
  /^(?:Panic in async function$|called `(?:Option|Result)::|assertion failed: |internal error: entered unreachable code|explicit panic$|not (?:yet )?implemented|attempt to |The `OlmMachine` has been closed)/

/** Are these the words of a panic in the library? */
export const isPanic = (words: string): boolean => panics.test(words)

const missing = /^Can't find the room key to decrypt the event, withheld code: (?:None|Some\("([^"]*)"\))$/

/** The library's errors are words alone. Those of the version that was tested; others are failures without a known cause. */
export const failureOfWords = (words: string): Pick<Undecryptable, 'code' | 'withheld'> => {
  const found = missing.exec(words)
  if (found !== null)
    return found[1] === undefined ? { code: 'missing-key', withheld: undefined } : { code: 'withheld', withheld: found[1] }
  if (words.startsWith('The message was encrypted using an unknown message index,')) return { code: 'missing-key', withheld: undefined }
  if (words.startsWith('decryption failed because of mismatched identity keys ')) return { code: 'forged', withheld: undefined }
  if (words.startsWith('decryption failed because trust requirement not satisfied: ')) return { code: 'forged', withheld: undefined }
  return { code: 'other', withheld: undefined }
}
