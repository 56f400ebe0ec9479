import { expect, test } from 'vitest'
import type { DirectoryRoom } from '../directory/lookup.ts'
import type { RoomId, UserId } from '../types.ts'
import { neededKeys } from './needed-keys.ts'
import type { NeededKeysPorts } from './needed-keys.ts'

const [ada, mod, other] = ['@ada:x', '@mod:x', '!other'] as [UserId, UserId, RoomId]
const room = (more: Partial<DirectoryRoom> = {}): DirectoryRoom =>
  ({ roomId: other, ownMembership: 'join', freshness: { asOf: 1, dirty: false }, ...more }) as DirectoryRoom
const keeps = (more: Partial<NeededKeysPorts> = {}) =>
  neededKeys({
    namedRoomsKnown: () => true,
    watches: (roomId) => roomId === '!indoc',
    roleOf: (userId) => (userId === mod ? 'moderator' : 'everyone'),
    room: () => room(),
    ...more,
  })

test('keys of rooms where the bot reads, and of people with a role, are kept; others are not', () => {
  expect(keeps()('!indoc' as RoomId, ada)).toBe(true)
  expect(keeps()(other, mod)).toBe(true)
  expect(keeps()(other, ada)).toBe(false)
})

test.each<[string, Partial<NeededKeysPorts>]>([
  ['INDOC or the admin room is not known yet', { namedRoomsKnown: () => false }],
  ['the room is not known', { room: () => undefined }],
  ['the bot is only invited', { room: () => room({ ownMembership: 'invite' }) }],
  ['its members are not known yet', { room: () => room({ freshness: { asOf: null, dirty: true } }) }],
])('while %s, all are kept for now', (_when, more) => {
  expect(keeps(more)(other, ada)).toBe('undecided')
})
