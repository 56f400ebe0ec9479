import { afterEach, expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { UserId } from '../types.ts'
import { SendingBudget } from './sending-budget.ts'

const ada = '@ada:x' as UserId
const ben = '@ben:x' as UserId
const open: SendingBudget[] = []
afterEach(() => {
  for (const budget of open.splice(0)) budget.close()
})

const world = (assumed = false) => {
  const clock = new TestClock()
  const budget = new SendingBudget(clock, assumed)
  open.push(budget)
  const gone: string[] = []
  const ask = (name: string, urgent = false): void => void budget.turn(urgent).then(() => gone.push(name))
  return { clock, budget, gone, ask }
}

test('on its own server nothing waits but what the server asks to wait for', async () => {
  const { clock, budget, gone, ask } = world()
  for (let event = 0; event < 50; event += 1) ask(`${event}`)
  await clock.advance(0)
  expect(gone).toHaveLength(50)
  expect(budget.limited).toBe(false)
  expect([budget.room(), budget.invitation(ada)]).toEqual([0, 0])
  budget.refused('send')
  ask('next')
  await clock.advance(0)
  expect(gone).toHaveLength(51)
})

test('on a server that is not ours the limit holds from the start: ten at once, then one in five seconds', async () => {
  const { clock, gone, ask } = world(true)
  for (let event = 0; event < 12; event += 1) ask(`${event}`)
  await clock.advance(0)
  expect(gone).toHaveLength(10)
  await clock.advance(4900)
  expect(gone).toHaveLength(10)
  await clock.advance(300)
  expect(gone).toHaveLength(11)
  await clock.advance(5200)
  expect(gone).toHaveLength(12)
})

test('the first answer for which there is no room finds out that there is no limit: everybody goes', async () => {
  const { clock, budget, gone, ask } = world(true)
  for (let event = 0; event < 10; event += 1) await budget.turn()
  ask('welcome')
  const told = await budget.turn(true)
  expect(gone).toEqual([])
  told(true)
  for (let event = 0; event < 20; event += 1) ask(`${event}`)
  await clock.advance(0)
  expect(gone).toHaveLength(21)
  expect(budget.limited).toBe(false)
})

test('or that there is one: from then on answers wait too, and the refused one is counted; it is tried again after a day', async () => {
  const { clock, budget, gone, ask } = world(true)
  for (let event = 0; event < 10; event += 1) await budget.turn()
  const told = await budget.turn(true)
  budget.refused('send')
  told(true)
  expect(budget.limited).toBe(true)
  ask('answer', true)
  await clock.advance(9000)
  expect(gone).toEqual([])
  await clock.advance(1200)
  expect(gone).toEqual(['answer'])
  await clock.advance(24 * 3_600_000 + 1)
  for (let event = 0; event < 10; event += 1) await budget.turn()
  ask('once more', true)
  await clock.advance(0)
  expect(gone).toEqual(['answer', 'once more'])
})

test('one answer at a time tries it', async () => {
  const { clock, budget, gone, ask } = world(true)
  for (let event = 0; event < 10; event += 1) await budget.turn()
  await budget.turn(true)
  ask('second', true)
  await clock.advance(0)
  expect(gone).toEqual([])
})

test('answers and removals go before other work, each kind in its order', async () => {
  const { clock, budget, gone, ask } = world(true)
  for (let event = 0; event < 10; event += 1) await budget.turn()
  budget.refused('send')
  ask('welcome')
  ask('invitation')
  ask('answer', true)
  ask('kick', true)
  await clock.advance(60_000)
  expect(gone).toEqual(['answer', 'kick', 'welcome', 'invitation'])
})

test('rooms: ten at once, then one in about a minute; a refused request of that kind says nothing of events', async () => {
  const { clock, budget, gone, ask } = world(true)
  for (let room = 0; room < 10; room += 1) expect(budget.room()).toBe(0)
  expect(budget.room()).toBe(62_600)
  await clock.advance(62_600)
  expect(budget.room()).toBe(0)
  budget.refused('createRoom')
  expect(budget.room()).toBeGreaterThan(100_000)
  ask('event')
  await clock.advance(0)
  expect(gone).toEqual(['event'])
})

test('one person is invited five times, then once in five and a half minutes; another is not held back by that', async () => {
  const { clock, budget } = world(true)
  for (let time = 0; time < 5; time += 1) expect(budget.invitation(ada)).toBe(0)
  expect(budget.invitation(ada)).toBeGreaterThan(330_000)
  expect(budget.invitation(ben)).toBe(0)
  await clock.advance(334_000)
  expect(budget.invitation(ada)).toBe(0)
  expect(budget.invitation(ada)).toBeGreaterThan(0)
})

test('a refused invitation counts against that person alone', () => {
  const { budget } = world()
  budget.invitationRefused(ada)
  expect(budget.limited).toBe(true)
  expect(budget.invitation(ada)).toBeGreaterThan(600_000)
  expect(budget.invitation(ben)).toBe(0)
})

test('requests that are no events change nothing', () => {
  const { budget } = world()
  for (const route of ['sync', 'keys/query', 'receipt']) budget.refused(route)
  expect(budget.limited).toBe(false)
})
