import { expect, test } from 'vitest'
import { editDistance, suggest } from './suggest.ts'

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
  ['remvoe', 'remove', 1],
  ['ab', 'ba', 1],
  ['😀a', 'a', 1],
])('from %j to %j: %i', (one, other, distance) => {
  expect(editDistance(one, other)).toBe(distance)
  expect(editDistance(other, one)).toBe(distance)
})

test('nearest first, then beginnings; far words not at all', () => {
  const names = ['remove', 'revoke', 'rooms', 'room', 'recommend', 'recommend', 'help', 'x'.repeat(65)]
  expect(suggest('Room', names)).toEqual(['room', 'rooms'])
  expect(suggest('remvoe', names)).toEqual(['remove', 'revoke'])
  expect(suggest('reco', names)).toEqual(['recommend'])
  expect(suggest('helpme', names)).toEqual(['help'])
  expect(suggest('banana', names)).toEqual([])
  expect(suggest('', names)).toEqual([])
  expect(suggest('r'.repeat(65), names)).toEqual([])
  expect(suggest('ab', ['ac', 'aa', 'ad', 'ae'])).toEqual(['aa', 'ac', 'ad'])
})
