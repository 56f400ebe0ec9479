import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, scrypt } from 'node:crypto'
import type { Timestamp } from '../types.ts'
import type { Database } from './database.ts'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** What to tell the operator when the passphrase does not open the sealed values. */
export const wrongPassphrase = 'crypto.passphrase is not the one that this data directory was made with'

/** What came of opening the sealed values with a passphrase. */
export type UnlockResult = { readonly ok: true; readonly sealed: Sealed } | { readonly ok: false; readonly code: 'wrong-passphrase' }

const derive = (passphrase: string, salt: Uint8Array): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, { N: 16_384, r: 8, p: 1 }, (error, key) => (error === null ? resolve(key) : reject(error)))
  })

/**
 * Small secrets that must survive a restart (session tokens), sealed with AES-256-GCM. The key comes from the operator's passphrase by
 * scrypt (16 MiB, ~40 ms) and is never stored; the name of a value is bound to it, so that two values cannot be swapped in the file.
 */
export class Sealed {
  readonly #database: Database
  readonly #master: Buffer

  private constructor(database: Database, master: Buffer) {
    this.#database = database
    this.#master = master
  }

  /**
   * Derives the key and checks it against this data directory. The first call on a new directory binds the passphrase to it.
   * @param passphrase `crypto.passphrase` of the configuration
   */
  static async unlock(database: Database, passphrase: string, now: Timestamp): Promise<UnlockResult> {
    const known = database.meta('seal.salt')
    const salt = known === undefined ? randomBytes(16) : Buffer.from(known, 'base64')
    const sealed = new Sealed(database, await derive(passphrase, salt))
    if (known === undefined) {
      database.transaction(() => {
        database.setMeta('seal.salt', salt.toString('base64'))
        sealed.set('seal.check', 'gatehouse', now)
      })
      return { ok: true, sealed }
    }
    return sealed.get('seal.check') === 'gatehouse' ? { ok: true, sealed } : { ok: false, code: 'wrong-passphrase' }
  }

  /** A key for another purpose, such as the crypto store of one device. 32 bytes. */
  key(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#master, Buffer.alloc(0), `gatehouse/${purpose}`, 32))
  }

  /** The value of that name, or undefined when there is none or it was sealed under another key or name. */
  get(name: string): string | undefined {
    const row = this.#database.first(this.#database.query.selectFrom('sealed').select('value').where('name', '=', name))
    if (row === undefined || row.value.length < nonceBytes + tagBytes) return undefined
    const value = Buffer.from(row.value)
    const decipher = createDecipheriv(algorithm, this.key('sealed'), value.subarray(0, nonceBytes))
    decipher.setAAD(Buffer.from(name))
    decipher.setAuthTag(value.subarray(nonceBytes, nonceBytes + tagBytes))
    try {
      return Buffer.concat([decipher.update(value.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8')
    } catch {
      // GCM's only complaint: the tag does not fit, so key, name or bytes are not those it was sealed with.
      return undefined
    }
  }

  /** Seals a value under a name, replacing an older one. */
  set(name: string, value: string, now: Timestamp): void {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv(algorithm, this.key('sealed'), nonce)
    cipher.setAAD(Buffer.from(name))
    const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
    const row = { value: Buffer.concat([nonce, cipher.getAuthTag(), body]), updated_at: now }
    this.#database.run(
      this.#database.query
        .insertInto('sealed')
        .values({ name, ...row })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row)),
    )
  }
}
