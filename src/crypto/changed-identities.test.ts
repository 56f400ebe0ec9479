import { afterEach, beforeEach, expect, test } from 'vitest'
import { bot, encryptedRoom, keyRequests } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { memoryDatabase, refused, TestClock } from '../../tests/support/unit.ts'
import { silentLogger } from '../operations/logger.ts'
import type { DeviceId, JsonObject, UserId } from '../types.ts'
import { DurableStore } from './durable-store.ts'
import { PersonIdentities } from './person-identities.ts'
import type { RoomEncryption } from './port.ts'
import { WasmEngine } from './wasm-engine.ts'

// Who gets a key although the server has given them another identity, with real engines at both ends.

const mod = '@mod:x' as UserId

let server: KeyServer
let store: DurableStore
let engine: WasmEngine
let identities: PersonIdentities
let types: string[]
let down: boolean
let ada: Peer
let owner: Peer

const broken = (error: Error): never => {
  throw error
}

beforeEach(async () => {
  server = new KeyServer()
  types = []
  down = false
  const database = memoryDatabase()
  const clock = new TestClock(Date.now())
  identities = new PersonIdentities(database, clock)
  store = await DurableStore.open(database, broken)
  const http = keyRequests(server)
  engine = await WasmEngine.open({
    database,
    store,
    userId: bot,
    deviceId: 'BOT' as DeviceId,
    storeKey: new Uint8Array(32).fill(7),
    http: {
      ...http,
      sendToDevice: (type, txnId, body) => {
        types.push(type)
        if (down && type === 'm.room_key.withheld') return Promise.resolve(refused(500))
        return http.sendToDevice(type, txnId, body)
      },
    },
    clock,
    logger: silentLogger,
    identities,
    onBroken: broken,
    onForeignKeys: () => broken(new Error('the server has other keys')),
  })
  await engine.flushOutgoing()
  const own = await engine.machine.bootstrapCrossSigning(true)
  server.publish(bot, own.uploadSigningKeysRequest.body, own.uploadSignaturesRequest.body)
  ada = await Peer.make(server, '@ada:x', 'ADA')
  await ada.crossSign()
  owner = await Peer.make(server, mod, 'PHONE')
  await owner.crossSign()
})
afterEach(async () => {
  await engine.close()
  store.close()
})

const room = (more: Partial<RoomEncryption> = {}): RoomEncryption =>
  encryptedRoom('!admin:x', ['@ada:x', mod], { sharing: 'signed-devices', ...more })
const say = async (of: RoomEncryption, body: string): Promise<JsonObject> => {
  const made = await engine.encrypt(of.roomId, () => of, 'm.room.message', { msgtype: 'm.text', body })
  if (!made.ok) throw new Error(made.words)
  return made.content
}
const listed = async (userId: UserId): Promise<void> => {
  const lists = { toDevice: [], changedDevices: [userId], leftDevices: [], oneTimeKeyCounts: {}, unusedFallbackKeys: undefined }
  await engine.feed(lists)
  engine.commit(() => undefined)
}
/** The server shows another identity for the moderator, and a device that it has signed. */
const replaced = async (): Promise<Peer> => {
  const thief = await Peer.make(server, mod, 'THIEF')
  await thief.crossSign()
  await listed(mod)
  return thief
}
/** As the gate does at first sight. */
const remember = async (): Promise<void> => {
  identities.see(mod, (await engine.identityKey(mod)) ?? '')
}

test('devices that another identity has signed get no key and are told so; nobody else is touched', async () => {
  const of = room()
  const first = await say(of, 'one')
  await remember()
  expect([await ada.reads(of.roomId, first), await owner.reads(of.roomId, first)]).toEqual(['one', 'one'])
  const thief = await replaced()
  const second = await say(of, 'two')
  expect(second['session_id']).not.toBe(first['session_id'])
  expect([await ada.reads(of.roomId, second), await thief.reads(of.roomId, second)]).toEqual(['two', undefined])
  expect(thief.withheld).toEqual(['m.unverified'])
  // Told once about a session, and the session goes on.
  types.length = 0
  expect((await say(of, 'three'))['session_id']).toBe(second['session_id'])
  expect(types).toEqual([])
})

test('a new identity stays withheld until somebody decides, whatever else was seen; then it reads on', async () => {
  const of = room()
  await say(of, 'one')
  await remember()
  const thief = await replaced()
  expect(await thief.reads(of.roomId, await say(of, 'two'))).toBeUndefined()
  const [before, shown] = [identities.of(mod)?.masterKey ?? '', (await engine.identityKey(mod)) ?? '']
  expect(shown).not.toBe(before)
  identities.see(mod, before)
  expect(await thief.reads(of.roomId, await say(of, 'still not'))).toBeUndefined()
  identities.accept(mod, shown, 'operator')
  expect(await thief.reads(of.roomId, await say(of, 'three'))).toBe('three')
})

test('when the remembered identity is shown again, its devices read on, although nobody has decided yet; the other one does not', async () => {
  const of = room()
  await say(of, 'one')
  await remember()
  const showAgain = server.keep(mod)
  const thief = await replaced()
  expect(await owner.reads(of.roomId, await say(of, 'two'))).toBeUndefined()
  identities.see(mod, (await engine.identityKey(mod)) ?? '')
  showAgain()
  await listed(mod)
  const third = await say(of, 'three')
  expect([await owner.reads(of.roomId, third), await thief.reads(of.roomId, third)]).toEqual(['three', undefined])
  expect(identities.of(mod)?.otherKey).toBeDefined()
})

test('where all devices get the keys the identity does not matter, as newcomers have none', async () => {
  const of = room({ sharing: 'all-devices' })
  await say(of, 'one')
  await remember()
  const thief = await replaced()
  expect(await thief.reads(of.roomId, await say(of, 'two'))).toBe('two')
})

test('that they could not be told holds no message back, and is tried again', async () => {
  const of = room()
  await say(of, 'one')
  await remember()
  const thief = await replaced()
  down = true
  const second = await say(of, 'two')
  expect(await ada.reads(of.roomId, second)).toBe('two')
  down = false
  await say(of, 'three')
  await thief.reads(of.roomId, second)
  expect(thief.withheld).toEqual(['m.unverified'])
})
