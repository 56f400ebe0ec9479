import { describe, expect, test } from 'vitest'
import { backoff, requestedWait } from './waits.ts'

const now = Date.UTC(2026, 10, 22, 12)

describe('what a server asks for', () => {
  test.each<[string, Record<string, string>, unknown, number | undefined]>([
    ['seconds', { 'retry-after': '2' }, undefined, 2_000],
    ['fractions', { 'retry-after': '0.5' }, undefined, 500],
    ['date', { 'retry-after': 'Sun, 22 Nov 2026 12:00:10 GMT' }, undefined, 10_000],
    ['a date that has passed', { 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' }, undefined, 0],
    ['nonsense falls through to the body', { 'retry-after': 'soon' }, { retry_after_ms: 7 }, 7],
    ['a negative header falls through', { 'retry-after': '-5' }, undefined, undefined],
    ['an absurd wait is bounded to a day', { 'retry-after': '99999999' }, undefined, 86_400_000],
    ['text in the body', {}, { retry_after_ms: '100' }, undefined],
    ['negative in the body', {}, { retry_after_ms: -1 }, undefined],
    ['an inherited key', {}, Object.create({ retry_after_ms: 5 }), undefined],
    ['nothing', {}, null, undefined],
  ])('%s', (_name, headers, body, expected) => {
    expect(requestedWait(headers, body, now)).toBe(expected)
  })
})

test('backoff doubles up to its ceiling, between half and the whole', () => {
  expect([1, 2, 3, 4].map((attempt) => backoff(attempt, 100, 500, () => 1))).toEqual([100, 200, 400, 500])
  expect(backoff(2, 100, 500, () => 0)).toBe(100)
})
