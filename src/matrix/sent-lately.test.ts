import { expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import { sentLately } from './sent-lately.ts'

const now = 10_000_000
const minute = 60_000

test('a data directory without a past says so', () => {
  const database = memoryDatabase()
  expect(sentLately(database, now)).toBe('unknown')
  database.setMeta('since', 's1')
  expect(sentLately(database, now)).toEqual({ events: [], rooms: [], invitations: [] })
})

test('messages, memberships, rooms and what jobs wrote count with their time, and only those that may have reached the server lately', () => {
  const database = memoryDatabase()
  database.setMeta('since', 's1')
  const { connection } = database
  const message = connection.prepare(
    "INSERT INTO outbox (txn_id, sequence, room_id, type, content, state, created_at, updated_at) VALUES (?, ?, '!r:x', 'm.room.message', '{}', ?, 0, ?)",
  )
  message.run('sent', 1, 'sent', now - 1000)
  message.run('old', 2, 'sent', now - 31 * minute)
  message.run('queued', 3, 'queued', now)
  message.run('refused', 4, 'failed', now)
  connection.exec(
    "INSERT INTO plan (plan_id, event_id, command, asker, room_id, answer_to, summary, details, state, created_at) VALUES (1, '$e', 'adduser', '@m:x', '!r:x', '$e', '', '{}', 'done', 0)",
  )
  const effect = connection.prepare(
    'INSERT INTO effect (plan_id, step, kind, planned, state, intended_at, finished_at) VALUES (1, ?, ?, ?, ?, ?, ?)',
  )
  const invite = JSON.stringify({ effect: { kind: 'room.invite', roomId: '!r:x', userId: '@ada:x' } })
  effect.run(0, 'room.invite', invite, 'done', now - 3000, now - 2000)
  effect.run(1, 'room.invite', invite, 'intended', now - 1500, null)
  effect.run(2, 'room.invite', invite, 'failed', now - 1500, now)
  effect.run(3, 'room.kick', '{"effect":{"userId":"@ben:x"}}', 'done', now - 500, now - 400)
  effect.run(4, 'account.create', '{"effect":{}}', 'done', now, now)
  const job = connection.prepare(
    "INSERT INTO job (kind, unique_key, payload, state, run_at, created_at, updated_at) VALUES (?, ?, '{}', ?, 0, 0, ?)",
  )
  job.run('welcome', '@ada:x', 'done', now - 100)
  job.run('invite', '!r:x @cy:x', 'done', now - 90)
  job.run('invite', '!r:x @dan:x', 'waiting', now)
  job.run('welcome', '@old:x', 'done', now - 40 * minute)
  connection.exec(`INSERT INTO direct_room VALUES ('!d:x', '@ada:x', 'made', ${now - 200}), ('!e:x', '@eve:x', 'adopted', ${now})`)

  const sent = sentLately(database, now)
  if (sent === 'unknown') throw new Error('it has a past')
  expect({ ...sent, events: sent.events.map((at) => now - at).sort((one, other) => one - other) }).toEqual({
    events: [90, 100, 100, 200, 400, 1000, 1500, 2000],
    rooms: [now - 200],
    invitations: [
      { userId: '@ada:x', at: now - 2000 },
      { userId: '@ada:x', at: now - 1500 },
      { userId: '@cy:x', at: now - 90 },
      { userId: '@ada:x', at: now - 200 },
    ],
  })
})
