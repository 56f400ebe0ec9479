import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { LightUser } from '../support/people/light.ts'
import type { Fault } from '../support/homeserver/proxy.ts'
import type { SeenMessage } from '../support/people/people.ts'
import {
  accountsOf,
  arrivalRooms,
  arriveAtIndoc,
  eventually,
  filesWith,
  jobOf,
  membershipOf,
  startArrivalWorld,
  untilGraduated,
  untilOffered,
  type ArrivalWorld,
  type Newcomer,
} from './arrivals.ts'
import { confirmCode, patience, stopClean } from './world.ts'

// What comes after the command: newcomers who need a new link, credentials that cannot be made, an arrival that is taken back.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld({
    rooms: [...arrivalRooms, { name: 'Hall', category: 'community', visibility: 'public', always: true, access: 'admin-join' }],
  })
})
afterEach(() => world.authentik.clearFaults())
afterAll(() => stopClean(world))

/** Gives a destructive command and its confirmation. */
const confirmed = async (text: string): Promise<SeenMessage> => {
  const plan = await world.give(text)
  const code = confirmCode(plan)
  expect(code, plan.body).not.toBe('')
  return await world.give(`!confirm ${code}`)
}

/** Somebody whose arrival was commanded and who has a client. */
const arrived = async (name: string): Promise<{ readonly newcomer: Newcomer; readonly client: LightUser }> => {
  const newcomer = await arriveAtIndoc(world, name)
  const client = await world.clientOf(newcomer)
  await world.settle(world.indoc)
  expect((await world.give(newcomer.command())).body).toMatch(/^✅/)
  return { newcomer, client }
}

const linkOf = (email: string): string => {
  const [account] = accountsOf(world, email)
  const key = world.authentik.state.recoveryKeys.get(account?.pk ?? 0)?.key
  if (key === undefined) throw new Error('there is no recovery link')
  return `${world.authentik.url}/if/flow/default-recovery-flow/?flow_token=${key}`
}

let ada: Newcomer
let client: LightUser
let direct: string

test('a recovery link that leads elsewhere: the welcome comes without it, once asked, and !retry brings only what is missing', async () => {
  const foreign = 'https://evil.example/if/flow/default-recovery-flow/?flow_token=1'
  world.authentik.failNext({ method: 'POST', pathPattern: /\/recovery\/$/, how: { status: 200, json: { link: foreign } }, times: 50 })
  const before = world.authentik.requests.length
  ;({ newcomer: ada, client } = await arrived('Ada'))
  // On the own server people can be put into rooms that the catalogue says so of.
  const hall = world.rooms.catalogue.find(({ name }) => name === 'Hall')?.roomId ?? ''
  expect(membershipOf(world, hall, ada.userId)).toBe('join')
  direct = await client.join(await untilOffered(world, ada.userId))
  const welcome = await client.waitForMessage(({ body }) => body.startsWith('Welcome to'), patience)
  expect(welcome.body).toMatch(/could not be made yet/)
  expect(welcome.body).not.toContain('evil.example')
  const alert = await world.moderator.waitForMessage(world.adminRoom, { sender: world.botId, body: /no complete welcome/ }, patience)
  expect(alert.body).toMatch(/leads to another host \(evil\.example\)/)
  expect(world.authentik.requests.slice(before).filter(({ path }) => path.endsWith('/recovery/'))).toHaveLength(1)

  world.authentik.clearFaults()
  const job = /!retry (\d+)/.exec(alert.body)?.[1]
  expect((await world.give(`!retry ${job}`)).body).toMatch(/^✅/)
  const credentials = await client.waitForMessage(({ body }) => /a new way into your account/.test(body), patience)
  expect(credentials.body).toContain(linkOf(ada.email))
  expect(client.messages(direct).filter(({ body }) => body.startsWith('Welcome to'))).toHaveLength(1)
})

test('resend: the newcomer’s own word in the own chat brings the welcome again, with a link that works', async () => {
  // The old one was used.
  world.authentik.state.recoveryKeys.clear()
  await client.sendText(direct, 'Resend.')
  const again = await client.waitForMessage(({ body }) => body.startsWith('Welcome to') && body.includes('flow_token'), patience)
  expect(again.body).toContain(linkOf(ada.email))
  expect(again.roomId).toBe(direct)
})

test('!reset: to her only; the moderator reads that it was delivered; never against oneself', async () => {
  world.authentik.state.recoveryKeys.clear()
  const count = client.messages(direct).length
  const answer = await confirmed(`!reset ${ada.userId}`)
  expect(answer.body).toMatch(/^✅.*delivered by encrypted DM/s)
  const link = linkOf(ada.email)
  await client.waitForMessage(({ body }) => body.includes(link), patience)
  expect(client.messages(direct)).toHaveLength(count + 1)
  expect(world.moderator.timeline().filter(({ body }) => body.includes('flow_token'))).toEqual([])
  expect(filesWith(world, link.slice(-20))).toEqual([])
  const [account] = accountsOf(world, ada.email)
  expect((await world.give(`!reset ${world.moderator.userId}`)).body).toMatch(/^❌/)
  expect(account?.is_active).toBe(true)
})

test('!stuck: who is not in yet, with rows that other commands take; a read welcome and a used link are no reason', async () => {
  // Ada was welcomed a moment ago: nobody has to ask her anything yet.
  expect((await world.give('!stuck')).body).not.toContain('Ada')
  const before = await world.give('!stuck --all')
  expect(before.body).toMatch(/1\. Ada.*has not read the welcome; has not used the link; has not accepted 3 invitations/)
  const last = client.messages(direct).at(-1)
  await world.admin.as(ada.user)('POST', `/_matrix/client/v3/rooms/${direct}/receipt/m.read/${last?.eventId}`, {})
  const [account] = accountsOf(world, ada.email)
  if (account !== undefined) account.last_login = '2026-01-02T03:04:05Z'
  const after = await world.give('!stuck --all')
  expect(after.body).toMatch(/1\. Ada[^;]*has not accepted 3 invitations/)
  // The row is Ada.
  expect((await world.give('!welcome 1 --dry-run')).body).toMatch(/welcome Ada by encrypted DM/)
})

test.each<[string, Fault | undefined, RegExp]>([
  [
    'says that there is nobody',
    { kind: 'answer', status: 404, json: { errcode: 'M_NOT_FOUND', error: 'Profile was not found' } },
    /^❌ nobody is called @zoe:elsewhere\.test, says their server\. If the id is right, let them give themselves a display name/,
  ],
  [
    'hides profiles',
    { kind: 'answer', status: 403, json: { errcode: 'M_FORBIDDEN', error: 'No' } },
    /could not check that it belongs to somebody.*!confirm \w{5}/s,
  ],
  ['cannot be reached', undefined, /could not check that it belongs to somebody.*!confirm \w{5}/s],
])('an id on another server, which %s: nothing is linked or sent to it unasked', async (_what, how, words) => {
  const rule = how === undefined ? undefined : world.proxy.add({ match: { path: /\/profile\/.*elsewhere/ }, how })
  const before = world.authentik.state.users.size
  const answer = await world.give('!adduser Zoe --matrix @zoe:elsewhere.test')
  expect(answer.body).toMatch(words)
  expect(world.authentik.state.users.size).toBe(before)
  expect(world.query("SELECT 1 FROM link WHERE user_id = '@zoe:elsewhere.test'")).toEqual([])
  rule?.remove()
})

test('!undo: the account is disabled, open invitations are taken back, open work is given up', async () => {
  const { newcomer } = await arrived('Bob')
  const chat = await untilOffered(world, newcomer.userId)
  const lobby = world.rooms.catalogue.find(({ name }) => name === 'Lobby')?.roomId ?? ''
  expect(membershipOf(world, lobby, newcomer.userId)).toBe('invite')
  await world.settle(world.adminRoom)
  const answer = await confirmed('!undo')
  expect(answer.body).toMatch(/^✅/)
  expect(answer.body).toMatch(/disable the account bob-/)
  const [account] = accountsOf(world, newcomer.email)
  expect(account?.is_active).toBe(false)
  for (const room of [lobby, chat]) expect(membershipOf(world, room, newcomer.userId)).toBe('leave')
  expect(membershipOf(world, world.indoc, newcomer.userId)).toBe('join')
  for (const kind of ['welcome', 'graduation']) expect(jobOf(world, kind, newcomer.userId)).toMatchObject({ state: 'cancelled' })
  expect(world.query('SELECT * FROM link WHERE user_id = ?', newcomer.userId)).toEqual([])
  const jobs = await world.give('!jobs')
  expect(jobs.body).toMatch(/given up by /)
  expect(jobs.body).not.toMatch(/given up: given up/)
  // Ada's was before it, and is the next one.
  expect((await world.give('!undo --dry-run')).body).toMatch(/undo the arrival of Ada/)
  // Another e-mail: nothing of the old one stands in the way.
  const again = await world.give(newcomer.command().replace(newcomer.email, `other-${newcomer.email}`))
  expect(again.body).toMatch(/^✅/)
  await eventually('a new account is linked', () => world.query('SELECT * FROM link WHERE user_id = ?', newcomer.userId)[0])
})

test('somebody without a Matrix user: what they need goes to the moderator by DM, and their own code links them', async () => {
  const email = 'eve@riverbend.test'
  const command = `!adduser Eve Harbour --email ${email} --interests hiking`
  const early = await world.give(command)
  const chat = await untilOffered(world, world.moderator.userId)
  // The moderator had no direct chat with the bot yet: nothing secret was made.
  expect(early.body).toMatch(/^⚠️.*have not joined the direct chat.*!reset eve-/s)
  const [account] = accountsOf(world, email)
  expect(world.authentik.state.recoveryKeys.get(account?.pk ?? 0)).toBeUndefined()
  await world.moderator.joinRoom(chat)
  expect((await confirmed(`!reset ${account?.username}`)).body).toMatch(/^✅.*sent to you by DM/s)
  const note = await world.moderator.waitForMessage(chat, { sender: world.botId, body: /please pass this on in private/ }, patience)
  expect(note.body).toContain(linkOf(email))
  const code = /[a-z2-9]{5}-[a-z2-9]{5}(?=\s|$)/.exec(note.body)?.[0] ?? ''
  expect(filesWith(world, code)).toEqual([])

  // Not by somebody else's word, and not by the moderator's own.
  await world.moderator.sendText(chat, code)
  await world.moderator.waitForMessage(chat, { sender: world.botId, body: /has to send it from their own Matrix account/ }, patience)
  const newcomer = await arriveAtIndoc(world, 'Eve')
  const eve = await world.clientOf(newcomer)
  await world.settle(world.indoc)
  const { room_id } = await world.admin.as(newcomer.user)('POST', '/_matrix/client/v3/createRoom', {
    preset: 'private_chat',
    is_direct: true,
    invite: [world.botId],
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  const own = String(room_id)
  await eventually('the bot has joined', () => (membershipOf(world, own, world.botId) === 'join' ? true : undefined))
  await eve.sendText(own, code)
  await eve.waitForMessage(({ body }) => body.startsWith('Thank you, Eve!'), patience)
  const welcome = await eve.waitForMessage(({ body }) => body.startsWith('Welcome to'), patience)
  expect(welcome.roomId).toBe(own)
  // She has her link already.
  expect(welcome.body).not.toContain('flow_token')
  expect(welcome.body).toContain('Hiking')
  expect(world.query<{ account_pk: number; proven: number }>('SELECT * FROM link WHERE user_id = ?', newcomer.userId)).toMatchObject([
    { account_pk: account?.pk, proven: 0 },
  ])
  const told = await world.moderator.waitForMessage(
    world.adminRoom,
    { sender: world.botId, body: /Eve Harbour .*write the details/s },
    patience,
  )
  expect(told.mentions).toContain(world.moderator.userId)
  await untilGraduated(world, newcomer.userId)
  expect(accountsOf(world, email)).toHaveLength(1)
  expect(account?.attributes).toMatchObject({ matrix_id: newcomer.userId })
})
