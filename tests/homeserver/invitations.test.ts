import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Person } from '../support/people/people.ts'
import { patience, startWorld, type World } from './world.ts'

// The rule for invitations to the bot: a moderator's is accepted, a direct chat from the community too, all else is declined.

let world: World
let newcomer: Person
let stranger: Person

beforeAll(async () => {
  world = await startWorld()
  newcomer = await world.people.join({ user: world.users.newcomer })
  stranger = await world.people.join({ user: await world.admin.registerUser({ name: 'stranger' }) })
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

const invite = async (person: Person, direct: boolean): Promise<string> =>
  await person.createRoom({ encrypted: true, invite: [world.botId], direct, name: direct ? 'Chat' : 'Room' })

describe('accepted', () => {
  test('a room of a moderator; no command is taken there', async () => {
    const room = await invite(world.moderator, false)
    await world.moderator.waitForMembership(room, world.botId, 'join', patience)
    // What was said before the bot has seen its own join is not for it.
    await world.settle(world.indoc)
    expect((await world.ask(room, '!help')).body).toMatch(/^❌.*I take no commands in this room/)
  })

  test('a direct chat of somebody in INDOC: !help is answered there, encrypted', async () => {
    const room = await invite(newcomer, true)
    await newcomer.waitForMembership(room, world.botId, 'join', patience)
    const asked = await newcomer.sendText(room, '!help')
    const answer = await newcomer.waitForMessage(room, { sender: world.botId, replyTo: asked }, patience)
    expect(answer).toMatchObject({ encrypted: true, shield: 'none' })
    expect(answer.body).toContain('ping')
    // A newcomer is not shown what is for moderators.
    expect(answer.body).not.toContain('adduser')
  })

  test('a direct chat that a moderator opened while the bot was down', async () => {
    await world.bot.stop()
    const room = await invite(world.moderator, true)
    await world.moderator.sendText(room, 'hello?')
    await world.bot.start()
    await world.moderator.waitForMembership(room, world.botId, 'join', patience)
    const asked = await world.moderator.sendText(room, '!ping')
    expect((await world.answerTo(room, asked)).body).toMatch(/pong/i)
  })
})

describe('declined', () => {
  test.each([
    ['a direct chat of a stranger', () => stranger, true],
    ['a room of a stranger', () => stranger, false],
    ['a room of somebody in INDOC without a role', () => newcomer, false],
  ] as const)('%s', async (_what, person, direct) => {
    const room = await invite(person(), direct)
    await person().waitForMembership(room, world.botId, 'leave', patience)
    expect(world.admin.database.roomsOf(world.botId)).not.toContain(room)
    expect(world.admin.database.countEvents({ roomId: room, sender: world.botId, type: 'm.room.encrypted' })).toBe(0)
  })

  test('a flood is declined without filling the log', async () => {
    const lines = (): number => world.bot.log().split('an invitation was declined').length - 1
    const rooms = await Promise.all(
      Array.from({ length: 25 }, () => world.admin.createRoom(world.users.freshNewcomer, { invite: [world.botId] })),
    )
    await expect
      .poll(() => rooms.filter((room) => world.admin.database.memberships(room).get(world.botId) === 'leave').length, { timeout: patience })
      .toBe(25)
    expect(lines()).toBeLessThanOrEqual(20)
  })
})

test('an invitation that came before the very first start is answered by the same rule', async () => {
  const other = await startWorld({ bot: { start: false } })
  try {
    const rooms = await Promise.all([
      other.moderator.createRoom({ name: 'Catalogue', invite: [other.botId] }),
      stranger.createRoom({ name: 'Trap', invite: [other.botId] }),
    ])
    await other.bot.start()
    await other.moderator.waitForMembership(rooms[0], other.botId, 'join', patience)
    await stranger.waitForMembership(rooms[1], other.botId, 'leave', patience)
  } finally {
    await other.stop()
  }
})
