import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answered, fakeDirectory, memoryDatabase, refused, unconnected } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { GateResult } from '../http/contract.ts'
import type { RoomAlias, RoomId, UserId } from '../types.ts'
import type { Homeserver } from './client.ts'
import type { DirectRooms } from './direct-rooms.ts'
import { SpecialRooms } from './special-rooms.ts'

const indoc = '!indoc' as RoomId
const admin = '!admin' as RoomId
let database: Database
let fake: ReturnType<typeof fakeDirectory>
let requests: string[]
let server: (request: string) => GateResult

beforeEach(() => {
  database = memoryDatabase()
  fake = fakeDirectory('@bot:x')
  requests = []
  server = (request) => answered({ room_id: request.includes('indoc') ? indoc : admin })
})
afterEach(() => {
  database.close()
})

const open = (named: { readonly indoc: string; readonly admin: string } = { indoc: '#indoc:x', admin }): SpecialRooms =>
  new SpecialRooms({
    database,
    directory: fake.directory,
    homeserver: {
      request: (method: string, path: string) => {
        requests.push(`${method} ${decodeURIComponent(path).replace('/_matrix/client/v3', '')}`)
        return Promise.resolve(server(path))
      },
    } as unknown as Homeserver,
    directRooms: { personOf: (roomId: string) => (roomId === '!dm' ? '@ada:x' : undefined) } as unknown as DirectRooms,
    named: named as { readonly indoc: RoomAlias; readonly admin: RoomId },
  })

describe('settling', () => {
  test('looks up aliases and joins what the bot is not in', async () => {
    const rooms = open()
    expect([rooms.indoc, rooms.admin]).toEqual([undefined, admin])
    await rooms.settle()
    expect(requests).toEqual(['GET /directory/room/#indoc:x', 'POST /join/#indoc:x', 'POST /join/!admin'])
    expect(rooms.indoc).toBe(indoc)
  })

  test('makes no request when all is well, also after a restart', async () => {
    await open().settle()
    fake.rooms[indoc] = { members: { '@bot:x': 'join' } }
    fake.rooms[admin] = { members: { '@bot:x': 'join' } }
    requests = []
    const rooms = open()
    expect(rooms.indoc).toBe(indoc)
    await rooms.settle()
    expect(requests).toEqual([])
  })

  test('another alias in the configuration is another room', async () => {
    await open().settle()
    expect(open({ indoc: '#other:x', admin }).indoc).toBeUndefined()
  })

  test('what keeps the bot out is told until it is in', async () => {
    server = (path) => (path.includes('/join/') ? refused(403, 'M_FORBIDDEN') : unconnected)
    const rooms = open()
    await rooms.settle()
    expect(rooms.problems()).toEqual([
      expect.stringMatching(/rooms\.indoc \(#indoc:x\) could not be found: no connection/),
      expect.stringMatching(/not in rooms\.admin.*M_FORBIDDEN.*Invite me there/),
    ])
    fake.rooms[admin] = { members: { '@bot:x': 'join' } }
    expect(rooms.problems()).toHaveLength(1)
    // It heals by itself.
    server = () => answered({ room_id: indoc })
    await rooms.settle()
    fake.rooms[indoc] = { members: { '@bot:x': 'join' } }
    expect(rooms.problems()).toEqual([])
  })

  test('a strange answer is no room', async () => {
    server = () => answered({ room: 5 })
    const rooms = open()
    await rooms.settle()
    expect(rooms.indoc).toBeUndefined()
    expect(rooms.problems()[0]).toContain('a strange answer')
  })
})

test('the bot listens in INDOC, the admin room and direct chats only', async () => {
  const rooms = open()
  await rooms.settle()
  expect([indoc, admin, '!dm', '!else'].map((roomId) => rooms.kindOf(roomId as RoomId))).toEqual(['indoc', 'admin', 'dm', undefined])
  expect([indoc, admin, '!dm'].map((roomId) => rooms.isNamed(roomId as RoomId))).toEqual([true, true, false])
})

test('a direct chat is one for its own person only: whoever was brought into it by them commands nothing there', async () => {
  const rooms = open()
  await rooms.settle()
  const of = (roomId: string, sender: string) => rooms.kindFor(roomId as RoomId, sender as UserId)
  expect([of('!dm', '@ada:x'), of('!dm', '@mod:x'), of(admin, '@mod:x')]).toEqual(['dm', undefined, 'admin'])
})
