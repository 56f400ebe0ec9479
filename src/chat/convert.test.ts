import { expect, test } from 'vitest'
import { convert, formatDuration } from './convert.ts'
import type { ParameterType } from './declaration.ts'

const run = (type: ParameterType, text: string): unknown => {
  const result = convert(type, [{ text, quoted: false, start: 0, end: text.length }])
  return result.ok ? result.value : result.words
}
const duration = { kind: 'duration', min: 60_000, max: 31_536_000_000 } as const

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['7D', 604_800_000],
  ['2w', 1_209_600_000],
  ['1s', '1s is out of range: it must be between 1m and 365d'],
  ['999w', '999w is out of range: it must be between 1m and 365d'],
  ['7', '“7” is no duration: write it as 90s, 15m, 2h, 7d or 2w'],
  ['1.5h', '“1.5h” is no duration: write it as 90s, 15m, 2h, 7d or 2w'],
  ['-5m', '“-5m” is no duration: write it as 90s, 15m, 2h, 7d or 2w'],
])('duration %s', (text, expected) => {
  expect(run(duration, text)).toBe(expected)
})

test('durations are written in their largest whole unit', () => {
  expect([1000, 90_000, 3_600_000, 86_400_000, 604_800_000, 0, 1500].map(formatDuration)).toEqual([
    '1s',
    '90s',
    '1h',
    '1d',
    '1w',
    '0w',
    '2s',
  ])
})

test.each([
  ['ada@example.org', 'ada@example.org'],
  ['<mailto:ada@example.org>', 'ada@example.org'],
  ['Ada.L+x@sub.example.org', 'Ada.L+x@sub.example.org'],
  ['ada', '“ada” is no e-mail address'],
  ['ada@example', '“ada@example” is no e-mail address'],
  ['a@b@c.org', '“a@b@c.org” is no e-mail address'],
  [`${'a'.repeat(250)}@example.org`, `“${'a'.repeat(250)}@example.org” is no e-mail address`],
])('e-mail %s', (text, expected) => {
  expect(run({ kind: 'email' }, text)).toBe(expected)
})

test('lists say each thing once and are not empty', () => {
  expect(run({ kind: 'list' }, 'a, b,a')).toEqual(['a', 'b'])
  expect(run({ kind: 'list' }, ' , ')).toBe('the list is empty')
  expect(run({ kind: 'users' }, '@a:x,@a:x')).toHaveLength(1)
  expect(run({ kind: 'users' }, ',')).toBe('a person is missing')
  expect(run({ kind: 'rooms' }, ',')).toBe('a room is missing')
  expect(run({ kind: 'rooms' }, 'a,!')).toMatchObject([{ value: 'a' }, { value: '!' }])
  expect(run({ kind: 'rooms' }, 'a,@b:x')).toBe('“@b:x” is a person, not a room')
})
