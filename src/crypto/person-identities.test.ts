import { expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import type { UserId } from '../types.ts'
import { fingerprint, PersonIdentities } from './person-identities.ts'

const ada = '@ada:x' as UserId
const setUp = () => {
  const database = memoryDatabase()
  const clock = new TestClock()
  return { database, clock, identities: new PersonIdentities(database, clock) }
}

test('the first key is remembered, and still by another run of the program', () => {
  const { database, clock, identities } = setUp()
  expect(identities.see(ada, 'A')).toBe('first')
  expect(identities.see(ada, 'A')).toBe('same')
  expect(new PersonIdentities(database, clock).of(ada)).toMatchObject({ masterKey: 'A', otherKey: undefined, acceptedBy: 'first-use' })
})

test('another key is a change, and stays one when the first key comes back', () => {
  const { identities } = setUp()
  identities.see(ada, 'A')
  expect(identities.see(ada, 'B')).toBe('changed')
  expect(identities.see(ada, 'B')).toBe('changed')
  expect(identities.see(ada, 'A')).toBe('changed')
  expect(identities.of(ada)).toMatchObject({ masterKey: 'A', otherKey: 'B' })
  expect(identities.changed().map(({ userId }) => userId)).toEqual([ada])
})

test('people are kept apart', () => {
  const { identities } = setUp()
  const bob = '@bob:x' as UserId
  identities.see(ada, 'A')
  expect(identities.see(bob, 'B')).toBe('first')
  expect(identities.see(ada, 'A')).toBe('same')
})

test('a change is told once for each new key', () => {
  const { identities } = setUp()
  const told: string[] = []
  const tell = () => identities.tellOnce(ada, ({ otherKey }) => void told.push(otherKey))
  identities.see(ada, 'A')
  expect(tell()).toBe(false)
  identities.see(ada, 'B')
  expect([tell(), tell()]).toEqual([true, false])
  identities.see(ada, 'A')
  expect(tell()).toBe(false)
  identities.see(ada, 'C')
  expect(tell()).toBe(true)
  expect(told).toEqual(['B', 'C'])
})

test('what could not be told is told the next time', () => {
  const { identities } = setUp()
  identities.see(ada, 'A')
  identities.see(ada, 'B')
  expect(() =>
    identities.tellOnce(ada, () => {
      throw new Error('no room')
    }),
  ).toThrow('no room')
  expect(identities.tellOnce(ada, () => undefined)).toBe(true)
})

test('an approved key is the one from then on, and the old one a change', () => {
  const { identities } = setUp()
  identities.see(ada, 'A')
  identities.see(ada, 'B')
  identities.accept(ada, 'B', '@olga:x')
  expect(identities.of(ada)).toMatchObject({ masterKey: 'B', otherKey: undefined, acceptedBy: '@olga:x' })
  expect(identities.changed()).toEqual([])
  expect(identities.see(ada, 'B')).toBe('same')
  expect(identities.see(ada, 'A')).toBe('changed')
})

test('a fingerprint is short and in groups', () => {
  expect(fingerprint('5r/+seF4NFxmSJtXxY5JSbn3yU6/l7UMQUq8jyWrPUg')).toBe('5r/+ seF4 NFxm SJtX')
})
