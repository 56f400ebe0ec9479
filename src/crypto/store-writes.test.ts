import { expect, test } from 'vitest'
import { StoreWrites } from './store-writes.ts'

test('the count of some object stores moves with a transaction that may write to one of them, and with no other', () => {
  const writes = new StoreWrites()
  const both = (): number | undefined => writes.count(['devices', 'identities'])
  const before = both()
  writes.begin(['sessions'])()
  expect(both()).toBe(before)
  writes.begin(['core', 'identities'])()
  expect(both()).not.toBe(before)
})

test('while one runs there is no count', () => {
  const writes = new StoreWrites()
  const first = writes.begin(['devices'])
  const second = writes.begin(['devices', 'identities'])
  first()
  expect(writes.count(['devices'])).toBeUndefined()
  expect(writes.count(['identities'])).toBeUndefined()
  expect(writes.count(['sessions'])).toBe(0)
  second()
  expect(writes.count(['devices'])).toBe(2)
})
