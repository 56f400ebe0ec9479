import { describe, expect, test } from 'vitest'
import { ownMembership, ownText, readFacts } from './room-state.ts'
import type { JsonObject, UserId } from '../types.ts'

const event = (type: string, content: JsonObject, stateKey = '') => ({
  type,
  content,
  state_key: stateKey,
  sender: '@ada:example.org' as UserId,
})

describe('readFacts', () => {
  test.each([
    [
      'm.room.create',
      { room_version: '11', type: 'm.space' },
      { room_type: 'm.space', room_version: '11', creators: '["@ada:example.org"]' },
    ],
    ['m.room.create', {}, { room_type: null, room_version: '1', creators: '["@ada:example.org"]' }],
    ['m.room.name', { name: ' Tech ' }, { name: 'Tech' }],
    ['m.room.name', { name: '   ' }, { name: null }],
    ['m.room.topic', { topic: 7 }, { topic: null }],
    ['m.room.canonical_alias', { alias: '#tech:example.org' }, { canonical_alias: '#tech:example.org' }],
    ['m.room.canonical_alias', {}, { canonical_alias: null }],
    ['m.room.join_rules', { join_rule: 'knock' }, { join_rule: 'knock' }],
    ['m.room.history_visibility', { history_visibility: 'shared' }, { history_visibility: 'shared' }],
    ['m.room.power_levels', { kick: 1 }, { power_levels: '{"kick":1}' }],
    ['m.room.tombstone', { replacement_room: '!new' }, { replacement_room: '!new' }],
    ['m.room.avatar', { url: 'mxc://x' }, undefined],
  ])('%s %j', (type, content, facts) => {
    expect(readFacts(event(type, content))).toEqual(facts)
  })

  test('another state key is another thing', () => {
    expect(readFacts(event('m.room.name', { name: 'Tech' }, 'x'))).toBeUndefined()
  })
})

test('texts are own, trimmed and cut at whole characters', () => {
  expect(ownText({}, 'constructor')).toBeNull()
  expect(ownText({ name: 'abc' }, 'name', 3)).toBe('abc')
  expect(ownText({ name: 'abcd' }, 'name', 3)).toBe('ab…')
  expect(ownText({ name: 'a😀bc' }, 'name', 2)).toBe('a…')
})

test('memberships of the spec only', () => {
  expect(ownMembership({ membership: 'knock' })).toBe('knock')
  expect(ownMembership({ membership: 'boss' })).toBeNull()
  expect(ownMembership({})).toBeNull()
})
