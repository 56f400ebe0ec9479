import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorld, type World } from './world.ts'

// A server that takes requests and never answers them. It takes as long as a long poll may.

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

const sentBy = (roomId: string): number => world.admin.database.countEvents({ roomId, sender: world.botId, type: 'm.room.encrypted' })

test('a send and a long poll that hang', async () => {
  await world.settle(world.indoc)
  const already = sentBy(world.indoc)
  const rules = [/\/send\//, /\/sync$/].map((path) => world.proxy.add({ match: { path }, how: { kind: 'hang-after-commit' }, times: 1 }))
  const asked = [await world.moderator.sendText(world.indoc, '!ping')]
  // If the poll that hangs is the one that brings the question, it is answered after the next poll only.
  await expect.poll(() => rules.map((rule) => rule.hits), { timeout: 150_000 }).toEqual([1, 1])
  asked.push(await world.moderator.sendText(world.indoc, '!ping'))
  // One attempt of a send has half a minute, a long poll half a minute more than it asked for.
  for (const replyTo of asked) await world.moderator.waitForMessage(world.indoc, { sender: world.botId, replyTo }, 150_000)
  await world.settle(world.indoc)
  expect(asked.map((eventId) => world.answersTo(eventId).length)).toEqual([1, 1])
  expect(sentBy(world.indoc) - already).toBe(3)
}, 350_000)
