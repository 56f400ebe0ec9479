import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitCode } from '../../src/operations/exit-codes.ts'
import type { Exit } from '../demo/bot-process.ts'
import { patience, startWorld, type World } from './world.ts'

// An event over which the encryption engine panics: set aside and told, no crash loop, nothing lost that came with it.

const panickingEngine = new URL('../support/bot/panicking-engine.mjs', import.meta.url).href
const poison = 'gatehouse.test.poison'
const panicked: Exit = { code: exitCode('bug'), signal: null }

let world: World

beforeAll(async () => {
  world = await startWorld({ bot: { env: { NODE_OPTIONS: `--import ${panickingEngine}` } } })
  await world.settle(world.indoc)
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

/** Sends an event to the device of the bot. */
const sendToDevice = async (type: string, content: Readonly<Record<string, unknown>>): Promise<void> => {
  const [device = ''] = await world.moderator.devicesOf(world.botId)
  const path = `/_matrix/client/v3/sendToDevice/${encodeURIComponent(type)}/${randomUUID()}`
  await world.moderator.request('PUT', path, { messages: { [world.botId]: { [device]: content } } })
}

/** Starts the bot as a service manager does, until it stays. Answers with how often it ended before. */
const startUntilItStays = async (): Promise<number> => {
  for (let ends = 0; ; ends += 1) {
    await world.bot.start({ untilReady: false })
    const ready = await Promise.race([world.bot.untilReady().then(() => true), world.bot.exited.then((exit) => exit)]).catch(() => false)
    if (ready === true) return ends
    expect(await world.bot.exited).toEqual(panicked)
    expect(ends).toBeLessThan(3)
  }
}

const alerts = (): readonly string[] =>
  world.moderator
    .timeline(world.adminRoom)
    .filter(({ sender, body }) => sender === world.botId && body.includes('broke the encryption engine'))
    .map(({ body }) => body)

const setAside = async (): Promise<number> => {
  const text = await (await fetch(`${world.bot.health}/metrics`)).text()
  return Number(/^gatehouse_events_set_aside (\d+)$/m.exec(text)?.[1])
}

const keysOfBot = async (): Promise<unknown> => {
  const keys = await world.moderator.request('POST', '/_matrix/client/v3/keys/query', { device_keys: { [world.botId]: [] } })
  return [keys['device_keys'], keys['master_keys']]
}

test('alone, while the bot runs: it ends once, and goes on without the event', async () => {
  const before = await keysOfBot()
  await sendToDevice('m.dummy', { poison })
  expect(await world.bot.exited).toEqual(panicked)
  expect(await startUntilItStays()).toBe(0)
  await world.moderator.waitForMessage(world.adminRoom, { sender: world.botId, body: /broke the encryption engine/ }, patience)
  expect(alerts()).toHaveLength(1)
  expect(alerts()[0]).toContain(world.moderator.userId)
  expect(await setAside()).toBe(1)
  const { checks } = (await (await fetch(`${world.bot.health}/readyz`)).json()) as { checks: Record<string, { words: string }> }
  expect(checks['engine']?.words).toMatch(/: 1$/)
  expect(world.bot.log()).toContain('the encryption engine broke over an event')
  expect((await world.ask(world.indoc, '!ping')).shield).toBe('none')
  expect(await keysOfBot()).toEqual(before)
})

test('in the middle of room keys that came meanwhile: found among them, and every key is kept', async () => {
  await world.bot.stop()
  await sendToDevice('m.dummy', { harmless: 1 })
  // A first message of a new device brings its room key along.
  const one = await world.people.join({ user: world.users.freshModerator })
  const first = await one.sendText(world.adminRoom, '!ping')
  await sendToDevice('m.dummy', { poison, another: true })
  const two = await world.people.join({ user: world.users.newcomer })
  const second = await two.sendText(world.indoc, '!ping')
  // Once over all of them, once over the one.
  expect(await startUntilItStays()).toBe(2)
  expect(await world.answerTo(world.adminRoom, first)).toMatchObject({ encrypted: true, shield: 'none' })
  expect(await world.answerTo(world.indoc, second)).toMatchObject({ encrypted: true, shield: 'none' })
  await world.settle(world.indoc)
  expect([first, second].map((eventId) => world.answersTo(eventId).length)).toEqual([1, 1])
  expect(await setAside()).toBe(2)
  expect(world.query("SELECT value FROM meta WHERE name = 'crypto.suspects'")).toEqual([{ value: '{}' }])
})

test('as a message in a room: nothing before or after it is lost', async () => {
  const before = await world.moderator.sendText(world.indoc, '!ping')
  const content = { algorithm: 'm.megolm.v1.aes-sha2', session_id: poison, ciphertext: 'AwgA', sender_key: 'x', device_id: 'x' }
  await world.moderator.send(world.indoc, 'm.room.encrypted', content, { plain: true })
  const after = await world.moderator.sendText(world.indoc, '!ping')
  expect(await world.bot.exited).toEqual(panicked)
  expect(await startUntilItStays()).toBeLessThanOrEqual(1)
  for (const eventId of [before, after]) await world.answerTo(world.indoc, eventId)
  await world.settle(world.indoc)
  expect([before, after].map((eventId) => world.answersTo(eventId).length)).toEqual([1, 1])
  expect(await setAside()).toBe(3)
})

test('later starts are as any other, and nobody is told again', async () => {
  await world.moderator.waitFor(() => (alerts().length === 3 ? true : undefined), { timeoutMs: patience, what: 'three alerts' })
  await world.bot.restart()
  await world.settle(world.adminRoom)
  expect(alerts()).toHaveLength(3)
  expect(await setAside()).toBe(3)
})
