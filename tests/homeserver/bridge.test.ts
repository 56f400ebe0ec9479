import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFakeBridge, type FakeBridge, type Ghost } from '../support/bridge.ts'
import { accountsOf, arrivalRooms, eventually, finalAnswer, membershipOf, untilGraduated } from './arrivals.ts'
import { startLightUser, type LightUser } from '../support/people/light.ts'
import type { SeenMessage } from '../support/people/people.ts'
import { patience, startWorld, type World } from './world.ts'

// People behind a bridge: never a command, never a raw id, and a welcome over the chat that the bridge opens.

let world: World
let bridge: FakeBridge
let stranger: LightUser

beforeAll(async () => {
  world = await startWorld({
    rooms: arrivalRooms,
    bot: {
      env: { GATEHOUSE_WELCOME_HELLO_GAP: '200ms' },
      envOf: async ({ admin, users }) => {
        bridge = await startFakeBridge(admin, users.bot.userId)
        return { GATEHOUSE_BRIDGES: bridge.configuration }
      },
    },
  })
  await bridge.bot.join(world.indoc)
  const password = randomUUID()
  const user = await world.admin.registerUser({ name: 'impostor', password })
  stranger = await startLightUser({ url: world.homeserver.url }, { user: { localpart: user.localpart, password } })
  await stranger.join(world.indoc)
})
afterAll(async () => {
  await stranger.stop()
  await bridge.stop()
  await world.stop()
})
beforeEach(() => {
  bridge.manner = 'opens'
  bridge.encrypts = true
})

let number = 0
const arrive = async (name: string): Promise<{ readonly ghost: Ghost; readonly email: string }> => {
  number += 1
  const ghost = await bridge.newGhost(name)
  await bridge.bring(ghost, world.indoc)
  await world.settle(world.indoc)
  return { ghost, email: `${name.toLowerCase()}${number}@riverbend.test` }
}
const add = async (ghost: Ghost, email: string) => {
  const asked = await world.moderator.sendText(
    world.adminRoom,
    `!adduser ${ghost.name} --email ${email} --matrix ${ghost.userId} --interests hiking`,
  )
  return await finalAnswer(world, world.adminRoom, asked)
}
const readInPortal = (ghost: Ghost): readonly string[] =>
  bridge.bot
    .messages(bridge.portals.get(ghost.userId) ?? '')
    .filter(({ sender }) => sender === world.botId)
    .map(({ body }) => body)

test('the bot is in the room where the bridge takes commands, because the bridge invited it', async () => {
  await eventually('the bot joins', () => (membershipOf(world, bridge.managementRoom, world.botId) === 'join' ? true : undefined))
})

describe('a bridged person arrives', () => {
  test('hello and welcome come in the chat that the bridge opens, without a wait for devices; then they leave INDOC', async () => {
    const { ghost, email } = await arrive('Bea')
    const answer = await add(ghost, email)
    expect(answer.body).toContain('Bea')
    expect(answer.body).not.toContain(ghost.userId)
    expect(accountsOf(world, email)).toHaveLength(1)
    await eventually('the welcome is there', () => (readInPortal(ghost).length === 2 ? true : undefined))
    const [hello, welcome] = readInPortal(ghost)
    expect(hello).toMatch(/^Hello Bea/)
    expect(welcome).toContain(accountsOf(world, email)[0]?.username)
    expect(welcome).toContain('flow_token=')
    expect(bridge.asked).toEqual([`!signal start-chat ${ghost.identifier}`])
    // No more is claimed than what is known.
    const told = await world.moderator.waitForMessage(world.adminRoom, { sender: world.botId, body: /has not confirmed/ }, patience)
    expect(told.body).toMatch(/Bea \(bridged\): the welcome was given to the bridge/)
    await untilGraduated(world, ghost.userId)
    // A second welcome goes into the same chat, and the bridge is not asked again.
    await world.ask(world.adminRoom, `!welcome ${ghost.userId}`)
    await eventually('the second welcome', () => (readInPortal(ghost).length === 4 ? true : undefined))
    expect(bridge.asked).toHaveLength(1)
  })

  test('two at once: the bridge opens one chat after the other, each person gets their own', async () => {
    const one = await arrive('Cid')
    const two = await arrive('Dot')
    await Promise.all([add(one.ghost, one.email), add(two.ghost, two.email)])
    for (const { ghost, email } of [one, two]) {
      await eventually(`${ghost.name} is welcomed`, () => (readInPortal(ghost).length === 2 ? true : undefined))
      expect(readInPortal(ghost)[1]).toContain(accountsOf(world, email)[0]?.username)
    }
  })

  test('a chat in clear carries no credentials: they go to the moderator, to hand over', async () => {
    bridge.encrypts = false
    const { ghost, email } = await arrive('Eli')
    await add(ghost, email)
    await eventually('the welcome is there', () => (readInPortal(ghost).length === 2 ? true : undefined))
    expect(readInPortal(ghost).join()).not.toContain('flow_token')
    const note = await handOverNote('Eli')
    expect(note.encrypted).toBe(true)
    expect(note.body).toContain('flow_token=')
    expect(note.body).toContain('not encrypted')
  })

  // The bridge may still open a chat for 20 s after its answer.
  test('a bridge that refuses: what it said and what is needed go to the moderator by direct chat', async () => {
    bridge.manner = 'refuses'
    const { ghost, email } = await arrive('Fred')
    await add(ghost, email)
    const note = await handOverNote('Fred')
    expect(note.body).toContain('Failed to start chat')
    expect(note.body).toContain('flow_token=')
    await untilGraduated(world, ghost.userId)
    // The note is in no room that others read.
    expect(world.moderator.timeline(world.adminRoom).some(({ body }) => body.includes('flow_token'))).toBe(false)
  })
})

test('twelve ghosts introduce themselves over the bridge, and none of them can command', async () => {
  const ghosts = await Promise.all(
    ['Gil', 'Hal', 'Isa', 'Jan', 'Kim', 'Liv', 'Max', 'Ned', 'Oda', 'Pia', 'Rea', 'Sam'].map(async (name) => await bridge.newGhost(name)),
  )
  for (const ghost of ghosts) await bridge.bring(ghost, world.indoc)
  const [first] = ghosts
  if (first === undefined) throw new Error('there are no ghosts')
  const introductions = new Map<string, string>()
  for (const ghost of ghosts) {
    const address = `${ghost.name.toLowerCase()}@riverbend.test`
    introductions.set(
      ghost.userId,
      await bridge.say(ghost, world.indoc, `1. ${ghost.name} Bridge\n2. none\n3. Mo\n4. ${address}\n5. hiking`),
    )
  }
  const understood = () =>
    world
      .query<{ user_id: string; introduction: string | null }>('SELECT user_id, introduction FROM newcomer')
      .filter(({ user_id: userId, introduction }) => introductions.has(userId) && introduction !== null)
  await eventually('all introductions are understood', () => (understood().length === ghosts.length ? true : undefined))

  const asked = await bridge.say(first, world.indoc, `!adduser Eve --email eve@riverbend.test`)
  const answer = await bridge.bot.waitForMessage((message) => message.sender === world.botId && message.replyTo === asked, patience)
  expect(answer.body).toMatch(/^❌/)
  expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', actor: first.userId }])
  expect(accountsOf(world, 'eve@riverbend.test')).toEqual([])

  // Approved by a reply to what came over the bridge, and never shown by id.
  const approval = await world.moderator.sendText(world.indoc, '!gtg', { replyTo: introductions.get(first.userId) ?? '' })
  const approved = await finalAnswer(world, world.indoc, approval)
  expect(approved.body).toMatch(/^✅.*Gil/)
  expect(approved.body).not.toContain(first.userId)
  expect(accountsOf(world, 'gil@riverbend.test')).toHaveLength(1)
  await eventually('the welcome is there', () => (readInPortal(first).length === 2 ? true : undefined))
  await untilGraduated(world, first.userId)
})

test('a key of somebody else than the bridge speaks for nobody behind it', async () => {
  const { ghost } = await arrive('Tom')
  // Mo's client encrypts, the ghost's account sends: as a server could make it look.
  const forged = await stranger.sendTextAs(ghost.user, world.indoc, '1. Tom Bridge\n2. none\n3. Mo\n4. tom@riverbend.test\n5. hiking')
  await eventually('it was looked at', () =>
    world.query<{ state: string }>('SELECT state FROM journal WHERE event_id = ?', forged)[0]?.state === 'done' ? true : undefined,
  )
  expect(world.query('SELECT introduction FROM newcomer WHERE user_id = ?', ghost.userId)).toEqual([{ introduction: null }])
})

const handOverNote = async (name: string): Promise<SeenMessage> => {
  const room = await eventually(
    'a direct chat with the moderator',
    () => world.query<{ room_id: string }>('SELECT room_id FROM direct_room WHERE user_id = ?', world.moderator.userId)[0]?.room_id,
  )
  if (membershipOf(world, room, world.moderator.userId) !== 'join') await world.moderator.joinRoom(room)
  return await world.moderator.waitForMessage(room, { sender: world.botId, body: new RegExp(`${name}.* could not be welcomed`) }, patience)
}
