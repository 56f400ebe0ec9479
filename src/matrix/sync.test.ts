import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answered, limited, memoryDatabase, refused, TestClock, timedOut, turns } from '../../tests/support/unit.ts'
import type { CryptoPort } from '../crypto/port.ts'
import { RoomEncryptions } from '../crypto/room-encryption.ts'
import type { Database } from '../database/database.ts'
import { Directory } from '../directory/directory.ts'
import type { GateResult } from '../http/contract.ts'
import { silentLogger } from '../operations/logger.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Homeserver, HomeserverRequest } from './client.ts'
import { Journal } from './journal.ts'
import { SyncLoop } from './sync.ts'
import type { SyncBatch } from './sync.ts'
import type { RoomEvent } from './sync-types.ts'

const bot = '@bot:x' as UserId
const watched = '!watched' as RoomId
const other = '!other' as RoomId

let database: Database
let clock: TestClock
let batches: SyncBatch[]
/** What happened, in order. */
let log: string[]
let syncs: {
  readonly query: NonNullable<HomeserverRequest['query']>
  readonly options: HomeserverRequest
  readonly resolve: (result: GateResult) => void
}[]
let messages: () => GateResult | Promise<GateResult>
let loop: SyncLoop
let running: Promise<void>
let refuseCommit: boolean
let watchedRooms: Set<RoomId>

const start = (): void => {
  const directory = new Directory(database, bot)
  const crypto: Partial<CryptoPort> = {
    feed: () => {
      log.push('feed')
      return Promise.resolve()
    },
    commit: (work) => {
      database.transaction(() => {
        work()
        if (refuseCommit) throw new Error('the disk is full')
      })
      log.push('commit')
    },
    flushOutgoing: () => Promise.resolve(),
    touch: (roomId) => void log.push(`touch ${roomId}`),
    expire: (roomId) => void log.push(`expire ${roomId}`),
  }
  const request = (_method: string, path: string, options: HomeserverRequest): Promise<GateResult> => {
    if (path.endsWith('/messages')) {
      log.push('messages')
      return Promise.resolve(messages())
    }
    const { promise, resolve } = Promise.withResolvers<GateResult>()
    syncs.push({ query: options.query ?? {}, options, resolve })
    options.signal?.addEventListener('abort', () => resolve({ ...timedOut, code: 'cancelled' }))
    return promise
  }
  loop = new SyncLoop({
    homeserver: { userId: bot, request } as unknown as Homeserver,
    crypto: crypto as CryptoPort,
    encryptions: new RoomEncryptions(database, directory, () => 'all-devices'),
    database,
    directory,
    journal: new Journal(database),
    clock,
    logger: silentLogger,
    watches: (roomId) => watchedRooms.has(roomId),
    overhears: (event) => event.content['body'] === '!remove',
    onBatch: (batch) => {
      log.push('batch')
      batches.push(batch)
    },
  })
  running = loop.run()
  // A rejection is looked at by the test that wants one.
  running.catch(() => undefined)
}

beforeEach(() => {
  database = memoryDatabase()
  clock = new TestClock()
  batches = []
  log = []
  syncs = []
  refuseCommit = false
  watchedRooms = new Set([watched])
  messages = () => answered({ chunk: [] })
  start()
})
afterEach(async () => {
  await loop.stop()
  database.close()
})

let serial = 0
const message = (body: string, more: object = {}) => ({
  event_id: `$${body}`,
  type: 'm.room.message',
  sender: '@ada:x',
  origin_server_ts: (serial += 1),
  content: { msgtype: 'm.text', body },
  ...more,
})
const member = (userId: string, membership: string) => ({
  event_id: `$member-${(serial += 1)}`,
  type: 'm.room.member',
  state_key: userId,
  sender: userId,
  origin_server_ts: serial,
  content: { membership },
})
const joined = (events: readonly unknown[], more: object = {}) => ({ timeline: { events, limited: false, prev_batch: 'p', ...more } })
const give = async (next: string, rooms: object = {}, more: object = {}): Promise<void> => {
  const asked = syncs.at(-1)
  if (asked === undefined) throw new Error('no sync is open')
  asked.resolve(answered({ next_batch: next, rooms, ...more }))
  await turns()
}
const bodies = (batch: SyncBatch | undefined): readonly unknown[] =>
  batch?.entries.map(({ event, late }) => [(event['content'] as { readonly body: string }).body, late]) ?? []
/** The very first sync, and the first one that has news. */
const begin = async (): Promise<void> => {
  await give('s1', { join: { [watched]: joined([member(bot, 'join'), message('history')]) } })
}

describe('the first sync', () => {
  test('executes nothing of the past, and the next one does not wait', async () => {
    expect(syncs[0]?.query).toMatchObject({ timeout: 0 })
    expect(syncs[0]?.query).not.toHaveProperty('since')
    await begin()
    expect(batches).toMatchObject([{ initial: true, entries: [] }])
    expect(database.meta('since')).toBe('s1')
    expect(syncs[1]?.query).toMatchObject({ since: 's1', timeout: 30_000 })
    await give('s2', { join: { [watched]: joined([message('news')]) } })
    expect(bodies(batches[1])).toEqual([['news', false]])
  })

  test('is waited for patiently, as is what piled up until a start; a poll that is not answered is given up after twice its time', async () => {
    const patience = (): unknown => syncs.at(-1)?.options.timeoutMs
    expect(patience()).toBe(600_000)
    await begin()
    expect(patience()).toBe(60_000)
    expect(syncs.at(-1)?.options.deadlineMs).toBe(60_000)
    await loop.stop()
    start()
    expect(syncs.at(-1)?.query).toMatchObject({ since: 's1', timeout: 0 })
    expect(patience()).toBe(120_000)
  })

  test('answers invitations that were waiting', async () => {
    const state = [{ type: 'm.room.member', state_key: bot, sender: '@mo:x', content: { membership: 'invite', is_direct: true } }]
    await give('s1', { invite: { '!new': { invite_state: { events: state } } } })
    expect(batches[0]?.entries).toMatchObject([{ kind: 'invite', roomId: '!new', sender: '@mo:x', event: { is_direct: true } }])
  })
})

describe('what is journaled', () => {
  beforeEach(begin)

  test('messages of others in watched rooms, once, in their order', async () => {
    const events = [message('one'), message('two'), message('one')]
    await give('s2', { join: { [watched]: joined(events), [other]: joined([member(bot, 'join'), message('elsewhere')]) } })
    expect(bodies(batches[1])).toEqual([
      ['one', false],
      ['two', false],
    ])
    await give('s3', { join: { [watched]: joined([message('two'), message('three')]) } })
    expect(bodies(batches[2])).toEqual([['three', false]])
  })

  test('what was sent in a new room before the bot joined is told from what came after', async () => {
    await loop.stop()
    watchedRooms.add(other)
    start()
    const events = [
      message('before'),
      message('invited', { unsigned: { membership: 'invite' } }),
      member(bot, 'join'),
      message('after'),
      member(bot, 'join'),
      message('later', { unsigned: { membership: 'join' } }),
    ]
    await give('s2', { join: { [other]: joined(events), [watched]: joined([message('old'), member(bot, 'join')]) } })
    expect(batches.at(-1)?.entries.map(({ event }) => [event['event_id'], (event as RoomEvent).unsigned?.['membership']])).toEqual([
      ['$before', 'leave'],
      ['$invited', 'invite'],
      ['$after', undefined],
      ['$later', 'join'],
      ['$old', undefined],
    ])
  })

  test('of other rooms what has to be refused there, but nothing from before the bot came', async () => {
    await give('s2', { join: { [other]: joined([message('!remove', { event_id: '$before' }), member(bot, 'join')]) } })
    expect(bodies(batches[1])).toEqual([])
    await give('s3', { join: { [other]: joined([message('chatter'), message('!remove')]) } })
    expect(bodies(batches[2])).toEqual([['!remove', false]])
  })

  test.each([
    ['its own', message('x', { sender: bot })],
    ['state that calls itself a message', message('x', { state_key: '' })],
    ['reactions', message('x', { type: 'm.reaction' })],
    ['what was taken back', message('x', { unsigned: { redacted_because: {} } })],
  ])('not %s', async (_what, event) => {
    await give('s2', { join: { [watched]: joined([event, message('after')]) } })
    expect(bodies(batches[1])).toEqual([['after', false]])
  })

  test('a part that is not what the specification promises does not stop the rest', async () => {
    await give('s2', { join: { [watched]: joined([null, { type: 7 }, message('good')]), '!bad': 'nonsense' } })
    expect(bodies(batches[1])).toEqual([['good', false]])
    expect(loop.failing).toBeUndefined()
  })
})

describe('late is what had piled up', () => {
  beforeEach(begin)

  test('the first answer after a start', async () => {
    await loop.stop()
    start()
    expect(syncs.at(-1)?.query).toMatchObject({ since: 's1', timeout: 0 })
    await give('s2', { join: { [watched]: joined([message('while away')]) } })
    await give('s3', { join: { [watched]: joined([message('now')]) } })
    expect(batches.slice(1).map(bodies)).toEqual([[['while away', true]], [['now', false]]])
  })

  test('the first answer after a silence of two minutes, not after a shorter one', async () => {
    await clock.advance(120_000)
    await give('s2', { join: { [watched]: joined([message('soon')]) } })
    await clock.advance(120_001)
    await give('s3', { join: { [watched]: joined([message('outage')]) } })
    await give('s4', { join: { [watched]: joined([message('now')]) } })
    expect(batches.slice(1).map(bodies)).toEqual([[['soon', false]], [['outage', true]], [['now', false]]])
  })
})

describe('gaps', () => {
  beforeEach(begin)

  test('of a watched room are filled before anything is stored, the missed before the new', async () => {
    messages = () => {
      expect(database.meta('since')).toBe('s1')
      return answered({ chunk: [message('two'), message('one')] })
    }
    log = []
    await give('s2', { join: { [watched]: joined([message('three')], { limited: true }) } })
    expect(bodies(batches[1]).map((one) => (one as unknown[])[0])).toEqual(['one', 'two', 'three'])
    expect(log.filter((line) => !line.startsWith('touch'))).toEqual(['messages', 'feed', 'commit', 'batch'])
  })

  test('of other rooms, and of a room that is new to the bot, are left alone', async () => {
    await give('s2', { join: { [other]: joined([member(bot, 'join')], { limited: true }) } })
    expect(log).not.toContain('messages')
  })

  test('that the shutdown cuts short come again: nothing is stored without them', async () => {
    messages = () => refused(502)
    log = []
    await give('s2', { join: { [watched]: joined([message('three')], { limited: true }) } })
    await loop.stop()
    expect(database.meta('since')).toBe('s1')
    expect(log).not.toContain('feed')
    expect(batches).toHaveLength(1)
  })
})

describe('trouble', () => {
  beforeEach(begin)

  test.each<[string, GateResult, number]>([
    ['a 502', refused(502), 500],
    ['no answer', timedOut, 500],
    ['a wait', limited(7000), 7000],
    ['a page of somebody else', answered('<html>'), 500],
  ])('%s: the same is asked again, and readiness tells it', async (_what, result, wait) => {
    syncs.at(-1)?.resolve(result)
    await turns()
    expect(loop.failing).toBeTypeOf('string')
    expect(clock.sleeping).toEqual([wait])
    await clock.advance(wait)
    expect(syncs.at(-1)?.query).toMatchObject({ since: 's1' })
    await give('s2')
    expect(loop.failing).toBeUndefined()
  })

  test('an answer that comes at once and brings nothing on is no reason to ask again at once', async () => {
    await begin()
    await give('s1')
    expect(syncs).toHaveLength(2)
    await clock.advance(1000)
    expect(syncs).toHaveLength(3)
    await give('s2')
    expect(syncs).toHaveLength(4)
  })

  test('failures in a row wait longer, at most half a minute', async () => {
    const waits: number[] = []
    for (let round = 0; round < 9; round += 1) {
      syncs.at(-1)?.resolve(refused(502))
      await turns()
      waits.push(...clock.sleeping)
      await clock.advance(30_000)
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  test('what cannot be stored is not acted upon, and ends the loop', async () => {
    refuseCommit = true
    await give('s2', { join: { [watched]: joined([message('x')]) } })
    await expect(running).rejects.toThrow('the disk is full')
    expect(batches).toHaveLength(1)
    expect(database.meta('since')).toBe('s1')
  })
})

describe('keys follow the members', () => {
  beforeEach(async () => {
    const encryption = {
      event_id: '$e',
      type: 'm.room.encryption',
      state_key: '',
      sender: '@ada:x',
      origin_server_ts: 1,
      content: { algorithm: 'm.megolm.v1.aes-sha2' },
    }
    await give('s1', { join: { [watched]: { state: { events: [member(bot, 'join'), encryption] }, ...joined([]) } } })
    await give('s2', { join: { [watched]: joined([member('@ada:x', 'join')]) } })
    log = []
  })

  test.each([
    ['join', 'touch !watched'],
    ['leave', 'expire !watched'],
    ['ban', 'expire !watched'],
  ])('somebody’s %s', async (membership, expected) => {
    await give('s3', { join: { [watched]: joined([member(membership === 'join' ? '@ben:x' : '@ada:x', membership)]) } })
    expect(log).toContain(expected)
    // In the transaction of the token: after a crash nobody who has gone may read on.
    expect(log.indexOf(expected)).toBeLessThan(log.indexOf('commit'))
  })
})

describe('a room whose encryption the server does not show', () => {
  const encrypted = (): unknown => database.connection.prepare('SELECT room_id FROM encrypted_room').pluck().all()

  test('is known as encrypted as soon as somebody writes encrypted there', async () => {
    await give('s1', { join: { [watched]: { state: { events: [member(bot, 'join')] }, ...joined([message('in clear')]) } } })
    expect(encrypted()).toEqual([])
    await give('s2', { join: { [watched]: joined([message('one', { type: 'm.room.encrypted', content: { ciphertext: 'x' } })]) } })
    expect(encrypted()).toEqual([watched])
  })
})
