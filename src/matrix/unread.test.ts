import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { Journal } from './journal.ts'
import type { JournalEntry } from './journal.ts'
import { UnreadMessages } from './unread.ts'

const day = 24 * 3_600_000
let database: Database
let journal: Journal
let unread: UnreadMessages
beforeEach(() => {
  database = memoryDatabase()
  journal = new Journal(database)
  unread = new UnreadMessages(database)
})
afterEach(() => {
  database.close()
})

/** Claims an event, keeps it as unread, and closes it. */
const giveUp = (id: string, sessionId: string, now: number, closed = true): JournalEntry => {
  const entry = journal.add({
    eventId: id as EventId,
    roomId: '!r:x' as RoomId,
    sender: '@ada:x' as UserId,
    kind: 'message',
    event: { type: 'm.room.encrypted', content: { session_id: sessionId } },
    late: false,
    receivedAt: now,
  })
  if (entry === undefined) throw new Error('claimed before')
  unread.keep(entry, sessionId, now)
  if (closed) journal.mark(entry.eventId, 'done', now, 'unreadable-missing-key')
  return entry
}
const ids = (sessions?: readonly string[]) => unread.of(sessions).map(({ eventId }) => eventId)

test('what was given up is found by the session whose key comes, whole, until it is read', () => {
  const entry = giveUp('$a', 's1', 1)
  giveUp('$b', 's2', 2)
  expect(unread.of(['s1', 's3'])).toEqual([{ ...entry, state: 'done' }])
  expect(ids()).toEqual(['$a', '$b'])
  unread.forget(entry.eventId)
  expect([ids(), unread.has(entry.eventId)]).toEqual([['$b'], false])
})

test('what a crash left half given up belongs to the journal still', () => {
  giveUp('$a', 's1', 1, false)
  expect(ids()).toEqual([])
})

test('a week is long enough, and nobody fills the disk', () => {
  giveUp('$old', 's1', 1)
  giveUp('$new', 's1', 7 * day + 1)
  expect(ids()).toEqual(['$old', '$new'])
  giveUp('$newer', 's1', 7 * day + 2)
  expect(ids()).toEqual(['$new', '$newer'])
  for (let number = 0; number < 999; number += 1) giveUp(`$${number}`, 's2', 8 * day + number)
  expect([ids().length, ids()[0]]).toEqual([1000, '$newer'])
})
