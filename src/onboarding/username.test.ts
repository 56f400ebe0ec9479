import { expect, test } from 'vitest'
import { findUsername, foldName, makeUsername } from './username.ts'
import { usernameWords } from './username-words.ts'

test.each([
  ['Ada', 'ada'],
  ['Zoë', 'zoe'],
  ['Zoe\u0308', 'zoe'],
  ['Jean-Luc', 'jean-luc'],
  ['Mary  Ann', 'mary-ann'],
  ["D'Arcy", 'darcy'],
  ['D’Arcy', 'darcy'],
  ['Łukasz', 'lukasz'],
  ['Øyvind', 'oyvind'],
  ['Юлия', 'yuliya'],
  ['Γιώργος', 'giorgos'],
  ['Ada 👩🏽‍💻🇩🇪', 'ada'],
  ['--Ada--', 'ada'],
  ['<script>', 'script'],
  ['R2D2', 'r2d2'],
  ['👋', 'friend'],
  ['', 'friend'],
  ['Wolfeschlegelsteinhausenbergerdorff', 'wolfeschlegelsteinha'],
  ['Abcdefghijklmnopqrs-tuv', 'abcdefghijklmnopqrs'],
])('%s is folded to %s', (name, folded) => {
  expect(foldName(name)).toBe(folded)
})

test.each(['李小龙', 'محمد', 'さくら', 'אברהם', 'ปรีชา'])('%s is transliterated', (name) => {
  expect(foldName(name)).toMatch(/^[a-z][a-z0-9-]{1,19}$/)
  expect(foldName(name)).not.toBe('friend')
})

test('the words are short, friendly to type and all different', () => {
  expect(usernameWords.length).toBeGreaterThanOrEqual(250)
  expect(new Set(usernameWords).size).toBe(usernameWords.length)
  expect(usernameWords.filter((word) => !/^[a-z]{3,8}$/.test(word))).toEqual([])
})

test('name, word, two digits', () => {
  expect(makeUsername('Ada', () => 0)).toBe(`ada-${usernameWords[0]}10`)
  expect(makeUsername('Ada', (below) => below - 1)).toBe(`ada-${usernameWords.at(-1)}99`)
  const asked: number[] = []
  makeUsername('Ada', (below) => asked.push(below))
  expect(asked).toEqual([usernameWords.length, 90])
})

test('a random source that is out of bounds still gives a username', () => {
  expect(makeUsername('Ada', (below) => below)).toMatch(/^ada-maple\d+$/)
})

test('tries until one is free, at most ten times', async () => {
  let next = 0
  const counting = (below: number): number => (next += 1) % below
  const asked: string[] = []
  const found = await findUsername('Ada', async (username) => ({ ok: true, taken: asked.push(username) < 3 }), counting)
  expect(found).toEqual({ ok: true, username: asked[2] })
  expect(new Set(asked).size).toBe(3)

  asked.length = 0
  const none = await findUsername('Ada', async (username) => ({ ok: true, taken: asked.push(username) > 0 }), counting)
  expect(none).toEqual({ ok: false, code: 'none-free', tries: 10 })
  expect(asked).toHaveLength(10)
})

test('what cannot be checked is not guessed', async () => {
  expect(
    await findUsername(
      'Ada',
      async () => ({ ok: false, problem: 'down' }),
      () => 0,
    ),
  ).toEqual({ ok: false, code: 'unchecked', problem: 'down' })
})
