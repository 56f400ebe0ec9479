import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RoomPlan } from '../demo/rooms.ts'
import type { User } from '../support/homeserver/admin.ts'
import type { LoggedRequest } from '../support/homeserver/proxy.ts'
import type { Person, SeenMessage, TextOptions } from '../support/people/people.ts'
import { finalAnswer } from './arrivals.ts'
import { confirmCode, patience, startWorld, type World } from './world.ts'

// Somebody must go, and everything around it: who may, who may be meant, how it may be written.

const technical = 3
const rooms: readonly RoomPlan[] = Array.from({ length: 20 }, (_, index) => ({
  name: index < technical ? `Tech ${index + 1}` : `Talk ${index + 1}`,
  category: index < technical ? 'tech' : 'community',
  encrypted: index % 5 === 0,
  people: ['members'],
}))

let world: World
let other: Person
let target: User
let bystander: User

beforeAll(async () => {
  world = await startWorld({ rooms, members: 3 })
  ;[target, bystander] = world.users.members as readonly [User, User]
  other = await world.people.join({ user: world.users.freshModerator })
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

const stateOf = async (roomId: string, change: (content: Record<string, unknown>) => Record<string, unknown>): Promise<void> => {
  const creator = world.admin.as(world.users.admin)
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels/`
  await creator('PUT', path, change(await creator('GET', path)))
}

const membersOf = (userId: string): readonly string[] =>
  world.rooms.catalogue.filter(({ roomId }) => world.admin.database.memberships(roomId).get(userId) === 'join').map(({ name }) => name)

/** What changes something on the homeserver; messages, receipts and keys do not count. */
const changing = (requests: readonly LoggedRequest[]): readonly string[] =>
  requests
    .filter(
      ({ method, path }) =>
        method !== 'GET' && !/\/(send|receipt|typing|sendToDevice)\/|\/keys\/(query|claim|upload)$|\/room_keys\//.test(path),
    )
    .map(({ method, path }) => `${method} ${path}`)

/** An answer and the event that it answers. */
type Asked = SeenMessage & { readonly asked: string }

/** Asks something that must change nothing anywhere. */
const askInVain = async (roomId: string, text: string, options?: TextOptions): Promise<Asked> => {
  const [before, authentik] = [world.proxy.requests.list().length, world.authentik.requests.length]
  const asked = await world.moderator.sendText(roomId, text, options)
  const answer = await finalAnswer(world, roomId, asked)
  await world.settle(roomId)
  expect(changing(world.proxy.requests.list().slice(before))).toEqual([])
  expect(world.authentik.requests.slice(authentik).filter(({ method }) => method !== 'GET')).toEqual([])
  return { ...answer, asked }
}

describe('how it may be written', () => {
  test.each([
    ['any letter case', (id: string) => `!Remove ${id}`],
    ['a no-break space', (id: string) => `!remove\u00a0${id}\u00a0`],
    ['curly quotes and a long dash', (id: string) => `!remove ${id} —reason “too loud”`],
    ['low quotes', (id: string) => `!remove ${id} --reason „too loud“`],
    ['a matrix.to link', (id: string) => `!remove https://matrix.to/#/${encodeURIComponent(id)}`],
    ['a matrix: URI', (id: string) => `!remove matrix:u/${id.slice(1)}`],
    ['the name of the bot', (id: string) => `gatehouse: remove ${id}`],
  ])('%s', async (_how, text) => {
    const answer = await askInVain(world.adminRoom, text(target.userId))
    expect(answer.body).toMatch(/^Please confirm: remove Ben.* from 20 rooms/)
    if (text('').includes('loud')) expect(answer.body).toContain('too loud')
    expect(confirmCode(answer)).not.toBe('')
  })

  test('pills of the bot and of the person, with a colon', async () => {
    const pill = (userId: string, name: string) => `<a href="https://matrix.to/#/${userId}">${name}</a>`
    const answer = await askInVain(world.adminRoom, 'Gatehouse: remove Ben', {
      formattedBody: `${pill(world.botId, 'Gatehouse')}: remove ${pill(target.userId, 'Ben')}`,
      mentions: [world.botId, target.userId],
    })
    expect(answer.body).toMatch(/^Please confirm: remove Ben.* from 20 rooms/)
  })

  test('a dry run asks for no confirmation', async () => {
    const answer = await askInVain(world.adminRoom, `!remove ${target.userId} --dry-run`)
    expect(answer.body).toMatch(/^Nothing was done.*remove Ben.* from 20 rooms/)
    expect(confirmCode(answer)).toBe('')
  })
})

describe('who may be meant', () => {
  test.each([
    ['oneself', () => world.users.moderator.userId, 'target-self'],
    ['the bot', () => world.botId, 'target-bot'],
    ['another moderator', () => world.users.freshModerator.userId, 'target-role'],
    ['an admin', () => world.users.admin.userId, 'target-role'],
  ])('%s: refused and audited', async (_who, userId, code) => {
    const answer: Asked = await askInVain(world.adminRoom, `!remove ${userId()}`)
    expect(answer.body).toMatch(/^❌/)
    expect(world.audit(answer.asked)).toMatchObject([{ outcome: 'refused', code, command: 'remove' }])
  })
})

describe('what is not there', () => {
  test.each([
    ['a word', (): string => '!remvoe @a:b', /did you mean.*remove/i, 'unknown-command'],
    ['an option', (): string => `!remove ${target.userId} --romos tech`, /did you mean.*--rooms/i, 'unknown-option'],
    ['a room', (): string => `!remove ${target.userId} --rooms "Tehc 1"`, /did you mean.*Tech 1/is, undefined],
    [
      'a person',
      (): string => `!remove @${target.localpart.slice(0, -1)}x:${world.homeserver.serverName}`,
      /did you mean.*ben/is,
      undefined,
    ],
    ['a name', (): string => '!remove bne', /did you mean.*ben/is, undefined],
  ] as const)('%s: a suggestion and nothing done', async (_what, text, words, code) => {
    const answer: Asked = await askInVain(world.adminRoom, text())
    expect(answer.body).toMatch(words)
    expect(confirmCode(answer)).toBe('')
    if (code !== undefined) expect(world.audit(answer.asked)).toMatchObject([{ outcome: 'refused', code }])
  })
})

describe('who may ask', () => {
  test('people without a role, and a command in the wrong room: refused and audited', async () => {
    const stranger = await world.people.join({ user: world.users.newcomer })
    const before = world.proxy.requests.list().length
    const asked = await stranger.sendText(world.indoc, `!remove ${target.userId}`)
    const answer = await stranger.waitForMessage(world.indoc, { sender: world.botId, replyTo: asked }, patience)
    expect(answer.body).toMatch(/^❌.*moderators/)
    expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', code: 'no-role', actor: stranger.userId }])
    expect(changing(world.proxy.requests.list().slice(before))).toEqual([])
    await stranger.stop()

    const elsewhere = await askInVain(world.indoc, '!audit')
    expect(elsewhere.body).toMatch(/^❌.*admin room/)
    expect(world.audit(elsewhere.asked)).toMatchObject([{ outcome: 'refused', code: 'wrong-room' }])
    expect(world.query('SELECT * FROM plan WHERE asker = ?', stranger.userId)).toEqual([])
  })
})

describe('a person in 20 rooms, of which the bot lacks power in two', () => {
  let code: string

  test('the plan tells both reasons and who could help', async () => {
    // In one the bot has no power, in the other one the person has as much.
    await stateOf(world.rooms.id('Talk 10'), (content) => ({ ...content, users: { [world.botId]: 0 } }))
    await stateOf(world.rooms.id('Talk 20'), (content) => ({ ...content, users: { [world.botId]: 100, [target.userId]: 100 } }))
    await world.moderator.sendText(world.adminRoom, 'Two rooms have new power levels now')
    await world.settle(world.adminRoom)
    const answer = await askInVain(world.adminRoom, `!remove ${target.userId} --reason spam`)
    expect(answer.body).toMatch(/^Please confirm: remove Ben.* from 20 rooms/)
    expect(answer.body).toMatch(/Talk 10: kicking needs power 50 there, and I have 0\. Who could: Olga/)
    expect(answer.body).toMatch(/Talk 20: Ben.* has power 100 there, and I have 100: not more\. Who could: Olga/)
    code = confirmCode(answer)
    expect(membersOf(target.userId)).toHaveLength(20)
  })

  test('another moderator cannot confirm it', async () => {
    const asked = await other.sendText(world.adminRoom, `!confirm ${code}`)
    const answer = await world.answerTo(world.adminRoom, asked)
    expect(answer.body).toMatch(/^❌.*only the person who asked/)
    const bare = await other.sendText(world.adminRoom, code)
    expect((await world.answerTo(world.adminRoom, bare)).body).toMatch(/^❌/)
    for (const eventId of [asked, bare]) expect(world.audit(eventId)).toMatchObject([{ outcome: 'refused', code: 'not-yours' }])
    expect(membersOf(target.userId)).toHaveLength(20)
  })

  test('after a restart the confirmation still works: 18 kicks, ⚠️ and a truthful report', async () => {
    await world.bot.restart()
    const asked = await world.moderator.sendText(world.adminRoom, `!confirm ${code}`)
    const answer = await finalAnswer(world, world.adminRoom, asked)
    expect(answer.body).toMatch(/^⚠️ remove Ben.* from 20 rooms: 18 kicks done, 2 failed/)
    const left = membersOf(target.userId)
    expect(left).toEqual(['Talk 10', 'Talk 20'])
    const kicks = world.rooms.catalogue.flatMap(({ roomId }) =>
      world.admin.database
        .events({ roomId, sender: world.botId, type: 'm.room.member', stateKey: target.userId })
        .filter(({ content }) => content['membership'] === 'leave'),
    )
    expect(kicks).toHaveLength(18)
    for (const kick of kicks) expect(kick.content['reason']).toEqual(expect.any(String))
    for (const { name } of world.rooms.catalogue) expect(answer.body).toContain(name)
    const [done = '', failed = ''] = answer.body.split('❌ failed')
    for (const name of left) {
      expect(failed).toContain(`${name}:`)
      expect(done).not.toContain(`${name},`)
    }
    expect(failed.match(/Who could: Olga/g)).toHaveLength(2)
    expect(membersOf(bystander.userId)).toHaveLength(20)
  })

  test('the code works once, and what is done already is not done again', async () => {
    const used = await askInVain(world.adminRoom, `!confirm ${code}`)
    expect(used.body).toMatch(/^❌.*used already/)
    const again = await askInVain(world.adminRoom, `!remove ${target.userId} --rooms "Talk 12"`)
    expect(again.body).toMatch(/^✅.*in none of these rooms/)
  })
})

test('!remove @a --rooms tech @b removes both, from the rooms of that category only', async () => {
  const [, , third] = world.users.members as readonly [User, User, User]
  const planned = await askInVain(world.adminRoom, `!remove ${bystander.userId} --rooms tech ${third.userId}`)
  expect(planned.body).toMatch(/remove .*Cleo.*Dina.* from 3 rooms/)
  const asked = await world.moderator.sendText(world.adminRoom, confirmCode(planned))
  const answer = await finalAnswer(world, world.adminRoom, asked)
  expect(answer.body).toMatch(/^✅.*6 kicks done/)
  for (const { userId } of [bystander, third]) {
    expect(membersOf(userId)).toHaveLength(17)
    expect(membersOf(userId).filter((name) => name.startsWith('Tech'))).toEqual([])
  }
})

test('a code is good in the room where it was asked for only', async () => {
  const planned = await askInVain(world.adminRoom, `!remove ${bystander.userId}`)
  const elsewhere = await askInVain(world.indoc, `!confirm ${confirmCode(planned)}`)
  expect(elsewhere.body).toMatch(/^❌/)
  expect(world.audit(elsewhere.asked)).toMatchObject([{ outcome: 'refused', code: 'unknown' }])
  expect(membersOf(bystander.userId)).toHaveLength(17)
})
