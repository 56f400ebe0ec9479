import type { BackedUpKey, BackupAuth, BackupBatch, BackupEngine, BackupKey } from '../../src/crypto/backup-engine.ts'
import { backupAlgorithm } from '../../src/crypto/backup-engine.ts'
import type { BackupHttp } from '../../src/crypto/backup-http.ts'
import { encryptSecret, describeKey } from '../../src/crypto/secret-storage.ts'
import type { SecretHttp } from '../../src/crypto/secret-store.ts'
import type { GateFailure } from '../../src/http/contract.ts'
import { answered, refused } from './unit.ts'

/** A key of the fake engine. */
export const fakeKey = (name: string): BackupKey => ({ secret: `secret of ${name}`, publicKey: `public of ${name}` })

/** An encryption engine that keeps only what a backup is about. */
export class FakeBackupEngine implements BackupEngine {
  identity = 'identity'
  held: BackupKey | undefined
  version: string | undefined
  /** Keys that are not marked as backed up: `room session`. */
  waiting: string[] = []
  readonly marked: string[] = []
  readonly imported: string[] = []
  resets = 0
  #made = 0
  #batch: BackupBatch | undefined
  #lines: readonly string[] = []

  ownIdentity = (): Promise<string> => Promise.resolve(this.identity)
  newKey = (): BackupKey => fakeKey(`key ${(this.#made += 1)}`)
  keyOf = (secret: string): BackupKey | undefined =>
    secret.startsWith('secret of ') ? fakeKey(secret.slice('secret of '.length)) : undefined
  heldKey = (): Promise<BackupKey | undefined> => Promise.resolve(this.held)
  isSigned = (auth: BackupAuth): Promise<boolean> => Promise.resolve(auth.signatures?.[this.identity] === auth.public_key)
  sign = (publicKey: string): Promise<BackupAuth> => Promise.resolve({ public_key: publicKey, signatures: { [this.identity]: publicKey } })

  use(key: BackupKey, version: string): Promise<void> {
    this.held = key
    this.version = version
    return Promise.resolve()
  }

  reset(): Promise<void> {
    this.resets += 1
    this.#batch = undefined
    this.waiting.push(...this.marked.splice(0))
    return Promise.resolve()
  }

  nextBatch(): Promise<BackupBatch | undefined> {
    if (this.#batch === undefined && this.waiting.length > 0) {
      const rooms: Record<string, { sessions: Record<string, { session_data: string }> }> = {}
      this.#lines = this.waiting.slice(0, 3)
      for (const line of this.#lines) {
        const [roomId = '', session = ''] = line.split(' ')
        rooms[roomId] ??= { sessions: {} }
        rooms[roomId].sessions[session] = { session_data: `${session} for ${this.held?.publicKey ?? 'nobody'}` }
      }
      this.#batch = { id: `batch ${(this.#made += 1)}`, rooms }
    }
    return Promise.resolve(this.#batch)
  }

  stored(batch: BackupBatch): Promise<void> {
    if (batch.id !== this.#batch?.id) throw new Error('another batch')
    this.marked.push(...this.#lines)
    this.waiting = this.waiting.filter((line) => !this.#lines.includes(line))
    this.#batch = undefined
    return Promise.resolve()
  }

  restore(_key: BackupKey, version: string, roomId: string, keys: readonly BackedUpKey[]): ReturnType<BackupEngine['restore']> {
    const good = keys.filter(({ ciphertext }) => ciphertext !== 'bad')
    this.imported.push(...good.map(({ sessionId }) => `${version} ${roomId} ${sessionId}`))
    return Promise.resolve({ imported: good.length, unreadable: keys.length - good.length })
  }
}

/** The key backup of a homeserver, in memory. */
export class FakeBackupServer implements BackupHttp {
  readonly versions: { version: string; algorithm: string; auth: BackupAuth }[] = []
  /** `version room session` → what is stored. */
  readonly keys = new Map<string, unknown>()
  readonly requests: string[] = []
  /** The next requests fail with these. */
  readonly failures: GateFailure[] = []
  #last = 0

  add(auth: BackupAuth, algorithm = backupAlgorithm): string {
    const version = String((this.#last += 1))
    this.versions.push({ version, algorithm, auth })
    return version
  }

  #ask<T>(
    name: string,
    work: () => T | GateFailure,
  ): Promise<{ readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: GateFailure }> {
    this.requests.push(name)
    const failure = this.failures.shift()
    if (failure !== undefined) return Promise.resolve({ ok: false, failure })
    const value = work()
    return Promise.resolve(isFailure(value) ? { ok: false, failure: value } : { ok: true, value })
  }

  #isCurrent = (version: string): boolean => this.versions.at(-1)?.version === version

  current: BackupHttp['current'] = () =>
    this.#ask('current', () => {
      const last = this.versions.at(-1)
      return last === undefined ? undefined : { ...last, auth: last.algorithm === backupAlgorithm ? last.auth : undefined }
    })
  create: BackupHttp['create'] = (auth) => this.#ask('create', () => this.add(auth))
  describe: BackupHttp['describe'] = (version, auth) =>
    this.#ask(`describe ${version}`, () => {
      const found = this.versions.find((one) => one.version === version)
      if (found !== undefined) found.auth = auth
      return undefined
    })
  store: BackupHttp['store'] = (version, rooms) =>
    this.#ask(`store ${version}`, () => {
      if (!this.#isCurrent(version)) return refused(403, 'M_WRONG_ROOM_KEYS_VERSION')
      for (const [roomId, { sessions }] of Object.entries(rooms))
        for (const [session, stored] of Object.entries(sessions)) this.keys.set(`${version} ${roomId} ${session}`, stored)
      return undefined
    })
  fetch: BackupHttp['fetch'] = (version, roomId) =>
    this.#ask(`fetch ${version} ${roomId}`, () =>
      [...this.keys.keys()].flatMap((name): BackedUpKey[] => {
        const [ofVersion, ofRoom, sessionId = ''] = name.split(' ')
        const ciphertext = sessionId.startsWith('bad') ? 'bad' : 'good'
        return ofVersion === version && ofRoom === roomId ? [{ sessionId, ephemeral: '', mac: '', ciphertext }] : []
      }),
    )
}

const isFailure = (value: unknown): value is GateFailure =>
  typeof value === 'object' && value !== null && 'ok' in value && value.ok === false

/** Account data of the bot, in memory, with secret storage under a key. */
export class FakeAccountData implements SecretHttp {
  readonly data = new Map<string, unknown>()
  readonly written: string[] = []
  /** Every request fails with this. */
  failure: GateFailure | undefined

  /** Makes secret storage under this key the account's. */
  secure(key: Uint8Array, keyId = 'first'): void {
    this.data.set(`m.secret_storage.key.${keyId}`, describeKey(key))
    this.data.set('m.secret_storage.default_key', { key: keyId })
  }

  put(key: Uint8Array, name: string, value: string, keyId = 'first'): void {
    this.data.set(name, { encrypted: { [keyId]: encryptSecret(key, name, value) } })
  }

  accountData: SecretHttp['accountData'] = (type) =>
    Promise.resolve(this.failure ?? (this.data.has(type) ? answered(this.data.get(type)) : refused(404, 'M_NOT_FOUND')))
  setAccountData: SecretHttp['setAccountData'] = (type, content) => {
    if (this.failure !== undefined) return Promise.resolve(this.failure)
    this.data.set(type, content)
    this.written.push(type)
    return Promise.resolve(answered({}))
  }
}
