import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import bs58 from 'bs58'
import { z } from 'zod'

/** Secret storage (spec: "Storage" under "Secrets", algorithm `m.secret_storage.v1.aes-hmac-sha2`), as other clients read it. */
export const secretStorageAlgorithm = 'm.secret_storage.v1.aes-hmac-sha2'

/** One encrypted secret, as it stands in account data. */
export const encryptedSecret = z.object({ iv: z.string(), ciphertext: z.string(), mac: z.string() })
/** The description of a key, with the check by which a wrong recovery key is noticed. */
export const keyDescription = z.object({ algorithm: z.string(), iv: z.string().optional(), mac: z.string().optional() })

type EncryptedSecret = z.infer<typeof encryptedSecret>

const prefix = Buffer.from([0x8b, 0x01])

const keysFor = (key: Uint8Array, name: string): { readonly aes: Buffer; readonly mac: Buffer } => {
  const derived = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(32), name, 64))
  return { aes: derived.subarray(0, 32), mac: derived.subarray(32) }
}

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

const seal = (key: Uint8Array, name: string, plain: Uint8Array, iv: Buffer): EncryptedSecret => {
  const keys = keysFor(key, name)
  const cipher = createCipheriv('aes-256-ctr', keys.aes, iv)
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  return { iv: unpadded(iv), ciphertext: unpadded(ciphertext), mac: unpadded(createHmac('sha256', keys.mac).update(ciphertext).digest()) }
}

const newIv = (): Buffer => {
  const iv = randomBytes(16)
  // Bit 63 is cleared, so that implementations with a 64-bit counter agree with those that have 128 bits.
  iv[8] = (iv[8] ?? 0) & 0x7f
  return iv
}

/** Encrypts a secret under its name. */
export const encryptSecret = (key: Uint8Array, name: string, secret: string): EncryptedSecret =>
  seal(key, name, Buffer.from(secret, 'utf8'), newIv())

/** Decrypts a secret; undefined when key or name are wrong. */
export const decryptSecret = (key: Uint8Array, name: string, secret: EncryptedSecret): string | undefined => {
  const keys = keysFor(key, name)
  const ciphertext = Buffer.from(secret.ciphertext, 'base64')
  const mac = createHmac('sha256', keys.mac).update(ciphertext).digest()
  const given = Buffer.from(secret.mac, 'base64')
  if (given.length !== mac.length || !timingSafeEqual(mac, given)) return undefined
  const decipher = createDecipheriv('aes-256-ctr', keys.aes, Buffer.from(secret.iv, 'base64'))
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
}

/** The content of `m.secret_storage.key.<id>` for a new key. */
export const describeKey = (key: Uint8Array): { algorithm: string; iv: string; mac: string } => {
  const { iv, mac } = seal(key, '', Buffer.alloc(32), newIv())
  return { algorithm: secretStorageAlgorithm, iv, mac }
}

/** Is this the key that the description was made with? A description without a check says yes. */
export const isKeyOf = (key: Uint8Array, description: z.infer<typeof keyDescription>): boolean => {
  if (description.algorithm !== secretStorageAlgorithm) return false
  if (description.iv === undefined || description.mac === undefined) return true
  const expected = Buffer.from(seal(key, '', Buffer.alloc(32), Buffer.from(description.iv, 'base64')).mac, 'base64')
  const given = Buffer.from(description.mac, 'base64')
  return given.length === expected.length && timingSafeEqual(expected, given)
}

/** A new 32-byte key. */
export const createKey = (): Uint8Array => new Uint8Array(randomBytes(32))

/** The recovery key as people write it: base58 in groups of four (spec: "Key representation"). */
export const encodeRecoveryKey = (key: Uint8Array): string => {
  const bytes = Buffer.concat([prefix, key])
  const parity = bytes.reduce((sum, byte) => sum ^ byte, 0)
  return bs58.encode(Buffer.concat([bytes, Buffer.from([parity])])).replace(/(.{4})(?=.)/g, '$1 ')
}

/** Reads a recovery key; undefined when it is not one (mistyped, cut, another kind of key). */
export const decodeRecoveryKey = (text: string): Uint8Array | undefined => {
  const bytes = bs58.decodeUnsafe(text.replace(/\s+/g, ''))
  if (bytes === undefined || bytes.length !== 35 || bytes[0] !== prefix[0] || bytes[1] !== prefix[1]) return undefined
  if (bytes.reduce((sum, byte) => sum ^ byte, 0) !== 0) return undefined
  return bytes.slice(2, 34)
}
