import { afterEach, beforeEach, expect, test } from 'vitest'
import { bot, openBotEngine } from '../../tests/support/bot-engine.ts'
import type { BotEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { JsonObject, RoomId, UserId } from '../types.ts'
import type { RoomEncryption } from './port.ts'
import { receivedKeys } from './unneeded-keys.ts'

// A real engine: these tests fail when a new version looks its room keys up in another way.

const [indoc, other] = ['!indoc:x', '!other:x'] as [RoomId, RoomId]

let server: KeyServer
let database: Database
let opened: BotEngine
let engine: BotEngine['engine']
let ada: Peer
let mod: Peer

const open = async (): Promise<void> => {
  opened = await openBotEngine({ server, database })
  ;({ engine } = opened)
  engine.keepOnly((roomId, sender) => roomId === indoc || sender === '@mod:x')
}
const close = (): Promise<void> => opened.close()

beforeEach(async () => {
  server = new KeyServer()
  database = memoryDatabase()
  await open()
  await engine.flushOutgoing()
  ada = await Peer.make(server, '@ada:x', 'ADA')
  mod = await Peer.make(server, '@mod:x', 'MOD')
})
afterEach(close)

/** Feeds what has arrived; the commit is the caller's. */
const feed = async (): Promise<void> => {
  const toDevice = server.collect(bot, 'BOT')
  expect(toDevice.length).toBeGreaterThan(0)
  await engine.feed({
    toDevice,
    changedDevices: [],
    leftDevices: [],
    oneTimeKeyCounts: { signed_curve25519: 50 },
    unusedFallbackKeys: undefined,
  })
}
const commit = (): void => engine.commit(() => undefined)
/** The body, or why it cannot be read. */
const read = async (event: JsonObject): Promise<unknown> => {
  const result = await engine.decrypt(event['room_id'] as RoomId, event)
  return result.ok ? result.content['body'] : result.code
}
/** Room keys on disk. */
const stored = (): number =>
  database.connection
    .prepare<[], { count: number }>(
      "SELECT count(*) AS count FROM crypto_record JOIN crypto_area ON id = area WHERE store = 'inbound_group_sessions3'",
    )
    .get()?.count ?? -1

test('of several keys in one sync those of other rooms are dropped, except a moderator’s; also after a restart', async () => {
  const events = [
    await ada.says(indoc, [bot], 'to indoc'),
    await ada.says(other, [bot], 'to others'),
    await mod.says(other, [bot], '!adduser'),
    await mod.says(indoc, [bot], 'hello'),
  ]
  await feed()
  expect(stored()).toBe(0)
  commit()
  expect(stored()).toBe(3)
  const expected = ['to indoc', 'missing-key', '!adduser', 'hello']
  expect(await Promise.all(events.map(read))).toEqual(expected)
  await close()
  await open()
  expect(await Promise.all(events.map(read))).toEqual(expected)

  // The Olm sessions are untouched: the next keys arrive over them.
  const next = [
    await ada.says(indoc, [bot], 'again'),
    await ada.says('!third:x', [bot], 'elsewhere'),
    await mod.says('!third:x', [bot], '!invite'),
  ]
  await feed()
  commit()
  expect(await Promise.all(next.map(read))).toEqual(['again', 'missing-key', '!invite'])
})

test('while others are being decrypted, which look their keys up in the same table', async () => {
  const before = await ada.says(indoc, [bot], 'before')
  await feed()
  commit()
  const rooms = Array.from({ length: 12 }, (_, number) => `!busy${number}:x`)
  for (const room of rooms) await ada.says(room, [bot], 'noise')
  const wanted = await mod.says(other, [bot], 'wanted')
  const until = new AbortController()
  const reading = (async () => {
    let count = 0
    for (; !until.signal.aborted; count += 1) expect(await read(before)).toBe('before')
    return count
  })()
  await feed()
  until.abort()
  commit()
  expect(await reading).toBeGreaterThan(3)
  expect(stored()).toBe(2)
  expect(await read(wanted)).toBe('wanted')
})

test('what is kept until it is known what its room is goes then, also after a restart; what turns out to be needed stays', async () => {
  const rooms = new Map<RoomId, boolean>()
  const keeps = (roomId: RoomId): boolean | 'undecided' => rooms.get(roomId) ?? 'undecided'
  engine.keepOnly(keeps)
  const mine = await ada.says(indoc, [bot], 'mine')
  const foreign = await ada.says(other, [bot], 'foreign')
  await feed()
  commit()
  expect(stored()).toBe(2)
  await close()
  await open()
  engine.keepOnly(keeps)
  rooms.set(indoc, true).set(other, false)
  await mod.says('!third:x', [bot], 'another')
  await feed()
  commit()
  expect([await read(mine), await read(foreign)]).toEqual(['mine', 'missing-key'])
  expect(stored()).toBe(2)
})

test('nothing is dropped while nobody has said what to keep', async () => {
  await close()
  await open()
  engine.keepOnly(() => true)
  await ada.says(other, [bot], 'one')
  await feed()
  commit()
  expect(stored()).toBe(1)
})

test('the bot’s own session of such a room goes on, and is read by others', async () => {
  const room: RoomEncryption = {
    roomId: other,
    historyVisibility: 'shared',
    recipients: [bot, '@ada:x' as UserId],
    sharing: 'all-devices',
    rotationPeriodMs: 1e9,
    rotationMessages: 100,
  }
  const say = async (body: string): Promise<string | undefined> => {
    const made = await engine.encrypt(other, () => room, 'm.room.message', { msgtype: 'm.text', body })
    return made.ok ? await ada.reads(other, made.content) : made.words
  }
  expect(await say('one')).toBe('one')
  await ada.says(other, [bot], 'dropped')
  await feed()
  commit()
  expect(await say('two')).toBe('two')
  await close()
  await open()
  expect(await say('three')).toBe('three')
})

test('only decrypted room keys count', () => {
  const content = { room_id: '!a', session_id: 's' }
  expect(
    receivedKeys([
      JSON.stringify({ type: 'm.room_key', sender: '@a:x', content }),
      JSON.stringify({ type: 'm.forwarded_room_key', sender: '@a:x', content }),
      JSON.stringify({ type: 'm.room_key', sender: '@a:x', content: { room_id: 1 } }),
      'null',
    ]),
  ).toEqual([{ roomId: '!a', sessionId: 's', sender: '@a:x' }])
})
