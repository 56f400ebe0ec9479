import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Person } from '../support/people/people.ts'
import { patience, startWorld, type World } from './world.ts'

// What stands on the wire and in the server's database, and what the bot believes of it.

let world: World
let strict: Person

beforeAll(async () => {
  world = await startWorld()
  strict = await world.people.join({ user: world.users.newcomer, strict: true })
})
afterAll(async () => {
  // Whatever these tests did: the bot sent nothing in clear to an encrypted room.
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

/** Sends an event and shows that the bot says nothing to it: a command sent after it is answered, the event is not. */
const expectSilence = async (roomId: string, eventId: string): Promise<void> => {
  await world.settle(roomId)
  expect(world.answersTo(eventId)).toEqual([])
  expect(world.audit(eventId)).toEqual([])
}

describe('the bot on the wire', () => {
  test('an encrypted !ping is answered encrypted and without a shield', async () => {
    const answer = await world.ask(world.indoc, '!ping')
    expect(answer).toMatchObject({ encrypted: true, undecryptable: false, shield: 'none', msgtype: 'm.notice', mentions: [] })
    expect(answer.body).toMatch(/pong/i)
  })

  test('its device is signed by its owner, for a client that knows signed devices only', async () => {
    const devices = await strict.devicesOf(world.botId)
    expect(devices).toHaveLength(1)
    expect(await strict.deviceTrust(world.botId, devices[0]!)).toMatchObject({ known: true, signedByOwner: true })
    // Such a client reads it, and is read by it.
    const asked = await strict.sendText(world.indoc, '!ping')
    const answer = await strict.waitForMessage(world.indoc, { sender: world.botId, replyTo: asked }, patience)
    expect(answer).toMatchObject({ encrypted: true, shield: 'none' })
  })

  test('nothing is in clear in an encrypted room, and a message in clear would be seen', async () => {
    const { database } = world.admin
    await world.ask(world.indoc, '!help')
    await world.ask(world.adminRoom, '!status')
    for (const roomId of [world.indoc, world.adminRoom]) {
      expect(database.state(roomId, 'm.room.encryption')).toBeDefined()
      expect(database.countEvents({ roomId, sender: world.botId, type: 'm.room.encrypted' })).toBeGreaterThan(0)
      expect(database.plaintextMessages({ roomId, sender: world.botId })).toEqual([])
    }
    const leak = await world.moderator.sendText(world.adminRoom, 'in clear', { plain: true })
    expect(database.plaintextMessages({ roomId: world.adminRoom }).map((event) => event.event_id)).toEqual([leak])
  })
})

describe('commands in clear in an encrypted room', () => {
  test.each(['!ping', '!invite Ada', '!remove @ada:example.org', '!confirm abcde'])('%s is refused, encrypted', async (text) => {
    const asked = await world.moderator.sendText(world.adminRoom, text, { plain: true })
    const answer = await world.answerTo(world.adminRoom, asked)
    expect(answer.encrypted).toBe(true)
    expect(answer.body).toMatch(/^❌/)
    expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', actor: world.moderator.userId }])
    if (!text.startsWith('!confirm')) expect(world.audit(asked)[0]).toMatchObject({ code: 'in-clear' })
  })

  test('nothing of it is done', () => {
    expect(world.query('SELECT * FROM plan')).toEqual([])
    expect(world.authentik.requests.filter(({ method }) => method !== 'GET')).toEqual([])
  })
})

describe('relations', () => {
  test('a reply relation forged outside the ciphertext is not believed, the one inside is', async () => {
    const refused = await world.moderator.sendText(world.adminRoom, '!invite Ada', { plain: true })
    await world.answerTo(world.adminRoom, refused)
    await world.ask(world.adminRoom, '!ping')

    const inside = await world.ask(world.adminRoom, '!why', { replyTo: refused })
    expect(inside.body).toContain('invite')
    const forged = await world.moderator.sendText(world.adminRoom, '!why', { outerRelation: { 'm.in_reply_to': { event_id: refused } } })
    const answer = await world.answerTo(world.adminRoom, forged)
    // Without a reply it is about the command before: the !ping.
    expect(answer.body).toContain('ping')
    expect(answer.body).not.toContain('invite')
    // The forged relation really was on the wire.
    const stored = world.admin.database.events(world.adminRoom).find((event) => event.event_id === forged)
    expect(stored?.content['m.relates_to']).toEqual({ 'm.in_reply_to': { event_id: refused } })
  })

  test('an answer stands in the thread that was asked in', async () => {
    const root = await world.moderator.sendText(world.adminRoom, 'Let us talk about the bot')
    const answer = await world.ask(world.adminRoom, '!ping', { thread: root })
    expect(answer.threadRoot).toBe(root)
  })
})

describe('what is no command', () => {
  test.each([
    ['a notice', '!ping', { notice: true }],
    ['a prefix that stands alone', '! ping', {}],
    ['a command inside a sentence', 'please !ping', {}],
    ['a quoted line', '> !ping', {}],
    ['a room id', '!abc:example.org', {}],
    ['chatter that begins with its name', 'Gatehouse is a nice name', {}],
  ] as const)('%s', async (_what, text, options) => {
    await expectSilence(world.indoc, await world.moderator.sendText(world.indoc, text, options))
  })

  test('a word that only begins like a command is not taken for it', async () => {
    const requests = world.authentik.requests.length
    const sent = await world.moderator.sendText(world.adminRoom, '!invitex Ada')
    expect((await world.answerTo(world.adminRoom, sent)).body).toMatch(/did you mean.*invite/is)
    expect(world.audit(sent)).toMatchObject([{ outcome: 'refused', code: 'unknown-command' }])
    expect(world.authentik.requests.slice(requests)).toEqual([])
  })

  test('thanks in reply to the bot, an edit of a command, and a reply that quotes one', async () => {
    const answer = await world.ask(world.indoc, '!ping')
    const thanks = await world.moderator.sendText(world.indoc, 'thanks!', { replyTo: answer.eventId })
    const edited = await world.moderator.sendText(world.indoc, 'I meant to write a command')
    const edit = await world.moderator.sendText(world.indoc, '!ping', { edit: edited })
    const quoting = await world.moderator.sendText(world.indoc, `> <${world.botId}> !ping\n\nwhat is that?`, { replyTo: answer.eventId })
    await world.settle(world.indoc)
    for (const eventId of [thanks, edited, edit, quoting]) expect(world.answersTo(eventId)).toEqual([])
  })
})

describe('what is meant', () => {
  test.each(['!Ping', '!PING', 'gatehouse: ping', 'Gatehouse, ping', '\u00a0!ping\u00a0'])('%j', async (text) => {
    expect((await world.ask(world.indoc, text)).body).toMatch(/pong/i)
  })

  test('a pill with a colon', async () => {
    const pill = `<a href="https://matrix.to/#/${encodeURIComponent(world.botId)}">Gatehouse</a>`
    const answer = await world.ask(world.indoc, 'Gatehouse: ping', { formattedBody: `${pill}: ping`, mentions: [world.botId] })
    expect(answer.body).toMatch(/pong/i)
  })

  test('curly quotes hold words together, and an open one is pointed at', async () => {
    const answer = await world.ask(world.adminRoom, '!invite “Ada Lovelace” —dry-run')
    expect(answer.body).toContain('Ada Lovelace')
    expect(answer.body).toMatch(/Nothing was done/)
    const open = await world.ask(world.adminRoom, '!invite “Ada Lovelace')
    expect(open.body).toMatch(/^❌/)
    expect(open.body).toMatch(/quot/i)
  })
})

describe('who may', () => {
  test('a person without a role is refused, audited, and nothing is done', async () => {
    const before = world.authentik.requests.length
    const asked = await strict.sendText(world.indoc, '!adduser Eve')
    const answer = await strict.waitForMessage(world.indoc, { sender: world.botId, replyTo: asked }, patience)
    expect(answer.body).toMatch(/^❌.*moderators/)
    expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', code: 'no-role', actor: strict.userId }])
    expect(world.authentik.requests.slice(before).filter(({ method }) => method !== 'GET')).toEqual([])
    expect(world.query('SELECT * FROM plan WHERE asker = ?', strict.userId)).toEqual([])
  })

  test('a device that its owner has not signed may look but not change', async () => {
    const other = await world.people.join({ user: world.users.moderator, crossSign: false })
    const looking = await other.sendText(world.adminRoom, '!ping')
    expect((await world.answerTo(world.adminRoom, looking)).body).toMatch(/pong/i)
    const changing = await other.sendText(world.adminRoom, '!invite Ada')
    const answer = await world.answerTo(world.adminRoom, changing)
    expect(answer.body).toContain(other.deviceId)
    expect(world.audit(changing)).toMatchObject([{ outcome: 'refused', code: 'untrusted-device' }])
    // In the admin room only signed devices can read what it was answered; the direct chat tells it so.
    const direct = await other.waitForInvite(world.botId)
    await other.joinRoom(direct)
    const hint = await other.waitForMessage(direct, { sender: world.botId, body: /verified devices only/ }, patience)
    expect(hint.body).toContain(other.deviceId)
    await other.logout()
  })

  test('a moderator who types commands in another room is refused there, audited, and nothing is done', async () => {
    const room = await otherRoom({ encrypted: true })
    const chatter = await world.moderator.sendText(room, 'good morning')
    const foreign = await world.moderator.sendText(room, '!weather Paris')
    for (const text of ['!ping', `!remove ${strict.userId} --rooms ${room}`, '!invite Ada']) {
      const asked = await world.moderator.sendText(room, text)
      const answer = await world.answerTo(room, asked)
      expect(answer).toMatchObject({ encrypted: true })
      expect(answer.body).toMatch(/^❌ Nothing was done: I take no commands in this room/)
      expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', code: 'other-room', actor: world.moderator.userId, room_id: room }])
    }
    // What is no command of ours is left to other bots.
    for (const eventId of [chatter, foreign]) {
      expect(world.answersTo(eventId)).toEqual([])
      expect(world.audit(eventId)).toEqual([])
    }
    expect(world.query('SELECT * FROM plan WHERE room_id = ?', room)).toEqual([])
  })

  test('others are not answered there; what they type in clear is audited', async () => {
    const room = await otherRoom({ encrypted: false })
    await strict.joinRoom(room)
    const asked = await strict.sendText(room, `!remove ${world.moderator.userId}`)
    await world.ask(world.indoc, '!ping')
    await world.settle(world.indoc)
    expect(world.answersTo(asked)).toEqual([])
    expect(world.audit(asked)).toMatchObject([{ command: 'remove', outcome: 'refused', code: 'other-room', actor: strict.userId }])
  })

  test('there only the room keys of people with a role are kept', async () => {
    const room = await otherRoom({ encrypted: true })
    await strict.joinRoom(room)
    const keys = (): number =>
      world.query("SELECT key FROM crypto_record JOIN crypto_area ON id = area WHERE store = 'inbound_group_sessions3'").length
    await strict.sendText(world.indoc, 'good morning')
    await world.settle(world.indoc)
    const before = keys()
    await strict.sendText(room, 'hello everybody')
    await world.settle(world.indoc)
    // The server delivers the key before the message that was sent after it.
    expect(keys()).toBe(before)
    const asked = await world.moderator.sendText(room, '!ping')
    expect((await world.answerTo(room, asked)).body).toContain('I take no commands in this room')
    // The moderator's, and the bot's own.
    expect(keys()).toBe(before + 2)
  })
})

/** A room that the bot was invited to by a moderator and is in, but does not listen in. */
const otherRoom = async ({ encrypted }: { readonly encrypted: boolean }): Promise<string> => {
  const room = await world.moderator.createRoom({ encrypted, name: 'Elsewhere', invite: [world.botId, strict.userId] })
  await world.moderator.waitForMembership(room, world.botId, 'join', patience)
  // The bot has seen its own join when it answers what was said after it.
  await world.settle(world.indoc)
  return room
}
