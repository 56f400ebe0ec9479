import { expect, test } from 'vitest'
import { ada, bot, indoc, indocWorld, mod } from '../../tests/support/commands/indoc-world.ts'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Membership } from '../database/schema.ts'
import { noChanges } from '../directory/changes.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createRemoved, followDepartures } from './removed.ts'

const lobby = '!lobby:example.org' as RoomId
const direct = '!direct:example.org' as RoomId

const setUp = () => {
  const { scheduler } = indocWorld()
  const memberships = new Map<RoomId, Membership>([
    [indoc, 'join'],
    [direct, 'invite'],
  ])
  scheduler.add({ kind: 'welcome', uniqueKey: ada, payload: {} })
  scheduler.add({ kind: 'credentials', uniqueKey: ada, payload: {} })
  const leaves = (roomId: RoomId, sender: UserId, to: Membership = 'leave'): void => {
    const from = memberships.get(roomId) ?? null
    memberships.set(roomId, to)
    followDepartures(
      {
        directory: { ownUserId: bot, membership: (room) => memberships.get(room) },
        scheduler,
        indoc: () => indoc,
        isCommunity: (room) => room === indoc || room === lobby,
        belongs: () => [indoc, lobby].some((room) => ['join', 'invite'].includes(memberships.get(room) ?? '')),
        directRoomOf: () => direct,
      },
      { ...noChanges(), memberChanges: [{ roomId, userId: ada, from, to, eventId: null, sender, displayName: null, source: 'timeline' }] },
    )
  }
  const open = () => ['welcome', 'credentials'].filter((kind) => scheduler.open(kind, ada) !== undefined).length
  return { scheduler, memberships, leaves, open }
}

test.each<[string, UserId, Membership]>([
  ['a moderator kicks', mod, 'leave'],
  ['a moderator bans', mod, 'ban'],
  ['the bot removes', bot, 'leave'],
  ['who goes by themselves', ada, 'leave'],
])('%s from their last room has nothing delivered any more', (_, sender, to) => {
  const world = setUp()
  world.memberships.set(lobby, 'join')
  world.leaves(indoc, sender, to)
  expect(world.open()).toBe(2)
  world.leaves(lobby, sender, to)
  expect(world.open()).toBe(0)
  expect(world.scheduler.latest('welcome', ada)).toMatchObject({ state: 'cancelled' })
})

test('to be taken out of INDOC before the graduation has begun is a removal', () => {
  const world = setUp()
  world.scheduler.add({ kind: 'graduation', uniqueKey: ada, payload: {} })
  world.leaves(indoc, bot)
  expect(world.open()).toBe(0)
})

test('a graduated person waits for their welcome', async () => {
  const world = setUp()
  world.scheduler.add({ kind: 'graduation', uniqueKey: ada, payload: {} })
  let left = false
  world.scheduler.register('graduation', {
    run: () => {
      world.leaves(indoc, bot)
      left = true
      return Promise.resolve({ state: 'done' })
    },
  })
  for (const kind of ['welcome', 'credentials'])
    world.scheduler.register(kind, { run: () => Promise.resolve({ state: 'wait', delayMs: 3_600_000 }) })
  world.scheduler.start()
  await expect.poll(() => left).toBe(true)
  await world.scheduler.stop(1000)
  expect(world.open()).toBe(2)
})

test('an invitation that is turned down, another room, and somebody who is in the direct chat already', () => {
  const world = setUp()
  world.memberships.set(indoc, 'leave')
  world.memberships.set(lobby, 'invite')
  world.leaves(lobby, ada)
  world.leaves('!elsewhere:example.org' as RoomId, mod)
  expect(world.open()).toBe(2)
  world.memberships.set(direct, 'join')
  world.memberships.set(lobby, 'join')
  world.leaves(lobby, ada)
  expect(world.open()).toBe(2)
})

test('removed is who was removed last, and let in by nobody since', () => {
  const database = memoryDatabase()
  let inside = false
  const removed = createRemoved({ database, belongs: () => inside })
  let count = 0
  const plan = (command: string, targets: readonly string[], state: 'done' | 'cancelled' = 'done'): void => {
    count += 1
    database.run(
      database.query.insertInto('plan').values({
        event_id: `$${count}` as EventId,
        command,
        asker: mod,
        room_id: indoc,
        answer_to: `$${count}` as EventId,
        summary: '',
        details: JSON.stringify({ targets }),
        state,
        created_at: count,
        finished_at: count,
      }),
    )
  }
  plan('adduser', [ada])
  expect(removed(ada)).toBe(false)
  plan('remove', [`${ada}.uk`])
  plan('remove', [ada], 'cancelled')
  expect(removed(ada)).toBe(false)
  plan('remove', [mod, ada])
  expect(removed(ada)).toBe(true)
  inside = true
  expect(removed(ada)).toBe(false)
  inside = false
  plan('approve', [ada])
  expect(removed(ada)).toBe(false)
})
