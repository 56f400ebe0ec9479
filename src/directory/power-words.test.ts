import { describe, expect, test } from 'vitest'
import { powerOfRoom } from '../../tests/support/commands/answers.ts'
import type { RoomPower } from '../matrix/power-levels.ts'
import type { RoomId, UserId } from '../types.ts'
import { powerProblem, whoCouldHelp } from './power-words.ts'
import { peopleWords } from '../commands/words.ts'

const bot = '@bot:x' as UserId
const ada = '@ada:x' as UserId
const room = '!r' as RoomId
const ports = (power: RoomPower | undefined, members: readonly string[]) => ({
  botUserId: bot,
  nameOf: (userId: UserId) => userId.slice(1, -2),
  directory: { power: () => power, memberIds: () => members as UserId[] },
})

describe('who could help', () => {
  test('the strongest five, the rest counted, never the bot', () => {
    const users = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'bot'].map((name) => [`@${name}:x`, 100]))
    const given = ports(powerOfRoom({ users }), Object.keys(users))
    expect(whoCouldHelp(given, room, 'kick', ada)).toBe('Who could: a, b, c, d, e and 2 more')
  })
  test('nobody, everybody, unknown', () => {
    expect(whoCouldHelp(ports(powerOfRoom({}), []), room, 'kick', ada)).toBe('Nobody in the room could')
    expect(whoCouldHelp(ports(powerOfRoom({ invite: 0 }), []), room, 'invite')).toBe('Everybody in the room could')
    expect(whoCouldHelp(ports(undefined, []), room, 'kick', ada)).toBe('Nobody in the room could')
  })
  test('no problem where power is enough or unknown', () => {
    expect(powerProblem(ports(powerOfRoom({ users: { [bot]: 50 } }), []), room, 'kick', ada)).toBeUndefined()
    expect(powerProblem(ports(undefined, []), room, 'kick', ada)).toBeUndefined()
  })
  test('long lists of people are counted', () => {
    expect(peopleWords(['a', 'b'])).toBe('a and b')
    expect(peopleWords(['a', 'b', 'c', 'd', 'e', 'f'])).toBe('a, b, c, d and 2 more')
  })
})
