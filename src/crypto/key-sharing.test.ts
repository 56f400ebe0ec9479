import { expect, test } from 'vitest'
import { sharingFor } from './key-sharing.ts'
import type { SharingPolicy } from './key-sharing.ts'

const policy: SharingPolicy = { indoc: 'all-devices', direct: 'all-devices', others: 'signed-devices' }

test('newcomers and direct chats have rules of their own', () => {
  expect((['indoc', 'dm', 'admin', undefined] as const).map((kind) => sharingFor(policy, kind))).toEqual([
    'all-devices',
    'all-devices',
    'signed-devices',
    'signed-devices',
  ])
})
