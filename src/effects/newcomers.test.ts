import { describe, expect, test } from 'vitest'
import { ada, full, ghost, hour, indoc, indocWorld, mod, said } from '../../tests/support/commands/indoc-world.ts'
import { turns } from '../../tests/support/unit.ts'
import type { EffectContext } from '../chat/execute.ts'
import { createNewcomerEffects } from './newcomers.ts'

const context = (planId: number): EffectContext => ({
  planId,
  step: 0,
  key: `${planId}.0`,
  outcomes: new Map(),
  signal: new AbortController().signal,
})

const setUp = () => {
  const world = indocWorld()
  const effects = createNewcomerEffects({
    ...world,
    indoc: world.life,
    indocRoom: () => indoc,
    deadlineMs: 24 * hour,
    nameOf: (userId) => userId,
  })
  return { ...world, effects }
}
const approve = { kind: 'newcomer.decide', userId: ada, decision: 'approved', by: mod } as const

describe('newcomer.decide', () => {
  test('the first plan counts, the second is told; the same plan again is the same', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    const decides = world.effects['newcomer.decide']
    const [first, second] = await Promise.all([decides.act(approve, context(1)), decides.act({ ...approve, by: ghost }, context(2))])
    expect(first.state).toBe('done')
    expect(second).toMatchObject({
      state: 'failed',
      code: 'already-decided',
      text: expect.stringContaining(`${mod} was faster`) as unknown,
    })
    // After a crash between writing and the outcome.
    expect(await decides.probe(approve, context(1))).toBe('absent')
    expect((await decides.act(approve, context(1))).state).toBe('done')
    expect((await decides.act({ ...approve, again: true }, context(3))).state).toBe('done')
    expect(world.newcomers.of(ada)).toMatchObject({ state: 'approved', decidedBy: mod, decidedPlan: 3 })
  })

  test('ends what was awaited', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    await world.effects['newcomer.decide'].act(approve, context(1))
    expect(world.scheduler.open('introduction-deadline', ada)).toBeUndefined()
  })

  test('declined may be approved after all, and not the other way round', async () => {
    const world = setUp()
    const decides = world.effects['newcomer.decide']
    const decline = { ...approve, decision: 'declined', reason: 'no' } as const
    expect((await decides.act(decline, context(1))).state).toBe('done')
    expect(world.newcomers.of(ada)).toMatchObject({ state: 'declined', reason: 'no' })
    expect((await decides.act(decline, context(2))).code).toBe('already-decided')
    expect((await decides.act(approve, context(3))).state).toBe('done')
    expect((await decides.act(decline, context(4))).code).toBe('already-decided')
  })
})

test('newcomer.extend: the new time counts, and a reminder comes again', async () => {
  const world = setUp()
  world.moves(ada, 'join')
  world.newcomers.update(ada, { reminded_at: 1, expired_at: 2 })
  const effect = { kind: 'newcomer.extend', userId: ada, deadline: 5_000_000 } as const
  const before = world.scheduler.open('introduction-deadline', ada)?.jobId
  ;(await world.effects['newcomer.extend'].act(effect, context(1))).also?.()
  expect(world.newcomers.of(ada)).toMatchObject({ deadline: 5_000_000, remindedAt: null, expiredAt: null })
  expect(world.scheduler.open('introduction-deadline', ada)?.jobId).not.toBe(before)
  expect(await world.effects['newcomer.extend'].probe(effect, context(1))).toBe('absent')
})

describe('newcomer.post', () => {
  test('the question again: a new time for those who have not answered', async () => {
    const world = setUp()
    world.moves(ada, 'join')
    world.life.said(said(full))
    await world.clock.advance(hour)
    const effect = { kind: 'newcomer.post', template: 'introduction-prompt', userIds: [ada, ghost] } as const
    const result = await world.effects['newcomer.post'].act(effect, context(1))
    expect(world.sent).toEqual([])
    result.also?.()
    await turns()
    expect(world.bodies()).toEqual([expect.stringMatching(/^Welcome, Ada/)])
    expect(world.newcomers.of(ghost)).toMatchObject({ state: 'waiting', promptedAt: 1_000_000 + hour, deadline: 1_000_000 + 25 * hour })
    expect(world.scheduler.open('introduction-deadline', ghost)).toBeDefined()
    expect(world.scheduler.open('introduction-deadline', ada)).toBeUndefined()
    // The same step after a crash is the same message.
    ;(await world.effects['newcomer.post'].act(effect, context(1))).also?.()
    expect(world.sent).toHaveLength(1)
  })

  test('the refusal names the reason, if there is one', async () => {
    const world = setUp()
    const effect = { kind: 'newcomer.post', template: 'declined', userIds: [ada] } as const
    ;(await world.effects['newcomer.post'].act({ ...effect, reason: 'nobody knows you' }, context(1))).also?.()
    ;(await world.effects['newcomer.post'].act(effect, context(2))).also?.()
    expect(world.bodies()[0]).toContain('The reason: nobody knows you')
    expect(world.bodies()[1]).not.toContain('reason')
    expect(await world.effects['newcomer.post'].probe(effect, context(1))).toBe('absent')
  })
})
