import { expect, test } from 'vitest'
import { concerns, masterKeyIn, ownKeysProblem } from './own-keys.ts'
import type { OwnKeys } from './own-keys.ts'

const mine: OwnKeys = { userId: '@bot:x', deviceId: 'BOT', ed25519: 'E', curve25519: 'C', masterKey: 'M' }
const device = (ed25519 = 'E', curve25519 = 'C') => ({ keys: { 'ed25519:BOT': ed25519, 'curve25519:BOT': curve25519 } })
const shown = (devices: unknown, master: unknown = { keys: { 'ed25519:M': 'M' } }) => ({
  device_keys: { '@bot:x': devices },
  ...(master === null ? {} : { master_keys: { '@bot:x': master } }),
})

test.each<[string, unknown, string | undefined]>([
  ['all is the same', shown({ BOT: device(), OTHER: device('X', 'Y') }), undefined],
  ['another signing key', shown({ BOT: device('X') }), 'device-keys-differ'],
  ['another encryption key', shown({ BOT: device('E', 'X') }), 'device-keys-differ'],
  ['no encryption key', shown({ BOT: { keys: { 'ed25519:BOT': 'E' } } }), 'device-keys-differ'],
  ['the device is gone', shown({ OTHER: device() }), 'device-missing'],
  ['the user is gone', { device_keys: {} }, 'device-missing'],
  ['a device that is none', shown({ BOT: 'nonsense' }), 'device-missing'],
  ['nonsense', 'nonsense', 'device-missing'],
  ['another identity', shown({ BOT: device() }, { keys: { 'ed25519:X': 'X' } }), 'identity-replaced'],
  ['the identity is gone', shown({ BOT: device() }, null), 'identity-missing'],
])('%s', (_, body, code) => expect(ownKeysProblem(body, mine)?.code).toBe(code))

test('before there is an identity, any is as good', () => {
  expect(ownKeysProblem(shown({ BOT: device() }), { ...mine, masterKey: undefined })).toBeUndefined()
})

test('names of the server are not names of objects', () => {
  const evil = { ...mine, deviceId: 'constructor' }
  expect(ownKeysProblem(shown({}), evil)?.code).toBe('device-missing')
})

test('which answers are about us', () => {
  expect(concerns(shown({ BOT: device() }), '@bot:x')).toBe(true)
  expect(concerns({ master_keys: { '@bot:x': {} } }, '@bot:x')).toBe(true)
  expect(concerns({ device_keys: { '@ada:x': {} } }, '@bot:x')).toBe(false)
  expect(concerns(undefined, '@bot:x')).toBe(false)
  expect(masterKeyIn(shown({}), '@bot:x')).toBe('M')
  expect(masterKeyIn(shown({}), '@ada:x')).toBeUndefined()
})
