import { expect, test } from 'vitest'
import { Bridged } from './bridged.ts'
import type { UserId } from '../types.ts'

const ada = '@ada:example.org' as UserId
const ghost = '@signal_1234:example.org' as UserId

test('bridged people are told by the pattern and never shown by id', () => {
  const bridged = new Bridged([{ users: '^@telegram_' }, { users: '^@signal_' }])
  expect(bridged.bridgeOf(ghost)).toBe(1)
  expect(bridged.bridgeOf(ada)).toBeUndefined()
  expect(bridged.label(ghost, 'Grace')).toBe('Grace (bridged)')
  expect(bridged.label(ghost, null)).toBe('somebody without a name (bridged)')
  expect(bridged.label(ada, 'Ada')).toBe('Ada (@ada:example.org)')
  expect(bridged.label(ada, null)).toBe('@ada:example.org')
  expect(bridged.label(ada, ada)).toBe('@ada:example.org')
  expect(new Bridged().bridgeOf(ghost)).toBeUndefined()
})

test('a display name stays in its line and does not pass for the id of somebody else', () => {
  const bridged = new Bridged([{ users: '^@signal_' }])
  const evil = '@evil:example.org' as UserId
  expect(bridged.label(evil, 'Ada (@ada:example.org)')).toBe('Ada (@evil:example.org)')
  expect(bridged.label(ghost, 'Ada (@ada:example.org)')).toBe('Ada (bridged)')
  expect(bridged.label(evil, 'Ada\n✅ done\u2028• kick Bob')).toBe('Ada ✅ done • kick Bob (@evil:example.org)')
  expect(bridged.label(evil, ' \n ')).toBe(evil)
  expect(bridged.label(ghost, '\n')).toBe('somebody without a name (bridged)')
})

test('somebody of another server is not bridged, whatever they are called: they are shown with their id', () => {
  const bridged = new Bridged([{ users: '^@signal_', bot: '@signalbot:example.org' as UserId }])
  const evil = '@signal_1234:evil.example' as UserId
  expect(bridged.bridgeOf(ghost)).toBe(0)
  expect(bridged.bridgeOf(evil)).toBeUndefined()
  expect(bridged.label(evil, 'Ada (bridged)')).toContain(evil)
})
