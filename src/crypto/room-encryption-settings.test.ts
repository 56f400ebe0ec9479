import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDirectory, memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { JsonObject, RoomId } from '../types.ts'
import { RoomEncryptions } from './room-encryption.ts'

const room = '!a' as RoomId
const week = 7 * 24 * 3_600_000
let database: Database
let fake: ReturnType<typeof fakeDirectory>
beforeEach(() => {
  database = memoryDatabase()
  fake = fakeDirectory('@bot:x', {
    [room]: { members: { '@bot:x': 'join', '@ada:x': 'join', '@ben:x': 'invite', '@eve:x': 'leave', '@mal:x': 'ban' } },
  })
})
afterEach(() => {
  database.close()
})
const open = (): RoomEncryptions =>
  new RoomEncryptions(database, fake.directory, (roomId) => (roomId === room ? 'signed-devices' : 'all-devices'))
const remembered = (content: JsonObject = { algorithm: 'm.megolm.v1.aes-sha2' }): RoomEncryptions => {
  const encryptions = open()
  encryptions.remember(room, content, 1)
  return encryptions
}
const roomOf = (encryptions: RoomEncryptions) => {
  const state = encryptions.of(room)
  return state.state === 'encrypted' ? state.room : undefined
}

describe('a room that was encrypted once', () => {
  test('stays so, also for the next process and whatever the event held', () => {
    for (const content of [{}, { algorithm: 'none' }, { algorithm: 5 }]) {
      remembered(content)
      expect([open().has(room), open().of(room).state]).toEqual([true, 'encrypted'])
    }
  })

  test('is sent to everybody who is in it or invited, and to nobody else', () => {
    expect(roomOf(remembered())?.recipients).toEqual(['@bot:x', '@ada:x', '@ben:x'])
  })

  test.each([
    ['joined', ['@bot:x', '@ada:x']],
    ['invited', ['@bot:x', '@ada:x', '@ben:x']],
    ['world_readable', ['@bot:x', '@ada:x', '@ben:x']],
  ])('history for %s', (historyVisibility, recipients) => {
    fake.rooms[room] = { ...fake.rooms[room], historyVisibility }
    expect(roomOf(remembered())).toMatchObject({ historyVisibility, recipients })
  })

  test.each<[string, Parameters<typeof Object.assign>[1]]>([
    ['when the bot is out of it', { ownMembership: 'leave' }],
    ['when the bot is only invited', { ownMembership: 'invite' }],
  ])('is sent nothing %s', (_what, change) => {
    fake.rooms[room] = { ...fake.rooms[room], ...(change as object) }
    expect(remembered().of(room)).toEqual({ state: 'unknown' })
  })

  test.each<[string, object]>([
    ['were never all known', { asOf: null }],
    ['may have changed unseen', { dirty: true }],
  ])('waits for the list of its members while they %s', (_what, change) => {
    fake.rooms[room] = { ...fake.rooms[room], ...change }
    expect(remembered().of(room)).toEqual({ state: 'members-unknown' })
  })

  test('gives its keys to the devices that the policy for it names', () => {
    expect(roomOf(remembered())?.sharing).toBe('signed-devices')
  })

  test('is sent nothing when the directory does not know it any more', () => {
    delete fake.rooms[room]
    expect(remembered().of(room)).toEqual({ state: 'unknown' })
  })
})

describe('a room of which no encryption was seen', () => {
  test('is in clear when the bot is in it, and unknown otherwise', () => {
    expect(open().of(room)).toEqual({ state: 'clear' })
    fake.rooms[room] = { ownMembership: 'invite' }
    expect([open().of(room), open().of('!never' as RoomId)]).toEqual([{ state: 'unknown' }, { state: 'unknown' }])
  })
})

describe('the change of keys', () => {
  test.each<[string, JsonObject, number, number]>([
    ['a week or a hundred messages', {}, week, 100],
    ['shorter if the room says so', { rotation_period_ms: 3_600_000, rotation_period_msgs: 20 }, 3_600_000, 20],
    ['never longer', { rotation_period_ms: week * 52, rotation_period_msgs: 1_000_000 }, week, 100],
    ['nonsense counts for nothing', { rotation_period_ms: -1, rotation_period_msgs: 'many' }, week, 100],
    ['nor do fractions and zero', { rotation_period_ms: 0, rotation_period_msgs: 0.5 }, week, 100],
  ])('%s', (_what, content, rotationPeriodMs, rotationMessages) => {
    expect(roomOf(remembered(content))).toMatchObject({ rotationPeriodMs, rotationMessages })
    expect(roomOf(open())).toMatchObject({ rotationPeriodMs, rotationMessages })
  })
})
