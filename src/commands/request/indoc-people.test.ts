import { describe, expect, test } from 'vitest'
import { ada, bot, full, ghost, hour, indoc, indocWorld, mod, said } from '../../../tests/support/commands/indoc-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { Answer } from '../../chat/answer.ts'
import type { ChangeCommand, Unavailable } from '../../chat/command.ts'
import type { Plan } from '../../chat/effects.ts'
import { renderAnswer } from '../../chat/render.ts'
import type { JobView } from '../../jobs/job.ts'
import { createDeclineCommand } from '../decline/decline.ts'
import { createExtendCommand } from '../extend/extend.ts'
import { createGraduateCommand } from '../graduate/graduate.ts'
import { createRequestCommand } from './request.ts'

// The small commands about people in INDOC.

const setUp = () => {
  const world = indocWorld()
  const state: { open: Partial<JobView> | undefined } = { open: undefined }
  const ports = {
    newcomers: world.newcomers,
    nameOf: (userId: string) => userId,
    isSettled: world.jobs.isSettled,
    roleOf: world.roleOf,
    membership: (userId: typeof ada) => world.memberships.get(userId),
    senderOf: () => undefined,
    isOwnMessage: () => false,
    ownUserId: bot,
  }
  const commands: readonly ChangeCommand[] = [
    createRequestCommand(ports),
    createDeclineCommand({ ...ports, indoc: () => indoc }),
    createExtendCommand({ ...ports, usualMs: 24 * hour }),
    createGraduateCommand({
      ...ports,
      hasAccount: (userId) => world.links.of(userId) !== undefined,
      displayName: (userId) => world.directory.displayName(userId),
      openGraduation: () => state.open as JobView | undefined,
    }),
  ]
  const give = async (line: string): Promise<Plan | Answer | Unavailable> => {
    const command = commands.find(({ declaration }) => line.startsWith(declaration.name))
    return await command!.plan(await requestOf(line, { now: world.clock.now() }))
  }
  const planned = async (line: string): Promise<Plan> => {
    const made = await give(line)
    if (!('steps' in made)) throw new Error(words(made))
    return made
  }
  const effects = async (line: string) =>
    (await planned(line)).steps.map(({ effect, after }) => ({ ...effect, ...(after === undefined ? {} : { after }) }))
  return { ...world, state, give, planned, effects }
}
const words = (answer: Answer | Plan | Unavailable): string => ('blocks' in answer ? renderAnswer(answer).body : JSON.stringify(answer))

describe('!request', () => {
  test('everybody who waits without an introduction, or one person', async () => {
    const world = setUp()
    expect(words(await world.give('request'))).toContain('Nobody is asked')
    for (const userId of [ada, ghost]) world.moves(userId, 'join')
    world.life.said(said(full))
    expect(await world.effects('request')).toEqual([{ kind: 'newcomer.post', template: 'introduction-prompt', userIds: [ghost] }])
    expect(await world.effects(`request ${ada}`)).toMatchObject([{ userIds: [ada] }])
  })
  test.each([
    ['knock', ada, /still knocks/],
    ['leave', ada, /not in INDOC/],
    ['join', mod, /has a role/],
  ] as const)('%s', async (membership, userId, expected) => {
    const world = setUp()
    world.moves(userId, membership)
    expect(words(await world.give(`request ${userId}`))).toMatch(expected)
  })
})

describe('!decline', () => {
  test('a person in INDOC stays and is told', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    expect(await world.effects(`decline ${ada} --reason "not known"`)).toEqual([
      { kind: 'newcomer.decide', userId: ada, decision: 'declined', by: mod, reason: 'not known' },
      { kind: 'newcomer.post', template: 'declined', userIds: [ada], reason: 'not known', after: [0] },
    ])
    expect((await world.planned(`decline ${ada}`)).notes?.join()).toContain('stays in INDOC')
  })
  test.each(['knock', 'invite'] as const)('%s: it is rejected', async (membership) => {
    const world = setUp()
    world.moves(ada, membership)
    expect(await world.effects(`decline ${ada}`)).toMatchObject([
      { decision: 'declined' },
      { kind: 'room.kick', roomId: indoc, userId: ada, after: [0] },
    ])
  })
  test('not with somebody’s address in the reason, not a moderator, not who is approved or not there', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    expect(words(await world.give(`decline ${ada} --reason "ada@example.org is a lie"`))).toContain('Nothing was done')
    expect(words(await world.give(`decline ${mod}`))).toContain('has a role')
    expect(words(await world.give(`decline ${ghost}`))).toContain('neither waits')
    world.newcomers.update(ada, { state: 'approved' })
    expect(words(await world.give(`decline ${ada}`))).toContain('approved already')
  })
})

describe('!extend', () => {
  test('counts from now', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    await world.clock.advance(hour)
    expect(await world.effects(`extend ${ada} --by 3d`)).toEqual([
      { kind: 'newcomer.extend', userId: ada, deadline: 1_000_000 + hour + 72 * hour },
    ])
    expect(await world.effects(`extend ${ada}`)).toMatchObject([{ deadline: 1_000_000 + 25 * hour }])
  })
  test('only for who waits without an introduction', async () => {
    const world = setUp()
    expect(words(await world.give(`extend ${ada}`))).toContain('does not wait')
    world.moves(ada, 'knock')
    expect(words(await world.give(`extend ${ada}`))).toContain('no time runs')
    world.moves(ada, 'join')
    world.life.said(said(full))
    expect(words(await world.give(`extend ${ada}`))).toContain('has introduced themselves')
  })
})

describe('!graduate', () => {
  test('now; a graduation that waits is replaced', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    expect(words(await world.give(`graduate ${ada}`))).toContain('no account yet')
    world.links.set(ada, { pk: 1, username: 'a' }, 'test')
    const schedule = { kind: 'job.schedule', job: 'graduation', uniqueKey: ada, payload: { name: 'Ada', deadline: 1_000_000, rooms: [] } }
    expect(await world.effects(`graduate ${ada}`)).toMatchObject([schedule])
    world.state.open = { jobId: 9 }
    expect(await world.effects(`graduate ${ada}`)).toMatchObject([
      { kind: 'job.cancel', jobId: 9 },
      { ...schedule, after: [0] },
    ])
  })
  test('neither moderators nor people who are not there', async () => {
    const world = setUp()
    expect(words(await world.give(`graduate ${ada}`))).toContain('not in INDOC')
    expect(words(await world.give(`graduate ${mod}`))).toContain('not taken out')
  })
})

test.each(['request', 'decline', 'extend', 'graduate'])('!%s is nothing for the bot itself', async (command) => {
  const world = setUp()
  world.memberships.set(bot, 'join')
  expect(await world.give(`${command} ${bot}`)).toMatchObject({ code: 'target-bot' })
})
