import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import type { Membership } from '../database/schema.ts'
import { parseSync } from '../matrix/sync-types.ts'
import type { StateEvent, SyncResponse } from '../matrix/sync-types.ts'
import type { EventId, JsonObject, RoomId, UserId } from '../types.ts'
import { Directory } from './directory.ts'
import type { BaselineMember } from './directory.ts'

const bot = '@gatehouse:example.org' as UserId
const ada = '@ada:example.org' as UserId
const bob = '@bob:example.org' as UserId
const eve = '@eve:example.org' as UserId
const one = '!one:example.org' as RoomId
const two = '!two' as RoomId
const later = { initial: false }

let folder: string
let database: Database
let directory: Directory
let serial = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-directory-'))
  database = Database.open(join(folder, 'gatehouse.db'))
  migrate(database)
  directory = new Directory(database, bot, [{ users: '^@signal_' }])
  serial = 0
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

const state = (type: string, content: JsonObject, stateKey = '', sender: UserId = ada): StateEvent => ({
  type,
  content,
  sender,
  state_key: stateKey,
  event_id: `$${(serial += 1)}` as EventId,
  origin_server_ts: serial,
})
const member = (userId: string, membership: string, name?: string, sender?: UserId): StateEvent =>
  state('m.room.member', { membership, ...(name === undefined ? {} : { displayname: name }) }, userId, sender ?? (userId as UserId))
const message = () => {
  const { state_key: _none, ...event } = state('m.room.message', { body: 'hello' })
  return event
}

interface RoomParts {
  readonly state?: readonly unknown[]
  readonly timeline?: readonly unknown[]
  readonly limited?: boolean
  readonly joined?: number
  readonly invited?: number
}
const joinedRoom = ({ state = [], timeline = [], limited = false, joined, invited }: RoomParts) => ({
  state: { events: state },
  timeline: { events: timeline, limited, prev_batch: 'p' },
  summary: {
    ...(joined === undefined ? {} : { 'm.joined_member_count': joined }),
    ...(invited === undefined ? {} : { 'm.invited_member_count': invited }),
  },
})
const sync = (rooms: {
  readonly join?: Record<string, RoomParts>
  readonly leave?: Record<string, RoomParts>
  readonly invite?: Record<string, readonly unknown[]>
  readonly knock?: Record<string, readonly unknown[]>
}): SyncResponse => {
  const each = <In, Out>(given: Record<string, In> | undefined, make: (value: In) => Out) =>
    Object.fromEntries(Object.entries(given ?? {}).map(([id, value]) => [id, make(value)]))
  const response = parseSync({
    next_batch: 's',
    rooms: {
      join: each(rooms.join, joinedRoom),
      leave: each(rooms.leave, joinedRoom),
      invite: each(rooms.invite, (events) => ({ invite_state: { events } })),
      knock: each(rooms.knock, (events) => ({ knock_state: { events } })),
    },
  })
  if ('problem' in response || response.dropped > 0) throw new Error('bad sync in the test')
  return response
}

const listed = (userId: UserId, membership: Membership = 'join', displayName: string | null = null): BaselineMember => ({
  userId,
  membership,
  displayName,
  eventId: null,
})
const roll = (roomId: RoomId) =>
  Object.fromEntries(
    directory.members(roomId, ['join', 'invite', 'knock', 'leave', 'ban']).map(({ userId, membership }) => [userId, membership]),
  )

/** A known, clean room with the bot and Ada. */
const enter = (roomId: RoomId = one, more: readonly StateEvent[] = []) => {
  const events = [state('m.room.create', { room_version: '11' }), member(ada, 'join', 'Ada'), member(bot, 'join'), ...more]
  return directory.applySync(sync({ join: { [roomId]: { state: events } } }), 1000, { initial: true, membersComplete: true })
}

describe('joined rooms', () => {
  test('a new room is dirty and has what its state says, and nothing of the first sync is news', () => {
    const changes = directory.applySync(
      sync({
        join: {
          [one]: {
            state: [
              state('m.room.create', { room_version: '12', type: 'm.space', additional_creators: [bob] }),
              state('m.room.name', { name: 'Old' }),
              state('m.room.join_rules', { join_rule: 'public' }),
              state('m.room.history_visibility', { history_visibility: 'shared' }),
              state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
              member(ada, 'join', 'Ada'),
              member(eve, 'leave'),
            ],
            timeline: [member(bot, 'join'), state('m.room.name', { name: 'New' }), message()],
            limited: true,
            joined: 7,
            invited: 2,
          },
        },
      }),
      1000,
      { initial: true },
    )
    expect(directory.room(one)).toEqual({
      roomId: one,
      ownMembership: 'join',
      name: 'New',
      topic: null,
      canonicalAlias: null,
      space: true,
      version: '12',
      joinRule: 'public',
      historyVisibility: 'shared',
      replacementRoom: null,
      joinedCount: 7,
      invitedCount: 2,
      freshness: { asOf: null, dirty: true },
    })
    expect(directory.power(one)).toEqual({ version: '12', creators: [ada, bob], levels: null })
    expect(roll(one)).toEqual({ [ada]: 'join', [bot]: 'join' })
    expect(changes).toEqual({
      newRooms: [one],
      leftRooms: [],
      invitations: [],
      memberChanges: [],
      encryption: [{ roomId: one, content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
      dirtyRooms: [one],
      visibilityChanges: [],
      powerChanges: [],
      baselines: [],
    })
    expect(directory.dirtyRooms()).toEqual([one])
  })

  test('with complete members a new room needs no baseline, unless the bot itself is missing in it', () => {
    const changes = enter()
    expect(changes).toMatchObject({ newRooms: [one], dirtyRooms: [], baselines: [one] })
    expect(directory.dirtyRooms()).toEqual([])
    expect(directory.room(one)).toMatchObject({ joinedCount: 2, freshness: { asOf: 1000, dirty: false } })
    const odd = directory.applySync(sync({ join: { [two]: { state: [member(ada, 'join')] } } }), 1000, {
      initial: false,
      membersComplete: true,
    })
    expect(odd).toMatchObject({ newRooms: [two], dirtyRooms: [two], baselines: [] })
  })

  test('state first, then the timeline in order; each change is told once', () => {
    enter()
    const changes = directory.applySync(
      sync({
        join: {
          [one]: {
            state: [member(bob, 'invite', 'Bob', ada)],
            timeline: [
              member(bob, 'join', 'Bobby'),
              message(),
              member(eve, 'knock'),
              member(eve, 'invite', undefined, ada),
              member(ada, 'join', 'Ada L'),
            ],
          },
        },
      }),
      2000,
      later,
    )
    expect(changes.memberChanges).toEqual([
      { roomId: one, userId: bob, from: null, to: 'invite', eventId: '$4', sender: ada, displayName: 'Bob', source: 'state' },
      { roomId: one, userId: bob, from: 'invite', to: 'join', eventId: '$5', sender: bob, displayName: 'Bobby', source: 'timeline' },
      { roomId: one, userId: eve, from: null, to: 'knock', eventId: '$7', sender: eve, displayName: null, source: 'timeline' },
      { roomId: one, userId: eve, from: 'knock', to: 'invite', eventId: '$8', sender: ada, displayName: null, source: 'timeline' },
    ])
    expect(directory.displayName(ada, one)).toBe('Ada L')
    expect(directory.room(one)).toMatchObject({ joinedCount: 3, invitedCount: 1, freshness: { asOf: 2000, dirty: false } })
    const again = directory.applySync(sync({ join: { [one]: { timeline: [member(bob, 'join', 'Bobby')] } } }), 3000, later)
    expect(again.memberChanges).toEqual([])
  })

  test('who leaves keeps name and row; bans are kept too', () => {
    enter()
    const kick = member(ada, 'leave', undefined, bob)
    const changes = directory.applySync(sync({ join: { [one]: { timeline: [kick, member(eve, 'ban', undefined, bob)] } } }), 2000, later)
    expect(changes.memberChanges).toMatchObject([
      { userId: ada, from: 'join', to: 'leave', sender: bob, displayName: 'Ada' },
      { userId: eve, from: null, to: 'ban', sender: bob },
    ])
    expect(roll(one)).toEqual({ [ada]: 'leave', [bot]: 'join', [eve]: 'ban' })
    expect(directory.room(one)?.joinedCount).toBe(1)
  })

  test('nonsense is ignored: unknown membership, no user id, a state key where none belongs', () => {
    enter()
    const events = [
      member(bob, 'boss'),
      member('bob', 'join', undefined, ada),
      state('m.room.name', { name: 'x' }, 'y'),
      state('m.room.encryption', {}, 'y'),
    ]
    const changes = directory.applySync(sync({ join: { [one]: { timeline: events } } }), 2000, later)
    expect(changes).toMatchObject({ memberChanges: [], encryption: [] })
    expect(roll(one)).toEqual({ [ada]: 'join', [bot]: 'join' })
    expect(directory.room(one)?.name).toBeNull()
  })

  test('a gap makes the room dirty, once told; its age is that of its list', () => {
    enter()
    const gap = sync({ join: { [one]: { timeline: [message()], limited: true } } })
    expect(directory.applySync(gap, 2000, later).dirtyRooms).toEqual([one])
    expect(directory.applySync(gap, 3000, later).dirtyRooms).toEqual([])
    expect(directory.room(one)?.freshness).toEqual({ asOf: 1000, dirty: true })
  })

  test("the server's count shows a list that went wrong", () => {
    enter()
    expect(directory.applySync(sync({ join: { [one]: { joined: 2 } } }), 2000, later).dirtyRooms).toEqual([])
    expect(directory.applySync(sync({ join: { [one]: { joined: 3 } } }), 2000, later).dirtyRooms).toEqual([one])
    expect(directory.room(one)?.joinedCount).toBe(2)
  })

  test('visibility, power and creators are told when they change', () => {
    enter(one, [state('m.room.history_visibility', { history_visibility: 'shared' }), state('m.room.power_levels', { kick: 50 })])
    const same = sync({
      join: {
        [one]: {
          state: [state('m.room.history_visibility', { history_visibility: 'shared' }), state('m.room.power_levels', { kick: 50 })],
        },
      },
    })
    expect(directory.applySync(same, 2000, later)).toMatchObject({ visibilityChanges: [], powerChanges: [] })
    const other = sync({
      join: {
        [one]: {
          timeline: [
            state('m.room.history_visibility', { history_visibility: 'joined' }),
            state('m.room.power_levels', { users: { [bob]: 50 } }),
          ],
        },
      },
    })
    expect(directory.applySync(other, 2000, later)).toMatchObject({
      visibilityChanges: [{ roomId: one, from: 'shared', to: 'joined' }],
      powerChanges: [one],
    })
    expect(directory.power(one)?.levels?.users.get(bob)).toBe(50)
    const created = sync({ join: { [one]: { state: [state('m.room.create', { room_version: '11' }, '', bob)] } } })
    expect(directory.applySync(created, 2000, later).powerChanges).toEqual([one])
  })

  test('in a room just entered, news begins with the own join', () => {
    const timeline = [member(ada, 'join', 'Ada'), member(bot, 'join'), member(bob, 'invite', 'Bob', ada), member(bob, 'join', 'Bob')]
    const changes = directory.applySync(sync({ join: { [one]: { timeline } } }), 1000, later)
    expect(changes.memberChanges.map(({ userId, to }) => [userId, to])).toEqual([
      [bob, 'invite'],
      [bob, 'join'],
    ])
  })

  test('a sync that brings messages only writes no room', () => {
    enter()
    const before = database.first(database.query.selectFrom('room').selectAll().where('room_id', '=', one))
    directory.applySync(sync({ join: { [one]: { timeline: [message()] } } }), 2000, later)
    expect(database.first(database.query.selectFrom('room').selectAll().where('room_id', '=', one))).toEqual(before)
    expect(directory.room(one)?.freshness.asOf).toBe(2000)
  })

  test('it is one transaction with the caller: an error takes all of it back', () => {
    expect(() =>
      database.transaction(() => {
        enter()
        throw new Error('stop')
      }),
    ).toThrow('stop')
    expect(directory.joinedRooms()).toEqual([])
    expect(directory.syncedAt()).toBeNull()
  })
})

describe('leaving, invitations and knocks', () => {
  test('out of a room: members are dropped, the name stays', () => {
    enter(one, [state('m.room.name', { name: 'Tech' })])
    const changes = directory.applySync(
      sync({ leave: { [one]: { timeline: [message(), member(bot, 'ban', undefined, ada)] } } }),
      2000,
      later,
    )
    expect(changes.leftRooms).toEqual([{ roomId: one, to: 'ban', sender: ada }])
    expect(directory.room(one)).toMatchObject({
      ownMembership: 'ban',
      name: 'Tech',
      joinedCount: null,
      freshness: { asOf: null, dirty: false },
    })
    expect(roll(one)).toEqual({})
    const again = directory.applySync(sync({ leave: { [one]: { state: [member(bot, 'ban', undefined, ada)] } } }), 3000, later)
    expect(again.leftRooms).toEqual([])
    const unbanned = directory.applySync(sync({ leave: { [one]: {}, [two]: {} } }), 4000, later)
    expect(unbanned.leftRooms).toEqual([])
    expect(directory.room(one)?.ownMembership).toBe('leave')
    expect(directory.room(two)).toBeUndefined()
    expect(directory.applySync(sync({ leave: { [one]: {} } }), 5000, later).leftRooms).toEqual([])
  })

  test('an invitation: hints are stored, then forgotten when the bot is in', () => {
    const { event_id: _id, origin_server_ts: _ts, ...own } = state('m.room.member', { membership: 'invite', is_direct: true }, bot)
    const { event_id: _id2, origin_server_ts: _ts2, ...name } = state('m.room.name', { name: 'Nice room' })
    const changes = directory.applySync(sync({ invite: { [one]: [name, own] } }), 1000, later)
    expect(changes.invitations).toEqual([{ roomId: one, sender: ada, isDirect: true }])
    expect(directory.room(one)).toMatchObject({ ownMembership: 'invite', name: 'Nice room', freshness: { asOf: null, dirty: false } })
    expect(directory.dirtyRooms()).toEqual([])
    directory.applySync(sync({ join: { [one]: { timeline: [member(bot, 'join')] } } }), 2000, later)
    expect(directory.room(one)).toMatchObject({ ownMembership: 'join', name: null, freshness: { dirty: true } })
  })

  test('an invitation without the own event, and one into a room the bot was in', () => {
    enter()
    const changes = directory.applySync(sync({ invite: { [one]: [], [two]: [] } }), 2000, later)
    expect(changes.leftRooms).toEqual([{ roomId: one, to: 'leave', sender: null }])
    expect(changes.invitations).toEqual([
      { roomId: one, sender: null, isDirect: false },
      { roomId: two, sender: null, isDirect: false },
    ])
    expect(roll(one)).toEqual({})
    const refused = directory.applySync(sync({ leave: { [two]: { state: [member(bot, 'leave')] } } }), 3000, later)
    expect(refused.leftRooms).toEqual([])
    expect(directory.room(two)?.ownMembership).toBe('leave')
  })

  test('knocks', () => {
    enter()
    const changes = directory.applySync(sync({ knock: { [one]: [], [two]: [] } }), 2000, later)
    expect(changes.leftRooms).toEqual([{ roomId: one, to: 'leave', sender: null }])
    expect(directory.room(two)?.ownMembership).toBe('knock')
  })

  test('a sync without a token ends what it does not name, and doubts what it does', () => {
    enter()
    enter(two)
    expect(directory.room(one)?.ownMembership).toBe('leave')
    directory.applySync(sync({ invite: { [one]: [] } }), 2000, later)
    const changes = directory.applySync(sync({ join: { [two]: {} } }), 3000, { initial: true, membersComplete: true })
    expect(changes).toMatchObject({ leftRooms: [], dirtyRooms: [two] })
    expect(directory.room(one)?.ownMembership).toBe('leave')
    expect(directory.applySync(sync({ knock: { [one]: [] } }), 4000, { initial: true }).leftRooms).toEqual([
      { roomId: two, to: 'leave', sender: null },
    ])
    expect(directory.applySync(sync({ invite: { [one]: [] } }), 4000, { initial: true }).leftRooms).toEqual([])
  })
})

describe('baselines', () => {
  const apply = (members: readonly BaselineMember[], covers: 'joined' | 'all' = 'all', stateEvents?: readonly StateEvent[], roomId = one) =>
    directory.applyBaseline(
      directory.beginBaseline(roomId),
      { members, covers, ...(stateEvents === undefined ? {} : { state: stateEvents }) },
      5000,
    )

  test('the first list of a room is no news and makes it clean', () => {
    directory.applySync(sync({ join: { [one]: { state: [member(bot, 'join')] } } }), 1000, { initial: true })
    const changes = apply([listed(bot), listed(ada, 'join', 'Ada'), listed(bob, 'invite'), listed(eve, 'ban')], 'all', [
      state('m.room.create', { room_version: '11' }),
      state('m.room.name', { name: 'Tech' }),
      state('m.room.encryption', { algorithm: 'a' }),
    ])
    expect(changes).toMatchObject({ memberChanges: [], baselines: [one], dirtyRooms: [], encryption: [{ roomId: one }] })
    expect(roll(one)).toEqual({ [bot]: 'join', [ada]: 'join', [bob]: 'invite', [eve]: 'ban' })
    expect(directory.room(one)).toMatchObject({ name: 'Tech', joinedCount: 2, invitedCount: 1, freshness: { asOf: 5000, dirty: false } })
  })

  test('a repair tells only the differences', () => {
    enter(one, [member(bob, 'join', 'Bob'), member(eve, 'invite')])
    const eventId = directory.members(one).find((known) => known.userId === ada)?.eventId
    directory.markDirty(one)
    const changes = apply([listed(bot), listed(ada, 'join', 'Ada'), listed('@new:x' as UserId)])
    expect(changes.memberChanges).toMatchObject([
      { userId: '@new:x', from: null, to: 'join', source: 'baseline', eventId: null, sender: null },
      { userId: bob, from: 'join', to: 'leave', displayName: 'Bob' },
      { userId: eve, from: 'invite', to: 'leave' },
    ])
    expect(directory.dirtyRooms()).toEqual([])
    // Ada is as before: her event id is kept although the list has none.
    expect(directory.members(one).find((known) => known.userId === ada)?.eventId).toBe(eventId)
  })

  test('a list of joined people says nothing of invitations and bans', () => {
    enter(one, [member(bob, 'ban'), member(eve, 'invite'), member('@gone:x', 'join')])
    expect(apply([listed(bot), listed(ada)], 'joined').memberChanges).toMatchObject([{ userId: '@gone:x', to: 'leave' }])
    expect(roll(one)).toMatchObject({ [bob]: 'ban', [eve]: 'invite', '@gone:x': 'leave' })
  })

  test('what the sync stream told while the list was fetched stands', () => {
    enter(one, [member(bob, 'join'), state('m.room.name', { name: 'Old' })])
    const open = directory.beginBaseline(one)
    const other = directory.beginBaseline(two)
    directory.applySync(
      sync({ join: { [one]: { timeline: [member(bob, 'leave'), member(eve, 'join'), state('m.room.name', { name: 'New' })] } } }),
      2000,
      later,
    )
    const stale = { members: [listed(bot), listed(bob)], covers: 'all', state: [state('m.room.name', { name: 'Old' })] } as const
    expect(directory.applyBaseline(open, stale, 3000).memberChanges).toMatchObject([{ userId: ada, to: 'leave' }])
    expect(roll(one)).toEqual({ [bot]: 'join', [bob]: 'leave', [eve]: 'join', [ada]: 'leave' })
    expect(directory.room(one)?.name).toBe('New')
    expect(other).toMatchObject({ touched: new Set(), gap: false })
  })

  test('a gap while it was fetched leaves the room dirty; a dropped fetch is forgotten', () => {
    enter()
    const dropped = directory.beginBaseline(one)
    directory.dropBaseline(dropped)
    const other = directory.beginBaseline(two)
    const open = directory.beginBaseline(one)
    directory.applySync(sync({ join: { [one]: { limited: true } } }), 2000, later)
    expect([dropped.gap, other.gap, open.gap]).toEqual([false, false, true])
    expect(directory.applyBaseline(open, { members: [listed(bot), listed(ada)], covers: 'all' }, 3000).dirtyRooms).toEqual([one])
    expect(directory.dirtyRooms()).toEqual([one])
  })

  test('a list without the bot is not believed', () => {
    enter()
    directory.markDirty(one)
    for (const members of [[], [listed(ada)], [listed(bot, 'leave')]])
      expect(apply(members)).toMatchObject({ dirtyRooms: [one], baselines: [] })
    expect(roll(one)).toEqual({ [ada]: 'join', [bot]: 'join' })
    expect(directory.dirtyRooms()).toEqual([one])
  })

  test('a room that the bot left meanwhile stays left; power found by a repair is told', () => {
    expect(apply([listed(bot)], 'all', undefined, two)).toMatchObject({ baselines: [] })
    enter()
    expect(apply([listed(bot)], 'all', [state('m.room.power_levels', { ban: 1 })]).powerChanges).toEqual([one])
    directory.markLeft(one, 'leave', 2000)
    expect(apply([listed(bot)])).toMatchObject({ baselines: [] })
    expect(roll(one)).toEqual({})
  })

  test('a joined room that no sync told about', () => {
    directory.addJoinedRoom(one, 1000)
    expect(directory.dirtyRooms()).toEqual([one])
    expect(directory.room(one)).toMatchObject({ ownMembership: 'join', version: null })
  })
})

describe('asking', () => {
  beforeEach(() => {
    const ghost = '@signal_123:example.org'
    directory.applySync(
      sync({
        join: {
          [one]: {
            state: [
              member(bot, 'join'),
              member(ada, 'join', 'Ada Lovelace'),
              member(bob, 'join', 'Zoë'),
              member(ghost, 'join', 'Grace'),
              state('m.room.name', { name: 'Café Society' }),
              state('m.room.canonical_alias', { alias: '#cafe:example.org' }),
            ],
          },
          [two]: {
            state: [
              member(bot, 'join'),
              member(ada, 'join', 'Ada'),
              member(eve, 'invite', 'Adam'),
              state('m.room.name', { name: 'Cafeteria' }),
            ],
          },
        },
      }),
      1000,
      { initial: true, membersComplete: true },
    )
  })

  test('members, memberships and rooms of a person', () => {
    expect(directory.members(two, ['invite'])).toEqual([
      { userId: eve, membership: 'invite', displayName: 'Adam', eventId: expect.any(String) as string, updatedAt: 1000 },
    ])
    expect(directory.memberIds(two)).toEqual([ada, bot])
    expect(directory.memberIds(two, ['join', 'invite'])).toHaveLength(3)
    expect(directory.membership(two, eve)).toBe('invite')
    expect(directory.membership(one, eve)).toBeUndefined()
    expect(directory.roomsOf(ada).map(({ roomId }) => roomId)).toEqual([one, two].sort())
    expect(directory.roomsOf(eve)).toEqual([{ roomId: two, membership: 'invite' }])
    expect(directory.roomsOf(eve, ['join'])).toEqual([])
    expect(directory.power('!none' as RoomId)).toBeUndefined()
    expect(directory.room('!none' as RoomId)).toBeUndefined()
  })

  test('names', () => {
    expect(directory.displayName(ada, one)).toBe('Ada Lovelace')
    expect(directory.displayName(ada, two)).toBe('Ada')
    expect(directory.displayName(eve, one)).toBe('Adam')
    expect(directory.displayName('@nobody:x' as UserId)).toBeNull()
    expect(directory.label(bob, one)).toBe('Zoë (@bob:example.org)')
    expect(directory.label('@signal_123:example.org' as UserId)).toBe('Grace (bridged)')
  })

  test('people by id, localpart and name', () => {
    expect(directory.findPeople('ada').map(({ userId, match, rooms }) => [userId, match, rooms])).toEqual([
      [ada, 'exact', 2],
      [eve, 'prefix', 1],
    ])
    expect(directory.findPeople('ZOE')).toMatchObject([{ userId: bob, displayName: 'Zoë', match: 'exact', bridged: false }])
    expect(directory.findPeople('love')).toMatchObject([{ userId: ada, match: 'prefix' }])
    expect(directory.findPeople('velace')).toMatchObject([{ userId: ada, match: 'contains' }])
    expect(directory.findPeople('@eve:example.org')).toMatchObject([{ userId: eve, match: 'exact' }])
    expect(directory.findPeople('grace')).toMatchObject([{ bridged: true }])
    expect(directory.findPeople('%')).toEqual([])
    expect(directory.findPeople('  ')).toEqual([])
    expect(directory.findPeople('a', 1)).toHaveLength(1)
    expect(directory.findPeople('example.org').map(({ userId }) => userId)).toEqual([ada, bot, bob, eve, '@signal_123:example.org'])
  })

  test('rooms by id, alias and name', () => {
    expect(directory.findRooms('cafe').map(({ roomId, match }) => [roomId, match])).toEqual([
      [one, 'prefix'],
      [two, 'prefix'],
    ])
    expect(directory.findRooms('CAFE society')).toMatchObject([{ roomId: one, match: 'exact' }])
    expect(directory.findRooms('#cafe:example.org')).toMatchObject([{ roomId: one, match: 'exact' }])
    expect(directory.findRooms('!two')).toMatchObject([{ roomId: two, match: 'exact' }])
    expect(directory.findRooms('teria')).toMatchObject([{ match: 'contains' }])
    expect(directory.findRooms('')).toEqual([])
    directory.addJoinedRoom('!a' as RoomId, 1)
    directory.addJoinedRoom('!b' as RoomId, 1)
    expect(directory.findRooms('!').map(({ roomId }) => roomId)).toEqual([one, two, '!a', '!b'])
  })
})
