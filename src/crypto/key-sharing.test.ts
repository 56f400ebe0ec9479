import { expect, test } from 'vitest'
import { sharingFor, sharingOfSecret } from './key-sharing.ts'
import type { SharingPolicy } from './key-sharing.ts'
import type { PersonIdentity } from './person-identities.ts'
import type { UserId } from '../types.ts'

const policy: SharingPolicy = { indoc: 'all-devices', direct: 'all-devices', others: 'signed-devices' }

test('newcomers and direct chats have rules of their own', () => {
  expect((['indoc', 'dm', 'admin', undefined] as const).map((kind) => sharingFor(policy, kind))).toEqual([
    'all-devices',
    'all-devices',
    'signed-devices',
    'signed-devices',
  ])
})

test('a secret for somebody whose identity is remembered goes to signed devices alone; for others the policy holds', () => {
  const mo = '@mo:x' as UserId
  const identity: PersonIdentity = {
    userId: mo,
    masterKey: 'key',
    otherKey: undefined,
    otherSeenAt: undefined,
    acceptedBy: 'first-use',
    acceptedAt: 1,
  }
  const identities = { of: (userId: UserId) => (userId === mo ? identity : undefined) }
  expect(sharingOfSecret(identities, mo, 'all-devices')).toBe('signed-devices')
  expect(sharingOfSecret(identities, '@newcomer:x' as UserId, 'all-devices')).toBe('all-devices')
  expect(sharingOfSecret(identities, '@newcomer:x' as UserId, 'signed-devices')).toBe('signed-devices')
  expect(sharingOfSecret(identities, undefined, 'all-devices')).toBe('all-devices')
})
