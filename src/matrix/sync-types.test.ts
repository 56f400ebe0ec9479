import { describe, expect, test } from 'vitest'
import { isRoomEvent, isStateEvent, parseSync } from './sync-types.ts'
import type { SyncResponse } from './sync-types.ts'
import type { RoomId } from '../types.ts'

const message = (id: string, more: Record<string, unknown> = {}) => ({
  type: 'm.room.message',
  content: { body: 'hello' },
  sender: '@ada:example.org',
  event_id: id,
  origin_server_ts: 1,
  ...more,
})

const parsed = (value: unknown): SyncResponse => {
  const result = parseSync(value)
  if ('problem' in result) throw new Error(result.problem)
  return result
}

const room = '!one:example.org' as RoomId

describe('parseSync', () => {
  test.each([
    ['null', null, 'not a JSON object'],
    ['a list', [], 'not a JSON object'],
    ['a text', 'ok', 'not a JSON object'],
    ['no token', {}, 'no next_batch'],
    ['an empty token', { next_batch: '' }, 'no next_batch'],
    ['a token that is inherited', Object.create({ next_batch: 's1' }), 'no next_batch'],
  ])('refuses %s', (_name, value, problem) => {
    expect(parseSync(value)).toEqual({ problem: expect.stringContaining(problem) as string })
  })

  test('an almost empty answer has every part', () => {
    expect(parsed({ next_batch: 's1' })).toEqual({
      next_batch: 's1',
      rooms: { join: new Map(), invite: new Map(), leave: new Map(), knock: new Map() },
      to_device: [],
      account_data: [],
      device_lists: { changed: [], left: [] },
      device_one_time_keys_count: Object.create(null) as object,
      device_unused_fallback_key_types: undefined,
      dropped: 0,
    })
  })

  test('reads every part', () => {
    const topic = message('$s', { type: 'm.room.topic', state_key: '', content: { topic: 'x' } })
    const stripped = { type: 'm.room.name', state_key: '', sender: '@ada:example.org', content: { name: 'x' } }
    const response = parsed({
      next_batch: 's2',
      rooms: {
        join: {
          [room]: {
            timeline: { events: [message('$1')], limited: true, prev_batch: 'p' },
            state: { events: [topic] },
            account_data: { events: [{ type: 'm.tag', content: {} }] },
            summary: { 'm.joined_member_count': 3, 'm.invited_member_count': 0 },
          },
        },
        invite: { '!two': { invite_state: { events: [stripped] } } },
        leave: { '!three': { timeline: { events: [message('$3', { unsigned: { age: 1 } })] } } },
        knock: { '!four': { knock_state: { events: [stripped] } } },
      },
      to_device: { events: [{ type: 'm.room_key', sender: '@ada:example.org', content: {} }] },
      account_data: { events: [{ type: 'm.direct', content: {} }] },
      device_lists: { changed: ['@ada:example.org'], left: ['@bob:example.org'] },
      device_one_time_keys_count: { signed_curve25519: 50 },
      device_unused_fallback_key_types: ['signed_curve25519'],
    })
    expect(response.dropped).toBe(0)
    expect(response.rooms.join.get(room)).toEqual({
      timeline: { events: [message('$1')], limited: true, prev_batch: 'p' },
      state: [topic],
      account_data: [{ type: 'm.tag', content: {} }],
      summary: { joinedCount: 3, invitedCount: 0 },
    })
    expect(response.rooms.invite.get('!two' as RoomId)?.invite_state).toEqual([stripped])
    expect(response.rooms.leave.get('!three' as RoomId)?.timeline).toMatchObject({ limited: false, prev_batch: undefined })
    expect(response.rooms.knock.get('!four' as RoomId)?.knock_state).toEqual([stripped])
    expect(response.device_lists).toEqual({ changed: ['@ada:example.org'], left: ['@bob:example.org'] })
    expect(response.device_one_time_keys_count['signed_curve25519']).toBe(50)
    expect(response.device_unused_fallback_key_types).toEqual(['signed_curve25519'])
  })

  test('bad single events are dropped and counted; the good ones of the batch stay in order', () => {
    const bad = [
      null,
      'text',
      message('$x', { type: 7 }),
      message('$x', { content: null }),
      message('$x', { content: [] }),
      message('$x', { sender: 'ada' }),
      message('$x', { sender: `@${'a'.repeat(255)}` }),
      message('x'),
      message('$x', { event_id: 1 }),
      message('$x', { origin_server_ts: '1' }),
      message('$x', { state_key: 1 }),
      message('$x', { unsigned: 1 }),
    ]
    const events = [message('$1'), ...bad, message('$2')]
    const response = parsed({ next_batch: 's', rooms: { join: { [room]: { timeline: { events } } } } })
    expect(response.rooms.join.get(room)?.timeline.events.map((event) => event.event_id)).toEqual(['$1', '$2'])
    expect(response.dropped).toBe(bad.length)
  })

  test('bad lists, rooms and counts are dropped on their own', () => {
    const response = parsed({
      next_batch: 's',
      rooms: {
        join: {
          [room]: { timeline: { events: 'none' }, state: 4, summary: { 'm.joined_member_count': -1, 'm.invited_member_count': 1.5 } },
          'no-room': {},
          '!bad': null,
        },
        invite: [],
        leave: null,
      },
      to_device: { events: [{ type: 'm.room_key', content: {} }] },
      device_one_time_keys_count: { signed_curve25519: 'many', other: 2 },
      device_unused_fallback_key_types: null,
    })
    expect([...response.rooms.join.keys()]).toEqual([room])
    expect(response.rooms.join.get(room)?.summary).toEqual({ joinedCount: undefined, invitedCount: undefined })
    expect({ ...response.device_one_time_keys_count }).toEqual({ other: 2 })
    expect(response.device_unused_fallback_key_types).toEqual([])
    // timeline.events, state, two rooms, invite, one to-device event, one count
    expect(response.dropped).toBe(7)
  })

  test('names of the prototype are data like any other', () => {
    const response = parsed(JSON.parse('{"next_batch":"s","__proto__":{"rooms":1},"rooms":{"join":{"__proto__":{},"constructor":{}}}}'))
    expect(response.rooms.join.size).toBe(0)
    expect(response.dropped).toBe(2)
    expect(({} as Record<string, unknown>)['rooms']).toBeUndefined()
  })
})

describe('single events', () => {
  test('a state event is a room event with a state key', () => {
    expect(isRoomEvent(message('$1'))).toBe(true)
    expect(isStateEvent(message('$1'))).toBe(false)
    expect(isStateEvent(message('$1', { state_key: '' }))).toBe(true)
    expect(isStateEvent(null)).toBe(false)
  })
})
