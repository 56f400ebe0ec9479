import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  answered,
  cancelled,
  fakeDirectory,
  limited,
  memoryDatabase,
  refused,
  TestClock,
  timedOut,
  turns,
  unconnected,
} from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { GateResult } from '../http/contract.ts'
import { silentLogger } from '../operations/logger.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Homeserver, HomeserverRequest } from './client.ts'
import { DirectRooms } from './direct-rooms.ts'

const bot = '@bot:x'
const ada = '@ada:x' as UserId
const ben = '@ben:x' as UserId
const dm = '!dm' as RoomId

let database: Database
let clock: TestClock
let fake: ReturnType<typeof fakeDirectory>
/** What the server has. */
let server: {
  readonly joined: string[]
  readonly markers: Map<string, string>
  direct: unknown
  create: () => GateResult
  member: () => unknown
}
let requests: { readonly method: string; readonly path: string; readonly body: unknown }[]

beforeEach(() => {
  database = memoryDatabase()
  clock = new TestClock()
  fake = fakeDirectory(bot)
  requests = []
  server = {
    joined: [],
    markers: new Map(),
    direct: undefined,
    create: () => make(dm, ada),
    member: () => ({ ok: true, content: undefined }),
  }
})
afterEach(() => {
  database.close()
})

/** The server makes a room, and the sync stream tells it. */
const make = (roomId: string, person: string, told = true): GateResult => {
  const { creation_content = {} } = (requests.at(-1)?.body ?? {}) as { readonly creation_content?: Record<string, string> }
  server.markers.set(roomId, creation_content['org.gatehouse.direct'] ?? '')
  server.joined.push(roomId)
  if (told) fake.rooms[roomId] = { members: { [bot]: 'join', [person]: 'invite' } }
  return answered({ room_id: roomId })
}

let markers = 0
const open = () => {
  const request = (method: string, path: string, options: HomeserverRequest): Promise<GateResult> => {
    requests.push({ method, path, body: options.body })
    if (path.endsWith('/createRoom')) return Promise.resolve(server.create())
    if (method === 'GET') return Promise.resolve(server.direct === undefined ? refused(404, 'M_NOT_FOUND') : (server.direct as GateResult))
    server.direct = answered(options.body)
    return Promise.resolve(answered({}))
  }
  const state = (roomId: string, type: string): Promise<unknown> => {
    requests.push({ method: 'GET', path: type, body: undefined })
    if (type === 'm.room.member') return Promise.resolve(server.member())
    return Promise.resolve({ ok: true, content: { 'org.gatehouse.direct': server.markers.get(roomId) } })
  }
  return new DirectRooms({
    database,
    directory: fake.directory,
    homeserver: {
      userId: bot,
      request,
      state,
      sdk: () => Promise.resolve({ getJoinedRooms: () => Promise.resolve(server.joined) }),
    } as unknown as Homeserver,
    clock,
    logger: silentLogger,
    isEncrypted: (roomId) => !roomId.startsWith('!clear'),
    newMarker: () => `marker-${(markers += 1)}`,
  })
}
const created = (): number => requests.filter(({ path }) => path.endsWith('/createRoom')).length

describe('the direct room with a person', () => {
  test('is made encrypted, with a marker, and its key goes to whom is invited', async () => {
    const rooms = open()
    expect(await rooms.open(ada)).toEqual({ ok: true, roomId: dm, made: true })
    expect(requests[0]?.body).toMatchObject({
      is_direct: true,
      invite: [ada],
      creation_content: { 'org.gatehouse.direct': expect.stringContaining('marker') as string },
      initial_state: expect.arrayContaining([
        { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'invited' } },
      ]) as unknown[],
    })
    expect(rooms.personOf(dm)).toBe(ada)
    expect(await rooms.open(ada)).toEqual({ ok: true, roomId: dm, made: false })
    expect(created()).toBe(1)
  })

  test('two who ask at the same time get the same one', async () => {
    const rooms = open()
    const both = await Promise.all([rooms.open(ada), rooms.open(ada)])
    expect(both).toEqual([both[0], both[0]])
    expect(created()).toBe(1)
  })

  test.each<[string, () => void]>([
    ['the person has left', () => void (fake.rooms[dm] = { members: { [bot]: 'join', [ada]: 'leave' } })],
    ['somebody else is in it', () => void (fake.rooms[dm] = { members: { [bot]: 'join', [ada]: 'join', [ben]: 'join' } })],
    ['the bot was removed', () => void (fake.rooms[dm] = { ownMembership: 'leave', members: { [ada]: 'join' } })],
  ])('another one is made when %s', async (_what, change) => {
    const rooms = open()
    await rooms.open(ada)
    change()
    expect(rooms.roomOf(ada)).toBeUndefined()
    server.create = () => make('!second', ada)
    expect(await rooms.open(ada)).toMatchObject({ ok: true, roomId: '!second' })
  })

  test('a room with two members is no direct room by that alone', () => {
    fake.rooms['!pair'] = { members: { [bot]: 'join', [ada]: 'join' } }
    const rooms = open()
    expect([rooms.personOf('!pair' as RoomId), rooms.roomOf(ada)]).toEqual([undefined, undefined])
    rooms.adopt('!pair' as RoomId, ada)
    expect([rooms.personOf('!pair' as RoomId), rooms.roomOf(ada)]).toEqual([ada, '!pair'])
  })

  test('it is not used before the sync stream has told that the person is invited', async () => {
    server.create = () => make(dm, ada, false)
    const rooms = open()
    let result: unknown
    const opening = rooms.open(ada).then((value) => (result = value))
    await turns()
    fake.rooms[dm] = { members: { [bot]: 'join' } }
    rooms.noticed([dm])
    await turns()
    expect(result).toBeUndefined()
    fake.rooms[dm] = { members: { [bot]: 'join', [ada]: 'invite' } }
    rooms.noticed([dm])
    await opening
    expect(result).toEqual({ ok: true, roomId: dm, made: true })
  })
})

describe('what may go wrong', () => {
  test.each<[string, GateResult, string]>([
    ['the person blocks invitations', refused(403, 'M_INVITE_BLOCKED'), 'refused'],
    ['a refusal', refused(403, 'M_FORBIDDEN'), 'refused'],
    ['too many rooms', limited(60_000), 'retry'],
    ['no connection', unconnected, 'retry'],
    ['the shutdown', cancelled, 'retry'],
    ['a 502', refused(502), 'retry'],
    ['no answer', timedOut, 'retry'],
    ['something strange', answered('<html>'), 'unknown'],
  ])('%s', async (_what, answer, code) => {
    server.create = () => answer
    expect(await open().open(ada)).toMatchObject({ ok: false, code })
  })

  test.each([
    ['a time-out', timedOut],
    ['a 502 of a proxy', refused(502)],
    ['an answer that was no room', answered({})],
  ] as const)('after %s the room that was made all the same is found again by its marker', async (_what, answer) => {
    server.create = () => {
      make(dm, ada)
      return answer
    }
    expect((await open().open(ada)).ok).toBe(false)
    // Also by the next process.
    expect(await open().open(ada)).toEqual({ ok: true, roomId: dm, made: true })
    expect(created()).toBe(1)
  })

  describe('the bot was stopped when the sync stream had told half of a new room', () => {
    /** The room is noted and known, and its last event, the invitation, was not told. */
    const halfTold = async (): Promise<void> => {
      await open().open(ada)
      fake.rooms[dm] = { members: { [bot]: 'join' } }
      server.create = () => make('!second', ada)
    }

    test('the server is asked, and no second one is made', async () => {
      await halfTold()
      server.member = () => ({ ok: true, content: { membership: 'invite' } })
      const rooms = open()
      expect(rooms.roomOf(ada)).toBeUndefined()
      const opening = rooms.open(ada)
      await turns()
      fake.rooms[dm] = { members: { [bot]: 'join', [ada]: 'join' } }
      rooms.noticed([dm])
      expect(await opening).toMatchObject({ ok: true, roomId: dm })
      expect(created()).toBe(1)
      expect(await rooms.open(ada)).toEqual({ ok: true, roomId: dm, made: false })
    })

    test('while the server cannot be asked nothing is made', async () => {
      await halfTold()
      server.member = () => refused(502)
      expect(await open().open(ada)).toMatchObject({ ok: false, code: 'retry' })
      expect(created()).toBe(1)
    })

    test('when the person declined meanwhile, another one is made', async () => {
      await halfTold()
      server.member = () => ({ ok: true, content: { membership: 'leave' } })
      expect(await open().open(ada)).toMatchObject({ ok: true, roomId: '!second' })
    })
  })

  test('when it certainly was not made, another is made without a search', async () => {
    server.create = () => unconnected
    await open().open(ada)
    server.create = () => make(dm, ada)
    expect(await open().open(ada)).toMatchObject({ ok: true, made: true })
    expect(created()).toBe(2)
  })

  test('when it was not made after all, another is made', async () => {
    server.create = () => timedOut
    await open().open(ada)
    server.create = () => make(dm, ada)
    expect(await open().open(ada)).toMatchObject({ ok: true, roomId: dm })
  })
})

describe('m.direct', () => {
  test('is merged: what others wrote stays, also an earlier room of the person', async () => {
    server.direct = answered({ [ben]: ['!ben'], [ada]: ['!old'] })
    const rooms = open()
    await rooms.open(ada)
    await rooms.settle()
    expect(requests.filter(({ method }) => method === 'PUT').map(({ body }) => body)).toEqual([{ [ben]: ['!ben'], [ada]: [dm, '!old'] }])
  })

  test('is left alone when it could not be read: only "not found" means none', async () => {
    server.direct = refused(500)
    const rooms = open()
    await rooms.open(ada)
    await rooms.settle()
    expect(requests.filter(({ method }) => method === 'PUT')).toEqual([])
  })
})
