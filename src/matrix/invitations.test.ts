import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answered, cancelled, limited, memoryDatabase, refused, TestClock, timedOut } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { GateResult } from '../http/contract.ts'
import { silentLogger } from '../operations/logger.ts'
import type { Role, RoomId, UserId } from '../types.ts'
import type { Homeserver } from './client.ts'
import { DirectRooms } from './direct-rooms.ts'
import { createInvitationHandler } from './invitations.ts'

const roomId = '!new' as RoomId
const indoc = '!indoc' as RoomId
let database: Database
beforeEach(() => {
  database = memoryDatabase()
})
afterEach(() => {
  database.close()
})

const world = (
  given: {
    readonly role?: Role
    readonly member?: boolean
    readonly listed?: boolean
    readonly standing?: string
    readonly bridge?: boolean
  } = {},
) => {
  const { role = 'everyone', member = false, listed = true, standing = 'invite', bridge = false } = given
  const clock = new TestClock()
  const asked: string[] = []
  const answers: GateResult[] = []
  const homeserver = {
    request: (_method: string, path: string) => {
      asked.push(path.slice(path.lastIndexOf('/') + 1))
      return Promise.resolve(answers.shift() ?? answered({}))
    },
  } as unknown as Homeserver
  const directory = {
    room: () => ({ ownMembership: standing }),
    joinedRooms: () => [{ freshness: { asOf: listed ? 1 : null } }],
  } as unknown as Directory
  const directRooms = new DirectRooms({
    database,
    directory,
    homeserver,
    clock,
    logger: silentLogger,
    isEncrypted: () => true,
    newMarker: () => 'm',
  })
  const answer = createInvitationHandler({
    homeserver,
    directory,
    directRooms,
    clock,
    logger: silentLogger,
    roleOf: () => role,
    isNamed: (room) => room === indoc,
    isBridge: () => bridge,
    isMember: () => member,
  })
  const receivedAt = clock.now()
  const invite = (isDirect = false, room = roomId) => answer({ roomId: room, sender: '@ada:x' as UserId, isDirect, receivedAt })
  return { clock, asked, answers, directRooms, invite }
}

describe('who is let in', () => {
  test.each<[string, Parameters<typeof world>[0], boolean, RoomId, string]>([
    ['a moderator invites into a room', { role: 'moderator' }, false, roomId, 'join'],
    ['a moderator writes to the bot', { role: 'moderator' }, true, roomId, 'join'],
    ['somebody of the community writes to the bot', { member: true }, true, roomId, 'join'],
    ['somebody of the community invites into a room', { member: true }, false, roomId, 'leave'],
    ['a stranger writes to the bot', {}, true, roomId, 'leave'],
    ['a bridge opens a chat', { bridge: true }, false, roomId, 'join'],
    ['anybody invites into INDOC', {}, false, indoc, 'join'],
  ])('%s', async (_what, given, isDirect, room, action) => {
    const { invite, asked } = world(given)
    expect(await invite(isDirect, room)).toBeUndefined()
    expect(asked).toEqual([action])
  })

  test('a direct chat is remembered as one before the bot is in it', async () => {
    const { invite, directRooms } = world({ member: true })
    await invite(true)
    expect(directRooms.personOf(roomId)).toBe('@ada:x')
  })

  test('an invitation that was taken back or answered is no more', async () => {
    const { invite, asked } = world({ role: 'moderator', standing: 'join' })
    expect([await invite(), asked]).toEqual([undefined, []])
  })
})

describe('an invitation is not lost', () => {
  test.each<[string, GateResult]>([
    ['an outage', refused(502)],
    ['no answer', timedOut],
    ['the shutdown', cancelled],
    ['another error', refused(401, 'M_UNKNOWN_TOKEN')],
  ])('by %s', async (_what, failure) => {
    const { invite, answers, asked } = world({ role: 'moderator' })
    answers.push(failure)
    expect(await invite()).toMatchObject({ words: expect.any(String) as string })
    expect(await invite()).toBeUndefined()
    expect(asked).toEqual(['join', 'join'])
  })

  test('by a limit: it waits as long as the server asks', async () => {
    const { invite, answers } = world({ role: 'moderator' })
    answers.push(limited(90_000))
    expect(await invite()).toMatchObject({ retryAfterMs: 90_000 })
  })

  test('by ignorance: nobody is declined before the members of the rooms are known', async () => {
    const { invite, asked, clock } = world({ listed: false })
    expect(await invite(true)).toMatchObject({ words: 'it is not known yet who is in the rooms' })
    expect(asked).toEqual([])
    await clock.advance(5 * 60_000)
    expect(await invite(true)).toBeUndefined()
    expect(asked).toEqual(['leave'])
  })

  test.each([403, 404])('but a refusal (%i) is final', async (status) => {
    const { invite, answers } = world({ role: 'moderator' })
    answers.push(refused(status, 'M_FORBIDDEN'))
    expect(await invite()).toBeUndefined()
  })
})
