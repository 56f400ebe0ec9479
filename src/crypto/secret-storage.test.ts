import { describe, expect, test } from 'vitest'
import {
  createKey,
  decodeRecoveryKey,
  decryptSecret,
  describeKey,
  encodeRecoveryKey,
  encryptSecret,
  isKeyOf,
  secretStorageAlgorithm,
} from './secret-storage.ts'

describe('the recovery key', () => {
  test('comes back from its written form, whatever spaces people type', () => {
    const key = createKey()
    const text = encodeRecoveryKey(key)
    expect(text).toMatch(/^Es\S{2}( \S{4}){10,11}( \S{1,4})?$/)
    for (const written of [text, text.replaceAll(' ', ''), ` ${text.replaceAll(' ', '\n')} \n`])
      expect(decodeRecoveryKey(written)).toEqual(key)
  })

  test('the example of the specification', () => {
    // Appendix "Cryptographic key representation": 32 bytes, prefix 8b 01, parity, base58 in groups of four.
    const key = new Uint8Array(32).fill(1)
    const text = encodeRecoveryKey(key)
    expect(decodeRecoveryKey(text)).toEqual(key)
    expect(
      text
        .split(' ')
        .slice(0, -1)
        .every((group) => group.length === 4),
    ).toBe(true)
  })

  test('a mistyped, cut or other key is none', () => {
    const text = encodeRecoveryKey(createKey())
    const other = text.endsWith('2') ? '3' : '2'
    for (const wrong of [
      '',
      'Es',
      text.slice(0, -5),
      `${text.slice(0, -1)}${other}`,
      `${text} abcd`,
      text.replace('E', '0'),
      'not a key at all',
    ]) {
      expect(decodeRecoveryKey(wrong)).toBeUndefined()
    }
  })
})

describe('secrets', () => {
  const key = createKey()

  test('come back with the right key and name only', () => {
    const secret = encryptSecret(key, 'm.cross_signing.master', 'the seed')
    expect(decryptSecret(key, 'm.cross_signing.master', secret)).toBe('the seed')
    expect(decryptSecret(key, 'm.cross_signing.user_signing', secret)).toBeUndefined()
    expect(decryptSecret(createKey(), 'm.cross_signing.master', secret)).toBeUndefined()
    expect(JSON.stringify(secret)).not.toContain('the seed')
    expect(encryptSecret(key, 'm.cross_signing.master', 'the seed')).not.toEqual(secret)
  })

  test('that were changed are refused', () => {
    const secret = encryptSecret(key, 'n', 'the seed')
    const flip = (text: string): string => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`
    expect(decryptSecret(key, 'n', { ...secret, ciphertext: flip(secret.ciphertext) })).toBeUndefined()
    expect(decryptSecret(key, 'n', { ...secret, mac: flip(secret.mac) })).toBeUndefined()
    expect(decryptSecret(key, 'n', { ...secret, mac: '' })).toBeUndefined()
  })

  test('have no padding, and bit 63 of the counter is clear, as other clients want it', () => {
    for (let round = 0; round < 20; round += 1) {
      const { iv, ciphertext, mac } = encryptSecret(key, 'n', 'x')
      expect([iv, ciphertext, mac].join('')).not.toContain('=')
      expect((Buffer.from(iv, 'base64')[8] ?? 255) & 0x80).toBe(0)
    }
  })
})

describe('the description of a key', () => {
  const key = createKey()

  test('knows its key', () => {
    const description = describeKey(key)
    expect(description.algorithm).toBe(secretStorageAlgorithm)
    expect([isKeyOf(key, description), isKeyOf(createKey(), description)]).toEqual([true, false])
  })

  test('without a check says yes, of another kind says no', () => {
    expect(isKeyOf(key, { algorithm: secretStorageAlgorithm })).toBe(true)
    expect(isKeyOf(key, { ...describeKey(key), algorithm: 'm.other' })).toBe(false)
    expect(isKeyOf(key, { ...describeKey(key), mac: 'AAAA' })).toBe(false)
  })
})
