import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'

/** The part of a `/sync` answer that the engine needs. */
export interface CryptoSync {
  readonly toDevice: readonly unknown[]
  readonly changedDevices: readonly string[]
  readonly leftDevices: readonly string[]
  /** Absent keys mean zero (sync v2). */
  readonly oneTimeKeyCounts: Readonly<Record<string, number>>
  readonly unusedFallbackKeys: readonly string[] | undefined
}

/** How far the sender of an encrypted event can be believed. */
export type SenderTrust =
  | /** Sent by a device that its owner has cross-signed. */ 'signed'
  | /** The device is known, but its owner has not signed it. */ 'unsigned'
  | /** The device is not (or no longer) known. */ 'unknown-device'
  | /** Owner of the session and sender of the event differ: forged. */ 'mismatched-sender'
  | /** The sender is behind a bridge, and the device is that of the bridge's own bot. */ 'bridge'
  | /** Signed, but by another identity than the one that is remembered. */ 'identity-changed'
  | /** The key came second-hand. */ 'not-guaranteed'

/** A decrypted room event. */
export interface Decrypted {
  readonly ok: true
  readonly type: string
  readonly content: JsonObject
  readonly trust: SenderTrust
  readonly deviceId: DeviceId | undefined
  /** What the owner (or the server) calls the device. */
  readonly deviceName?: string | undefined
  /** Master key of the identity under which the device counts as signed; always there when `trust` is `signed`. */
  readonly identityKey?: string | undefined
}

/** Why an event could not be decrypted. */
export interface Undecryptable {
  readonly ok: false
  readonly code: 'missing-key' | 'withheld' | 'forged' | 'other'
  /** The withheld code (`m.unverified`, …), if the sender gave one. */
  readonly withheld: string | undefined
  readonly sessionId: string | undefined
}

/** Which devices of the recipients get the keys: every one, or those alone that their owners have cross-signed. */
export type KeySharing = 'all-devices' | 'signed-devices'

/** Encryption of one room, from the directory and the one-way memory. */
export interface RoomEncryption {
  readonly roomId: RoomId
  readonly historyVisibility: string
  /** Everybody who gets the key: joined, and invited unless the visibility is `joined`. */
  readonly recipients: readonly UserId[]
  readonly sharing: KeySharing
  readonly rotationPeriodMs: number
  readonly rotationMessages: number
}

/** What encrypting gave: ciphertext to send as `m.room.encrypted`, or why it cannot be sent now. Never plaintext. */
export type Encrypted =
  | { readonly ok: true; readonly content: JsonObject }
  | { readonly ok: false; readonly code: 'keys-not-shared'; readonly words: string }

/** One device of a person, as the engine knows it. */
export interface KnownDevice {
  readonly deviceId: DeviceId
  readonly signed: boolean
}

/**
 * End-to-end encryption behind one port, so that the engine can be changed. Every call has a deadline: a panic inside the engine would leave
 * it pending for ever.
 */
export interface CryptoPort {
  readonly userId: UserId
  readonly deviceId: DeviceId
  /** `wasm 18.9.0` or such, for `/readyz` and `!status`. */
  readonly engine: string
  /** Feeds to-device events, device lists and key counts. Nothing is on disk before `commit`. */
  feed(sync: CryptoSync): Promise<void>
  /** Runs `work` and stores what the engine has written since `feed`, in one SQLite transaction. */
  commit(work: () => void): void
  /** Sends what the engine wants to send (keys to upload, users to query, to-device messages); each on its own, failures are logged and retried. */
  flushOutgoing(): Promise<void>
  decrypt(roomId: RoomId, event: JsonObject): Promise<Decrypted | Undecryptable>
  /**
   * Shares the room key where needed, then encrypts. The result is on disk before it is returned.
   * @param current who is in the room and its settings at the moment of the call; undefined = not known, so nothing is encrypted
   */
  encrypt(roomId: RoomId, current: () => RoomEncryption | undefined, type: string, content: JsonObject): Promise<Encrypted>
  /** Membership, visibility or device lists changed: check the room's recipients again at the next message. */
  touch(roomId: RoomId): void
  /** Someone left or the visibility changed: the next message begins a new session, also after a crash. Call inside the transaction of the sync token. */
  expire(roomId: RoomId): void
  /** Asks the server for a person's devices now, and returns them. `undefined` = the server could not be asked. */
  queryDevices(userId: UserId): Promise<readonly KnownDevice[] | undefined>
  /** The public master key that the server shows for a person, as far as the engine knows it. Makes no request. */
  identityKey(userId: UserId): Promise<string | undefined>
  /** Called with the rooms for which keys have arrived. */
  onRoomKeys(listener: (keys: readonly { readonly roomId: RoomId; readonly sessionId: string }[]) => void): void
  /** Called with people whose device list changed (from the sync stream), and when their new devices or identity have been read. */
  onDevicesChanged(listener: (userIds: readonly UserId[]) => void): void
  /**
   * From now on room keys are dropped as they arrive unless this says so. Called when the key has come and nothing of its sync is known yet: a room
   * that the bot does not know may be one that it is about to join.
   */
  keepOnly(keeps: (roomId: RoomId, sender: UserId) => boolean): void
  close(): Promise<void>
}
