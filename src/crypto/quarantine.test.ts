import { beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { silentLogger } from '../operations/logger.ts'
import type { Json, JsonObject } from '../types.ts'
import { Quarantine } from './quarantine.ts'
import type { EngineInput } from './quarantine.ts'

let database: Database
const clock = new TestClock()
/** What the next process sees. */
const open = (): Quarantine => new Quarantine({ database, clock, logger: silentLogger })

const input = (content: JsonObject, kind: EngineInput['kind'] = 'to-device', type = 'm.room.encrypted'): EngineInput => ({
  kind,
  event: { type, sender: '@eve:x', content, ...(kind === 'room' ? { event_id: '$a' } : {}) },
})
const poison = input({ ciphertext: 'poison', algorithm: 'olm' })
const good = input({ ciphertext: 'good' })
const another = input({ ciphertext: 'another' })

beforeEach(() => {
  database = memoryDatabase()
})

describe('a panic', () => {
  test('over one event sets it aside at once, for every later process', () => {
    const quarantine = open()
    quarantine.enter([poison])
    quarantine.engineBroke('unreachable', true)
    const next = open()
    expect(next.has(poison)).toBe(true)
    expect(next.has(good)).toBe(false)
    expect(next.careful).toBe(false)
    expect(next.size).toBe(1)
    expect(next.untold()).toMatchObject([{ kind: 'to-device', type: 'm.room.encrypted', sender: '@eve:x', reason: 'unreachable' }])
  })

  test('over several: each is suspected and goes in alone; the second panic shows the one', () => {
    const quarantine = open()
    quarantine.enter([good, poison])
    quarantine.enter([another])
    quarantine.enter([])
    quarantine.engineBroke('unreachable', true)

    const second = open()
    expect([good, poison, another].map((one) => [second.has(one), second.suspects(one)])).toEqual([
      [false, true],
      [false, true],
      [false, true],
    ])
    const leave = second.enter([good])
    leave()
    second.clear([good])
    expect(second.suspects(good)).toBe(false)
    second.enter([poison])
    second.engineBroke('unreachable', true)

    const third = open()
    expect([good, poison, another].map((one) => third.has(one))).toEqual([false, true, false])
    expect(third.careful).toBe(true)
    third.clear([another])
    expect(third.careful).toBe(false)
    expect(open().careful).toBe(false)
  })

  test('while nothing of others is in the engine, nothing is blamed', () => {
    const quarantine = open()
    quarantine.enter([good])()
    quarantine.enter([])
    quarantine.engineBroke('unreachable', true)
    expect(open()).toMatchObject({ size: 0, careful: false })
  })
})

test.each(['engineBroke', 'refused'] as const)('what is no panic (%s) has to happen twice', (how) => {
  const fail = (quarantine: Quarantine): void => {
    quarantine.enter([poison])
    if (how === 'engineBroke') quarantine.engineBroke('it did not come back', false)
    else quarantine.refused([poison], 'Error: no')
    // What follows from it is not counted as a second time.
    quarantine.refused([poison], 'Error: no')
    quarantine.clear([poison])
  }
  fail(open())
  const second = open()
  expect([second.has(poison), second.suspects(poison)]).toEqual([false, true])
  fail(second)
  expect(open().has(poison)).toBe(true)
})

describe('the same event', () => {
  beforeEach(() => {
    const quarantine = open()
    quarantine.enter([poison])
    quarantine.engineBroke('unreachable', true)
  })

  test('is known again however the server writes it', () => {
    const { event } = input({ algorithm: 'olm', ciphertext: 'poison' })
    const rewritten = Object.fromEntries(Object.entries({ ...event, unsigned: { age: 7 } }).toReversed())
    expect(open().has({ kind: 'to-device', event: rewritten })).toBe(true)
  })

  test('is another one in a room, or from somebody else', () => {
    expect(open().has({ ...poison, kind: 'room' })).toBe(false)
    expect(open().has({ kind: 'to-device', event: { ...poison.event, sender: '@ada:x' } })).toBe(false)
  })
})

test('an event that cannot be written down is set aside as well', () => {
  let deep: Json = []
  for (let depth = 0; depth < 20_000; depth += 1) deep = [deep]
  const quarantine = open()
  const bottomless = input({ deep }, 'to-device', 'm.dummy')
  quarantine.enter([bottomless])
  quarantine.engineBroke('Maximum call stack size exceeded', true)
  expect(open().has(bottomless)).toBe(true)
  expect(open().has(good)).toBe(false)
})

test('what may hold a secret in clear is not kept, ciphertext is', () => {
  for (const one of [input({ secret: 'in clear' }, 'to-device', 'm.secret.send'), good]) {
    const quarantine = open()
    quarantine.enter([one])
    quarantine.engineBroke('unreachable', true)
  }
  const rows = database.connection.prepare("SELECT value FROM meta WHERE name LIKE 'crypto.quarantine:%'").pluck().all().join('\n')
  expect(rows).not.toContain('in clear')
  expect(rows).toContain('good')
})

test('somebody is told once', () => {
  const quarantine = open()
  quarantine.enter([poison])
  quarantine.engineBroke('unreachable', true)
  const next = open()
  for (const { hash } of next.untold()) next.markTold(hash)
  expect(open().untold()).toEqual([])
  expect(open().has(poison)).toBe(true)
})

test('suspicion ends after a day, quarantine after a month', async () => {
  const quarantine = open()
  quarantine.enter([good, another])
  quarantine.engineBroke('unreachable', true)
  const other = open()
  other.enter([poison])
  other.engineBroke('unreachable', true)
  await clock.advance(25 * 3_600_000)
  expect(open()).toMatchObject({ careful: false, size: 1 })
  await clock.advance(30 * 24 * 3_600_000)
  expect(open().size).toBe(0)
  expect(open().untold()).toEqual([])
})
