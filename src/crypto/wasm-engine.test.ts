import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encrypted, encryptedRoom, keyRequests, openAnyEngine } from '../../tests/support/bot-engine.ts'
import type { AnyEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { refused, TestClock } from '../../tests/support/unit.ts'
import type { GateResult } from '../http/contract.ts'
import type { JsonObject } from '../types.ts'
import type { CryptoHttp } from './http.ts'
import type { RoomEncryption } from './port.ts'

const server = new KeyServer()
const clock = new TestClock(Date.now())
const hold: {
  query: Promise<void> | undefined
  queryFails: boolean
  onQuery: (() => void) | undefined
  onToDevice: (() => void) | undefined
  upload: GateResult | undefined
  foreign: number
} = { query: undefined, queryFails: false, onQuery: undefined, onToDevice: undefined, upload: undefined, foreign: 0 }
let opened: AnyEngine
let engine: AnyEngine['engine']

beforeAll(async () => {
  const honest = keyRequests(server)
  const http: CryptoHttp = {
    ...honest,
    keysUpload: (body) => (hold.upload === undefined ? honest.keysUpload(body) : Promise.resolve(hold.upload)),
    keysQuery: async (body) => {
      hold.onQuery?.()
      await hold.query
      return hold.queryFails ? refused(500) : await honest.keysQuery(body)
    },
    sendToDevice: (type, txnId, body) => {
      hold.onToDevice?.()
      return honest.sendToDevice(type, txnId, body)
    },
  }
  opened = await openAnyEngine({
    server,
    http,
    clock,
    onForeignKeys: () => {
      hold.foreign += 1
    },
  })
  ;({ engine } = opened)
  await engine.flushOutgoing()
})
afterAll(() => opened.close())

const say = (of: RoomEncryption, body: string): Promise<JsonObject> => encrypted(opened, of, body)

describe('the room key reaches everybody', () => {
  test('also those who became known while other key requests were under way', async () => {
    const ada = await Peer.make(server, '@ada:x', 'ADA')
    const bea = await Peer.make(server, '@bea:x', 'BEA')
    const held = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    hold.query = held.promise
    hold.onQuery = asked.resolve
    await engine.binding.track(['@ada:x'])
    const flushing = engine.flushOutgoing()
    await asked.promise
    const saying = say(encryptedRoom('!race:x', ['@ada:x', '@bea:x']), 'hello')
    await new Promise((resolve) => setTimeout(resolve, 50))
    hold.query = undefined
    held.resolve()
    await flushing
    const content = await saying
    expect([await ada.reads('!race:x', content), await bea.reads('!race:x', content)]).toEqual(['hello', 'hello'])
  })

  test('nothing is sent while the devices of somebody could not be asked for', async () => {
    const cyd = await Peer.make(server, '@cyd:x', 'CYD')
    hold.queryFails = true
    const failing = encryptedRoom('!failing:x', ['@cyd:x'])
    const made = await engine.encrypt(failing.roomId, () => failing, 'm.room.message', { body: 'hello' })
    expect(made).toMatchObject({ ok: false, code: 'keys-not-shared' })
    hold.queryFails = false
    expect(await cyd.reads('!failing:x', await say(encryptedRoom('!failing:x', ['@cyd:x']), 'again'))).toBe('again')
  })

  test('also those who come while it is on its way, and not those who go', async () => {
    const gus = await Peer.make(server, '@gus:x', 'GUS')
    const hal = await Peer.make(server, '@hal:x', 'HAL')
    const ida = await Peer.make(server, '@ida:x', 'IDA')
    let now = encryptedRoom('!moving:x', ['@gus:x', '@hal:x'])
    hold.onToDevice = () => {
      hold.onToDevice = undefined
      now = encryptedRoom('!moving:x', ['@gus:x', '@ida:x'])
      engine.expire(now.roomId)
    }
    const made = await engine.encrypt(now.roomId, () => now, 'm.room.message', { body: 'hello' })
    const content = made.ok ? made.content : {}
    expect([await gus.reads('!moving:x', content), await hal.reads('!moving:x', content), await ida.reads('!moving:x', content)]).toEqual([
      'hello',
      undefined,
      'hello',
    ])
  })

  test('an id that the engine does not take keeps nobody else from reading', async () => {
    const dan = await Peer.make(server, '@dan:x', 'DAN')
    expect(await dan.reads('!odd:x', await say(encryptedRoom('!odd:x', ['@dan:x', '@nobody', '@ö ä:x']), 'hello'))).toBe('hello')
  })
})

test('an older copy of the store is noticed: the server has other keys of this device', async () => {
  const refusal = refused(400)
  if (refusal.code !== 'status') throw new Error('another kind of failure')
  hold.upload = {
    ...refusal,
    body: { errcode: 'M_UNKNOWN', error: 'One time key signed_curve25519:AAAAAAAAAAQ already exists. Old key: …' },
  }
  await engine.feed({ toDevice: [], changedDevices: [], leftDevices: [], oneTimeKeyCounts: {}, unusedFallbackKeys: undefined })
  engine.commit(() => undefined)
  await engine.flushOutgoing()
  hold.upload = undefined
  expect(hold.foreign).toBe(1)
  await engine.flushOutgoing()
  expect(hold.foreign).toBe(1)
})

test('a device list with an id that the engine does not take is fed without it', async () => {
  await expect(
    engine.feed({
      toDevice: [],
      changedDevices: ['@nobody', '@x y:'],
      leftDevices: ['@'],
      oneTimeKeyCounts: { signed_curve25519: 50 },
      unusedFallbackKeys: undefined,
    }),
  ).resolves.toBeUndefined()
  engine.commit(() => undefined)
})

describe('the engine never finds a session expired that is still used (it would panic)', () => {
  test('when the room allows more messages than before', async () => {
    const eve = await Peer.make(server, '@eve:x', 'EVE')
    let last = await say(encryptedRoom('!more:x', ['@eve:x'], { rotationMessages: 2 }), 'first')
    for (let count = 0; count < 60; count += 1) last = await say(encryptedRoom('!more:x', ['@eve:x']), 'later')
    expect(await eve.reads('!more:x', last)).toBe('later')
  })

  test('when the clock is set back', async () => {
    const fay = await Peer.make(server, '@fay:x', 'FAY')
    await say(encryptedRoom('!back:x', ['@fay:x']), 'first')
    const real = Date.now
    const now = real()
    await clock.advance(-3_600_000)
    Date.now = () => now - 3_600_000
    try {
      expect(await fay.reads('!back:x', await say(encryptedRoom('!back:x', ['@fay:x']), 'later'))).toBe('later')
    } finally {
      Date.now = real
    }
  })
})
