import { expect, test } from 'vitest'
import type { UserId } from '../types.ts'
import { paragraph } from './answer.ts'
import type { Plan } from './effects.ts'
import { askAboutUnchecked } from './unchecked.ts'

const ada = '@ada:elsewhere' as UserId
const plan: Plan = { summary: 's', steps: [], targets: [], notes: ['one'] }

test('a plan about somebody whom nobody could say to exist is asked about, by name', () => {
  expect(askAboutUnchecked(plan, [ada])).toMatchObject({
    confirm: true,
    notes: ['one', expect.stringContaining('never seen @ada:elsewhere, and could not check that it belongs to somebody')],
  })
  expect(askAboutUnchecked({ ...plan, notes: [] }, [ada, '@bob:other' as UserId]).notes).toEqual([
    expect.stringContaining('@ada:elsewhere, @bob:other, and could not check that they belong'),
  ])
})

test('nothing else changes', () => {
  expect(askAboutUnchecked(plan, [])).toBe(plan)
  const refusal = { blocks: [paragraph('no')], code: 'no' }
  expect(askAboutUnchecked(refusal, [ada])).toBe(refusal)
})
