import { expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import { createPingCommand } from './ping.ts'

test.each([
  [999_915, 'Pong! I read your message 85 ms after it was sent.'],
  [995_000, 'Pong! I read your message 5 s after it was sent.'],
  [1_000_001, 'Pong!'],
  [undefined, 'Pong!'],
])('sent at %s of 1000000', async (sentAt, words) => {
  const now = 1_000_000
  const answer = await createPingCommand({ sentAt: () => sentAt }).answer(await requestOf('ping', { now }))
  expect(textOf(answer)).toBe(words)
})

test('a day on the way says something about clocks and is left out', async () => {
  const answer = await createPingCommand({ sentAt: () => 0 }).answer(await requestOf('ping', { now: 86_400_000 }))
  expect(textOf(answer)).toBe('Pong!')
})
