import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pointsOf } from './points.ts'
import { patience, sendAll, startWorld, type World } from './world.ts'

// Nothing lost, nothing doubled: counted in what the moderator's client decrypts, and in the server's database.

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

/** What the bot has sent to a room, as the server counts it: reactions and edits would show here too. */
const sentBy = (roomId: string): number => world.admin.database.countEvents({ roomId, sender: world.botId, type: 'm.room.encrypted' })

/** Waits until each event is answered, then shows that none is answered a second time. */
const expectOneAnswerEach = async (roomId: string, asked: readonly string[], already: number): Promise<void> => {
  for (const eventId of asked) await world.answerTo(roomId, eventId)
  // All that was sent before this one has been dealt with when it is answered.
  await world.settle(roomId)
  expect(asked.map((eventId) => world.answersTo(eventId).length)).toEqual(asked.map(() => 1))
  expect(sentBy(roomId) - already).toBe(asked.length + 1)
}

test('25 commands sent while the bot is down: the reading ones are answered, the changing ones told to be repeated', async () => {
  await world.settle(world.adminRoom)
  const already = sentBy(world.adminRoom)
  const invitations = world.authentik.requests.filter(({ method }) => method !== 'GET').length
  await world.bot.kill()
  const texts = Array.from({ length: 25 }, (_, index) => (index % 5 === 4 ? `!invite Guest ${index}` : '!ping'))
  const asked = await sendAll(world.moderator, world.adminRoom, texts)
  await world.bot.start()
  await expectOneAnswerEach(world.adminRoom, asked, already)
  for (const [index, eventId] of asked.entries()) {
    const [answer] = world.answersTo(eventId)
    expect(answer?.body).toMatch(index % 5 === 4 ? /arrived while I was away/ : /pong/i)
  }
  expect(world.authentik.requests.filter(({ method }) => method !== 'GET')).toHaveLength(invitations)
  expect(world.query('SELECT * FROM plan')).toEqual([])
})

test('20 commands in one burst', async () => {
  await world.settle(world.indoc)
  const already = sentBy(world.indoc)
  const asked = await sendAll(
    world.moderator,
    world.indoc,
    Array.from({ length: 20 }, () => '!ping'),
  )
  await expectOneAnswerEach(world.indoc, asked, already)
})

describe('killed inside a batch of eight', () => {
  const batch = Array.from({ length: 8 }, () => '!ping')

  test.each(pointsOf([1, 2, 3, 4, 5, 6, 7], (answer) => [1, 4, 7].includes(answer)))('after answer %i', async (answers) => {
    await world.settle(world.indoc)
    const already = sentBy(world.indoc)
    const asked = await sendAll(world.moderator, world.indoc, batch)
    await world.moderator.waitFor(
      () => (asked.filter((eventId) => world.answersTo(eventId).length > 0).length >= answers ? true : undefined),
      { timeoutMs: patience, what: `${answers} answers` },
    )
    await world.bot.kill()
    await world.bot.start()
    await expectOneAnswerEach(world.indoc, asked, already)
  })

  test.each(pointsOf([1, 2, 3, 4, 5, 6, 7, 8], (answer) => [1, 4, 8].includes(answer)))(
    'when the server has answer %i and the bot does not know it yet',
    async (number) => {
      await world.settle(world.indoc)
      const already = sentBy(world.indoc)
      const cut = world.proxy.add({
        match: { method: 'PUT', path: /\/send\// },
        how: { kind: 'hang-after-commit' },
        after: number - 1,
        times: 1,
      })
      const asked = await sendAll(world.moderator, world.indoc, batch)
      // The moderator reads the answer that the bot will never see confirmed.
      await world.moderator.waitFor(
        () => (asked.filter((eventId) => world.answersTo(eventId).length > 0).length >= number ? true : undefined),
        { timeoutMs: patience, what: `answer ${number}` },
      )
      expect(cut.hits).toBe(1)
      await world.bot.kill()
      cut.remove()
      await world.bot.start()
      await expectOneAnswerEach(world.indoc, asked, already)
    },
  )

  test.each(['/sync', '/send/'])('when a %s was answered and the answer not read', async (part) => {
    await world.settle(world.indoc)
    const already = sentBy(world.indoc)
    const held = world.proxy.add({ match: { path: new RegExp(part) }, how: { kind: 'hang-after-commit' } })
    const asked = await sendAll(world.moderator, world.indoc, batch)
    await expect.poll(() => held.hits, { timeout: patience }).toBeGreaterThan(0)
    await world.bot.kill()
    held.remove()
    await world.bot.start()
    await expectOneAnswerEach(world.indoc, asked, already)
  })

  test.each(pointsOf([1, 2, 3, 4, 5, 6], (time) => time <= 3))(
    'at a random moment, and once more while it takes up the rest (%i)',
    async () => {
      await world.settle(world.indoc)
      const already = sentBy(world.indoc)
      const moments = [Math.random() * 700, Math.random() * 300]
      const sending = sendAll(world.moderator, world.indoc, batch)
      await new Promise((resolve) => setTimeout(resolve, moments[0]))
      await world.bot.kill()
      const asked = await sending
      await world.bot.start()
      await new Promise((resolve) => setTimeout(resolve, moments[1]))
      await world.bot.kill()
      await world.bot.start()
      await expectOneAnswerEach(world.indoc, asked, already).catch((error: unknown) => {
        throw new Error(`killed after ${moments.map(Math.round).join(' and ')} ms`, { cause: error })
      })
    },
  )
})

test('more than one sync holds was missed: the gap is filled, its commands are answered once', async () => {
  await world.settle(world.indoc)
  const already = sentBy(world.indoc)
  await world.bot.stop()
  const first = await sendAll(world.moderator, world.indoc, ['!ping', '!ping', '!ping'])
  // 50 events fit into one answer, 100 into one page of the gap.
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => world.moderator.sendText(world.indoc, `chatter ${index}`, { plain: true })))
  }
  const last = await sendAll(world.moderator, world.indoc, ['!ping', '!ping'])
  world.proxy.requests.clear()
  await world.bot.start()
  await expectOneAnswerEach(world.indoc, [...first, ...last], already)
  expect(world.proxy.requests.count({ method: 'GET', path: /\/messages$/ })).toBeGreaterThanOrEqual(2)
})
