import Sqlite from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ActiveRule, Rule } from '../support/homeserver/proxy.ts'
import type { LightUser } from '../support/people/light.ts'
import {
  accountsOf,
  arriveAtIndoc,
  directRooms,
  eventually,
  finalAnswer,
  sendTo,
  startArrivalWorld,
  untilGraduated,
  untilMembersKnown,
  untilOffered,
  type ArrivalWorld,
  type Newcomer,
} from './arrivals.ts'
import { pointsOf } from './points.ts'
import { confirmCode, patience, stopClean } from './world.ts'

// The steps of `!gtg` itself and the deadlines that it ends: the bot is killed at each, before the step has its effect and after it, and started again.
// What follows an approval (account, chat, welcome, good-bye) is that of `!adduser`: adduser-crash.test.ts.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld({ bot: { env: { GATEHOUSE_INTRODUCTION_PROMPT_EVERY: '0s' } } })
  await untilMembersKnown(world)
})
afterEach(async () => {
  world.proxy.clear()
  world.authentikProxy.clear()
  if (!world.bot.running) await world.bot.start()
})
afterAll(() => stopClean(world))

type Moment = 'hang' | 'hang-after-commit'

/** The bot is held at its next request of a kind; the function waits until it is. */
const hold = (
  at: 'homeserver' | 'authentik',
  match: Rule['match'],
  kind: Moment,
  more: Pick<Rule, 'times'> = { times: 1 },
): (() => Promise<void>) => {
  const rule: ActiveRule = (at === 'homeserver' ? world.proxy : world.authentikProxy).add({ match, how: { kind }, ...more })
  return async () => {
    await eventually(`the bot is held at ${String(match.path)}`, () =>
      (kind === 'hang' ? rule.hits : rule.committed) > 0 ? true : undefined,
    )
  }
}
const makesAccount = { method: 'POST', path: /\/core\/users\/$/ }

const killAndStart = async (meanwhile?: () => void): Promise<void> => {
  await world.bot.kill()
  meanwhile?.()
  world.proxy.clear()
  world.authentikProxy.clear()
  await world.bot.start()
}

/** Changes what a dead bot has noted. */
const rewrite = (change: (database: Sqlite.Database) => void): void => {
  if (world.bot.running) throw new Error('only the data of a dead bot may be changed')
  const database = new Sqlite(`${world.files.dataDir}/gatehouse.db`)
  try {
    change(database)
  } finally {
    database.close()
  }
}

const hours = 3_600_000
/** For somebody who waits so much time passes (milliseconds): what the dead bot has noted of them is longer ago. */
const passes = (ms: number, { userId }: Waiting): void =>
  rewrite((database) => {
    database.prepare('UPDATE job SET run_at = run_at - ? WHERE unique_key = ?').run(ms, userId)
    database
      .prepare('UPDATE newcomer SET since = since - ?, prompted_at = prompted_at - ?, deadline = deadline - ? WHERE user_id = ?')
      .run(ms, ms, ms, userId)
  })

/**
 * What a crash inside of a decision leaves, where no request goes out at which the bot could be held: its intent is noted, and nothing of it
 * (`intended`) or the decision without its outcome (`decided`). Nothing behind it has begun.
 */
const crashedIn = (moment: 'intended' | 'decided', { userId }: Waiting): void =>
  rewrite((database) => {
    const { plan } = database.prepare('SELECT decided_plan AS plan FROM newcomer WHERE user_id = ?').get(userId) as { plan: number }
    database.prepare("UPDATE effect SET state = 'planned', intended_at = NULL WHERE plan_id = ? AND state = 'intended'").run(plan)
    const { changes } = database
      .prepare(
        "UPDATE effect SET state = 'intended', code = NULL, detail = NULL, finished_at = NULL WHERE plan_id = ? AND kind = 'newcomer.decide'",
      )
      .run(plan)
    expect(changes).toBe(1)
    if (moment === 'decided') return
    database
      .prepare("UPDATE newcomer SET state = 'waiting', decided_by = NULL, decided_at = NULL, decided_plan = NULL WHERE user_id = ?")
      .run(userId)
  })

interface Waiting extends Newcomer {
  readonly name: string
  readonly client: LightUser
}

const comes = async (name: string): Promise<Waiting> => {
  const newcomer = await arriveAtIndoc(world, name)
  const client = await world.clientOf(newcomer)
  await client.join(world.indoc)
  return { ...newcomer, name, client }
}
/** Doubtful: with two addresses, of which the first one is taken. */
const introductionOf = ({ name, email }: Waiting, doubtful = false): string =>
  `1. ${name} Lovelace\n2. Engines\n3. skip\n4. ${email}${doubtful ? `, other-${email}` : ''}\n5. hiking`
const introduces = async (one: Waiting, text = introductionOf(one)): Promise<string> => {
  const said = await one.client.sendText(world.indoc, text)
  await eventually(`${one.name} is understood`, () =>
    rowOf(one.userId)?.introduction === null || rowOf(one.userId) === undefined ? undefined : true,
  )
  return said
}
/** Waits until the bot has noted a command in a state. What is held may be something else of the same room, such as a progress message. */
const untilJournal = (commandId: string, state: 'pending' | 'running' | 'done'): Promise<unknown> =>
  eventually(`a command is ${state}`, () => world.query('SELECT 1 FROM journal WHERE event_id = ? AND state = ?', commandId, state)[0])
/** Somebody who knocks at INDOC, which is open to everybody else. */
const knocksAt = async (name: string): Promise<Waiting> => {
  const user = await world.admin.registerUser({ name: name.toLowerCase(), displayName: name })
  const joinRule = (rule: 'knock' | 'public') =>
    world.admin.as(world.users.admin)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/state/m.room.join_rules/`, {
      join_rule: rule,
    })
  await joinRule('knock')
  await world.admin.as(user)('POST', `/_matrix/client/v3/knock/${encodeURIComponent(world.indoc)}`, {})
  await joinRule('public')
  await eventually('the knock is known', () => rowOf(user.userId))
  const newcomer: Newcomer = { user, userId: user.userId, email: `${user.localpart}@riverbend.test`, command: () => '' }
  return { ...newcomer, name, client: await world.clientOf(newcomer) }
}
const timesInvited = ({ userId }: Waiting): number =>
  world.admin.database
    .events({ roomId: world.indoc, sender: world.botId, type: 'm.room.member', stateKey: userId })
    .filter(({ content }) => content['membership'] === 'invite').length
const rowOf = (userId: string) =>
  world.query<{ state: string; introduction: string | null; vouched: string | null; reminded_at: number | null }>(
    'SELECT state, introduction, vouched, reminded_at FROM newcomer WHERE user_id = ?',
    userId,
  )[0]
const openJobs = (userId: string): readonly string[] =>
  world
    .query<{ kind: string }>("SELECT kind FROM job WHERE unique_key = ? AND state NOT IN ('done', 'cancelled')", userId)
    .map(({ kind }) => kind)
/** What the bot has said in INDOC to somebody, by its first words. */
const toldInIndoc = (userId: string): readonly string[] =>
  world.moderator
    .timeline(world.indoc)
    .filter(({ sender, mentions }) => sender === world.botId && mentions.includes(userId))
    .map(({ body }) => /you have arrived|still waiting|Who invited you/.exec(body)?.[0] ?? body)
const prompt = 'Who invited you'
const nobodyIsLeftToAsk = (): Promise<unknown> =>
  eventually('everybody was asked who has to be', () =>
    world.query("SELECT 1 FROM job WHERE kind = 'introduction-prompt' AND state NOT IN ('done', 'cancelled')").length === 0
      ? true
      : undefined,
  )

/** One account, one chat, one welcome, one good-bye, one end of the stay for each; nothing goes on, and no secret outside its chat. */
const expectArrivedOnce = async (all: readonly Waiting[], told: readonly string[] = []): Promise<void> => {
  await Promise.all(
    all.map(async ({ client, userId }) => {
      const direct = await untilOffered(world, userId)
      await client.join(direct)
      await client.waitForMessage(({ roomId, body }) => roomId === direct && body.includes('flow_token'), patience)
      await untilGraduated(world, userId)
      await eventually('the stay is over', () => (rowOf(userId)?.state === 'left' && openJobs(userId).length === 0 ? true : undefined))
    }),
  )
  // Whatever would come twice comes before the answers to these.
  await Promise.all([world.settle(world.indoc), world.settle(world.adminRoom)])
  for (const { client, userId, name, email } of all) {
    const [account, ...others] = accountsOf(world, email)
    expect(others).toEqual([])
    expect(world.query('SELECT account_pk FROM link WHERE user_id = ?', userId)).toEqual([{ account_pk: account?.pk }])
    const [direct = '', ...further] = directRooms(world, userId)
    expect(further).toEqual([])
    const read = client.messages(direct).map(({ body }) => body)
    expect(read.map((body) => body.split(/[,!\n]/, 1)[0])).toEqual([`Hello ${name}`, 'Welcome to Riverbend Makers'])
    expect(world.admin.database.countEvents({ roomId: direct, sender: world.botId, type: 'm.room.encrypted' })).toBe(2)
    // Who was slow is asked once.
    const words = toldInIndoc(userId)
    expect(words.filter((word) => word !== prompt)).toEqual([...told, 'you have arrived'])
    expect(words.filter((word) => word === prompt).length).toBeLessThanOrEqual(1)
    const removals = world.admin.database
      .events({ roomId: world.indoc, sender: world.botId, type: 'm.room.member', stateKey: userId })
      .filter(({ content }) => content['membership'] === 'leave')
    expect(removals).toHaveLength(1)
    const link = world.authentik.state.recoveryKeys.get(account?.pk ?? 0)?.key ?? 'no link'
    expect(read[1]).toContain(link)
    const elsewhere = [...world.moderator.timeline(), ...client.messages().filter(({ roomId }) => roomId !== direct)]
    expect(elsewhere.filter(({ body }) => body.includes(link))).toEqual([])
  }
}

const moments = [
  ['before', 'hang'],
  ['after', 'hang-after-commit'],
] as const

describe.each(moments)('killed %s the effect', (_when, kind) => {
  test('at six steps of !gtg at once: each ends as if nothing had happened', async () => {
    const all = await Promise.all(['Ada', 'Ben', 'Cleo', 'Dina', 'Emil'].map(comes))
    const [account, answer, question, confirmed, reads] = all as [Waiting, Waiting, Waiting, Waiting, Waiting]
    const said = new Map(
      await Promise.all(
        all.map(async (one) => [one, await introduces(one, introductionOf(one, one === question || one === confirmed))] as const),
      ),
    )
    const knocks = await knocksAt('Fay')
    await nobodyIsLeftToAsk()
    const gtg = (one: Waiting): Promise<string> => world.moderator.sendText(world.indoc, '!gtg', { replyTo: said.get(one) ?? '' })
    const code = confirmCode(await world.give(`!gtg ${confirmed.userId} --no-rooms`))
    expect(code).not.toBe('')

    // The decision is made, the account is not; a second approval is told so.
    let held = hold('authentik', makesAccount, kind)
    const accountId = await gtg(account)
    await Promise.all([held(), untilJournal(accountId, 'running')])
    expect(rowOf(account.userId)?.state).toBe('approved')
    expect((await world.give(`!approve ${account.userId}`)).body).toMatch(/^⚠️.*being done right now/s)

    // The same behind a confirmation.
    held = hold('authentik', makesAccount, kind)
    const confirmedId = await world.moderator.sendText(world.adminRoom, `!confirm ${code}`)
    await Promise.all([held(), untilJournal(confirmedId, 'running')])

    // Everything is done, and not answered.
    held = hold('homeserver', sendTo(world.indoc), kind)
    const answerId = await gtg(answer)
    await Promise.all([held(), untilJournal(answerId, 'done')])

    // A knock is accepted.
    held = hold('homeserver', { method: 'POST', path: /\/invite$/ }, kind)
    const knockId = await world.moderator.sendText(world.adminRoom, `!gtg ${knocks.userId}`)
    await Promise.all([held(), untilJournal(knockId, 'running')])

    // What was understood is about to be shown.
    held = hold('homeserver', sendTo(world.adminRoom), kind)
    const questionId = await world.moderator.sendText(world.adminRoom, `!gtg ${question.userId} --no-rooms`)
    await Promise.all([held(), untilJournal(questionId, 'done')])

    // Nothing is decided yet. (The copying of the accounts asks the same, so all such requests are held.)
    held = hold('authentik', { method: 'GET', path: /\/core\/users\/$/ }, kind, {})
    const readsId = await gtg(reads)
    await Promise.all([held(), untilJournal(readsId, 'pending')])
    expect(rowOf(reads.userId)?.state).toBe('waiting')
    await killAndStart(() => {
      if (kind === 'hang-after-commit') return
      crashedIn('decided', account)
      crashedIn('intended', confirmed)
    })

    for (const [roomId, id] of [
      [world.indoc, accountId],
      [world.indoc, answerId],
      [world.indoc, readsId],
      [world.adminRoom, confirmedId],
      [world.adminRoom, knockId],
    ] as const)
      expect((await finalAnswer(world, roomId, id)).body).toMatch(/^✅/)
    const late = confirmCode(await finalAnswer(world, world.adminRoom, questionId))
    expect(late).not.toBe('')
    expect((await world.give(`!confirm ${late}`)).body).toMatch(/^✅/)
    await knocks.client.join(world.indoc)
    await introduces(knocks)
    expect((await world.give(`!gtg ${knocks.userId}`)).body).toMatch(/^✅/)
    await expectArrivedOnce([...all, knocks])
    expect(timesInvited(knocks)).toBe(1)
    for (const id of [accountId, answerId, readsId, confirmedId, questionId, knockId]) expect(world.answersTo(id)).toHaveLength(1)
  }, 180_000)
})

describe.each(pointsOf(moments, ([when]) => when === 'after'))(
  'what waits is neither lost nor doubled: killed %s the effect',
  (_when, kind) => {
    test('of the reminder, the notice at the deadline and the question to the inviter; after !gtg nothing of it comes', async () => {
      const all = await Promise.all(['Gus', 'Hana', 'Ivo'].map(comes))
      const [reminded, expired, vouched] = all as [Waiting, Waiting, Waiting]
      const inviter = kind === 'hang' ? world.users.moderator : world.users.admin
      for (const one of [reminded, expired])
        await eventually(`${one.name} was asked`, () => (toldInIndoc(one.userId).includes(prompt) ? true : undefined))
      await nobodyIsLeftToAsk()
      const asked = hold('homeserver', { method: 'POST', path: /\/createRoom$/ }, kind)
      await introduces(vouched, introductionOf(vouched).replace('3. skip', `3. ${inviter.userId}`))
      await asked()
      await world.bot.kill()
      passes(21 * hours, reminded)
      passes(25 * hours, expired)
      const reminding = hold('homeserver', sendTo(world.indoc), kind)
      const telling = hold('homeserver', sendTo(world.adminRoom), kind)
      await world.bot.start()
      await Promise.all([reminding(), telling()])
      await killAndStart()

      const notices = () =>
        world.moderator.timeline(world.adminRoom).filter(({ body }) => body.includes(expired.userId) && body.includes('in time'))
      await eventually('the reminder is there', () => (toldInIndoc(reminded.userId).includes('still waiting') ? true : undefined))
      await eventually('the notice is there', () => notices()[0])
      const chat = await untilOffered(world, inviter.userId)
      await world.admin.join(inviter, chat)
      await eventually('the inviter was asked', () => (openJobs(vouched.userId).includes('vouch') ? undefined : true))
      await eventually('the question is there', () =>
        world.admin.database.countEvents({ roomId: chat, sender: world.botId, type: 'm.room.encrypted' }) > 0 ? true : undefined,
      )
      for (const one of [reminded, expired])
        expect((await world.give(`!gtg ${one.userId} --name "${one.name} Lovelace" --email ${one.email} --no-rooms`)).body).toMatch(/^✅/)
      expect((await world.give(`!gtg ${vouched.userId} --no-rooms`)).body).toMatch(/^✅/)
      await expectArrivedOnce([reminded], ['still waiting'])
      await expectArrivedOnce([expired, vouched])
      expect(notices()).toHaveLength(1)
      expect(directRooms(world, inviter.userId)).toEqual([chat])
      expect(world.admin.database.countEvents({ roomId: chat, sender: world.botId, type: 'm.room.encrypted' })).toBe(1)
    }, 180_000)
  },
)
