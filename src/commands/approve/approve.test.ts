import { describe, expect, test } from 'vitest'
import { arrivalDefaults, arrivalWorld, listedRoom } from '../../../tests/support/commands/arrival-world.ts'
import { ada, bot, edited, full, ghost, indoc, indocWorld, mod, said } from '../../../tests/support/commands/indoc-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import { done } from '../../authentik/errors.ts'
import type { AuthentikFailure } from '../../authentik/errors.ts'
import { userSchema } from '../../authentik/schemas.ts'
import type { User } from '../../authentik/schemas.ts'
import type { Answer } from '../../chat/answer.ts'
import type { CommandRequest, Unavailable } from '../../chat/command.ts'
import type { Outcome, Plan } from '../../chat/effects.ts'
import { renderAnswer } from '../../chat/render.ts'
import type { EarlierAccount } from '../../onboarding/earlier-account.ts'
import type { EventId, UserId } from '../../types.ts'
import { createApproveCommand } from './approve.ts'
import type { ApprovePorts } from './approve.ts'

const introduction = '$intro' as EventId
const jo = '@jo:example.org' as UserId

const setUp = (fail?: AuthentikFailure) => {
  const world = indocWorld()
  const answer = <Value>(value: Value) => Promise.resolve(fail ?? done(value))
  const state: { plan: 'running' | 'done' | 'partly'; earlier?: EarlierAccount; user?: User; unseenBy?: EventId } = { plan: 'done' }
  const ports: ApprovePorts = {
    ...arrivalDefaults,
    ...arrivalWorld({ rooms: [listedRoom('Maths', { keywords: ['maths'] })] }),
    directory: {
      ...arrivalWorld().directory,
      membership: (roomId, userId) => (roomId === indoc ? world.memberships.get(userId) : roomId && userId === ada ? undefined : 'join'),
    },
    roleOf: world.roleOf,
    authentik: {
      findUserByUsername: () => answer({ exact: undefined, similar: [] }),
      findUsersByEmail: () => answer([]),
      getUser: () =>
        state.user === undefined
          ? Promise.resolve({ ok: false, code: 'not-found', changed: 'no', text: 'gone' })
          : Promise.resolve(done(state.user)),
      listGroups: () => answer([]),
    },
    accounts: { byUsername: () => [], groups: () => [] },
    links: world.links,
    earlier: (wish) => (wish.email === state.earlier?.email ? state.earlier : undefined),
    scheduler: { latest: () => undefined },
    newcomers: {
      of: (userId) => world.newcomers.of(userId),
      messages: (userId) => world.newcomers.messages(userId),
      planState: () => state.plan,
    },
    displayName: (userId) => world.directory.displayName(userId),
    inviterOf: (name) => world.inviters.get(name),
    introducedAfter: (userId, eventId) => userId === ada && eventId === state.unseenBy,
    senderOf: (eventId) => (eventId === introduction ? ada : undefined),
    isOwnMessage: (eventId) => eventId === '$own',
    ownUserId: bot,
  }
  const command = createApproveCommand(ports)
  const give = async (line: string, replyTo?: string, options: RequestOptions = {}, more: Partial<CommandRequest> = {}) =>
    command.plan({ ...(await requestOf(line, options)), replyTo: replyTo as EventId | undefined, ...more })
  const planned = async (...given: Parameters<typeof give>): Promise<Plan> => {
    const made = await give(...given)
    if (!('steps' in made)) throw new Error(`expected a plan, got ${words(made)}`)
    return made
  }
  return { ...world, state, command, give, planned }
}
const words = (answer: Answer | Plan | Unavailable): string => ('blocks' in answer ? renderAnswer(answer).body : JSON.stringify(answer))
const kinds = (plan: Plan): readonly string[] => plan.steps.map(({ effect }) => (effect.kind === 'job.schedule' ? effect.job : effect.kind))

describe('the plan', () => {
  test('of a reply to an introduction: the decision first, then everything from what was written', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(`${full}\n6. https://linkedin.com/in/ada`))
    world.inviters.set('Mo', mod)
    world.newcomers.update(ada, { inviter_id: mod, vouched: 'yes' })
    const plan = await world.planned('gtg', introduction)
    expect(kinds(plan)).toEqual(['newcomer.decide', 'account.create', 'welcome', 'room.invite', 'graduation'])
    expect(plan.steps.map(({ after }) => after)).toEqual([undefined, [0], [0, 1], [0, 1], [0, 1]])
    expect(plan.summary).toBe(`Ada Lovelace (${ada})`)
    expect(plan.steps[1]?.effect).toMatchObject({
      name: 'Ada Lovelace',
      email: 'ada@example.org',
      userId: ada,
      attributes: {
        organization: 'Engines',
        invited_by: 'Mo',
        invited_by_confirmed: true,
        interests: ['maths'],
        linkedin: 'https://linkedin.com/in/ada',
        intro: expect.stringContaining('4. ada@example.org') as unknown,
      },
    })
    // What was made by the second step now is found by the later ones.
    expect(plan.steps[2]?.effect).toMatchObject({ payload: { account: { step: 1 } } })
    expect(plan.confirm).toBeUndefined()
  })

  test('a dry run promises no username', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    expect((await world.planned('gtg --dry-run', introduction)).steps[1]?.text).toMatch(
      /its username is drawn when it is made, such as ada-/,
    )
    expect((await world.planned('gtg', introduction)).steps[1]?.text).toMatch(/^create the account ada-/)
  })

  test('options correct what was written', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full.replace('example.org', 'gmail')))
    const plan = await world.planned(
      `approve ${ada} --name "Ada Byron King" --email ada@example.net --interests "poetry, tea" --no-welcome`,
    )
    expect(plan.steps[1]?.effect).toMatchObject({
      name: 'Ada Byron King',
      email: 'ada@example.net',
      attributes: { interests: ['poetry', 'tea'] },
    })
    // The address that was guessed is not the one that counts.
    expect(plan.confirm).toBeUndefined()
  })

  test.each([
    ['a completed address', full.replace('example.org', 'gmail'), 'completed it to gmail.com'],
    ['two addresses', full.replace('example.org', 'example.org, ada@work.example'), 'several e-mail addresses'],
    ['places', 'Ada Lovelace\nEngines\nada@example.org\nmaths', 'took the organization by its place'],
    ['no name', full.replace('Ada Lovelace', 'skip'), 'took the display name'],
  ])('%s: shown without the address, and confirmed', async (_what, text, doubt) => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(text))
    const plan = await world.planned('gtg', introduction)
    expect(plan.confirm).toBe(true)
    expect(plan.notes?.join()).toContain(doubt)
    expect(plan.notes?.join()).toMatch(/What I understood: name Ada/)
    expect(plan.notes?.join()).not.toMatch(/ada@/)
  })

  test('what was written after the command is shown and asked about, also where another message released the command', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    world.state.unseenBy = '$command' as EventId
    const typed = { eventId: '$command' as EventId }
    const plan = await world.planned('gtg', introduction, {}, typed)
    expect(plan.confirm).toBe(true)
    expect(plan.notes?.join()).toMatch(/What I understood: name Ada.*changed this after your command/s)
    expect((await world.planned('gtg', introduction, {}, { writtenIn: '$command' as EventId })).confirm).toBe(true)
    expect((await world.planned('gtg', introduction)).confirm).toBeUndefined()
    // Nothing of it is used by who says it all.
    world.moves(ada, 'leave')
    world.moves(ada, 'join')
    expect((await world.planned('gtg --name Ada', introduction, {}, typed)).confirm).toBeUndefined()
  })

  test('an inviter who does not vouch has to be confirmed; what is missing and what came in clear is said', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full.replace('ada@example.org', 'skip'), { transport: { encrypted: false } }))
    world.newcomers.update(ada, { inviter_id: mod, vouched: 'no' })
    const plan = await world.planned('gtg', introduction)
    expect(plan).toMatchObject({ confirm: true })
    expect(plan.notes?.join()).toMatch(/Not given: e-mail address.*does not vouch.*not encrypted/s)
    expect(plan.steps[1]?.effect).toMatchObject({ attributes: { invited_by_confirmed: false } })
  })

  test('somebody who only knocks is let into INDOC', async () => {
    const world = setUp()
    world.moves(ada, 'knock')
    const plan = await world.planned(`gtg ${ada}`)
    expect(plan.steps.map(({ effect }) => effect)).toEqual([{ kind: 'room.invite', roomId: indoc, userId: ada }])
    expect(words(await world.give(`gtg ${ada} --email a@example.org`))).toMatch(/still knocks/)
  })

  test('without an introduction the moderator can say it', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    expect(words(await world.give(`gtg ${ada}`))).toMatch(/has not introduced themselves.*!request @ada:example\.org/)
    expect((await world.planned(`gtg ${ada} --name Ada`)).steps[1]?.effect).toMatchObject({ name: 'Ada', email: '' })
  })

  test('who has left before is not asked again: it is said that they are gone', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    world.moves(ada, 'leave')
    expect(words(await world.give('gtg', introduction))).toMatch(/is not in INDOC any more.*--name/)
    expect((await world.planned(`gtg ${ada} --name Ada`)).steps[1]?.effect).toMatchObject({ name: 'Ada' })
  })

  test('Authentik away is an outage as with !adduser', async () => {
    const world = setUp({ ok: false, code: 'timeout', changed: 'no', text: 'Authentik sleeps' })
    world.moves(ada, 'join')
    world.life.said(said(full))
    expect(await world.give('gtg', introduction)).toMatchObject({ unavailable: 'authentik' })
  })
})

describe('whom it means', () => {
  test.each([
    ['nobody', 'gtg', undefined, /Whom do you mean\?/],
    ['a message of the bot', 'gtg', '$own', /a message of mine/],
    ['an unknown message', 'gtg', '$old', /do not know the message/],
    ['two people', `gtg ${jo}`, introduction, /you reply to @ada:example\.org and name @jo:example\.org/],
    ['a moderator', `gtg ${mod}`, undefined, /has a role already/],
  ])('%s', async (_what, line, replyTo, expected) => {
    expect(words(await setUp().give(line, replyTo))).toMatch(expected)
  })
  test('reply and name may be the same', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    expect((await world.planned(`gtg ${ada}`, introduction)).targets).toEqual([ada])
  })
})

describe('twice', () => {
  const approved = (state: 'running' | 'done' | 'partly') => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    world.newcomers.update(ada, { state: 'approved', decided_by: jo, decided_at: 999_000, decided_plan: 7 })
    world.state.plan = state
    return world
  }
  test.each([
    ['running', /@ada:example\.org: @jo:example\.org approved them 1 s ago, and it is being done right now/],
    ['done', /approved them 1 s ago, with the account ada-x\. I did nothing a second time/],
  ] as const)('%s: the second one is told', async (state, expected) => {
    const world = approved(state)
    if (state === 'done') world.links.set(ada, { pk: 1, username: 'ada-x' }, 'test')
    expect(words(await world.give('gtg', introduction))).toMatch(expected)
  })
  test('what failed is completed', async () => {
    const plan = await approved('partly').planned('gtg', introduction)
    expect(plan.steps[0]?.effect).toMatchObject({ kind: 'newcomer.decide', again: true })
  })

  const ok: Outcome = { state: 'done', code: 'done', text: '' }
  test('the answer of the slower one says who was faster, and nothing else', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    const plan = await world.planned('gtg', introduction)
    const failed: Outcome = { state: 'failed', code: 'blocked', text: 'not tried' }
    const beaten = plan.steps.map((_, index): Outcome =>
      index === 0 ? { state: 'failed', code: 'already-decided', text: 'Jo was faster' } : failed,
    )
    expect(renderAnswer(world.command.render!(plan, beaten)).body).toBe(
      `⚠️ Ada Lovelace (${ada}): Jo was faster. I did nothing a second time.`,
    )
    const fine = renderAnswer(
      world.command.render!(
        plan,
        plan.steps.map(() => ok),
      ),
    ).body
    expect(fine).toMatch(/^✅ Ada Lovelace \(@ada:example\.org\): 4 done/)
    expect(fine).not.toContain('note that')
  })
  test('a knock is answered as any plan', async () => {
    const world = setUp()
    world.moves(ghost, 'knock')
    const plan = await world.planned(`gtg ${ghost}`)
    expect(renderAnswer(world.command.render!(plan, [ok])).body).toMatch(/^✅/)
  })
})

test('an account that waits for its code is nobody’s who only writes its address: a moderator has to say so', async () => {
  const world = setUp()
  world.state.earlier = { pk: 9, username: 'grace-oak11', email: 'ada@example.org', createdBy: `gatehouse:${mod}` }
  world.state.user = userSchema.parse({
    pk: 9,
    username: 'grace-oak11',
    name: 'Grace Hopper',
    is_active: true,
    is_superuser: false,
    email: 'ada@example.org',
  })
  world.moves(ada, 'join')
  world.life.said(said(full))
  const refused = await world.give('gtg', introduction)
  expect(refused).toMatchObject({ code: 'account-waits' })
  expect(words(refused)).toContain('!reset grace-oak11')
  // Newcomers read along in INDOC: there it is said only that there is an account.
  expect(refused).toMatchObject({ privacy: 'personal' })
  const inIndoc = 'inPublic' in refused ? renderAnswer({ blocks: refused.inPublic ?? [], code: '' }).body : ''
  expect(inIndoc).toBe('@ada:example.org:\n\nNothing was done: there is an account already that stands against it.')
  const plan = await world.planned(`gtg ${ada} --email ada@example.org`)
  expect(plan.steps[1]?.effect).toMatchObject({ kind: 'account.link', account: { pk: 9 }, userId: ada })
})

test('an inviter’s yes does not pass to somebody else who is named later', async () => {
  const world = setUp()
  world.moves(ada, 'join')
  world.inviters.set('Mo', mod)
  const first = said(full)
  world.life.said(first)
  world.newcomers.update(ada, { vouched: 'yes' })
  const confirmed = async (line = 'gtg') => {
    const { effect } = (await world.planned(line, introduction)).steps[1] ?? {}
    return effect?.kind === 'account.create' ? effect.attributes['invited_by_confirmed'] : 'no account'
  }
  expect(await confirmed()).toBe(true)
  expect(await confirmed('gtg --invited-by Grace')).toBeUndefined()
  world.life.said(edited(first, full.replace('Mo', 'Grace')))
  expect(await confirmed()).toBeUndefined()
  const shown = await world.planned('gtg', introduction)
  expect(shown.notes?.join(' ')).toMatch(/first named .*mod:example\.org.* and name “Grace” now/)
  expect(shown.confirm).toBe(true)
  // The moderator has decided who it is.
  expect((await world.planned('gtg --invited-by Grace', introduction)).notes?.join(' ') ?? '').not.toContain('first named')
})
