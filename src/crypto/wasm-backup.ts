import { BackupDecryptionKey, RoomId as WasmRoomId, SignatureState, UserId as WasmUserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { z } from 'zod'
import type { JsonObject, RoomId } from '../types.ts'
import { backupAlgorithm } from './backup-engine.ts'
import type { BackedUpKey, BackupAuth, BackupBatch, BackupEngine, BackupKey } from './backup-engine.ts'
import type { DurableStore } from './durable-store.ts'
import type { WasmEngine } from './wasm-engine.ts'

const batchRooms = z.object({ rooms: z.record(z.string(), z.object({ sessions: z.record(z.string(), z.unknown()) })) })

const toKey = (key: BackupDecryptionKey): BackupKey => ({ secret: key.toBase64(), publicKey: key.megolmV1PublicKey.publicKeyBase64 })

const parseKey = (secret: string): BackupDecryptionKey | undefined => {
  try {
    return BackupDecryptionKey.fromBase64(secret)
  } catch {
    // Whatever stands in secret storage was written by some client.
    return undefined
  }
}

/** Key backup by the WebAssembly engine. */
export class WasmBackup implements BackupEngine {
  readonly #engine: WasmEngine
  readonly #store: DurableStore

  constructor(engine: WasmEngine, store: DurableStore) {
    this.#engine = engine
    this.#store = store
  }

  async ownIdentity(): Promise<string | undefined> {
    const { machine, userId } = this.#engine
    const identity = await this.#engine.call('getIdentity', () => machine.getIdentity(new WasmUserId(userId)))
    return identity?.masterKey
  }

  newKey(): BackupKey {
    return toKey(BackupDecryptionKey.createRandomKey())
  }

  keyOf(secret: string): BackupKey | undefined {
    const key = parseKey(secret)
    return key === undefined ? undefined : toKey(key)
  }

  async heldKey(): Promise<BackupKey | undefined> {
    const { decryptionKey } = await this.#engine.call('getBackupKeys', () => this.#engine.machine.getBackupKeys())
    return decryptionKey === undefined ? undefined : toKey(decryptionKey)
  }

  async isSigned(auth: BackupAuth): Promise<boolean> {
    const info = { algorithm: backupAlgorithm, auth_data: { public_key: auth.public_key, signatures: auth.signatures ?? {} } }
    try {
      const found = await this.#engine.call('verifyBackup', () => this.#engine.machine.verifyBackup(info))
      return found.userState === SignatureState.ValidAndTrusted
    } catch {
      // The engine throws at signatures whose form it does not know: those are not ours.
      return false
    }
  }

  async sign(publicKey: string): Promise<BackupAuth> {
    // The canonical JSON of an object with this one key.
    const text = JSON.stringify({ public_key: publicKey })
    const signatures = await this.#engine.call('sign', () => this.#engine.machine.sign(text))
    return { public_key: publicKey, signatures: JSON.parse(signatures.asJSON()) as JsonObject }
  }

  async use(key: BackupKey, version: string): Promise<void> {
    const { machine } = this.#engine
    const secret = BackupDecryptionKey.fromBase64(key.secret)
    await this.#engine.call('saveBackupDecryptionKey', () => machine.saveBackupDecryptionKey(secret, version))
    await this.#engine.call('enableBackupV1', () => machine.enableBackupV1(key.publicKey, version))
  }

  async reset(): Promise<void> {
    // Without a deadline: it rewrites the mark of every stored key, and a large store takes its time.
    await this.#engine.machine.disableBackup()
  }

  async nextBatch(): Promise<BackupBatch | undefined> {
    const request = await this.#engine.call('backupRoomKeys', () => this.#engine.machine.backupRoomKeys())
    if (request === undefined) return undefined
    await this.#store.durable()
    return { id: request.id, rooms: batchRooms.parse(JSON.parse(request.body)).rooms as BackupBatch['rooms'] }
  }

  async stored(batch: BackupBatch): Promise<void> {
    // The engine does not look at the answer, which is one for each room here.
    await this.#engine.markSent({ id: batch.id, kind: 'keys-backup' }, { etag: '', count: 0 })
  }

  async restore(
    key: BackupKey,
    version: string,
    roomId: RoomId,
    keys: readonly BackedUpKey[],
  ): Promise<{ readonly imported: number; readonly unreadable: number }> {
    const secret = BackupDecryptionKey.fromBase64(key.secret)
    const sessions = new Map<string, unknown>()
    for (const stored of keys) {
      const session = open(secret, stored)
      if (session !== undefined) sessions.set(stored.sessionId, session)
    }
    const unreadable = keys.length - sessions.size
    if (sessions.size === 0) return { imported: 0, unreadable }
    let failed = 0n
    const result = await this.#engine.call('importBackedUpRoomKeys', () =>
      this.#engine.machine.importBackedUpRoomKeys(
        new Map([[new WasmRoomId(roomId), sessions]]),
        (_done, _total, failures) => {
          failed = failures
        },
        version,
      ),
    )
    return { imported: result.importedCount, unreadable: unreadable + Number(failed) }
  }
}

/** Decrypts one key. Anybody can write into a backup who knows its public key, so what cannot be read is left out. */
const open = (secret: BackupDecryptionKey, { ephemeral, mac, ciphertext }: BackedUpKey): JsonObject | undefined => {
  try {
    const session: unknown = JSON.parse(secret.decryptV1(ephemeral, mac, ciphertext))
    return typeof session === 'object' && session !== null && !Array.isArray(session) ? (session as JsonObject) : undefined
  } catch {
    return undefined
  }
}
