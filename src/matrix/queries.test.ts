import { describe, expect, test } from 'vitest'
import { answering, cancelled, good, malformed, status, timeout } from '../../tests/support/commands/answering.ts'
import type { GateResult } from '../http/contract.ts'
import type { RoomAlias, RoomId, UserId } from '../types.ts'
import { createDirectorySource, createQueries } from './queries.ts'

const room = '!r:x' as RoomId
const ada = '@ada:x' as UserId

describe('live membership', () => {
  test.each<[string, GateResult, string | undefined]>([
    ['joined', good({ membership: 'join' }), 'join'],
    ['banned', good({ membership: 'ban' }), 'ban'],
    ['no event', status(404, 'M_NOT_FOUND'), 'leave'],
    ['strange membership', good({ membership: 'constructor' }), undefined],
    ['strange body', good([]), undefined],
    ['null', good(null), undefined],
    ['forbidden', status(403, 'M_FORBIDDEN'), undefined],
    ['a path that the server does not know', status(404, 'M_UNRECOGNIZED'), undefined],
    ['silence', timeout(true), undefined],
  ])('%s', async (_, answer, expected) => {
    const { homeserver, asked } = answering(answer)
    expect(await createQueries(homeserver).liveMembership(room, ada)).toBe(expected)
    expect(asked[0]?.path).toBe('/_matrix/client/v3/rooms/!r%3Ax/state/m.room.member/%40ada%3Ax')
  })
})

describe('mutual rooms', () => {
  test('all pages, each room once, ids only', async () => {
    const { homeserver, asked } = answering(good({ joined: ['!a', '!b', 'nonsense'], next_batch: 'p2' }), good({ joined: ['!b', '!c'] }))
    expect(await createQueries(homeserver).mutualRooms(ada)).toEqual({ ok: true, value: ['!a', '!b', '!c'] })
    expect(asked.map(({ query }) => query)).toEqual([
      { user_id: ada, from: undefined },
      { user_id: ada, from: 'p2' },
    ])
  })

  test('a server that never ends its list is left at some point', async () => {
    const { homeserver, asked } = answering(good({ joined: ['!a'], next_batch: 'again' }))
    expect(await createQueries(homeserver).mutualRooms(ada)).toMatchObject({ ok: true })
    expect(asked).toHaveLength(200)
  })

  test.each<[string, GateResult, string]>([
    ['M_UNRECOGNIZED', status(404, 'M_UNRECOGNIZED'), 'unsupported'],
    ['a proxy’s 404', status(404), 'unsupported'],
    ['400 M_UNRECOGNIZED of old servers', status(400, 'M_UNRECOGNIZED'), 'unsupported'],
    ['405', status(405, 'M_UNRECOGNIZED'), 'unsupported'],
    ['400 for another reason', status(400, 'M_INVALID_PARAM'), 'unavailable'],
    ['400 without a reason', status(400), 'unavailable'],
    ['not found', status(404, 'M_NOT_FOUND'), 'not-found'],
    ['forbidden', status(403, 'M_FORBIDDEN'), 'forbidden'],
    ['silence', timeout(true), 'unavailable'],
    ['shutdown', cancelled, 'cancelled'],
    ['a strange body', good({ rooms: [] }), 'unavailable'],
  ])('%s', async (_, answer, code) => {
    expect(await createQueries(answering(answer).homeserver).mutualRooms(ada, new AbortController().signal)).toMatchObject({
      ok: false,
      code,
    })
  })
})

describe('profiles and aliases', () => {
  test.each<[string, readonly GateResult[], boolean | undefined]>([
    ['a profile', [good({ displayname: 'Ada' })], true],
    ['no such user', [status(404, 'M_UNKNOWN'), status(404, 'M_NOT_FOUND')], false],
    ['an empty profile', [status(404, 'M_NOT_FOUND'), good({})], true],
    ['a path that the server does not know', [status(404, 'M_UNRECOGNIZED')], undefined],
    ['forbidden', [status(403, 'M_FORBIDDEN')], undefined],
    ['silence at the second question', [status(404, 'M_NOT_FOUND'), timeout(true)], undefined],
  ])('does the user exist: %s', async (_, answers, expected) => {
    const { homeserver, asked } = answering(...answers)
    expect(await createQueries(homeserver).profileExists(ada)).toBe(expected)
    expect(asked).toHaveLength(answers.length)
  })

  test.each<[GateResult, unknown]>([
    [good({ room_id: '!r', servers: ['x'] }), { ok: true, value: { roomId: '!r', via: ['x'] } }],
    [good({ room_id: '!r' }), { ok: true, value: { roomId: '!r', via: [] } }],
    [good({ room_id: 'r' }), { ok: false, code: 'unavailable' }],
    [status(404, 'M_NOT_FOUND'), { ok: false, code: 'not-found' }],
  ])('the room behind an alias: %#', async (answer, expected) => {
    const { homeserver, asked } = answering(answer)
    expect(await createQueries(homeserver).resolveAlias('#tech:x' as RoomAlias)).toMatchObject(expected as object)
    expect(asked[0]?.path).toBe('/_matrix/client/v3/directory/room/%23tech%3Ax')
  })
})

describe('what the directory asks', () => {
  const member = (state_key: string, content: object, more: object = {}) => ({
    type: 'm.room.member',
    state_key,
    content,
    sender: '@x:x',
    event_id: '$e',
    origin_server_ts: 1,
    ...more,
  })

  test('joined rooms', async () => {
    expect(await createDirectorySource(answering(good({ joined_rooms: ['!a', 'b'] })).homeserver).joinedRooms()).toEqual({
      ok: true,
      value: ['!a'],
    })
    expect(await createDirectorySource(answering(good({})).homeserver).joinedRooms()).toMatchObject({ code: 'unavailable' })
    expect(await createDirectorySource(answering(malformed).homeserver).joinedRooms()).toMatchObject({ code: 'unavailable' })
    expect(await createDirectorySource(answering(status(401, 'M_MISSING_TOKEN')).homeserver).joinedRooms()).toMatchObject({
      code: 'forbidden',
    })
  })

  test('members: what makes no sense is left out', async () => {
    const { homeserver, asked } = answering(
      good({
        chunk: [
          member('@ada:x', { membership: 'join', displayname: 'Ada' }),
          member('@bob:x', { membership: 'ban' }),
          member('@eve:x', { membership: 'constructor' }),
          member('eve', { membership: 'join' }),
          member('@mal:x', { membership: 'join' }, { type: 'm.room.other' }),
          'nonsense',
        ],
      }),
    )
    expect(await createDirectorySource(homeserver).members(room)).toEqual({
      ok: true,
      value: {
        covers: 'all',
        members: [
          { userId: '@ada:x', membership: 'join', displayName: 'Ada', eventId: '$e' },
          { userId: '@bob:x', membership: 'ban', displayName: null, eventId: '$e' },
        ],
      },
    })
    expect(asked[0]).toMatchObject({ path: '/_matrix/client/v3/rooms/!r%3Ax/members', query: { not_membership: 'leave' } })
    expect(await createDirectorySource(answering(good({})).homeserver).members(room)).toMatchObject({ code: 'unavailable' })
    expect(await createDirectorySource(answering(status(403)).homeserver).members(room)).toMatchObject({ code: 'forbidden' })
  })

  test('state', async () => {
    const name = member('', { name: 'Tech' }, { type: 'm.room.name' })
    expect(await createDirectorySource(answering(good([name, 1])).homeserver).state(room)).toEqual({ ok: true, value: [name] })
    expect(await createDirectorySource(answering(good({})).homeserver).state(room)).toMatchObject({ code: 'unavailable' })
    expect(await createDirectorySource(answering(timeout(true)).homeserver).state(room)).toMatchObject({ code: 'unavailable' })
  })

  test('counts only where somebody can tell them', async () => {
    const { homeserver } = answering(good({}))
    expect(createDirectorySource(homeserver)).not.toHaveProperty('joinedCounts')
    const counted = new Map<RoomId, number>([[room, 2]])
    const source = createDirectorySource(homeserver, () => Promise.resolve({ ok: true, value: counted }))
    expect(await source.joinedCounts?.()).toEqual({ ok: true, value: counted })
  })
})
