import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  accountsOf,
  arrivalRooms,
  arriveAtIndoc,
  directRooms,
  eventually,
  finalAnswer,
  jobOf,
  membershipOf,
  startArrivalWorld,
  untilGraduated,
  untilOffered,
  type ArrivalWorld,
} from './arrivals.ts'
import { patience, stopClean } from './world.ts'

// Newcomers who do what nobody expects of them, and moderators who do it twice. Nobody is left in a dead end.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld({ rooms: arrivalRooms, bot: { env: { GATEHOUSE_GRADUATION_GRACE: '4s' } } })
})
afterEach(() => world.proxy.clear())
afterAll(() => stopClean(world))

test('who ignores everything, with a chat and invitations that fail besides, is out of INDOC after the grace, with a good-bye', async () => {
  const forbidden = { errcode: 'M_FORBIDDEN', error: 'no' }
  for (const path of [/\/invite$/, /\/createRoom$/])
    world.proxy.add({ match: { path }, how: { kind: 'answer', status: 403, json: forbidden } })
  const ada = await arriveAtIndoc(world)
  await world.settle(world.indoc)
  const answer = await world.give(ada.command())
  expect(answer.body).toMatch(/^⚠️/)
  expect(accountsOf(world, ada.email)).toHaveLength(1)
  await untilGraduated(world, ada.userId)
  await world.moderator.waitForMessage(
    world.indoc,
    { sender: world.botId, fits: ({ mentions, body }) => mentions.includes(ada.userId) && body.includes('you have arrived') },
    patience,
  )
  // The moderators know what is missing, and it can be done later.
  const alert = await world.moderator.waitForMessage(world.adminRoom, { sender: world.botId, body: /no complete welcome/ }, patience)
  const job = /!retry (\d+)/.exec(alert.body)?.[1]
  world.proxy.clear()
  const reader = await world.clientOf(ada)
  expect((await world.give(`!retry ${job}`)).body).toMatch(/^✅/)
  await reader.join(await untilOffered(world, ada.userId))
  await reader.waitForMessage(({ body }) => body.includes('flow_token'), patience)
})

test('the same arrival from two rooms in the same second: one account, one chat, one welcome', async () => {
  const ben = await arriveAtIndoc(world, 'Ben')
  await world.settle(world.indoc)
  const rooms = [world.indoc, world.adminRoom]
  const ids = await Promise.all(rooms.map(async (room) => await world.moderator.sendText(room, ben.command())))
  const answers = await Promise.all(ids.map(async (id, index) => await finalAnswer(world, rooms[index] ?? '', id)))
  expect(answers.filter(({ body }) => body.startsWith('✅'))).not.toEqual([])
  expect(accountsOf(world, ben.email)).toHaveLength(1)
  await untilOffered(world, ben.userId)
  // The command again finds everything there.
  expect((await world.give(ben.command())).body).toMatch(/^✅/)
  expect(accountsOf(world, ben.email)).toHaveLength(1)
  expect(directRooms(world, ben.userId)).toHaveLength(1)
  expect(world.query('SELECT * FROM job WHERE kind = ? AND unique_key = ?', 'welcome', ben.userId)).toHaveLength(1)
})

test('leaves INDOC at once, takes another name, reads on a second device: the welcome is complete on both', async () => {
  const cleo = await arriveAtIndoc(world, 'Cleo')
  const phone = await world.clientOf(cleo, 'PHONE')
  await world.settle(world.indoc)
  expect((await world.give(cleo.command())).body).toMatch(/^✅/)
  const as = world.admin.as(cleo.user)
  await as('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/leave`, {})
  await as('PUT', `/_matrix/client/v3/profile/${encodeURIComponent(cleo.userId)}/displayname`, { displayname: '<b>Queen</b> of INDOC' })
  const chat = await untilOffered(world, cleo.userId)
  const desk = await world.clientOf(cleo, 'DESK')
  await phone.join(chat)
  for (const device of [phone, desk]) {
    const welcome = await device.waitForMessage(({ body }) => body.includes('flow_token'), patience)
    expect([welcome.roomId, welcome.encrypted]).toEqual([chat, true])
  }
  const done = await eventually('the graduation has nothing to do', () => {
    const job = jobOf(world, 'graduation', cleo.userId)
    return job?.state === 'done' ? job : undefined
  })
  expect(done.last_error).toMatch(/not in INDOC/)
  expect(membershipOf(world, world.indoc, cleo.userId)).toBe('leave')
  // No good-bye for somebody who has gone. (On a slow machine the question who she is may have come before the command.)
  await world.settle(world.indoc)
  const toHer = world.moderator.timeline().filter(({ roomId, mentions }) => roomId === world.indoc && mentions.includes(cleo.userId))
  expect(toHer.map(({ body }) => body).filter((body) => !body.startsWith('Welcome, Cleo! So that'))).toEqual([])
})
