import { expect, test } from 'vitest'
import { ago, count, enumerate, freshnessWords, pageFooter, pageOf } from './words.ts'

test('ages', () => {
  expect(ago(1000, 500)).toBe('just now')
  expect(ago(0, 1999)).toBe('just now')
  expect(ago(0, 3 * 3_600_000)).toBe('3 h ago')
  expect(freshnessWords({ asOf: null, dirty: true }, 0)).toBe('not read yet')
  expect(freshnessWords({ asOf: 0, dirty: true }, 60_000)).toBe('as of 60 s ago, being read again')
  expect(freshnessWords({ asOf: 0, dirty: false }, 0)).toBe('as of just now')
})

test('numbers and lists', () => {
  expect([count(0, 'room'), count(1, 'room'), count(2, 'person', 'people')]).toEqual(['0 rooms', '1 room', '2 people'])
  expect([enumerate([]), enumerate(['a']), enumerate(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c'])
})

test('pages of ten; beyond the end is the last one', () => {
  const rows = Array.from({ length: 21 }, (_, index) => index)
  expect(pageOf(rows)).toMatchObject({ page: 1, pages: 3, total: 21 })
  expect(pageOf(rows, 3).rows).toEqual([20])
  expect(pageOf(rows, 99)).toMatchObject({ page: 3, rows: [20] })
  expect(pageOf([], 5)).toMatchObject({ page: 1, pages: 1, rows: [] })
  expect(pageFooter(pageOf([1]), '!x')).toEqual([])
  expect(pageFooter(pageOf(rows, 2), '!x')).toEqual([{ paragraph: ['Page 2 of 3.', ' Next: ', { code: '!x --page 3' }] }])
  expect(pageFooter(pageOf(rows, 3), '!x')).toEqual([{ paragraph: ['Page 3 of 3.'] }])
})
