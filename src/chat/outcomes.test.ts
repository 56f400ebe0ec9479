import { describe, expect, test } from 'vitest'
import type { UserId } from '../types.ts'
import type { Outcome, Plan } from './effects.ts'
import { headline, markOf, renderOutcomes, renderPlan } from './outcomes.ts'
import { renderAnswer } from './render.ts'

const outcome = (state: Outcome['state'], text = ''): Outcome => ({ state, code: state, text })

describe('the mark says what really happened', () => {
  test.each<[readonly Outcome['state'][], string]>([
    [['done'], '✅'],
    [['skipped'], '✅'],
    [['done', 'skipped'], '✅'],
    [[], '✅'],
    [['failed'], '❌'],
    [['failed', 'failed'], '❌'],
    [['done', 'failed'], '⚠️'],
    [['skipped', 'failed'], '⚠️'],
    [['unknown', 'failed'], '⚠️'],
    [['unknown'], '❔'],
    [['done', 'unknown'], '❔'],
  ])('%j is %s', (states, mark) => {
    expect(markOf(states.map((state) => outcome(state)))).toBe(mark)
  })
})

const plan = (texts: readonly string[], more: Partial<Plan> = {}): Plan => ({
  summary: 'remove Ada from 4 rooms',
  targets: ['@ada:x' as UserId],
  steps: texts.map((text) => ({ text, effect: { kind: 'job.retry', jobId: 1 } })),
  ...more,
})

describe('the answer', () => {
  test('first what succeeded, then the rest with its reasons', () => {
    const given = plan(['Tech', 'Cats', 'Music', 'Film'], { notes: ['from the cache, 3 h old'] })
    const answer = renderOutcomes(given, [
      outcome('failed', 'no power. Mo has it'),
      outcome('done'),
      outcome('unknown', 'the server did not answer'),
      outcome('skipped', 'is not in the room'),
    ])
    const { body } = renderAnswer(answer)
    const places = [
      '1 done, 1 not needed, 1 could not be proven, 1 failed',
      'Cats',
      'Film: is not in',
      'Music: the server',
      'Tech: no power. Mo has it',
      '3 h old',
    ]
    expect(places.map((text) => body.indexOf(text))).toEqual(places.map((text) => body.indexOf(text)).sort((one, other) => one - other))
    expect(places.every((text) => body.includes(text))).toBe(true)
    expect(answer).toMatchObject({ mark: '⚠️', code: 'partly' })
    expect(answer.privacy).toBe('public')
  })

  test('a personal plan gives a personal answer', () => {
    expect(renderOutcomes(plan(['a'], { personal: true }), [outcome('done')]).privacy).toBe('personal')
  })

  test('a missing outcome is a bug, never a success', () => {
    expect(() => renderOutcomes(plan(['a', 'b']), [outcome('done')])).toThrow('as many outcomes as steps')
  })

  test('nothing to do says so', () => {
    expect(headline([])).toBe('nothing to do')
  })
})

test('a plan shows what will not happen, and how long it takes', () => {
  const given = plan(['Tech', 'Cats'], {
    steps: [
      { text: 'kick from Tech', effect: { kind: 'job.retry', jobId: 1 } },
      {
        text: 'kick from Cats',
        effect: { kind: 'job.retry', jobId: 1 },
        blocked: { state: 'failed', code: 'no-power', text: 'I have no power there' },
      },
    ],
    estimateMs: 60_000,
  })
  const { body } = renderAnswer({ blocks: renderPlan(given, 'Please confirm:'), code: '' })
  expect(body).toMatch(
    /Please confirm: remove Ada from 4 rooms\n.*kick from Tech\n\nThese will not happen:\n.*kick from Cats: I have no power there/s,
  )
  expect(body).toMatch(/about 60 s/)
})
