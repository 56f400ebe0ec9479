import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { parseSync } from '../matrix/sync-types.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import type { DirectoryChanges } from './changes.ts'
import { Directory } from './directory.ts'
import type { DirectorySource } from './load.ts'
import { Repairer } from './repairer.ts'

const bot = '@bot:x' as UserId
const room = '!room:x' as RoomId
let database: Database
let directory: Directory
let asked: RoomId[]
let told: DirectoryChanges[]
/** Holds the server's answer back. */
let hold: Promise<void>
let failing: boolean
let repairer: Repairer

beforeEach(() => {
  database = memoryDatabase()
  directory = new Directory(database, bot)
  asked = []
  told = []
  hold = Promise.resolve()
  failing = false
  const source: Partial<DirectorySource> = {
    members: async (roomId) => {
      asked.push(roomId)
      await hold
      if (failing) return { ok: false, code: 'unavailable', text: 'no answer' }
      const person = (userId: string) => ({ userId: userId as UserId, membership: 'join', displayName: null, eventId: null }) as const
      return { ok: true, value: { covers: 'all', members: [person(bot), person('@new:x')] } }
    },
  }
  repairer = new Repairer({
    directory,
    source: source as DirectorySource,
    clock: new TestClock(),
    logger: silentLogger,
    onChanges: (changes) => told.push(changes),
  })
  sync()
})
afterEach(async () => {
  await repairer.stop()
  database.close()
})

/** The bot is in the room; `limited` opens a gap. */
const sync = (limited = false): void => {
  const create = {
    type: 'm.room.create',
    content: { room_version: '11' },
    sender: bot,
    state_key: '',
    event_id: '$create' as EventId,
    origin_server_ts: 1,
  }
  const response = parseSync({ next_batch: 's', rooms: { join: { [room]: { state: { events: [create] }, timeline: { limited } } } } })
  if ('problem' in response) throw new Error(response.problem)
  directory.applySync(response, 1, { initial: false })
}

test('a list that somebody needs whole is fetched once, also when it is being fetched already, and not again', async () => {
  const answer = Promise.withResolvers<void>()
  hold = answer.promise
  repairer.soon()
  const both = Promise.all([repairer.whole(room), repairer.whole(room)])
  answer.resolve()
  await both
  await repairer.whole(room)
  expect(asked).toEqual([room])
  expect(directory.memberIds(room)).toEqual([bot, '@new:x'])
  // Crypto and the rest hear of it like of any other change.
  expect(told.map(({ baselines }) => baselines)).toEqual([[room]])
  sync(true)
  await repairer.whole(room)
  expect(asked).toEqual([room, room])
})

test('what cannot be fetched stays known as such', async () => {
  failing = true
  await repairer.whole(room)
  expect(directory.dirtyRooms()).toEqual([room])
  failing = false
  await repairer.whole(room)
  expect(directory.dirtyRooms()).toEqual([])
})

test('a room that the bot is not in has no list to fetch', async () => {
  directory.markLeft(room, 'leave', 2)
  await repairer.whole(room)
  await repairer.whole('!other:x' as RoomId)
  expect(asked).toEqual([])
})
