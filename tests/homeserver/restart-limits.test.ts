import { afterAll, beforeAll, expect, test } from 'vitest'
import { patience, sendAll, startWorld, type World } from './world.ts'

// A bot on somebody else's server, with its default limits: ten events at once, then one in five seconds.

let world: World

beforeAll(async () => {
  world = await startWorld({ profile: 'stranger', bot: { env: { GATEHOUSE_HOMESERVER_RATE_LIMITS: 'default' } } })
  await world.settle(world.indoc)
})
afterAll(async () => {
  await world.stop()
})

test('killed in the middle of a rush it goes on within the limits: nothing is refused, nothing is answered twice', async () => {
  world.proxy.requests.clear()
  const answers = { path: /\/send\// }
  const asked = await sendAll(
    world.moderator,
    world.indoc,
    Array.from({ length: 13 }, () => '!ping'),
  )
  await world.proxy.requests.waitFor({ ...answers, status: 200 }, { times: 7, timeoutMs: patience })
  await world.bot.kill()
  await world.bot.start()
  for (const eventId of asked) await world.answerTo(world.indoc, eventId)
  expect(world.proxy.requests.count({ status: 429 })).toBe(0)
  expect(asked.map((eventId) => world.answersTo(eventId).length)).toEqual(asked.map(() => 1))
}, 120_000)
