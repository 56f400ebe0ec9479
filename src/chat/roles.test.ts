import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDirectory, memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { RoomId, UserId } from '../types.ts'
import { parsePowerLevels } from '../matrix/power-levels.ts'
import { Roles } from './roles.ts'
import type { RoleConfiguration } from './roles.ts'

const admin = '!admin' as RoomId
const olga = '@olga:x' as UserId
const mo = '@mo:x' as UserId
const ada = '@ada:x' as UserId

let database: Database
let groups: Record<number, readonly string[]>
beforeEach(() => {
  database = memoryDatabase()
  groups = {}
})
afterEach(() => {
  database.close()
})

const roles = (configuration: Partial<RoleConfiguration> = {}, adminRoom: RoomId | undefined = admin): Roles => {
  const levels = { users: { [ada]: 100, [mo]: 50, '@gone:x': 100, '@signal_1:x': 100 }, users_default: 0 }
  const { directory } = fakeDirectory('@bot:x', {
    [admin]: {
      members: { [ada]: 'join', [mo]: 'join', '@gone:x': 'leave', '@signal_1:x': 'join' },
      power: { version: '11', creators: [], levels: parsePowerLevels(levels) },
    },
  })
  return new Roles({
    database,
    directory,
    configuration: { admins: [], moderators: [], powerLevels: {}, groups: { moderators: [], admins: [] }, ...configuration },
    adminRoom: () => adminRoom,
    groupsOf: (pk) => groups[pk] ?? [],
  })
}
const link = (userId: UserId, pk: number, proven: 0 | 1): void =>
  void database.run(
    database.query.insertInto('link').values({ user_id: userId, account_pk: pk, username: 'u', proven, created_by: 'x', created_at: 1 }),
  )

describe('the role of a person', () => {
  test('nobody has one when nothing is configured, whatever power and groups they have', () => {
    link(ada, 1, 1)
    groups[1] = ['moderators', 'admins', '']
    const nothing = roles()
    expect([olga, mo, ada].map((userId) => nothing.of(userId))).toEqual(['everyone', 'everyone', 'everyone'])
    expect(nothing.named()).toEqual([])
  })

  test('by configuration', () => {
    const given = roles({ admins: [olga], moderators: [mo, olga] })
    expect([olga, mo, ada].map((userId) => given.of(userId))).toEqual(['admin', 'moderator', 'everyone'])
    expect(given.named()).toEqual([olga, mo])
  })

  test('ids are compared whole', () => {
    expect(roles({ admins: [olga] }).of('@olga:x.evil' as UserId)).toBe('everyone')
    expect(roles({ admins: [olga] }).of('@OLGA:x' as UserId)).toBe('everyone')
  })

  test('by group, through a link that the person has proven only', () => {
    const given = roles({ groups: { moderators: ['Mods'], admins: ['Chiefs'] } })
    groups[1] = ['Mods']
    groups[2] = ['Mods', 'Chiefs']
    link(ada, 1, 0)
    link(mo, 2, 1)
    expect([given.of(ada), given.of(mo)]).toEqual(['everyone', 'admin'])
    database.run(database.query.updateTable('link').set({ proven: 1 }))
    expect(given.of(ada)).toBe('moderator')
    expect([given.isRoleGroup('Mods'), given.isRoleGroup('Chiefs'), given.isRoleGroup('Members')]).toEqual([true, true, false])
  })

  test('by power only if configured, as moderator and never as admin, and only who is in the room', () => {
    const given = roles({ powerLevels: { moderator: 50 } })
    expect([ada, mo, '@gone:x' as UserId, olga].map((userId) => given.of(userId))).toEqual([
      'moderator',
      'moderator',
      'everyone',
      'everyone',
    ])
    expect(roles({ powerLevels: { moderator: 51 } }).of(mo)).toBe('everyone')
    expect(roles({ powerLevels: { moderator: 0 } }).of(olga)).toBe('everyone')
  })

  test('a bridged person never has one: the bridge could speak for them', () => {
    const ghost = '@signal_1:x' as UserId
    expect(roles({ admins: [ghost], powerLevels: { moderator: 0 } }).of(ghost)).toBe('everyone')
  })
})
