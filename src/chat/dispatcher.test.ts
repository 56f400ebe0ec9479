import { describe, expect, test } from 'vitest'
import { memoryDatabase, TestClock, turns } from '../../tests/support/unit.ts'
import type { CryptoPort } from '../crypto/port.ts'
import { Journal } from '../matrix/journal.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import { UnreadMessages } from '../matrix/unread.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, JsonObject, RoomId, UserId } from '../types.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Handlers } from './dispatcher.ts'

const roomId = '!r:x' as RoomId
const event = { type: 'm.room.encrypted', content: { session_id: 's1' } } as unknown as JsonObject
const given = { roomId, sender: '@mod:x' as UserId, kind: 'message' as const, event, late: false }

const world = () => {
  let keys: (keys: readonly { roomId: RoomId; sessionId: string }[]) => void = () => undefined
  const gate: { readable: boolean; bug: boolean; type: string; withheld: string | undefined } = {
    bug: false,
    readable: false,
    type: 'm.room.message',
    withheld: undefined,
  }
  const clock = new TestClock()
  const crypto = {
    onRoomKeys: (listener: typeof keys) => void (keys = listener),
    decrypt: () => {
      tries.push(clock.now() - 1_000_000)
      return Promise.resolve(
        gate.readable
          ? { ok: true, type: gate.type, content: { msgtype: 'm.text', body: '!ping' }, trust: 'signed', deviceId: undefined }
          : { ok: false, code: gate.withheld === undefined ? 'missing-key' : 'withheld', withheld: gate.withheld, sessionId: 's1' },
      )
    },
  } as unknown as CryptoPort
  const tries: number[] = []
  const database = memoryDatabase()
  const journal = new Journal(database)
  const handled: string[] = []
  const unreadable: string[] = []
  const broken: string[] = []
  const handlers: Handlers = {
    broken: (entry) => {
      broken.push(entry.eventId)
      return Promise.resolve()
    },
    message: ({ entry, keyLate }) => {
      if (gate.bug) throw new Error('a bug')
      handled.push(keyLate === true ? `${entry.eventId} late` : entry.eventId)
      journal.mark(entry.eventId, 'done', clock.now())
      return Promise.resolve({})
    },
    unreadable: (entry, cause) => {
      unreadable.push(`${entry.eventId} ${cause.withheld ?? cause.code}`)
      journal.mark(entry.eventId, 'done', clock.now())
      return Promise.resolve()
    },
    invitation: () => Promise.resolve(),
  }
  /** A dispatcher as a start of the program makes it, on the same journal. */
  const start = (): Dispatcher => {
    const dispatcher = new Dispatcher({ crypto, journal, unread: new UnreadMessages(database), clock, logger: silentLogger, handlers })
    dispatcher.start()
    return dispatcher
  }
  const dispatcher = start()
  const add = (id: string): JournalEntry => {
    const entry = journal.add({ ...given, eventId: id as EventId, receivedAt: clock.now() })
    if (entry === undefined) throw new Error('claimed before')
    return entry
  }
  const keyArrives = async (): Promise<void> => {
    keys([{ roomId, sessionId: 's1' }])
    await turns()
  }
  return { clock, start, tries, dispatcher, add, handled, unreadable, broken, gate, keyArrives, journal }
}

describe('a message whose key comes late', () => {
  test('is handled once, although several keys of its session are told', async () => {
    const { dispatcher, add, handled, gate, keyArrives, journal, clock } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    expect([dispatcher.waiting, journal.open()[0]?.state]).toEqual([1, 'waiting'])
    gate.readable = true
    await Promise.all([keyArrives(), keyArrives()])
    await clock.advance(60_000)
    expect([handled, dispatcher.waiting, clock.sleeping]).toEqual([['$a'], 0, []])
  })

  test('is tried on a schedule, and given up after a minute with the newest cause', async () => {
    const { dispatcher, add, handled, unreadable, tries, gate, clock, keyArrives } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    gate.withheld = 'm.unverified'
    for (let second = 1; second <= 60; second += 1) await clock.advance(1000)
    expect(tries).toEqual([0, 1000, 3000, 10_000, 30_000, 60_000])
    expect(unreadable).toEqual(['$a m.unverified'])
    // A key that comes later is told as late, once.
    gate.readable = true
    await Promise.all([keyArrives(), keyArrives()])
    await clock.advance(3_600_000)
    await keyArrives()
    expect([handled, unreadable.length]).toEqual([['$a late'], 1])
  })

  test('after it was given up is told as late also to the next start, once', async () => {
    const { dispatcher, start, add, handled, unreadable, gate, clock } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    for (let second = 1; second <= 60; second += 1) await clock.advance(1000)
    await dispatcher.stop(0)
    gate.readable = true
    const next = start()
    await turns()
    await next.stop(0)
    start()
    await turns()
    expect([handled, unreadable]).toEqual([['$a late'], ['$a missing-key']])
  })

  test('is not answered as unreadable when it turned out to be no text', async () => {
    const { dispatcher, add, unreadable, gate, keyArrives, journal, clock } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    gate.readable = true
    gate.type = 'm.reaction'
    await keyArrives()
    await clock.advance(60_000)
    expect([unreadable, journal.open()]).toEqual([[], []])
  })

  test('one after the other may be read meanwhile', async () => {
    const { dispatcher, add, handled, gate, keyArrives } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    gate.readable = true
    dispatcher.dispatch([add('$b')])
    await turns()
    await keyArrives()
    expect(handled).toEqual(['$b', '$a'])
  })
})

describe('a restart while a message waits for its key', () => {
  test.each<[string, number, string]>([
    ['soon: it is handled as if nothing had happened', 5000, '$a'],
    ['after the patience: it is handed on as late', 61_000, '$a late'],
  ])('%s, once', async (_what, down, expected) => {
    const { dispatcher, start, add, handled, unreadable, gate, keyArrives, journal, clock } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    await dispatcher.stop(0)
    await clock.advance(down)
    expect([handled, unreadable, journal.open()[0]?.state]).toEqual([[], [], 'waiting'])
    const next = start()
    await turns()
    expect(next.waiting).toBe(1)
    gate.readable = true
    await keyArrives()
    await next.stop(0)
    start()
    await clock.advance(60_000)
    expect([handled, unreadable, journal.open()]).toEqual([[expected], [], []])
  })

  test('it is given up when the patience that is left is over, but not before a sync could bring the key', async () => {
    const { dispatcher, start, add, unreadable, clock } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    await clock.advance(40_000)
    await dispatcher.stop(0)
    start()
    await turns()
    await clock.advance(19_999)
    expect(unreadable).toEqual([])
    await clock.advance(1)
    expect(unreadable).toEqual(['$a missing-key'])

    const other = world()
    other.dispatcher.dispatch([other.add('$b')])
    await turns()
    await other.dispatcher.stop(0)
    await other.clock.advance(3_600_000)
    other.start()
    await turns()
    await other.clock.advance(9999)
    expect(other.unreadable).toEqual([])
    await other.clock.advance(1)
    expect(other.unreadable).toEqual(['$b missing-key'])
  })
})

test('a bug closes the message and tells the person, and those behind it are handled', async () => {
  const { dispatcher, add, handled, broken, gate, journal } = world()
  gate.readable = true
  gate.bug = true
  dispatcher.dispatch([add('$a')])
  await turns()
  gate.bug = false
  dispatcher.dispatch([add('$b')])
  await turns()
  expect(broken).toEqual(['$a'])
  expect(handled).toEqual(['$b'])
  expect(journal.open().map((entry) => entry.eventId)).not.toContain('$a')
})

test('the same ciphertext under another event id is not handled', async () => {
  const { dispatcher, handled, journal, gate, clock } = world()
  gate.readable = true
  const deliver = (id: string): void => {
    const content = { session_id: 's1', ciphertext: Buffer.from([3, 8, 4, 18, 9]).toString('base64') }
    const entry = journal.add({ ...given, eventId: id as EventId, event: { type: 'm.room.encrypted', content }, receivedAt: clock.now() })
    if (entry !== undefined) dispatcher.dispatch([entry])
  }
  deliver('$a')
  await turns()
  deliver('$replayed')
  await turns()
  expect(handled).toEqual(['$a'])
  expect(journal.open()).toEqual([])
})
