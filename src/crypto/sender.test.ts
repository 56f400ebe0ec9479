import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bot, openBotEngine } from '../../tests/support/bot-engine.ts'
import type { BotEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import type { JsonObject, RoomId, UserId } from '../types.ts'
import type { Decrypted } from './port.ts'

// Real engines at both ends: how the sender of an event stands when it is read, not when its key came.

const room = '!room:x' as RoomId
const server = new KeyServer()
let opened: BotEngine
let store: BotEngine['store']
let engine: BotEngine['engine']

beforeAll(async () => {
  opened = await openBotEngine({ server })
  ;({ store, engine } = opened)
  await engine.flushOutgoing()
})
afterAll(() => opened.close())

const receive = async (): Promise<void> => {
  const toDevice = server.collect(bot, 'BOT')
  await engine.feed({ toDevice, changedDevices: [], leftDevices: [], oneTimeKeyCounts: {}, unusedFallbackKeys: undefined })
  engine.commit(() => undefined)
}
const read = async (event: JsonObject): Promise<Decrypted> => {
  const opened = await engine.decrypt(room, event)
  if (!opened.ok) throw new Error(opened.code)
  return opened
}
const hear = async (peer: Peer, body: string): Promise<Decrypted> => {
  const event = await peer.says(room, [bot], body)
  await receive()
  await engine.flushOutgoing()
  return await read(event)
}
const person = async (name: string, crossSign = true): Promise<Peer> => {
  const peer = await Peer.make(server, `@${name}:x`, name.toUpperCase())
  if (crossSign) await peer.crossSign()
  await engine.queryDevices(`@${name}:x` as UserId)
  return peer
}

test('a signed device, and the identity that signed it', async () => {
  const ada = await person('ada')
  const heard = await hear(ada, 'hello')
  expect(heard).toMatchObject({ trust: 'signed', deviceId: 'ADA', content: { body: 'hello' } })
  expect(heard.identityKey).toMatch(/^[\w+/]{43}$/)
  expect(heard.identityKey).toBe(await engine.identityKey('@ada:x' as UserId))
})

test('an unsigned device has no identity behind it', async () => {
  const heard = await hear(await person('bea', false), 'hello')
  expect(heard).toMatchObject({ trust: 'unsigned', deviceId: 'BEA' })
  expect(heard.identityKey).toBeUndefined()
})

test('another identity that signs the same device is seen at once, also in a session that came before', async () => {
  const cyd = await person('cyd')
  const before = await hear(cyd, 'one')
  await cyd.crossSign()
  await engine.queryDevices('@cyd:x' as UserId)
  const after = await hear(cyd, 'two')
  expect(after.trust).toBe('signed')
  expect(after.identityKey).not.toBe(before.identityKey)
})

test('an identity that does not sign the device any more ends its trust, also in a session that came before', async () => {
  const dan = await person('dan')
  const event = await dan.says(room, [bot], 'one')
  await receive()
  await engine.flushOutgoing()
  expect((await read(event)).trust).toBe('signed')
  const other = await Peer.make(server, '@dan:x', 'OTHER')
  await other.crossSign()
  await engine.queryDevices('@dan:x' as UserId)
  expect((await hear(dan, 'two')).trust).toBe('unsigned')
})

test('a device that was signed out is unknown, also in a session that came before', async () => {
  const eve = await person('eve')
  expect((await hear(eve, 'one')).trust).toBe('signed')
  server.forget('@eve:x', 'EVE')
  await engine.queryDevices('@eve:x' as UserId)
  expect((await hear(eve, 'two')).trust).toBe('unknown-device')
})

test('the key of one person under the name of another', async () => {
  const fay = await person('fay')
  const event = await fay.says(room, [bot], 'hello')
  await receive()
  await engine.flushOutgoing()
  const opened = await engine.decrypt(room, { ...event, sender: '@ada:x' })
  expect(opened.ok ? opened.trust : opened.code).toMatch(/^(mismatched-sender|forged)$/)
})

test('an id that can have no identity', async () => {
  expect(await engine.identityKey('not an id' as UserId)).toBeUndefined()
  expect(await engine.identityKey('@nobody:x' as UserId)).toBeUndefined()
})

describe('what is known of a sender is remembered', () => {
  const lookUps = async (work: () => Promise<unknown>): Promise<number> => {
    let count = 0
    const ends = ['devices', 'identities'].map((name) =>
      store.watch(name, () => {
        count += 1
      }),
    )
    await work()
    for (const end of ends) end()
    return count
  }
  test('while nobody has another device or identity: it is not read again', async () => {
    const gus = await person('gus')
    const first = await hear(gus, 'one')
    const second = await gus.says(room, [bot], 'two')
    const third = await gus.says(room, [bot], 'three')
    await receive()
    await engine.flushOutgoing()
    await read(second)
    expect(await lookUps(async () => expect(await read(third)).toMatchObject({ trust: 'signed', identityKey: first.identityKey }))).toBe(0)
  })

  test('no longer than until the keys of anybody are read, and then the next message is judged by them', async () => {
    const hal = await person('hal')
    const events = [await hal.says(room, [bot], 'one'), await hal.says(room, [bot], 'two'), await hal.says(room, [bot], 'three')] as const
    await receive()
    await engine.flushOutgoing()
    const before = await read(events[0])
    await person('ian')
    expect(await lookUps(async () => expect(await read(events[1])).toMatchObject({ identityKey: before.identityKey }))).toBeGreaterThan(0)
    await hal.crossSign()
    await engine.queryDevices('@hal:x' as UserId)
    const after = await read(events[2])
    expect(after.trust).toBe('signed')
    expect(after.identityKey).not.toBe(before.identityKey)
    expect(after.identityKey).toBe(await engine.identityKey('@hal:x' as UserId))
  })

  test('not while something is being written', async () => {
    const jon = await person('jon')
    const events = [await jon.says(room, [bot], 'one'), await jon.says(room, [bot], 'two'), await jon.says(room, [bot], 'three')] as const
    await receive()
    await engine.flushOutgoing()
    await read(events[0])
    const end = store.writes.begin(['identities'])
    expect(await lookUps(() => read(events[1]))).toBeGreaterThan(0)
    expect(await lookUps(() => read(events[1]))).toBeGreaterThan(0)
    end()
    expect(await lookUps(() => read(events[2]))).toBeGreaterThan(0)
  })
})
