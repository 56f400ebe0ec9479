import { expect, test } from 'vitest'
import { withInheritedPower } from './groups.ts'
import { groupSchema } from './schemas.ts'

const group = (pk: string, more: object = {}) => groupSchema.parse({ pk, name: pk, is_superuser: false, ...more })
const superusers = (groups: readonly ReturnType<typeof group>[]): string[] =>
  withInheritedPower(groups)
    .filter((one) => one.is_superuser)
    .map((one) => one.pk)

test('a superuser group passes its power to all below it, by either field, also over several steps', () => {
  const groups = [
    group('admins', { is_superuser: true }),
    group('ops', { parents: ['admins'] }),
    group('night', { parents: ['members', 'ops'] }),
    group('old', { parent: 'admins' }),
    group('members'),
  ]
  expect(superusers(groups)).toEqual(['admins', 'ops', 'night', 'old'])
})

test('a circle of parents ends, and an unknown parent gives nothing', () => {
  expect(superusers([group('a', { parents: ['b'] }), group('b', { parents: ['a'] }), group('c', { parents: ['gone'] })])).toEqual([])
})
