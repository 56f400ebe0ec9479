import { expect, test } from 'vitest'
import type { Clock } from '../operations/clock.ts'
import { EventBudget } from './event-budget.ts'

/** A clock whose sleeps pass at once and are counted. */
const clockOf = () => {
  let now = 0
  const slept: number[] = []
  const clock: Clock = {
    now: () => now,
    sleep: (milliseconds) => {
      slept.push(Math.round(milliseconds))
      now += milliseconds
      return Promise.resolve()
    },
  }
  return { clock, slept, pass: (milliseconds: number) => (now += milliseconds) }
}

test('nothing waits until the server has refused once', async () => {
  const { clock, slept } = clockOf()
  const budget = new EventBudget(clock)
  for (let event = 0; event < 50; event += 1) await budget.turn()
  expect(slept).toEqual([])
  expect(budget.limited).toBe(false)
})

test('on a server that is not ours the limit holds from the start: ten at once, then one in five seconds', async () => {
  const { clock, slept } = clockOf()
  const budget = new EventBudget(clock, true)
  for (let event = 0; event < 12; event += 1) await budget.turn()
  expect(slept).toEqual([5000, 5000])
})

test('after a refusal each turn comes five seconds after the other, also for those that asked at the same time', async () => {
  const { clock, slept } = clockOf()
  const budget = new EventBudget(clock)
  budget.refused()
  await Promise.all([budget.turn(), budget.turn(), budget.turn()])
  expect(slept).toEqual([5000, 5000, 5000])
})

test('a pause fills the burst again, but not beyond it; messages use it up too', async () => {
  const { clock, slept, pass } = clockOf()
  const budget = new EventBudget(clock)
  budget.refused()
  pass(3_600_000)
  for (let event = 0; event < 9; event += 1) budget.spend()
  await budget.turn()
  expect(slept).toEqual([])
  await budget.turn()
  expect(slept).toEqual([5000])
})
