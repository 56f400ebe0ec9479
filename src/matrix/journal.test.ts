import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { Journal } from './journal.ts'
import type { JournalEntry } from './journal.ts'

let database: Database
let journal: Journal
beforeEach(() => {
  database = memoryDatabase()
  journal = new Journal(database)
})
afterEach(() => {
  database.close()
})

const entry = (name: string, more: Partial<JournalEntry> = {}): Omit<JournalEntry, 'state'> => ({
  eventId: `$${name}` as EventId,
  roomId: '!a' as RoomId,
  sender: '@ada:x' as UserId,
  kind: 'message',
  event: { type: 'm.room.message', content: { body: name } },
  late: false,
  receivedAt: 5,
  ...more,
})

test('an event is claimed once', () => {
  expect(journal.add(entry('one'))).toEqual({ ...entry('one'), state: 'pending' })
  expect(journal.add(entry('one', { late: true }))).toBeUndefined()
  journal.mark('$one' as EventId, 'done', 9)
  // Also when it is delivered again long after it was finished.
  expect(journal.add(entry('one'))).toBeUndefined()
  expect(journal.open()).toEqual([])
})

describe('a message is read once', () => {
  const message = (eventId: string, index: number, receivedAt = 5, session = 's'): JournalEntry => ({
    ...entry(eventId, { receivedAt }),
    event: { content: { session_id: session, ciphertext: Buffer.from([3, 8, index, 18, 9]).toString('base64') } },
    state: 'pending',
  })

  test('not again as another event, nor as the same one delivered later', () => {
    expect(journal.claimReading(message('one', 0), 6)).toBe(true)
    expect(journal.claimReading(message('other', 0, 7), 8)).toBe(false)
    expect(journal.claimReading(message('one', 0, 7), 8)).toBe(false)
    expect(journal.claimReading(message('two', 1), 9)).toBe(true)
    expect(journal.claimReading(message('three', 0, 5, 'another session'), 9)).toBe(true)
  })

  test('but again after a crash, by whom it was read', () => {
    expect(journal.claimReading(message('one', 0), 6)).toBe(true)
    expect(new Journal(database).claimReading(message('one', 0), 60)).toBe(true)
    expect(new Journal(database).claimReading(message('other', 0), 60)).toBe(false)
  })
})

test('what is open comes back in its order, as it was, also in the next process', () => {
  for (const name of ['one', 'two', 'three', 'four']) journal.add(entry(name, { late: name === 'two' }))
  journal.mark('$one' as EventId, 'done', 9, 'ok')
  journal.mark('$three' as EventId, 'waiting', 9, 'missing-key')
  journal.mark('$four' as EventId, 'running', 9)
  const next = new Journal(database)
  next.add(entry('five'))
  expect(next.open()).toEqual([
    { ...entry('two', { late: true }), state: 'pending' },
    { ...entry('three'), state: 'waiting' },
    { ...entry('four'), state: 'running' },
    { ...entry('five'), state: 'pending' },
  ])
})

test('a claim that is rolled back is none', () => {
  expect(() =>
    database.transaction(() => {
      journal.add(entry('one'))
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(journal.has('$one' as EventId)).toBe(false)
  expect(journal.add(entry('one'))).toBeDefined()
})

test('the last claimed event of a room', () => {
  journal.add(entry('one'))
  journal.add(entry('two'))
  journal.add(entry('other', { roomId: '!b' as RoomId }))
  expect([journal.lastOf('!a' as RoomId), journal.lastOf('!c' as RoomId)]).toEqual(['$two', undefined])
})

test('texts are not kept once they are answered; the claim is', () => {
  journal.add(entry('one'))
  journal.add(entry('open'))
  journal.mark('$one' as EventId, 'done', 0)
  expect(
    database.all(
      database.query
        .selectFrom('journal')
        .select('event')
        .where('event_id', '=', '$one' as EventId),
    ),
  ).toEqual([{ event: '{}' }])
  expect([journal.has('$one' as EventId), journal.has('$open' as EventId)]).toEqual([true, true])
})

test('what somebody has noted of a room that the writer of another event may not have seen', () => {
  const other = '!b' as RoomId
  const from = '@mod:x' as UserId
  for (const [name, more] of [
    ['early', {}],
    ['here', { sender: from }],
    ['there', { sender: from, roomId: other }],
    ['chatter', { receivedAt: 6 }],
    ['command', { sender: from, receivedAt: 6 }],
    ['late', { receivedAt: 7 }],
  ] as const) {
    journal.add(entry(name, more))
    journal.mark(`$${name}` as EventId, 'done', 9, name === 'early' ? 'introduction' : 'ignored')
  }
  const unseen = (event: string): boolean => journal.noted('introduction', '@ada:x' as UserId, '!a' as RoomId, `$${event}` as EventId)
  // Of another room, and of the same answer of the server: their order is not known.
  expect(['here', 'there', 'command', 'late', 'unknown'].map(unseen)).toEqual([false, true, false, false, false])
  journal.mark('$late' as EventId, 'done', 9, 'introduction')
  expect(['here', 'there', 'command', 'late'].map(unseen)).toEqual([true, true, true, false])
  expect(journal.noted('introduction', from, '!a' as RoomId, '$here' as EventId)).toBe(false)
})
