import { describe, expect, test } from 'vitest'
import { quietFor, untilTimeOfDay } from './quiet-hours.ts'

const at = (time: string): number => Date.parse(`2026-11-22T${time}:00Z`)
const night = { from: '22:00', to: '07:00', timeZone: 'UTC' }
const hour = 3_600_000

describe('quiet hours', () => {
  test.each([
    ['12:00', 0],
    ['21:59', 0],
    ['22:00', 9 * hour],
    ['23:30', 7.5 * hour],
    ['00:00', 7 * hour],
    ['06:59', 60_000],
    ['07:00', 0],
  ])('over midnight, at %s', (time, left) => {
    expect(quietFor(night, at(time))).toBe(left)
  })

  test('inside one day, in another time zone', () => {
    const noon = { from: '12:00', to: '14:00', timeZone: 'Europe/Berlin' }
    expect(quietFor(noon, at('11:30'))).toBe(1.5 * hour)
    expect(quietFor(noon, at('13:00'))).toBe(0)
  })

  test('without a configuration there are none', () => {
    expect(quietFor(undefined, at('03:00'))).toBe(0)
  })
})

test('the next time of the day is always ahead, by at most a day', () => {
  for (const time of ['00:00', '03:30', '23:59']) {
    const wait = untilTimeOfDay(time, at('03:30'))
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(25 * hour)
  }
})
