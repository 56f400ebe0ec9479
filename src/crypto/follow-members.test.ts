import { expect, test } from 'vitest'
import type { Membership } from '../database/schema.ts'
import type { RoomId, UserId } from '../types.ts'
import { noChanges } from '../directory/changes.ts'
import { followMembers } from './follow-members.ts'

const room = '!a' as RoomId
const told = (changes: Partial<ReturnType<typeof noChanges>>): readonly string[] => {
  const log: string[] = []
  const crypto = { touch: (id: RoomId) => void log.push(`touch ${id}`), expire: (id: RoomId) => void log.push(`expire ${id}`) }
  followMembers(crypto, { has: (id) => id === room }, { ...noChanges(), ...changes })
  return log
}
const change = (from: Membership | null, to: Membership, roomId = room) => ({
  memberChanges: [
    { roomId, userId: '@ada:x' as UserId, from, to, eventId: null, sender: null, displayName: null, source: 'timeline' as const },
  ],
})

test.each<[Membership | null, Membership, string]>([
  ['join', 'leave', 'expire !a'],
  ['join', 'ban', 'expire !a'],
  // Somebody who was invited may have been given the key already.
  ['invite', 'leave', 'expire !a'],
  ['invite', 'ban', 'expire !a'],
  ['invite', 'join', 'touch !a'],
  [null, 'join', 'touch !a'],
  ['leave', 'invite', 'touch !a'],
  ['knock', 'leave', 'touch !a'],
])('from %s to %s: %s', (from, to, expected) => {
  expect(told(change(from, to))).toEqual([expected])
})

test('others who may read the history, and a whole new list', () => {
  expect(told({ visibilityChanges: [{ roomId: room, from: 'shared', to: 'world_readable' }] })).toEqual(['expire !a'])
  expect(told({ baselines: [room] })).toEqual(['touch !a'])
})

test('a room without encryption has no keys', () => {
  expect(told(change('join', 'leave', '!clear' as RoomId))).toEqual([])
})
