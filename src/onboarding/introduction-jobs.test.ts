import { describe, expect, test } from 'vitest'
import { ada, admin, full, ghost, hour, indocWorld, said } from '../../tests/support/commands/indoc-world.ts'
import { refused } from '../../tests/support/unit.ts'
import type { JobResult, JobTools, JobView } from '../jobs/job.ts'
import type { UserId } from '../types.ts'
import { createDeadlineHandler, createPromptHandler } from './introduction-jobs.ts'

const tools: JobTools = { signal: new AbortController().signal, note: () => undefined }
type World = ReturnType<typeof indocWorld>
const prompt = (world: World): Promise<JobResult> => createPromptHandler(world.jobs).run({} as JobView, tools)
const look = (world: World, userId: UserId = ada): Promise<JobResult> =>
  createDeadlineHandler(world.jobs).run({ jobId: 1, payload: { userId } } as unknown as JobView, tools)

describe('the prompt', () => {
  test('names everybody who came, once; those of a rush in one message', async () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    world.moves(ghost, 'join')
    expect(await prompt(world)).toEqual({ state: 'done', note: 'asked 2' })
    expect(world.bodies()).toEqual([expect.stringMatching(/Welcome, Ada.*Please write within 24 h/s)])
    expect(world.sent[0]?.content).toMatchObject({ msgtype: 'm.text', 'm.mentions': { user_ids: [ada, ghost] } })
    expect(await prompt(world)).toEqual({ state: 'done', note: 'asked 0' })
    expect(world.sent).toHaveLength(1)
  })

  test('waits between two messages', async () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    await prompt(world)
    await world.clock.advance(10_000)
    world.moves(ghost, 'join')
    expect(await prompt(world)).toMatchObject({ state: 'wait', delayMs: 20_000 })
    await world.clock.advance(20_000)
    expect(await prompt(world)).toEqual({ state: 'done', note: 'asked 1' })
  })

  test('people who left long ago are forgotten then', async () => {
    const world = indocWorld()
    world.moves(ghost, 'join')
    world.moves(ghost, 'leave')
    await world.clock.advance(89 * 24 * hour)
    await prompt(world)
    expect(world.newcomers.of(ghost)?.state).toBe('left')
    await world.clock.advance(2 * 24 * hour)
    await prompt(world)
    expect(world.newcomers.of(ghost)).toBeUndefined()
  })

  test('at most twenty people in one message', async () => {
    const world = indocWorld()
    for (let number = 0; number < 45; number += 1) world.moves(`@p${number}:example.org` as UserId, 'join')
    await prompt(world)
    expect(world.sent.map(({ content }) => (content['m.mentions'] as { user_ids: string[] }).user_ids.length)).toEqual([20, 20, 5])
  })

  test('nobody who has introduced themselves, has left, or has an account by now', async () => {
    const world = indocWorld()
    const linked = '@linked:example.org' as UserId
    for (const userId of [ada, ghost, linked]) world.moves(userId, 'join')
    world.life.said(said(full))
    world.memberships.set(ghost, 'leave')
    world.links.set(linked, { pk: 1, username: 'l' }, 'test')
    expect(await prompt(world)).toEqual({ state: 'done', note: 'asked 0' })
  })
})

describe('the deadline', () => {
  const asked = async (settings = {}): Promise<World> => {
    const world = indocWorld({ settings })
    world.moves(ada, 'join')
    await prompt(world)
    world.sent.splice(0)
    return world
  }

  test('a reminder before it, once; then the moderators are told and nobody is removed', async () => {
    const world = await asked()
    expect(await look(world)).toMatchObject({ state: 'wait', delayMs: 20 * hour })
    await world.clock.advance(20 * hour)
    expect(await look(world)).toMatchObject({ state: 'wait', delayMs: 4 * hour })
    expect(await look(world)).toMatchObject({ state: 'wait', delayMs: 4 * hour })
    expect(world.bodies()).toEqual([expect.stringMatching(/Ada, I am still waiting .* within 4 h/)])
    await world.clock.advance(4 * hour)
    expect(await look(world)).toMatchObject({ state: 'done' })
    expect(world.bodies(admin)).toEqual([expect.stringMatching(/@ada:example\.org has not introduced themselves in time/)])
    expect(world.newcomers.of(ada)).toMatchObject({ state: 'waiting', expiredAt: 1_000_000 + 24 * hour })
    expect(world.kicked).toEqual([])
  })

  test('removal only where it is configured', async () => {
    const world = await asked({ removeExpired: true })
    await world.clock.advance(25 * hour)
    expect(await look(world)).toEqual({ state: 'done', note: 'taken out of INDOC' })
    expect(world.kicked).toEqual([ada])
    world.answers.kick = refused(403)
    expect(await look(world)).toMatchObject({ state: 'dead' })
    world.answers.kick = refused(502)
    expect(await look(world)).toMatchObject({ state: 'failed' })
  })

  test('a job that died is told', async () => {
    const world = await asked()
    await createDeadlineHandler(world.jobs).onDead?.({ jobId: 1, payload: { userId: ada } } as unknown as JobView, 'no power')
    expect(world.bodies(admin)).toEqual([expect.stringContaining('no power')])
  })

  test('no reminder right behind the prompt', async () => {
    const world = await asked()
    world.newcomers.update(ada, { deadline: 1_000_000 + hour })
    expect(await look(world)).toMatchObject({ state: 'wait', delayMs: hour })
    expect(world.bodies()).toEqual([])
  })

  test.each<[string, (world: World) => void, string]>([
    ['they have introduced themselves', (world) => world.life.said(said(full)), 'done'],
    ['they were approved', (world) => world.newcomers.update(ada, { state: 'approved' }), 'cancelled'],
    ['they have left', (world) => world.moves(ada, 'leave'), 'cancelled'],
    ['they have an account', (world) => world.links.set(ada, { pk: 1, username: 'a' }, 'test'), 'cancelled'],
  ])('nothing happens once %s', async (_what, change, state) => {
    const world = await asked({ removeExpired: true })
    change(world)
    await world.clock.advance(48 * hour)
    expect(await look(world)).toMatchObject({ state })
    expect([world.kicked, world.sent]).toEqual([[], []])
  })
})
