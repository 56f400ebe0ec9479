import { expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import type { RoomId, UserId } from '../types.ts'
import { UndecidedKeys } from './undecided-keys.ts'
import type { KeepsKeys } from './unneeded-keys.ts'

const ada = '@ada:x' as UserId
const key = (sessionId: string) => ({ roomId: '!a:x' as RoomId, sessionId, sender: ada })
const sessions = (keys: readonly { readonly sessionId: string }[]) => keys.map(({ sessionId }) => sessionId)
const undecided: KeepsKeys = () => 'undecided'

test('a key whose deletion was not committed is dropped again; afterwards it is forgotten', () => {
  const database = memoryDatabase()
  const clock = new TestClock()
  const first = new UndecidedKeys(database, clock)
  expect(first.sort([key('one')], undecided)).toEqual([])
  expect(sessions(first.sort([], () => false))).toEqual(['one'])
  // The program ended before the commit.
  const second = new UndecidedKeys(database, clock)
  expect(sessions(second.sort([], () => false))).toEqual(['one'])
  expect(second.sort([], () => false)).toEqual([])
})

test('a room that stays unknown for a day is none of ours', async () => {
  const clock = new TestClock()
  const keys = new UndecidedKeys(memoryDatabase(), clock)
  keys.sort([key('old')], undecided)
  await clock.advance(23 * 3_600_000)
  expect(keys.sort([key('new')], undecided)).toEqual([])
  await clock.advance(2 * 3_600_000)
  expect(sessions(keys.sort([], undecided))).toEqual(['old'])
})

test('of very many the oldest go', () => {
  const keys = new UndecidedKeys(memoryDatabase(), new TestClock())
  const many = Array.from({ length: 2003 }, (_, index) => key(`${index}`))
  expect(sessions(keys.sort(many, undecided))).toEqual(['0', '1', '2'])
})
