import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { parseSync } from '../matrix/sync-types.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import type { DirectoryChanges } from './changes.ts'
import { Directory } from './directory.ts'
import { reconcileDirectory, repairDirectory } from './load.ts'
import type { DirectorySource, LoadOptions } from './load.ts'

const bot = '@gatehouse:example.org' as UserId
const roomIds = Array.from({ length: 20 }, (_, index) => `!room${String(index).padStart(2, '0')}` as RoomId)
const [one, two, three] = roomIds as [RoomId, RoomId, RoomId]
const hour = 3_600_000

let folder: string
let database: Database
let directory: Directory
let now: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-load-'))
  database = Database.open(join(folder, 'gatehouse.db'))
  migrate(database)
  directory = new Directory(database, bot)
  now = 1000
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

const person = (userId: string) => ({ userId: userId as UserId, membership: 'join', displayName: null, eventId: null }) as const
const members = (...others: string[]) =>
  ({ ok: true, value: { covers: 'joined', members: [person(bot), ...others.map((userId) => person(userId))] } }) as const
const createEvent = {
  type: 'm.room.create',
  content: { room_version: '11' },
  sender: bot,
  state_key: '',
  event_id: '$create' as EventId,
  origin_server_ts: 1,
} as const

/** A server that counts what it is asked. */
const server = (answers: Partial<DirectorySource> = {}) => {
  const asked: string[] = []
  const source: DirectorySource = {
    joinedRooms: async (signal) => {
      asked.push('joinedRooms')
      return (await answers.joinedRooms?.(signal)) ?? { ok: true, value: roomIds }
    },
    members: async (roomId, signal) => {
      asked.push(`members ${roomId}`)
      return (await answers.members?.(roomId, signal)) ?? members()
    },
    state: async (roomId, signal) => {
      asked.push(`state ${roomId}`)
      return (await answers.state?.(roomId, signal)) ?? { ok: true, value: [createEvent] }
    },
    ...(answers.joinedCounts === undefined ? {} : { joinedCounts: answers.joinedCounts }),
  }
  return { asked, source }
}
const options = (source: DirectorySource, more: Partial<LoadOptions> = {}): LoadOptions => ({
  directory,
  source,
  clock: { now: () => now, sleep: () => Promise.resolve() },
  log: silentLogger,
  ...more,
})
const sync = (roomId: RoomId, limited = false): void => {
  const response = parseSync({
    next_batch: 's',
    rooms: { join: { [roomId]: { state: { events: [createEvent] }, timeline: { limited } } } },
  })
  if ('problem' in response) throw new Error(response.problem)
  directory.applySync(response, now, { initial: false })
}
const loaded = async (): Promise<void> => {
  for (const roomId of roomIds) sync(roomId)
  await repairDirectory(options(server().source))
}

describe('repairDirectory', () => {
  test('asks nothing when nothing is dirty', async () => {
    await loaded()
    const { asked, source } = server()
    expect(await repairDirectory(options(source))).toEqual({ repaired: [], failed: [] })
    expect(asked).toEqual([])
  })

  test('one request a dirty room, at most six at the same time', async () => {
    for (const roomId of roomIds) sync(roomId)
    let running = 0
    let most = 0
    const { asked, source } = server({
      members: async () => {
        running += 1
        most = Math.max(most, running)
        await Promise.resolve()
        running -= 1
        return members('@ada:example.org')
      },
    })
    const told: DirectoryChanges[] = []
    const repair = await repairDirectory(options(source, { onChanges: (changes) => told.push(changes) }))
    expect([...repair.repaired].sort()).toEqual(roomIds)
    expect(asked.sort()).toEqual(roomIds.map((roomId) => `members ${roomId}`))
    expect(most).toBe(6)
    expect(told).toHaveLength(20)
    expect(directory.dirtyRooms()).toEqual([])
    expect(directory.room(one)?.joinedCount).toBe(2)
  })

  test('a room that fails stays dirty and does not hinder the others', async () => {
    sync(one)
    sync(two)
    directory.addJoinedRoom(three, now)
    const { source } = server({
      members: async (roomId) => (roomId === one ? { ok: false, code: 'forbidden', text: 'not in the room' } : members()),
      state: async () => ({ ok: false, code: 'unavailable', text: 'no answer' }),
    })
    expect(await repairDirectory(options(source))).toEqual({
      repaired: [two],
      failed: [
        { roomId: one, code: 'forbidden', text: 'not in the room' },
        { roomId: three, code: 'unavailable', text: 'no answer' },
      ],
    })
    expect(directory.dirtyRooms()).toEqual([one, three])
  })

  test('fetches again when a gap opened meanwhile', async () => {
    sync(one)
    let gaps = 1
    const { asked, source } = server({
      members: async (roomId) => {
        if (gaps > 0) sync(roomId, true)
        gaps -= 1
        return members()
      },
    })
    expect(await repairDirectory(options(source))).toEqual({ repaired: [one], failed: [] })
    expect(asked).toHaveLength(2)
    gaps = Infinity
    directory.markDirty(one)
    expect(await repairDirectory(options(source))).toMatchObject({ failed: [{ roomId: one, code: 'busy' }] })
    expect(asked).toHaveLength(5)
  })

  test('does not believe a list without the bot', async () => {
    sync(one)
    const { source } = server({ members: async () => ({ ok: true, value: { covers: 'all', members: [] } }) })
    expect(await repairDirectory(options(source))).toMatchObject({ failed: [{ roomId: one, code: 'inconsistent' }] })
  })

  test('takes no further room after the signal', async () => {
    for (const roomId of roomIds) sync(roomId)
    const stop = new AbortController()
    const { asked, source } = server({
      members: async () => {
        stop.abort()
        return { ok: false, code: 'cancelled', text: 'shutting down' }
      },
    })
    const repair = await repairDirectory(options(source, { concurrency: 2, signal: stop.signal }))
    expect(repair.failed).toHaveLength(1)
    expect(asked).toHaveLength(1)
  })
})

describe('reconcileDirectory', () => {
  test('adds what was missed, leaves what is over, keeps what was joined meanwhile', async () => {
    sync(one)
    sync(two)
    const { asked, source } = server({
      joinedRooms: async () => {
        sync('!meanwhile' as RoomId)
        return { ok: true, value: [two, three] }
      },
    })
    const result = await reconcileDirectory(options(source))
    expect(result).toMatchObject({ ok: true, added: [three], left: [one] })
    expect(directory.joinedRooms().map(({ roomId }) => roomId)).toEqual(['!meanwhile', two, three].sort())
    expect(directory.room(one)?.ownMembership).toBe('leave')
    expect(directory.room(three)?.version).toBe('11')
    expect(asked).toContain(`state ${three}`)
    expect(asked).not.toContain(`state ${two}`)
  })

  test('without counts it fetches lists that are old', async () => {
    await loaded()
    const { asked, source } = server()
    expect(await reconcileDirectory(options(source))).toMatchObject({ repaired: [] })
    expect(asked).toEqual(['joinedRooms'])
    now += 21 * hour
    expect(await reconcileDirectory(options(source))).toMatchObject({ ok: true, failed: [] })
    expect(asked).toHaveLength(2 + roomIds.length)
  })

  test('with counts it fetches only the lists that differ', async () => {
    await loaded()
    now += 48 * hour
    const counts = new Map(roomIds.map((roomId) => [roomId, roomId === two ? 2 : 1]))
    const { asked, source } = server({
      joinedCounts: async () => ({ ok: true, value: counts }),
      members: async () => members('@ada:example.org'),
    })
    expect(await reconcileDirectory(options(source))).toMatchObject({ repaired: [two] })
    expect(asked).toEqual(['joinedRooms', `members ${two}`])
    expect(directory.membership(two, '@ada:example.org' as UserId)).toBe('join')
  })

  test('counts that cannot be had are as none', async () => {
    await loaded()
    const { asked, source } = server({ joinedCounts: async () => ({ ok: false, code: 'forbidden', text: 'no admin' }) })
    await reconcileDirectory(options(source))
    expect(asked).toEqual(['joinedRooms'])
  })

  test('says why when the server does not answer, and changes nothing', async () => {
    await loaded()
    const { source } = server({ joinedRooms: async () => ({ ok: false, code: 'unavailable', text: 'no answer' }) })
    expect(await reconcileDirectory(options(source))).toEqual({ ok: false, code: 'unavailable', text: 'no answer' })
    expect(directory.joinedRooms()).toHaveLength(20)
  })
})
