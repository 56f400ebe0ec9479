import { randomBytes } from 'node:crypto'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProxy, type Proxy } from '../support/homeserver/proxy.ts'
import { startPeople, type People, type Person, type SeenMessage } from '../support/people/people.ts'
import { eventually } from './arrivals.ts'
import { patience, startWorld, type World } from './world.ts'

// Who is given keys, and what becomes of messages whose key does not come. The people here speak to the server through a proxy of their own.

let world: World
let proxy: Proxy
let people: People

beforeAll(async () => {
  world = await startWorld()
  proxy = await startProxy({ target: world.homeserver.url, recordBodies: true })
  people = startPeople({ url: proxy.url })
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await people.stop()
  await proxy.stop()
  await world.stop()
})

interface KeysAnswer {
  readonly device_keys?: Readonly<Record<string, Readonly<Record<string, { signatures?: Record<string, Record<string, string>> }>>>>
}

/** Takes the signatures of the bot's identity off its devices in what the server tells. */
const unsign = (body: unknown): unknown => {
  for (const [deviceId, device] of Object.entries((body as KeysAnswer).device_keys?.[world.botId] ?? {})) {
    const own = device.signatures?.[world.botId]
    for (const keyId of Object.keys(own ?? {})) if (keyId !== `ed25519:${deviceId}`) delete own?.[keyId]
  }
  return body
}

const stateOf = (eventId: string): { readonly state: string; readonly note: string | null } | undefined =>
  world.query<{ state: string; note: string | null }>('SELECT state, note FROM journal WHERE event_id = ?', eventId)[0]
const untilWaiting = async (eventId: string, note: string): Promise<void> => {
  await eventually(`${eventId} waits for its key: ${note}`, () => {
    const found = stateOf(eventId)
    return found?.state === 'waiting' && found.note === note ? true : undefined
  })
}

/** Ends the bot, lets time pass for what waits, and starts it again. @param meanwhile done while the bot is down */
const restartLater = async (passed: number, meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> => {
  await world.bot.stop()
  const database = new Sqlite(`${world.files.dataDir}/gatehouse.db`)
  database.prepare(`UPDATE journal SET received_at = received_at - ? WHERE state = 'waiting'`).run(passed)
  database.close()
  await meanwhile()
  await world.bot.start()
}

/** Sends a text whose room key the server keeps to itself. Gives a way to have it delivered after all. */
const sendWithoutKey = async (person: Person, roomId: string, text: string) => {
  proxy.requests.clear()
  const rule = proxy.add({
    match: { method: 'PUT', path: /\/sendToDevice\/m\.room\.encrypted\// },
    how: { kind: 'answer', status: 200, json: {} },
  })
  const eventId = await person.sendText(roomId, text)
  rule.remove()
  const kept = proxy.requests.list({ path: /\/sendToDevice\// })
  expect(kept.length).toBeGreaterThan(0)
  return {
    eventId,
    deliver: async (): Promise<void> => {
      for (const { path, body } of kept) await person.request('PUT', path, JSON.parse(body ?? '{}') as Record<string, unknown>)
    },
  }
}

test('a device that its owner has not signed reads what the bot writes in INDOC, and not what it writes in the admin room', async () => {
  const unsigned = await people.join({ user: world.users.moderator, crossSign: false })
  const open = await world.ask(world.indoc, '!ping')
  await unsigned.waitForMessage(world.indoc, { sender: world.botId, fits: ({ eventId }) => eventId === open.eventId }, patience)
  const closed = await world.ask(world.adminRoom, '!ping')
  const seen = await unsigned.waitForMessage(
    world.adminRoom,
    { sender: world.botId, undecryptable: true, fits: ({ eventId }) => eventId === closed.eventId },
    patience,
  )
  expect(seen.failure).toMatch(/WITHHELD/)
  await unsigned.logout()
})

/** An encrypted event whose key nobody has. */
const nonsense = async (roomId: string): Promise<string> => {
  const base64 = (...parts: readonly Buffer[]): string => Buffer.concat(parts).toString('base64').replaceAll('=', '')
  const content = {
    algorithm: 'm.megolm.v1.aes-sha2',
    session_id: base64(randomBytes(32)),
    // Version, index and length as in a real one (megolm specification, "Message format").
    ciphertext: base64(Buffer.from([3, 8, 0, 0x12, 16]), randomBytes(16 + 8 + 64)),
    device_id: world.moderator.deviceId,
    sender_key: base64(randomBytes(32)),
  }
  return await world.moderator.send(roomId, 'm.room.encrypted', content, { plain: true })
}

test('what stays unreadable is answered once, by its cause: no key for an unsigned device (seen so by a strict client), no key at all; nothing elsewhere', async () => {
  // The only difference between the two clients is what the server tells them.
  const control = await people.join({ user: world.users.newcomer, strict: true })
  const [device] = await control.devicesOf(world.botId)
  expect(await control.deviceTrust(world.botId, device ?? '')).toMatchObject({ known: true, signedByOwner: true })
  const rule = proxy.add({ match: { path: /\/keys\/query$/ }, how: { kind: 'transform', change: unsign } })
  const strict = await people.join({ user: world.users.freshNewcomer, strict: true })
  expect(await strict.deviceTrust(world.botId, device ?? '')).toMatchObject({ known: true, signedByOwner: false })

  // It may still read the bot, whose signed keys come with each room key, past the server (spec v1.15, `sender_device_keys`).
  const asked = await strict.sendText(world.indoc, 'Name: Nora')
  const another = await strict.sendText(world.indoc, 'Invited by: Mo')
  // Somebody else reads it: the client keeps its key from the bot alone.
  await world.moderator.waitForMessage(world.indoc, { sender: strict.userId, body: 'Name: Nora' }, patience)
  for (const eventId of [asked, another]) await untilWaiting(eventId, 'm.unverified')
  expect(rule.hits).toBeGreaterThan(0)
  rule.remove()
  const elsewhere = await world.moderator.createRoom({ encrypted: true, name: 'Elsewhere', invite: [world.botId] })
  await world.moderator.waitForMembership(elsewhere, world.botId, 'join', patience)
  const [there, here] = [await nonsense(elsewhere), await nonsense(world.adminRoom)]
  const introduction = ['Name: Nell Marsh', 'Organization: Riverbend', 'Invited by: Mo', 'Email: nell@riverbend.test', 'Interests: hiking']
  const intro = await sendWithoutKey(control, world.indoc, introduction.join('\n'))
  for (const eventId of [there, here, intro.eventId]) await untilWaiting(eventId, 'missing-key')

  await restartLater(55_000)
  const answer = await world.answerTo(world.indoc, asked)
  expect(answer.body).toMatch(new RegExp(`^❔.*${device}.*verified.*signed by its owner`, 's'))
  const alerts = (): readonly SeenMessage[] =>
    world.moderator.timeline(world.adminRoom).filter(({ body }) => /cannot decrypt.*introduction/.test(body))
  await world.moderator.waitFor(() => (alerts().length === 2 ? true : undefined), { timeoutMs: patience, what: 'two alerts' })
  for (const { userId } of [strict, control]) expect(alerts().filter(({ body }) => body.includes(userId))).toHaveLength(1)
  expect((await world.answerTo(world.adminRoom, here)).body).toMatch(/^❔.*key did not reach me.*send it again/s)
  await eventually('the others are closed', () => ([another, there].every((one) => stateOf(one)?.state === 'done') ? true : undefined))
  await world.settle(world.adminRoom)
  expect([world.answersTo(asked).length, world.answersTo(another)]).toEqual([1, []])
  expect(alerts()).toHaveLength(2)
  expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', code: 'unreadable-m.unverified' }])
  expect(world.audit(there)).toEqual([])
  expect(world.admin.database.countEvents({ roomId: elsewhere, sender: world.botId, type: 'm.room.encrypted' })).toBe(0)

  // Given up and answered; its key comes after all, and it is an introduction still.
  await world.answerTo(world.indoc, intro.eventId)
  await intro.deliver()
  const understood = await eventually(
    'the introduction is understood',
    () =>
      world.query<{ introduction: string }>(
        'SELECT introduction FROM newcomer WHERE user_id = ? AND introduction IS NOT NULL',
        control.userId,
      )[0],
  )
  expect(understood.introduction).toContain('Nell')
  await world.settle(world.indoc)
  expect(world.answersTo(intro.eventId)).toHaveLength(1)
})

test('a command whose key comes within the minute is run once; one whose key comes later is not run, also across a restart', async () => {
  const mo = await people.join({ user: world.users.freshModerator })
  const soon = await sendWithoutKey(mo, world.indoc, '!ping')
  await untilWaiting(soon.eventId, 'missing-key')
  await soon.deliver()
  expect((await world.answerTo(world.indoc, soon.eventId)).body).toMatch(/pong/i)

  const late = await sendWithoutKey(mo, world.adminRoom, '!invite Ada')
  await untilWaiting(late.eventId, 'missing-key')
  const before = world.authentik.requests.length
  await restartLater(120_000, late.deliver)
  const refusal = await world.answerTo(world.adminRoom, late.eventId)
  expect(refusal.body).toMatch(/^❌.*key of this message arrived late.*send it again/s)
  expect(world.audit(late.eventId)).toMatchObject([{ command: 'invite', outcome: 'refused', code: 'late' }])
  expect(world.authentik.requests.slice(before).filter(({ method }) => method !== 'GET')).toEqual([])
  await world.settle(world.adminRoom)
  expect([world.answersTo(soon.eventId).length, world.answersTo(late.eventId).length]).toEqual([1, 1])
})
