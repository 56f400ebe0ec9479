import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { RoomId } from '../types.ts'
import { applyPolicy, sharingFor } from './key-sharing.ts'
import type { SharingPolicy } from './key-sharing.ts'

const policy: SharingPolicy = { indoc: 'all-devices', direct: 'all-devices', others: 'signed-devices' }
const rooms = { indoc: '!indoc' as RoomId, admin: '!admin' as RoomId }
let database: Database

beforeEach(() => {
  database = memoryDatabase()
  const row = { algorithm: 'm.megolm.v1.aes-sha2', rotation_period_ms: null, rotation_messages: null, session_started_at: null, seen_at: 1 }
  for (const room_id of ['!indoc', '!other'] as RoomId[])
    database.run(database.query.insertInto('encrypted_room').values({ room_id, ...row }))
  applyPolicy(database, policy, rooms)
  begin()
})
afterEach(() => {
  database.close()
})
const begin = (): void => void database.run(database.query.updateTable('encrypted_room').set({ session_started_at: 5 }))
const begun = () =>
  database.all(database.query.selectFrom('encrypted_room').select('session_started_at')).map((row) => row.session_started_at)

test('newcomers and direct chats have rules of their own', () => {
  expect((['indoc', 'dm', 'admin', undefined] as const).map((kind) => sharingFor(policy, kind))).toEqual([
    'all-devices',
    'all-devices',
    'signed-devices',
    'signed-devices',
  ])
})

test('the same policy at the next start leaves the sessions alone', () => {
  expect(applyPolicy(database, { ...policy }, rooms)).toBe(false)
  expect(begun()).toEqual([5, 5])
})

test.each<[string, SharingPolicy, typeof rooms]>([
  ['another policy', { ...policy, indoc: 'signed-devices' }, rooms],
  ['another room that is INDOC', policy, { ...rooms, indoc: '!new' as RoomId }],
])('%s ends the sessions, once', (_what, next, named) => {
  expect(applyPolicy(database, next, named)).toBe(true)
  expect(begun()).toEqual([null, null])
  begin()
  expect(applyPolicy(database, next, named)).toBe(false)
  expect(begun()).toEqual([5, 5])
})
