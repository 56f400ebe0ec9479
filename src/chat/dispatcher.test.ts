import { describe, expect, test, vi } from 'vitest'
import { memoryDatabase, turns } from '../../tests/support/unit.ts'
import type { CryptoPort } from '../crypto/port.ts'
import { Journal } from '../matrix/journal.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import { silentLogger } from '../operations/logger.ts'
import { systemClock } from '../operations/clock.ts'
import type { EventId, JsonObject, RoomId, UserId } from '../types.ts'
import { Dispatcher } from './dispatcher.ts'

const roomId = '!r:x' as RoomId
const event = { type: 'm.room.encrypted', content: { session_id: 's1' } } as unknown as JsonObject
const given = { roomId, sender: '@mod:x' as UserId, kind: 'message' as const, event, late: false, receivedAt: 1 }

const world = () => {
  let keys: (keys: readonly { roomId: RoomId; sessionId: string }[]) => void = () => undefined
  const gate: { readable: boolean; bug: boolean; type: string; hold: Promise<void> } = {
    bug: false,
    readable: false,
    type: 'm.room.message',
    hold: Promise.resolve(),
  }
  const crypto = {
    onRoomKeys: (listener: typeof keys) => void (keys = listener),
    decrypt: async () => {
      await gate.hold
      return gate.readable
        ? {
            ok: true as const,
            type: gate.type,
            content: { msgtype: 'm.text', body: '!ping' },
            trust: 'signed' as const,
            deviceId: undefined,
          }
        : { ok: false as const, code: 'missing-key' as const, withheld: undefined, sessionId: 's1' }
    },
  } as unknown as CryptoPort
  const journal = new Journal(memoryDatabase())
  const handled: string[] = []
  const unreadable: string[] = []
  const broken: string[] = []
  const dispatcher = new Dispatcher({
    crypto,
    journal,
    clock: systemClock,
    logger: silentLogger,
    handlers: {
      broken: (entry) => {
        broken.push(entry.eventId)
        return Promise.resolve()
      },
      message: ({ entry }) => {
        if (gate.bug) throw new Error('a bug')
        handled.push(entry.eventId)
        return Promise.resolve({})
      },
      unreadable: (entry) => {
        unreadable.push(entry.eventId)
        return Promise.resolve()
      },
      invitation: () => Promise.resolve(),
    },
  })
  const add = (id: string): JournalEntry => {
    const entry = journal.add({ ...given, eventId: id as EventId })
    if (entry === undefined) throw new Error('claimed before')
    return entry
  }
  return { dispatcher, add, handled, unreadable, broken, gate, keyArrives: () => keys([{ roomId, sessionId: 's1' }]), journal }
}

describe('a message whose key comes late', () => {
  test('is handled once, although several keys of its session are told', async () => {
    const { dispatcher, add, handled, gate, keyArrives } = world()
    dispatcher.dispatch([add('$a')])
    await turns()
    expect(dispatcher.waiting).toBe(1)
    gate.readable = true
    keyArrives()
    keyArrives()
    await turns()
    expect(handled).toEqual(['$a'])
    expect(dispatcher.waiting).toBe(0)
    await dispatcher.stop(0)
  })

  test('is not answered as unreadable and handled as well', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { dispatcher, add, handled, unreadable, gate, keyArrives } = world()
      dispatcher.dispatch([add('$a')])
      await turns()
      const held = Promise.withResolvers<void>()
      gate.hold = held.promise
      gate.readable = true
      keyArrives()
      await turns()
      vi.advanceTimersByTime(60_000)
      held.resolve()
      await turns()
      expect([handled, unreadable]).toEqual([[], ['$a']])
    } finally {
      vi.useRealTimers()
    }
  })

  test('is not answered as unreadable when it turned out to be no text', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { dispatcher, add, unreadable, gate, keyArrives, journal } = world()
      dispatcher.dispatch([add('$a')])
      await turns()
      gate.readable = true
      gate.type = 'm.reaction'
      keyArrives()
      await turns()
      vi.advanceTimersByTime(60_000)
      await turns()
      expect(unreadable).toEqual([])
      expect(journal.open()).toEqual([])
    } finally {
      vi.useRealTimers()
    }
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
