import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'
import type { KeySharing, SenderTrust, Undecryptable } from './port.ts'
import type { KeepsKeys } from './unneeded-keys.ts'

/** Which endpoint a request of the engine is for. */
export type RequestKind = 'keys-upload' | 'keys-query' | 'keys-claim' | 'signatures-upload' | 'to-device' | 'room-message' | 'keys-backup'

/** What the engine wants to have sent. */
export interface EngineRequest {
  /** The answer is given back under it; undefined = the engine wants no answer. */
  readonly id: string | undefined
  readonly kind: RequestKind
  /** JSON. */
  readonly body: string
  /** Of a to-device message. */
  readonly eventType?: string | undefined
  readonly txnId?: string | undefined
}

/** The part of a sync that goes into the engine at once. */
export interface EngineSync {
  readonly toDevice: readonly JsonObject[]
  readonly changedDevices: readonly string[]
  readonly leftDevices: readonly string[]
  readonly oneTimeKeyCounts: Readonly<Record<string, number>>
  /** undefined = the server knows no fallback keys. */
  readonly unusedFallbackKeys: readonly string[] | undefined
}

/** What became of to-device events, as JSON. */
export interface Received {
  /** Decrypted ones. */
  readonly decrypted: readonly string[]
  /** Those that could not be decrypted, as they came. */
  readonly undecrypted: readonly string[]
}

/** What the engine says of a decrypted room event. */
export interface DecryptedFacts {
  /** JSON. */
  readonly event: string
  readonly sender: UserId
  readonly deviceId: DeviceId | undefined
  /** Curve25519 key of the device that made the session. */
  readonly senderKey: string | undefined
  /** How the engine remembers that the sender stood when the session came. */
  readonly trust: SenderTrust
}

/** A device of a person, as its owner and the server show it. */
export interface DeviceFacts {
  readonly deviceId: DeviceId
  /** Has its owner cross-signed it? */
  readonly signed: boolean
  /** Its Curve25519 key. */
  readonly senderKey: string | undefined
  readonly name: string | undefined
}

/** How a room's session begins. */
export interface SessionSettings {
  readonly historyVisibility: string
  readonly sharing: KeySharing
  /** The engine's own limits, above those that are kept by us. */
  readonly periodMs: number
  readonly messages: number
}

/** What setting up a new identity has to send, in this order. */
export interface IdentityRequests {
  readonly keysUpload: EngineRequest | undefined
  /** JSON of `/keys/device_signing/upload`. */
  readonly signingKeys: string
  readonly signatures: EngineRequest
}

/** Which private keys of the bot's identity are here. */
export interface PrivateKeys {
  readonly master: boolean
  readonly selfSigning: boolean
  readonly userSigning: boolean
}

/** The three private keys of an identity, unpadded base64: master, self-signing, user-signing. */
export type IdentitySecrets = readonly [string | undefined, string | undefined, string | undefined]

/** Who wants to hear of what an engine has learned. */
export interface EngineListener {
  readonly roomKeys: (keys: readonly { readonly roomId: RoomId; readonly sessionId: string }[]) => void
  /** New devices or another identity of these people were read. */
  readonly devices: (userIds: readonly UserId[]) => void
}

/** The bot's own cross-signing identity, in one build of the library. */
export interface IdentityBinding {
  privateKeys(): Promise<PrivateKeys>
  /** @param fresh with new keys, not those that are here */
  makeIdentity(fresh: boolean): Promise<IdentityRequests>
  /** Keys of a new identity that nobody uses yet, made beside this engine. */
  otherIdentity(): Promise<{ readonly signingKeys: string; readonly secrets: IdentitySecrets }>
  exportSecrets(): Promise<IdentitySecrets>
  /** Takes private keys over; the public ones have to be known from the server. @returns what has to be sent for that, if anything */
  importSecrets(secrets: readonly (string | undefined)[]): Promise<EngineRequest | undefined>
  /** Signs this device by the identity; undefined = the server does not show the device. */
  signDevice(): Promise<EngineRequest | undefined>
}

/**
 * One build of the encryption library, in plain values. What the bot does with it (when to send what, whom to give keys, what to believe) is in `engine.ts`
 * and is the same for every build. User ids that the library refuses are left out wherever several are given; ask `takes` before giving a single one.
 */
export interface EngineBinding {
  /** `wasm 0.19.1` or such. */
  readonly name: string
  /** Public keys of this device. */
  readonly identityKeys: { readonly ed25519: string; readonly curve25519: string }
  listen(listener: EngineListener): void
  /** Has the library panicked in this call? What is in its memory may be wrong then. One that cannot say it is noticed in another way. */
  panicked(error: unknown): boolean
  /** Can the library have this user at all? Some servers let people have ids that it refuses. */
  takes(userId: string): boolean

  receive(sync: EngineSync): Promise<Received>
  /** From now on room keys that come are dropped unless this says so. An engine that cannot do that keeps them. */
  keepOnly(keeps: KeepsKeys): void
  /**
   * Drops those room keys among decrypted events that are not needed. Call between `begin` and `flush` of the store.
   * @returns how many should have been dropped but stay
   */
  dropUnneeded(decrypted: readonly string[]): Promise<number>

  outgoing(): Promise<readonly EngineRequest[]>
  markSent(id: string, kind: RequestKind, body: unknown): Promise<void>
  /** Asks for the keys of these people now. */
  queryFor(userIds: readonly string[]): EngineRequest
  track(userIds: readonly string[]): Promise<void>
  /** One-time keys to claim, so that there is a session with every device of these people. */
  missingSessions(userIds: readonly string[]): Promise<EngineRequest | undefined>

  /** The room's session must not carry another message: the next `share` begins a new one. */
  endSession(roomId: RoomId): Promise<void>
  share(roomId: RoomId, userIds: readonly string[], settings: SessionSettings): Promise<readonly EngineRequest[]>
  /** @returns JSON of the content; the key has to be shared before */
  encrypt(roomId: RoomId, type: string, content: string): Promise<string>
  decrypt(roomId: RoomId, event: string): Promise<DecryptedFacts>
  /** Why `decrypt` failed. */
  failureOf(error: unknown): Pick<Undecryptable, 'code' | 'withheld'>

  devicesOf(userId: UserId): Promise<readonly DeviceFacts[]>
  deviceOf(userId: UserId, deviceId: DeviceId): Promise<DeviceFacts | undefined>
  /** The public master key that the server shows for a person. */
  masterKeyOf(userId: UserId): Promise<string | undefined>
  /**
   * What `deviceOf` and `masterKeyOf` say of anybody is the same for as long as this is; undefined = something is being written just now. A build that
   * cannot tell does not have it.
   */
  peopleVersion?(): number | undefined
  /** To-device messages (JSON by user and device) with an empty event through the newest session with a device; undefined = the engine does that itself. */
  dummyFor(userId: UserId, deviceId: DeviceId): Promise<JsonObject | undefined>

  /** The bot's own cross-signing identity. */
  readonly identity: IdentityBinding

  /** Ends the library when the calls into it have come back. */
  close(): Promise<void>
}
