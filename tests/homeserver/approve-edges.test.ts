import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startLightUser, type LightUser } from '../support/people/light.ts'
import {
  accountsOf,
  arriveAtIndoc,
  directRooms,
  eventually,
  finalAnswer,
  membershipOf,
  startArrivalWorld,
  untilGraduated,
  untilOffered,
  type ArrivalWorld,
  type Newcomer,
} from './arrivals.ts'
import { patience, stopClean } from './world.ts'

// `!gtg` when something fails in the middle of it, when two moderators are at it, and when the newcomer goes on writing, moving and renaming themselves.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld({ bot: { env: { GATEHOUSE_INTRODUCTION_PROMPT: 'false' } } })
})
afterEach(() => {
  world.proxy.clear()
  world.authentik.clearFaults()
})
afterAll(() => stopClean(world))

interface Introduced extends Newcomer {
  readonly client: LightUser
  readonly said: string
}
const introductionOf = (name: string, email: string): string => `1. ${name} Lovelace\n2. Engines\n3. skip\n4. ${email}\n5. hiking`
const understood = (userId: string): string | null | undefined =>
  world.query<{ introduction: string | null }>('SELECT introduction FROM newcomer WHERE user_id = ?', userId)[0]?.introduction
const untilUnderstood = (userId: string, email: string): Promise<unknown> =>
  eventually(`${email} is understood`, () => (understood(userId)?.includes(email) === true ? true : undefined))
const introduced = async (name: string): Promise<Introduced> => {
  const newcomer = await arriveAtIndoc(world, name)
  const client = await world.clientOf(newcomer, 'PHONE')
  await client.join(world.indoc)
  const said = await client.sendText(world.indoc, introductionOf(name, newcomer.email))
  await untilUnderstood(newcomer.userId, newcomer.email)
  return { ...newcomer, client, said }
}
/** One account with a link, one chat with a hello and a welcome, which has the only secret. */
const expectWelcomedOnce = async (one: Introduced): Promise<void> => {
  const direct = await one.client.join(await untilOffered(world, one.userId))
  await one.client.waitForMessage(({ roomId, body }) => roomId === direct && body.includes('flow_token'), patience)
  await untilGraduated(world, one.userId)
  await world.settle(world.adminRoom)
  const [account, ...others] = accountsOf(world, one.email)
  expect(others).toEqual([])
  expect(world.query('SELECT account_pk FROM link WHERE user_id = ?', one.userId)).toEqual([{ account_pk: account?.pk }])
  expect(directRooms(world, one.userId)).toEqual([direct])
  expect(one.client.messages(direct).filter(({ body }) => body.startsWith('Welcome to'))).toHaveLength(1)
  expect(world.moderator.timeline().filter(({ body }) => body.includes('flow_token'))).toEqual([])
}
const forbidden = { errcode: 'M_FORBIDDEN', error: 'no' }

test('each step that fails is told, and the same !gtg completes it', async () => {
  const [ada, ben, cleo, dina] = await Promise.all([introduced('Ada'), introduced('Ben'), introduced('Cleo'), introduced('Dina')])
  for (const [one, status] of [
    [ada, 500],
    [ben, 409],
  ] as const) {
    world.authentik.failNext({ method: 'POST', pathPattern: /\/core\/users\/$/, how: { status } })
    const first = await world.give(`!gtg ${one.userId} --no-rooms`)
    expect(first.body).toMatch(/^(⚠️|❌|❔)/u)
    expect(accountsOf(world, one.email)).toEqual([])
  }
  for (const one of [ada, ben]) expect((await world.give(`!gtg ${one.userId} --no-rooms`)).body).toMatch(/^✅/)

  world.proxy.add({ match: { method: 'POST', path: /\/invite$/ }, how: { kind: 'answer', status: 403, json: forbidden } })
  expect((await world.give(`!gtg ${cleo.userId}`)).body).toMatch(/^⚠️.*invite.*the same command given again/s)
  world.proxy.clear()
  expect((await world.give(`!gtg ${cleo.userId}`)).body).toMatch(/^✅/)

  world.proxy.add({ match: { method: 'POST', path: /\/createRoom$/ }, how: { kind: 'answer', status: 403, json: forbidden } })
  expect((await world.give(`!gtg ${dina.userId} --no-rooms`)).body).toMatch(/^✅/)
  const alert = await world.moderator.waitForMessage(world.adminRoom, { sender: world.botId, body: /no complete welcome/ }, patience)
  world.proxy.clear()
  expect((await world.give(`!retry ${/!retry (\d+)/.exec(alert.body)?.[1]}`)).body).toMatch(/^✅/)
  await Promise.all([ada, ben, cleo, dina].map(expectWelcomedOnce))
}, 180_000)

test('a knock that cannot be let in is told, and let in by the same !gtg', async () => {
  const user = await world.admin.registerUser({ name: 'emil', displayName: 'Emil' })
  const joinRule = (rule: 'knock' | 'public') =>
    world.admin.as(world.users.admin)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/state/m.room.join_rules/`, {
      join_rule: rule,
    })
  await joinRule('knock')
  await world.admin.as(user)('POST', `/_matrix/client/v3/knock/${encodeURIComponent(world.indoc)}`, {})
  await joinRule('public')
  await eventually('the knock is known', () => world.query('SELECT 1 FROM newcomer WHERE user_id = ?', user.userId)[0])
  world.proxy.add({ match: { method: 'POST', path: /\/invite$/ }, how: { kind: 'answer', status: 403, json: forbidden } })
  // Nothing of Authentik is needed for it.
  world.authentik.failNext({ pathPattern: /\/core\//, how: { status: 503 }, times: 100 })
  expect((await world.give(`!gtg ${user.userId}`)).body).toMatch(/^❌/)
  expect(membershipOf(world, world.indoc, user.userId)).toBe('knock')
  world.proxy.clear()
  expect((await world.give(`!gtg ${user.userId}`)).body).toMatch(/^✅/)
  expect(membershipOf(world, world.indoc, user.userId)).toBe('invite')
})

test('two moderators approve in the same second; she has a new name and a second device by then', async () => {
  const olga = await startLightUser(world.homeserver, { user: world.users.admin, crossSign: true })
  const fay = await introduced('Fay')
  await world.admin.as(fay.user)('PUT', `/_matrix/client/v3/profile/${encodeURIComponent(fay.userId)}/displayname`, {
    displayname: '<b>Queen</b> of INDOC',
  })
  const desk = await world.clientOf(fay, 'DESK')
  const [one, other] = await Promise.all([
    world.moderator.sendText(world.indoc, '!gtg --no-rooms', { replyTo: fay.said }),
    olga.sendText(world.adminRoom, `!approve ${fay.userId} --no-rooms`),
  ])
  const answers = await Promise.all([finalAnswer(world, world.indoc, one), finalAnswer(world, world.adminRoom, other)])
  const bodies = answers.map(({ body }) => body).toSorted()
  expect(bodies[0]).toMatch(/^⚠️.*a second time/s)
  expect(bodies[1]).toMatch(/^✅ Fay Lovelace/)
  await expectWelcomedOnce(fay)
  await desk.waitForMessage(({ body }) => body.includes('flow_token'), patience)
  expect(accountsOf(world, fay.email)[0]).toMatchObject({ name: 'Fay Lovelace', attributes: { matrix_id: fay.userId } })
  await olga.stop()
})

test('a !gtg that waits for Authentik approves what its writer could read; who has left meanwhile is not let in', async () => {
  const [gus, hana] = await Promise.all([introduced('Gus'), introduced('Hana')])
  world.authentik.failNext({ method: 'GET', pathPattern: /\/core\//, how: { status: 503 }, times: 1000 })
  const saved: string[] = []
  for (const one of [gus, hana]) {
    const { body } = await world.give(`!gtg ${one.userId} --no-rooms`)
    saved.push(/Saved as #(\d+)/.exec(body)?.[1] ?? body)
  }
  await gus.client.sendText(world.indoc, introductionOf('Gus', `other-${gus.email}`), { edit: gus.said })
  await untilUnderstood(gus.userId, `other-${gus.email}`)
  await world.admin.as(hana.user)('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/leave`, {})
  await eventually('her stay is over', () => (understood(hana.userId) === null ? true : undefined))
  world.authentik.clearFaults()
  for (const job of saved) await world.give(`!retry ${job}`)
  const told = await eventually('both are answered', () => {
    const bodies = world.moderator
      .timeline(world.adminRoom)
      .filter(({ sender, body }) => sender === world.botId && /has to be looked at first|not in INDOC any more/.test(body))
    return bodies.length === 2 ? bodies.map(({ body }) => body).join('\n') : undefined
  })
  expect(told).toMatch(/What I understood: name Gus Lovelace.*changed this after your command/s)
  expect(told).toMatch(/Hana.*not in INDOC any more/)
  expect(told).not.toContain(gus.email)
  for (const email of [gus.email, `other-${gus.email}`, hana.email]) expect(accountsOf(world, email)).toEqual([])
  // By now the moderator has read it.
  expect((await world.give(`!gtg ${gus.userId} --no-rooms`)).body).toMatch(/^✅/)
  await expectWelcomedOnce({ ...gus, email: `other-${gus.email}` })
  expect(accountsOf(world, gus.email)).toEqual([])
}, 180_000)
