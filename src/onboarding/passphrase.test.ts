import { expect, test } from 'vitest'
import { makePassphrase, wordsNeeded } from './passphrase.ts'
import { passphraseWords } from './passphrase-words.ts'

test('the words are all different and easy to type', () => {
  expect(new Set(passphraseWords).size).toBe(passphraseWords.length)
  expect(passphraseWords.filter((word) => !/^[a-z]{3,9}$/.test(word))).toEqual([])
})

test.each([
  [1 << 30, 5],
  [4096, 5],
  [4095, 6],
  [1024, 6],
  [1023, 7],
  [256, 8],
])('of a list of %i, %i words', (size, count) => {
  expect(wordsNeeded(size)).toBe(count)
  expect(count * Math.log2(size)).toBeGreaterThanOrEqual(60)
})

test('each word is drawn from the whole list', () => {
  const asked: number[] = []
  let next = 0
  const passphrase = makePassphrase((below) => {
    asked.push(below)
    return (next += 7)
  })
  expect(passphrase.text.split('-')).toEqual(asked.map((_, index) => passphraseWords[(index + 1) * 7]))
  expect(passphrase.words).toBe(asked.length)
  expect(new Set(asked)).toEqual(new Set([passphraseWords.length]))
  expect(passphrase.bits).toBeGreaterThanOrEqual(60)
  expect(passphrase.words).toBeGreaterThanOrEqual(5)
})

test('a broken random source is an error, not a weaker passphrase', () => {
  expect(() => makePassphrase((below) => below)).toThrow(RangeError)
})
