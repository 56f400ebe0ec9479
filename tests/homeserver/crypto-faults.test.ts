import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { loseOlmSessions } from '../support/lose-olm-sessions.ts'
import { patience, startWorld, type World } from './world.ts'

// What goes wrong between engines: lost sessions, floods, keys that are used up, storms of members, people who want to verify a bot.

type Fields = Record<string, unknown>
interface RawSync {
  to_device?: { events: Fields[] }
  device_lists?: { changed?: string[]; left?: string[] }
  readonly rooms?: { readonly join?: Record<string, { timeline?: { events: Fields[] } }> }
}

let world: World
let deviceId: string

beforeAll(async () => {
  world = await startWorld()
  await world.settle(world.indoc)
  ;[deviceId = ''] = await world.moderator.devicesOf(world.botId)
})
afterEach(() => {
  world.proxy.clear()
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

/** Puts something into the next sync that brings the bot a message, and waits until it was delivered. */
const inNextSync = async (change: (sync: RawSync) => void): Promise<void> => {
  let delivered = false
  world.proxy.add({
    match: { path: /\/sync$/ },
    how: {
      kind: 'transform',
      change: (body) => {
        if (!delivered) change(body as RawSync)
        delivered = true
        return body
      },
    },
  })
  // The long poll that is open already brings the question, the next one what is to be delivered.
  await world.settle(world.indoc)
  await expect.poll(() => delivered, { timeout: patience }).toBe(true)
}

/** Shows that the bot is alive: `/livez` answers at once, a command too. */
const expectAlive = async (): Promise<void> => {
  const asked = world.moderator.sendText(world.indoc, '!ping')
  for (let look = 0; look < 5; look += 1) {
    expect((await fetch(`${world.bot.health}/livez`, { signal: AbortSignal.timeout(3000) })).status).toBe(200)
  }
  expect(await world.answerTo(world.indoc, await asked)).toMatchObject({ encrypted: true, shield: 'none' })
}

const memory = (): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${world.bot.pid}/status`, 'utf8'))?.[1]) / 1024

test('the Olm sessions of the bot are lost: they are opened anew, and the next message can be read', async () => {
  const { moderator } = world
  await world.bot.stop()
  expect(loseOlmSessions(`${world.files.dataDir}/gatehouse.db`, world.botId, deviceId)).toBeGreaterThan(0)
  await world.bot.start()

  const room = await moderator.createRoom({ encrypted: true, direct: true, invite: [world.botId] })
  await moderator.waitForMembership(room, world.botId, 'join', patience)
  // The room's key comes through a session that the bot does not have.
  await moderator.sendText(room, '!ping')
  await world.proxy.requests.waitFor({ path: /\/sendToDevice\/m\.room\.encrypted\// }, { timeoutMs: patience })
  await expect.poll(() => world.bot.log(), { timeout: patience }).toContain('an encrypted session that had broken was opened anew')
  await expect
    .poll(
      async () => {
        const asked = await moderator.sendText(room, '!ping')
        return moderator.waitForMessage(room, { sender: world.botId, replyTo: asked }, 3000).then(
          ({ body }) => body,
          () => undefined,
        )
      },
      { timeout: patience },
    )
    .toMatch(/pong/i)
}, 120_000)

test('2,000 to-device events in one sync, most of them garbage', async () => {
  const sender = world.users.newcomer.userId
  const { curve25519 } = await keysOfBot()
  const garbage = (index: number): Fields => {
    const body = Buffer.from(`${index} garbage`).toString('base64').replace(/=+$/, '')
    const olm = {
      algorithm: 'm.olm.v1.curve25519-aes-sha2',
      sender_key: curve25519,
      ciphertext: { [curve25519]: { type: index % 2, body } },
    }
    const request = { algorithm: 'm.megolm.v1.aes-sha2', room_id: world.indoc, session_id: `s${index}`, sender_key: curve25519 }
    return [
      { type: 'm.room.encrypted', sender, content: olm },
      { type: 'm.room.encrypted', sender, content: { algorithm: 'none' } },
      {
        type: 'm.room_key_request',
        sender,
        content: { action: 'request', body: request, requesting_device_id: `D${index}`, request_id: `${index}` },
      },
      { type: 'm.room_key', sender, content: { ...request, session_key: 'AgAAAAA' } },
      { type: 'm.dummy', sender, content: { deep: JSON.parse('['.repeat(500) + ']'.repeat(500)) as unknown } },
      { type: 'org.example.nothing', sender, content: { index } },
      {
        type: 'm.secret.request',
        sender,
        content: { action: 'request', name: 'm.cross_signing.master', requesting_device_id: 'X', request_id: `${index}` },
      },
      { type: 7, sender, content: null },
    ][index % 8] as Fields
  }
  const before = memory()
  await inNextSync((sync) => {
    sync.to_device = { events: [...(sync.to_device?.events ?? []), ...Array.from({ length: 2000 }, (_, index) => garbage(index))] }
  })
  await expectAlive()
  expect(memory() - before).toBeLessThan(120)
  expect(world.bot.log()).not.toContain('the encryption engine broke')
  // No key and no secret was given away for it.
  expect(world.proxy.requests.list({ path: /\/sendToDevice\/m\.(forwarded_room_key|secret)/ })).toEqual([])
})

test('all one-time keys are claimed: the fallback key opens the next session, and new ones are uploaded', async () => {
  await world.bot.stop()
  const claim = { one_time_keys: { [world.botId]: { [deviceId]: 'signed_curve25519' } } }
  const claimed = new Set<string>()
  let fallback = false
  for (let tries = 0; tries < 120 && !fallback; tries += 1) {
    const answer = await world.moderator.request('POST', '/_matrix/client/v3/keys/claim', claim)
    const [id, key] = Object.entries(
      (answer['one_time_keys'] as Record<string, Record<string, Record<string, Fields>>>)[world.botId]![deviceId]!,
    )[0]!
    fallback = key['fallback'] === true || claimed.has(id)
    claimed.add(id)
  }
  expect(fallback).toBe(true)
  const fresh = await world.people.join({ user: world.users.freshNewcomer, crossSign: false })
  const asked = await fresh.sendText(world.indoc, '!ping')
  await world.bot.start()
  const answer = await fresh.waitForMessage(world.indoc, { sender: world.botId, replyTo: asked }, patience)
  expect(answer).toMatchObject({ encrypted: true })
  const count = (sql: string): unknown => world.admin.database.query(sql, world.botId, deviceId)[0]?.['n']
  const keys = (): unknown => count('SELECT count(*) AS n FROM e2e_one_time_keys_json WHERE user_id = ? AND device_id = ?')
  await expect.poll(keys, { timeout: patience }).toBeGreaterThanOrEqual(50)
})

test('people who want to verify the bot get no answer, and leave nothing behind', async () => {
  const { moderator } = world
  const request = { from_device: moderator.deviceId, methods: ['m.sas.v1'], to: world.botId }
  const inRoom = await moderator.send(world.indoc, 'm.room.message', {
    ...request,
    msgtype: 'm.key.verification.request',
    body: 'verify me',
  })
  const send = async (type: string, content: Fields): Promise<void> => {
    const messages = { [world.botId]: { [deviceId]: content } }
    await moderator.request('PUT', `/_matrix/client/v3/sendToDevice/${type}/${randomUUID()}`, { messages })
  }
  await send('m.key.verification.request', { ...request, transaction_id: 'one', timestamp: Date.now() })
  await send('m.key.verification.start', { ...request, transaction_id: 'one', method: 'm.sas.v1' })
  await send('m.key.verification.mac', { transaction_id: 'other', keys: 'x', mac: {} })
  await world.settle(world.indoc)
  expect(world.answersTo(inRoom)).toEqual([])
  expect(world.audit(inRoom)).toEqual([])
  const before = memory()
  await inNextSync((sync) => {
    const one = (index: number): Fields => ({
      type: 'm.key.verification.request',
      sender: moderator.userId,
      content: { ...request, transaction_id: `many${index}`, timestamp: Date.now() },
    })
    sync.to_device = { events: Array.from({ length: 1000 }, (_, index) => one(index)) }
  })
  const requests = world.proxy.requests.list().length
  await expectAlive()
  expect(memory() - before).toBeLessThan(60)
  // The library has a cancellation for each; what comes next would wait for them.
  await world.settle(world.adminRoom)
  const since = world.proxy.requests.list().slice(requests)
  expect(since.filter(({ path }) => path.includes('m.key.verification'))).toEqual([])
})

test('1,500 members come in one sync: no request for each of them, and the bot stays awake', async () => {
  const { moderator } = world
  const room = await moderator.createRoom({ encrypted: true, name: 'Elsewhere', invite: [world.botId] })
  await moderator.waitForMembership(room, world.botId, 'join', patience)
  await world.settle(world.indoc)
  const server = world.botId.slice(world.botId.indexOf(':'))
  const crowd = Array.from({ length: 1500 }, (_, index) => `@storm${index}${server}`)
  const before = world.proxy.requests.list().length
  await inNextSync((sync) => {
    const joins = crowd.map((userId) => ({
      type: 'm.room.member',
      state_key: userId,
      sender: userId,
      event_id: `$${randomUUID()}`,
      origin_server_ts: Date.now(),
      content: { membership: 'join', displayname: userId },
    }))
    Object.assign(sync, { rooms: { ...sync.rooms, join: { ...sync.rooms?.join, [room]: { timeline: { events: joins } } } } })
    sync.device_lists = { changed: crowd }
  })
  await expectAlive()
  expect(world.query('SELECT count(*) AS n FROM member WHERE room_id = ?', room)).toEqual([{ n: 1502 }])
  // Syncs, receipts, notices of typing and answers of three commands are among them.
  expect(world.proxy.requests.list().length - before).toBeLessThan(60)
})

/** The bot's Curve25519 key as everybody sees it. */
const keysOfBot = async (): Promise<{ readonly curve25519: string }> => {
  const answer = await world.moderator.request('POST', '/_matrix/client/v3/keys/query', { device_keys: { [world.botId]: [] } })
  const devices = answer['device_keys'] as Record<string, Record<string, { readonly keys: Record<string, string> }>>
  return { curve25519: devices[world.botId]?.[deviceId]?.keys[`curve25519:${deviceId}`] ?? '' }
}
