import { afterEach, expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { UserId } from '../types.ts'
import { SendingBudget } from './sending-budget.ts'
import type { SendingBudgetOptions } from './sending-budget.ts'

const ada = '@ada:x' as UserId
const ben = '@ben:x' as UserId
const open: SendingBudget[] = []
afterEach(() => {
  for (const budget of open.splice(0)) budget.close()
})

const world = (foreign = false, more: SendingBudgetOptions = {}) => {
  const clock = new TestClock()
  const budget = new SendingBudget(clock, { foreign, ...more })
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

const now = new TestClock().now()
const ago = (...seconds: readonly number[]): number[] => seconds.map((second) => now - second * 1000)

test('a restart goes on with what was left: what was sent lately counts, whatever the clock did meanwhile', async () => {
  const sent = { events: [...ago(2, 2, 1, 1, 1, 0, 0), now + 3_600_000], rooms: ago(100, 90), invitations: [] }
  const { clock, gone, ask } = world(true, { sent })
  for (let event = 0; event < 4; event += 1) ask(`${event}`)
  await clock.advance(0)
  expect(gone).toHaveLength(2)
  await clock.advance(5200)
  expect(gone).toHaveLength(3)
})

test('what was sent long before the restart does not count', async () => {
  const { clock, gone, ask } = world(true, { sent: { events: ago(...Array.from({ length: 60 }, () => 61)), rooms: [], invitations: [] } })
  for (let event = 0; event < 12; event += 1) ask(`${event}`)
  await clock.advance(0)
  // Emptied a minute ago, and one more that the server was owed.
  expect(gone).toHaveLength(10)
})

test('rooms and invitations of the time before the restart count too, each person for themselves', () => {
  const { budget } = world(true, {
    sent: {
      events: [],
      rooms: ago(...Array.from({ length: 10 }, () => 5)),
      invitations: ago(9, 8, 7, 6, 5).map((at) => ({ userId: ada, at })),
    },
  })
  expect(budget.room()).toBeGreaterThan(50_000)
  expect(budget.invitation(ada)).toBeGreaterThan(300_000)
  expect(budget.invitation(ben)).toBe(0)
})

test('of an unknown past a share of the burst is taken: enough for the largest usual command, not all of it', async () => {
  const { clock, budget, gone, ask } = world(true, { sent: 'unknown' })
  for (let event = 0; event < 10; event += 1) ask(`${event}`)
  await clock.advance(0)
  expect(gone).toHaveLength(7)
  expect(budget.invitation(ada)).toBe(0)
})

test('limits that were met before a restart are not tried again before their day is over, and the refusal is told once an hour', async () => {
  const told: number[] = []
  const { clock, gone, ask, budget } = world(true, { metAt: now - 3_600_000, onMet: (at) => told.push(at) })
  for (let event = 0; event < 10; event += 1) await budget.turn()
  ask('answer', true)
  await clock.advance(0)
  expect(gone).toEqual([])
  budget.refused('send')
  budget.refused('send')
  expect(told).toEqual([now])
  await clock.advance(60_000)
  expect(gone).toEqual(['answer'])
  await clock.advance(24 * 3_600_000 + 1)
  for (let event = 0; event < 10; event += 1) await budget.turn()
  ask('the day after', true)
  await clock.advance(0)
  expect(gone).toEqual(['answer', 'the day after'])
})

test('where the configuration says that the limits hold, nothing is sent beyond them to find out', async () => {
  const { clock, gone, ask, budget } = world(true, { tries: false })
  for (let event = 0; event < 10; event += 1) await budget.turn()
  ask('answer', true)
  await clock.advance(0)
  expect(gone).toEqual([])
  await clock.advance(5200)
  expect(gone).toEqual(['answer'])
})
