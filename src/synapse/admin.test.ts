import { describe, expect, test } from 'vitest'
import { answering, good, malformed, status, timeout } from '../../tests/support/commands/answering.ts'
import type { GateResult } from '../http/contract.ts'
import type { RoomId, UserId } from '../types.ts'
import { SynapseAdmin } from './admin.ts'

const ada = '@ada:x' as UserId
const adminOf = (...answers: readonly GateResult[]) => {
  const { homeserver, asked } = answering(...answers)
  return { admin: new SynapseAdmin(homeserver), asked }
}

describe('probe: one request tells both', () => {
  test.each<[string, GateResult, object]>([
    ['exempt', good({ messages_per_second: 0, burst_count: 0 }), { admin: true, exempt: true }],
    ['no override', good({}), { admin: true, exempt: false }],
    ['an override of sending only', good({ messages_per_second: 50, burst_count: 100 }), { admin: true, exempt: false }],
    ['not an admin', status(403, 'M_FORBIDDEN'), { admin: false, exempt: false, reason: { code: 'not-admin' } }],
    ['hidden by a proxy', status(404), { admin: false, reason: { code: 'not-exposed' } }],
    ['another server', status(404, 'M_UNRECOGNIZED'), { admin: false, reason: { code: 'not-exposed' } }],
    ['a web page', malformed, { admin: false, reason: { code: 'not-exposed' } }],
    ['something else', good([]), { admin: false, reason: { code: 'not-exposed' } }],
    ['silence', timeout(true), { admin: false, reason: { code: 'unreachable' } }],
    ['500', status(500), { admin: false, reason: { code: 'unreachable' } }],
  ])('%s', async (_, answer, expected) => {
    const { admin, asked } = adminOf(answer)
    expect(await admin.probe()).toMatchObject(expected)
    expect(asked).toEqual([
      { method: 'GET', path: '/_synapse/admin/v1/users/%40bot%3Ax/override_ratelimit', query: undefined, body: undefined },
    ])
  })
})

describe('join', () => {
  test.each<[string, GateResult, object]>([
    ['done', good({ room_id: '!a:x' }), { ok: true }],
    ['no power, or no admin', status(403, 'M_FORBIDDEN'), { code: 'not-admin', changed: 'no' }],
    ['unknown', status(404, 'M_NOT_FOUND'), { code: 'not-found', changed: 'no' }],
    ['person of another server', status(400, 'M_UNKNOWN'), { code: 'not-local', changed: 'no' }],
    ['never sent', timeout(true), { code: 'failed', changed: 'no' }],
    ['no answer', timeout(false), { code: 'unknown', changed: 'maybe' }],
  ])('%s', async (_, answer, expected) => {
    const { admin, asked } = adminOf(answer)
    expect(await admin.join('!a:x' as RoomId, ada)).toMatchObject(expected)
    expect(asked).toEqual([{ method: 'POST', path: '/_synapse/admin/v1/join/!a%3Ax', query: undefined, body: { user_id: ada } }])
  })
})

describe('suspend', () => {
  test.each<[string, GateResult, object]>([
    ['done', good({}), { ok: true }],
    ['not an admin', status(403, 'M_FORBIDDEN'), { code: 'not-admin', changed: 'no' }],
    ['unknown person', status(404, 'M_NOT_FOUND'), { code: 'not-found', changed: 'no' }],
    ['person of another server', status(400, 'M_UNKNOWN'), { code: 'not-local', changed: 'no' }],
    ['old server', status(404, 'M_UNRECOGNIZED'), { code: 'not-supported', changed: 'no' }],
    ['never sent', timeout(true), { code: 'failed', changed: 'no' }],
    ['a server error that changed nothing', status(503), { code: 'failed', changed: 'no' }],
    ['no answer', timeout(false), { code: 'unknown', changed: 'maybe' }],
  ])('%s', async (_, answer, expected) => {
    const { admin, asked } = adminOf(answer)
    expect(await admin.suspend(ada, true)).toMatchObject(expected)
    expect(asked).toEqual([{ method: 'PUT', path: '/_synapse/admin/v1/suspend/%40ada%3Ax', query: undefined, body: { suspend: true } }])
  })
})

describe('rooms of a person', () => {
  test('joined, invited and knocking, not those they left', async () => {
    const { admin } = adminOf(good({ memberships: { '!a': 'join', '!b': 'invite', '!c': 'knock', '!d': 'leave', '!e': 'ban', f: 'join' } }))
    expect(await admin.roomsOf(ada)).toEqual({ ok: true, value: ['!a', '!b', '!c'] })
  })

  test('an older server tells the joined rooms only', async () => {
    const { admin, asked } = adminOf(status(404, 'M_UNRECOGNIZED'), good({ joined_rooms: ['!a', 'x'] }))
    expect(await admin.roomsOf(ada, new AbortController().signal)).toEqual({ ok: true, value: ['!a'] })
    expect(asked[1]?.path).toBe('/_synapse/admin/v1/users/%40ada%3Ax/joined_rooms')
  })

  test.each<[readonly GateResult[], string]>([
    [[status(403)], 'forbidden'],
    [[good({})], 'unavailable'],
    [[status(404), status(500)], 'unavailable'],
    [[status(404), good({})], 'unavailable'],
  ])('failure %#', async (answers, code) => expect(await adminOf(...answers).admin.roomsOf(ada)).toMatchObject({ ok: false, code }))
})

describe('how many people the rooms have', () => {
  test('all pages', async () => {
    const page = (rooms: readonly (readonly [string, number])[], more: object = {}) =>
      good({ rooms: rooms.map(([room_id, joined_members]) => ({ room_id, joined_members })), ...more })
    const { admin, asked } = adminOf(
      page([['!a', 1]], { next_batch: 500 }),
      page([
        ['!b', 2],
        ['c', 3],
      ]),
    )
    expect(await admin.joinedCounts()).toEqual({
      ok: true,
      value: new Map([
        ['!a', 1],
        ['!b', 2],
      ]),
    })
    expect(asked[1]?.query).toMatchObject({ from: 500 })
  })

  test('failures', async () => {
    expect(await adminOf(status(403)).admin.joinedCounts(new AbortController().signal)).toMatchObject({ code: 'forbidden' })
    expect(await adminOf(good({})).admin.joinedCounts()).toMatchObject({ code: 'unavailable' })
  })
})
