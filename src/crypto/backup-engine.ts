import type { JsonObject, RoomId } from '../types.ts'

/** The only algorithm of key backup that clients use today (spec: "Server-side key backups"). */
export const backupAlgorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'

/** A key pair of the backup. Who has the secret can read every key in it. */
export interface BackupKey {
  /** Base64, as it stands in secret storage. */
  readonly secret: string
  /** Base64, as the server shows it. */
  readonly publicKey: string
}

/** What the server shows of a backup's key. */
export interface BackupAuth {
  readonly public_key: string
  readonly signatures?: JsonObject | undefined
}

/** A batch of room keys that are not in the backup yet, encrypted for it: room → session → what the server stores. */
export interface BackupBatch {
  readonly id: string
  readonly rooms: Readonly<Record<string, { readonly sessions: JsonObject }>>
}

/** One stored room key as the server gives it back. */
export interface BackedUpKey {
  readonly sessionId: string
  readonly ephemeral: string
  readonly mac: string
  readonly ciphertext: string
}

/** The part of an encryption engine that backs room keys up and reads them back. */
export interface BackupEngine {
  /** Public master key of the bot's own identity. */
  ownIdentity(): Promise<string | undefined>
  newKey(): BackupKey
  /** The key with this secret; undefined when it is no key. */
  keyOf(secret: string): BackupKey | undefined
  /** The key in use, from the engine's own store. */
  heldKey(): Promise<BackupKey | undefined>
  /** Has the bot's own, trusted identity signed it? */
  isSigned(auth: BackupAuth): Promise<boolean>
  /** The same with the signatures of this device and of the bot's identity. */
  sign(publicKey: string): Promise<BackupAuth>
  /** Backs up with this key into this version from now on, also after a restart. */
  use(key: BackupKey, version: string): Promise<void>
  /** Forgets which room keys are in the backup: all are looked at again. */
  reset(): Promise<void>
  /** The next keys to upload; undefined = none are left. The same batch again until it is `stored`. */
  nextBatch(): Promise<BackupBatch | undefined>
  stored(batch: BackupBatch): Promise<void>
  /**
   * Takes room keys of a room over that are better than what is here.
   * @returns how many were new, and how many could not be read
   */
  restore(
    key: BackupKey,
    version: string,
    roomId: RoomId,
    keys: readonly BackedUpKey[],
  ): Promise<{ readonly imported: number; readonly unreadable: number }>
}
