import { expect, test } from 'vitest'
import { answering, good, status } from '../../tests/support/commands/answering.ts'
import type { RoomId } from '../types.ts'
import { readersOf } from './read-receipts.ts'

const one = '!one:x' as RoomId
const two = '!two:x' as RoomId
const receipt = (users: readonly string[]) => ({
  type: 'm.receipt',
  content: { $1: { 'm.read': Object.fromEntries(users.map((user) => [user, { ts: 1 }])) } },
})

test('who has read in which room; a room without receipts is read by nobody', async () => {
  const events = [{ type: 'm.typing', content: { user_ids: [] } }, receipt(['@ada:x', '@bot:x'])]
  const { homeserver, asked } = answering(good({ next_batch: 's1', rooms: { join: { [one]: { ephemeral: { events } } } } }))
  const readers = await readersOf(homeserver, [one, two])
  expect([...(readers ?? [])].map(([room, people]) => [room, [...people]])).toEqual([
    [one, ['@ada:x', '@bot:x']],
    [two, []],
  ])
  expect(asked).toHaveLength(1)
  const query = asked[0]?.query as { filter: string; since?: string }
  // Without a token: nothing that the bot's own sync has not seen yet is acknowledged.
  expect(query.since).toBeUndefined()
  expect(JSON.parse(query.filter)).toMatchObject({ room: { rooms: [one, two], ephemeral: { types: ['m.receipt'] }, state: { types: [] } } })
})

test('nothing is asked for no rooms; a server that does not tell is not taken for "unread"', async () => {
  const { homeserver, asked } = answering(status(500))
  expect(await readersOf(homeserver, [])).toEqual(new Map())
  expect(asked).toEqual([])
  expect(await readersOf(homeserver, [one])).toBeUndefined()
  expect(await readersOf(answering(good('strange')).homeserver, [one])).toBeUndefined()
})
