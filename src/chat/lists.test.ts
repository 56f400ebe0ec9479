import { expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { UserId } from '../types.ts'
import { Lists } from './lists.ts'

const mo = '@mo:x' as UserId
const mia = '@mia:x' as UserId
const [ada, ben, cleo] = ['@ada:x', '@ben:x', '@cleo:x'] as UserId[]

test('rows count in the last list of the asker, for fifteen minutes', async () => {
  const clock = new TestClock()
  const lists = new Lists(clock)
  const first = lists.add(mo, [ada!, ben!])
  const second = lists.add(mo, [cleo!])
  expect([lists.row(mo, 1), lists.row(mo, 2), lists.row(mo, 0), lists.row(mo, 1.5)]).toEqual([cleo, undefined, undefined, undefined])
  expect(lists.byHandle(mo, first)).toEqual([ada, ben])
  expect(first).not.toBe(second)
  // Nobody else can use them.
  expect([lists.row(mia, 1), lists.byHandle(mia, first)]).toEqual([undefined, undefined])
  await clock.advance(15 * 60_000 - 1)
  expect(lists.row(mo, 1)).toBe(cleo)
  await clock.advance(1)
  expect([lists.row(mo, 1), lists.byHandle(mo, first)]).toEqual([undefined, undefined])
})

test('old lists are forgotten', () => {
  const lists = new Lists(new TestClock())
  const first = lists.add(mo, [ada!])
  for (let number = 0; number < 20; number += 1) lists.add(mo, [ben!])
  expect(lists.byHandle(mo, first)).toBeUndefined()
})
