import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Person } from '../support/people/people.ts'
import {
  accountsOf,
  eventually,
  finalAnswer,
  groupNames,
  membershipOf,
  startArrivalWorld,
  untilGraduated,
  untilMembersKnown,
  untilOffered,
  type ArrivalWorld,
} from './arrivals.ts'
import { confirmCode, patience, stopClean } from './world.ts'

// From the prompt to the graduation, by what people write in INDOC.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld({ bot: { env: { GATEHOUSE_INTRODUCTION_PROMPT_EVERY: '0s' } } })
  await untilMembersKnown(world)
})
afterAll(() => stopClean(world))

/** Somebody with a client of their own, not signed, in INDOC. */
const comes = async (name: string): Promise<Person> => {
  const user = await world.admin.registerUser({ name: name.toLowerCase(), displayName: name })
  const person = await world.people.join({ user, crossSign: false })
  await person.joinRoom(world.indoc)
  return person
}
const prompted = (person: Person) =>
  person.waitForMessage(
    world.indoc,
    { sender: world.botId, fits: ({ mentions, body }) => mentions.includes(person.userId) && /Who invited you/.test(body) },
    patience,
  )

interface Row {
  readonly state: string
  readonly introduction: string | null
  readonly vouched: string | null
}
const rowOf = (person: Pick<Person, 'userId'>): Row | undefined =>
  world.query<Row>('SELECT state, introduction, vouched FROM newcomer WHERE user_id = ?', person.userId)[0]
const understood = (person: Person): Promise<unknown> =>
  eventually('the introduction is understood', () => {
    const introduction = rowOf(person)?.introduction
    return introduction === null || introduction === undefined ? undefined : (JSON.parse(introduction) as unknown)
  })
const command = async (roomId: string, text: string, replyTo?: string) => {
  const commandId = await world.moderator.sendText(roomId, text, replyTo === undefined ? {} : { replyTo })
  return { commandId, answer: await finalAnswer(world, roomId, commandId) }
}
const inIndoc = (): string => JSON.stringify(world.moderator.timeline(world.indoc).filter(({ sender }) => sender === world.botId))

describe('the arrival of Ada', () => {
  const email = 'ada.introduced@riverbend.test'
  let ada: Person
  let last: string

  test('she is asked once, and answers in two encrypted messages from an unsigned device', async () => {
    ada = await comes('Ada')
    const prompt = await prompted(ada)
    expect(prompt).toMatchObject({ encrypted: true, undecryptable: false, msgtype: 'm.text' })
    await ada.sendText(world.indoc, `1. Ada Lovelace\n2. Analytical Engines\n3. ${world.moderator.userId}`)
    last = await ada.sendText(world.indoc, `4. ${email}\n5. hiking, maths\n6. https://www.linkedin.com/in/ada?utm_source=x`)
    expect(await understood(ada)).toMatchObject({
      name: 'Ada Lovelace',
      organization: 'Analytical Engines',
      email,
      interests: ['hiking', 'maths'],
      linkedin: 'https://www.linkedin.com/in/ada',
      guesses: [],
    })
    expect(world.query<{ trust: string }>('SELECT trust FROM newcomer WHERE user_id = ?', ada.userId)[0]?.trust).toBe('unsigned')
    expect(world.query("SELECT state FROM job WHERE kind = 'introduction-deadline' AND unique_key = ?", ada.userId)).toEqual([
      { state: 'cancelled' },
    ])
  })

  test('her inviter is asked by direct chat, and the answer stands in !pending', async () => {
    const direct = await world.moderator.waitForInvite(world.botId, patience)
    await world.moderator.joinRoom(direct)
    const question = await world.moderator.waitForMessage(direct, { sender: world.botId, body: /Do you vouch/ }, patience)
    expect(question.body).toContain(ada.userId)
    // A stolen password is no voucher: the same gate as for commands.
    const unsigned = await world.people.join({ user: world.users.moderator, crossSign: false })
    await unsigned.sendText(direct, 'Yes!')
    await world.moderator.waitForMessage(
      direct,
      { sender: world.botId, body: /have not counted your answer: your device \S+ .*is not verified by you.*answer again/ },
      patience,
    )
    expect(rowOf(ada)?.vouched).toBeNull()
    await unsigned.logout()
    await world.moderator.sendText(direct, 'Yes!')
    await world.moderator.waitForMessage(direct, { sender: world.botId, body: /tell the moderators that you vouch/ }, patience)
    expect(rowOf(ada)?.vouched).toBe('yes')
  })

  test('!pending: her address in the admin room, and never in INDOC', async () => {
    const open = await world.ask(world.indoc, '!pending')
    expect(open.body).toMatch(/Ada.*introduced.*Ada Lovelace.*vouches for them/s)
    expect(open.body).not.toContain(email)
    expect((await world.ask(world.adminRoom, '!pending')).body).toContain(email)
  })

  test('!gtg as a reply: account with everything, rooms, welcome, out of INDOC', async () => {
    const { answer } = await command(world.indoc, '!gtg', last)
    expect(answer.body).toMatch(new RegExp(`^✅ Ada Lovelace \\(${ada.userId}\\)`))
    expect(answer.body).not.toContain(email)
    const [account, ...others] = accountsOf(world, email)
    expect(others).toEqual([])
    expect(account?.attributes).toMatchObject({
      matrix_id: ada.userId,
      organization: 'Analytical Engines',
      invited_by: world.moderator.userId,
      invited_by_confirmed: true,
      interests: ['hiking', 'maths'],
      linkedin: 'https://www.linkedin.com/in/ada',
      created_by: `gatehouse:${world.moderator.userId}`,
    })
    expect(account?.attributes['intro']).toContain('1. Ada Lovelace')
    expect(groupNames(world, account)).toEqual(['Members'])
    const direct = await untilOffered(world, ada.userId)
    await ada.joinRoom(direct)
    await ada.waitForMessage(direct, { sender: world.botId, body: /Your account is ready/ }, patience)
    await untilGraduated(world, ada.userId)
    for (const name of ['Riverbend', 'Lobby', 'Hiking']) {
      const room = world.rooms.catalogue.find((one) => one.name === name)
      expect([name, membershipOf(world, room?.roomId ?? '', ada.userId)]).toEqual([name, 'invite'])
    }
    await eventually('her introduction is forgotten', () =>
      rowOf(ada)?.state === 'left' && rowOf(ada)?.introduction === null ? true : undefined,
    )
    expect(world.query('SELECT 1 FROM introduction_message WHERE user_id = ?', ada.userId)).toEqual([])
    await world.settle(world.indoc)
    expect(inIndoc()).not.toContain(email)
    expect(readFileSync(world.files.logFile, 'utf8')).not.toContain(email)
  })
})

test('a guess is shown and waits; two approvals at the same moment make one account', async () => {
  const ben = await comes('Ben')
  await prompted(ben)
  const said = await ben.sendText(world.indoc, 'Name: Ben\nOrg: skip\nInvited by: nobody\nEmail: ben.guessed@gmail\nInterests: hiking')
  await understood(ben)
  const asked = await command(world.indoc, '!gtg', said)
  expect(asked.answer.body).toMatch(/Please confirm: Ben .*What I understood: name Ben.*completed it to gmail\.com/s)
  expect(asked.answer.body).not.toContain('ben.guessed')
  expect(accountsOf(world, 'ben.guessed@gmail.com')).toEqual([])

  // The newcomer corrects the address: the edit counts, and nothing is guessed any more.
  await ben.send(world.indoc, 'm.room.message', {
    msgtype: 'm.text',
    body: '* edited',
    'm.new_content': { msgtype: 'm.text', body: 'Name: Ben\nOrg: skip\nInvited by: nobody\nEmail: ben@riverbend.test\nInterests: hiking' },
    'm.relates_to': { rel_type: 'm.replace', event_id: said },
  })
  await eventually('the edit counts', () => (rowOf(ben)?.introduction?.includes('ben@riverbend.test') === true ? true : undefined))
  const [inRoom, inAdmin] = await Promise.all([
    command(world.indoc, '!gtg --no-rooms', said),
    command(world.adminRoom, `!approve ${ben.userId} --no-rooms`),
  ])
  const bodies = [inRoom.answer.body, inAdmin.answer.body].sort()
  expect(bodies.filter((body) => body.startsWith('✅'))).toHaveLength(1)
  expect(bodies.filter((body) => body.startsWith('⚠️') && /a second time/.test(body))).toHaveLength(1)
  expect(accountsOf(world, 'ben@riverbend.test')).toHaveLength(1)
})

test('an introduction in one sentence is understood, and what was taken out of it is confirmed before an account is made', async () => {
  const faye = await comes('Faye')
  await prompted(faye)
  const email = 'faye.sentence@riverbend.test'
  const said = await faye.sendText(
    world.indoc,
    `Hi, I'm Faye Doe from Riverbend Mills, Ben invited me, my email is ${email} and I'm into hiking and maths`,
  )
  expect(await understood(faye)).toMatchObject({ name: 'Faye Doe', organization: 'Riverbend Mills', invitedBy: 'Ben', email })
  const asked = await command(world.indoc, '!gtg', said)
  expect(asked.answer.body).toMatch(/Please confirm: .*What I understood: name Faye Doe.*interests hiking, maths.*written in sentences/s)
  expect(asked.answer.body).not.toContain(email)
  expect(accountsOf(world, email)).toEqual([])
  const code = confirmCode(asked.answer)
  expect(code, asked.answer.body).not.toBe('')
  expect((await command(world.indoc, `!confirm ${code}.`)).answer.body).toMatch(/^✅ Faye Doe/)
  expect(accountsOf(world, email)).toHaveLength(1)
})

test('a knock is let in and asked then; who is declined is told with the reason', async () => {
  await world.admin.as(world.users.admin)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/state/m.room.join_rules/`, {
    join_rule: 'knock',
  })
  const user = await world.admin.registerUser({ name: 'cleo', displayName: 'Cleo' })
  const cleo = await world.people.join({ user, crossSign: false })
  await cleo.knock(world.indoc)
  await world.moderator.waitForMembership(world.indoc, cleo.userId, 'knock')
  const pending = await eventually('the knock is known', () => (rowOf(cleo) === undefined ? undefined : true)).then(() =>
    world.ask(world.indoc, '!pending'),
  )
  const row = /(\d+)\. Cleo [^\n]*knocks/.exec(pending.body)?.[1]
  expect(row, pending.body).toBeDefined()
  const { answer } = await command(world.indoc, `!gtg ${row}`)
  expect(answer.body).toMatch(/^✅ Cleo .*let Cleo .* into INDOC/s)
  await cleo.waitForInvite(world.botId, patience)
  await cleo.joinRoom(world.indoc)
  await prompted(cleo)

  const extended = await command(world.indoc, `!extend ${cleo.userId} --by 3d`)
  expect(extended.answer.body).toMatch(/^✅ .*3 days/s)
  const declined = await command(world.indoc, `!decline ${cleo.userId} --reason "nobody here knows you"`)
  expect(declined.answer.body).toMatch(/^✅ Cleo/)
  const told = await cleo.waitForMessage(
    world.indoc,
    { sender: world.botId, fits: ({ mentions, body }) => mentions.includes(cleo.userId) && body.includes('nobody here knows you') },
    patience,
  )
  expect(told.encrypted).toBe(true)
  expect(membershipOf(world, world.indoc, cleo.userId)).toBe('join')
  expect((await world.ask(world.indoc, '!pending')).body).not.toContain('Cleo')

  const dina = await world.admin.registerUser({ name: 'dina', displayName: 'Dina' })
  await world.admin.as(dina)('POST', `/_matrix/client/v3/knock/${encodeURIComponent(world.indoc)}`, {})
  await eventually('the knock is known', () => (rowOf(dina) === undefined ? undefined : true))
  expect((await command(world.indoc, `!decline ${dina.userId}`)).answer.body).toMatch(/^✅ .*reject the knock/s)
  await eventually('the knock is rejected', () => (membershipOf(world, world.indoc, dina.userId) === 'leave' ? true : undefined))
  await eventually('the stay is over', () => (rowOf(dina)?.state === 'left' ? true : undefined))
})

test('what was written while the bot was away counts, and nobody is asked for it; a relation outside the ciphertext names nobody', async () => {
  await world.admin.as(world.users.admin)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/state/m.room.join_rules/`, {
    join_rule: 'public',
  })
  await world.bot.stop()
  const eve = await comes('Eve')
  const said = await eve.sendText(world.indoc, '1. Eve\n2. skip\n3. skip\n4. eve@riverbend.test\n5. hiking')
  await world.bot.start()
  await understood(eve)
  await eventually('nobody is left to ask', () =>
    world.query<{ state: string }>("SELECT state FROM job WHERE kind = 'introduction-prompt' ORDER BY job_id DESC")[0]?.state === 'done'
      ? true
      : undefined,
  )
  const forgedId = await world.moderator.sendText(world.indoc, '!gtg', { outerRelation: { 'm.in_reply_to': { event_id: said } } })
  expect((await world.answerTo(world.indoc, forgedId)).body).toMatch(/Whom do you mean/)
  expect(accountsOf(world, 'eve@riverbend.test')).toEqual([])
  expect(eve.timeline(world.indoc).filter(({ mentions }) => mentions.includes(eve.userId))).toEqual([])

  // She leaves before anybody has decided: nothing of her is kept, and nothing can be approved by mistake.
  await eve.leave(world.indoc)
  await eventually('her stay is over', () => (rowOf(eve)?.state === 'left' && rowOf(eve)?.introduction === null ? true : undefined))
  expect((await command(world.indoc, '!gtg', said)).answer.body).toMatch(/is not in INDOC any more/)
  expect(accountsOf(world, 'eve@riverbend.test')).toEqual([])
})
