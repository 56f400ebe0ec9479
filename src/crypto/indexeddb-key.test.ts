import * as library from 'fake-indexeddb'
import { expect, test } from 'vitest'
import { decodeKey, encodeKey } from './indexeddb-key.ts'

const { indexedDB } = library as unknown as { readonly indexedDB: { cmp(one: unknown, other: unknown): number } }
const binary = (...bytes: number[]): ArrayBuffer => Uint8Array.from(bytes).buffer

const numbers = [-Infinity, -1e300, -2, -1, -0.5, 0, Number.MIN_VALUE, 0.1, 1, 2, 255, 256, 2 ** 53, Infinity]
const dates = [-5, 0, 5, 1_795_000_000_000].map((time) => new Date(time))
const narrow = ['', '\0', '\0\0', '\x01', 'a', 'a\0', 'a\x1d', 'a\x1db', 'a\x1e', 'ab', 'b', '~', '\x7e', '\x7f', '\x80', 'ÿ', 'Ā']
const wide = ['ключ', '\u407e', '\u407f', '\uffff', '😀', '\ud83d', '\ue000']
const binaries = [binary(), binary(0), binary(0, 0), binary(0, 1), binary(1), binary(1, 0), binary(2), binary(255)]
const lists = [
  [],
  [[]],
  [1],
  [1, 2],
  ['a'],
  ['a', ''],
  ['a', 'b'],
  ['a\0'],
  ['a', 1],
  [binary(0)],
  [binary(0), 1],
  [['a'], 'b'],
  [new Date(1)],
]
const keys: readonly unknown[] = [...numbers, ...dates, ...narrow, ...wide, ...binaries, ...lists]

test('a key comes back as it was', () => {
  for (const key of keys) {
    const text = encodeKey(key)
    expect(decodeKey(`${text}more`)).toEqual({ key, next: text.length })
    expect(Buffer.from(text, 'latin1').toString('latin1')).toBe(text)
  }
  expect(encodeKey(-0)).toBe(encodeKey(0))
})

test('texts have the order of the keys, alone and with another key behind them', () => {
  const sign = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
  for (const one of keys)
    for (const other of keys) {
      const expected = indexedDB.cmp(one, other)
      expect(sign(encodeKey(one), encodeKey(other)), `${String(one)} and ${String(other)}`).toBe(expected)
      if (expected !== 0) expect(sign(encodeKey(one) + encodeKey('z'), encodeKey(other) + encodeKey('a'))).toBe(expected)
    }
})

test('what is no key, and what was cut off, is refused', () => {
  expect(() => encodeKey({})).toThrow('no key of IndexedDB')
  expect(() => encodeKey(undefined)).toThrow('no key of IndexedDB')
  for (const key of ['text', binary(7, 7), ['list']]) expect(() => decodeKey(encodeKey(key).slice(0, -1))).toThrow(RangeError)
  expect(() => decodeKey('x')).toThrow('no readable key')
})
