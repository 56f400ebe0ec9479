import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bot, encrypted, encryptedRoom, keyRequests, openAnyEngine } from '../../tests/support/bot-engine.ts'
import type { AnyEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { JsonObject, RoomId, UserId } from '../types.ts'
import { followMembers } from './follow-members.ts'
import type { CryptoHttp } from './http.ts'
import type { RoomEncryption } from './port.ts'

// Who gets a room's key, and when a session is over, with real engines at both ends.

const server = new KeyServer()
let database: Database
let opened: AnyEngine
let engine: AnyEngine['engine']
let requests: string[]
/** Ada has signed her device, Ben has not. */
let ada: Peer
let ben: Peer

const open = async (): Promise<void> => {
  const honest = keyRequests(server)
  const http: CryptoHttp = {
    ...honest,
    keysQuery: (body) => {
      requests.push('query')
      return honest.keysQuery(body)
    },
    keysClaim: (body) => {
      requests.push('claim')
      return honest.keysClaim(body)
    },
    sendToDevice: (type, txnId, body) => {
      requests.push(type)
      return honest.sendToDevice(type, txnId, body)
    },
  }
  opened = await openAnyEngine({ server, database, http })
  ;({ engine } = opened)
}

beforeAll(async () => {
  requests = []
  database = memoryDatabase()
  await open()
  await engine.flushOutgoing()
  const identity = await engine.binding.identity.makeIdentity(true)
  server.publish(bot, identity.signingKeys, identity.signatures.body)
  ada = await Peer.make(server, '@ada:x', 'ADA')
  await ada.crossSign()
  ben = await Peer.make(server, '@ben:x', 'BEN')
})
afterAll(() => opened.close())

let rooms = 0
/** A new room with both of them. */
const room = (more: Partial<RoomEncryption> = {}): RoomEncryption => {
  const roomId = `!room${(rooms += 1)}:x` as RoomId
  const row = { algorithm: 'm.megolm.v1.aes-sha2', rotation_period_ms: null, rotation_messages: null, seen_at: 1 }
  database.run(database.query.insertInto('encrypted_room').values({ room_id: roomId, ...row }))
  return encryptedRoom(roomId, ['@ada:x', '@ben:x'], more)
}
const say = (of: RoomEncryption, body: string): Promise<JsonObject> => encrypted(opened, of, body)
const both = async (of: RoomEncryption, content: JsonObject) => [await ada.reads(of.roomId, content), await ben.reads(of.roomId, content)]
const session = (content: JsonObject): unknown => content['session_id']

describe('the policy', () => {
  test('all devices: also those that nobody has signed', async () => {
    const all = room()
    expect(await both(all, await say(all, 'hello'))).toEqual(['hello', 'hello'])
    expect(ben.withheld).toEqual([])
  })

  test('signed devices: the others get no key, and are told why', async () => {
    const signed = room({ sharing: 'signed-devices' })
    expect(await both(signed, await say(signed, 'hello'))).toEqual(['hello', undefined])
    expect([ada.withheld, ben.withheld]).toEqual([[], ['m.unverified']])
  })

  test('a device that is signed later reads what is said from then on', async () => {
    const cyd = await Peer.make(server, '@cyd:x', 'CYD')
    const signed = room({ sharing: 'signed-devices', recipients: [bot, '@cyd:x' as UserId] })
    expect(await cyd.reads(signed.roomId, await say(signed, 'before'))).toBeUndefined()
    await cyd.crossSign()
    await engine.feed({
      toDevice: [],
      changedDevices: ['@cyd:x'],
      leftDevices: [],
      oneTimeKeyCounts: { signed_curve25519: 50 },
      unusedFallbackKeys: undefined,
    })
    engine.commit(() => undefined)
    expect(await cyd.reads(signed.roomId, await say(signed, 'after'))).toBe('after')
  })
})

describe('a session is over', () => {
  test('it is not while nothing changes, and the second message makes no request for keys', async () => {
    const still = room()
    const first = await say(still, 'one')
    requests = []
    expect(session(await say(still, 'two'))).toBe(session(first))
    expect(requests).toEqual([])
  })

  test.each([
    ['leaves', 'join', 'leave'],
    ['is kicked although only invited', 'invite', 'leave'],
    ['is banned', 'join', 'ban'],
  ] as const)('when somebody %s: they cannot read on', async (_what, from, to) => {
    const before = room()
    const first = await say(before, 'one')
    expect(await both(before, first)).toEqual(['one', 'one'])
    const change = { roomId: before.roomId, userId: '@ben:x' as UserId, from, to, eventId: null, sender: null, displayName: null }
    const changes = { memberChanges: [{ ...change, source: 'timeline' as const }], visibilityChanges: [], baselines: [] }
    followMembers(engine, { has: () => true }, changes)
    const after = { ...before, recipients: [bot, '@ada:x' as UserId] }
    const second = await say(after, 'two')
    expect(session(second)).not.toBe(session(first))
    expect(await both(after, second)).toEqual(['two', undefined])
  })

  test.each<[string, Partial<RoomEncryption>, Partial<RoomEncryption>]>([
    ['others may read the history', {}, { historyVisibility: 'world_readable' }],
    ['the policy becomes narrower', {}, { sharing: 'signed-devices' }],
    ['the policy becomes wider', { sharing: 'signed-devices' }, {}],
  ])('when %s', async (_what, given, change) => {
    const before = room(given)
    const first = await say(before, 'one')
    const after = { ...before, sharing: 'all-devices' as const, ...change }
    const second = await say(after, 'two')
    expect(session(second)).not.toBe(session(first))
    expect(await both(after, second)).toEqual(['two', after.sharing === 'all-devices' ? 'two' : undefined])
  })

  test('after a restart: the store may be older than what was sent', async () => {
    const quiet = room()
    const first = await say(quiet, 'one')
    expect(session(await say(quiet, 'two'))).toBe(session(first))
    await opened.close()
    await open()
    const second = await say(quiet, 'three')
    expect(session(second)).not.toBe(session(first))
    expect(await both(quiet, second)).toEqual(['three', 'three'])
  })
})
