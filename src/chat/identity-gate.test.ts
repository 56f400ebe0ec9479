import { expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import { PersonIdentities } from '../crypto/person-identities.ts'
import type { OutgoingMessage } from '../matrix/outbox.ts'
import { silentLogger } from '../operations/logger.ts'
import type { Role, RoomId, UserId } from '../types.ts'
import { IdentityGate } from './identity-gate.ts'
import type { Transport } from './incoming.ts'

const mod = '@mod:x' as UserId
const ada = '@ada:x' as UserId
const signed = (identityKey: string): Transport => ({ encrypted: true, trust: 'signed', device: 'PHONE', identityKey })

const setUp = () => {
  const messages: OutgoingMessage[] = []
  const keys = new Map<UserId, string>()
  const asked: UserId[] = []
  const roles = new Map<UserId, Role>([[mod, 'moderator']])
  let room: RoomId | undefined = '!admin:x' as RoomId
  const identities = new PersonIdentities(memoryDatabase(), new TestClock())
  const gate = new IdentityGate({
    identities,
    outbox: { add: (message) => void messages.push(message), kick: () => undefined },
    adminRoom: () => room,
    roleOf: (userId) => roles.get(userId) ?? 'everyone',
    identityKey: (userId) => {
      asked.push(userId)
      return Promise.resolve(keys.get(userId))
    },
    nameOf: () => 'Mona',
    prefix: '!',
    logger: silentLogger,
  })
  const trust = (userId: UserId, transport: Transport): string => {
    const believed = gate.believe(userId, roles.get(userId) ?? 'everyone', transport)
    return believed.encrypted ? believed.trust : 'clear'
  }
  return { gate, identities, messages, keys, asked, roles, trust, enter: (next: RoomId | undefined) => void (room = next) }
}

test('the first identity is believed and remembered, another one is not', () => {
  const { trust, identities } = setUp()
  expect(trust(mod, signed('A'))).toBe('signed')
  expect(trust(mod, signed('A'))).toBe('signed')
  expect(trust(mod, signed('B'))).toBe('identity-changed')
  expect(trust(mod, signed('A'))).toBe('identity-changed')
  identities.accept(mod, 'B', '@olga:x')
  expect(trust(mod, signed('B'))).toBe('signed')
})

test('nothing else is made better or worse', () => {
  const { trust, identities } = setUp()
  for (const kind of ['unsigned', 'unknown-device', 'mismatched-sender', 'not-guaranteed'] as const)
    expect(trust(mod, { encrypted: true, trust: kind, device: 'PHONE' })).toBe(kind)
  expect(trust(mod, { encrypted: false })).toBe('clear')
  expect(identities.of(mod)).toBeUndefined()
})

test('people without a role may change their identity as they like', () => {
  const { trust, identities, roles } = setUp()
  expect(trust(ada, signed('A'))).toBe('signed')
  expect(trust(ada, signed('B'))).toBe('signed')
  expect(identities.of(ada)).toBeUndefined()
  // Who has lost the role is still known: it may come back.
  trust(mod, signed('A'))
  roles.delete(mod)
  expect(trust(mod, signed('B'))).toBe('identity-changed')
})

test('the admins are told once for each new identity, with both keys and the way to set it right', () => {
  const { trust, messages } = setUp()
  trust(mod, signed('first-key-of-the-moderator'))
  expect(messages).toEqual([])
  for (const key of ['other-key-of-somebody', 'other-key-of-somebody', 'first-key-of-the-moderator']) trust(mod, signed(key))
  expect(messages).toHaveLength(1)
  expect(messages[0]).toMatchObject({ roomId: '!admin:x', type: 'm.room.message' })
  const text = JSON.stringify(messages[0]?.content)
  for (const words of ['Mona', '@mod:x', 'firs t-ke y-of -the', 'othe r-ke y-of -som', '!trust @mod:x', 'gatehouse crypto trust @mod:x'])
    expect(text).toContain(words)
  trust(mod, signed('third'))
  expect(messages).toHaveLength(2)
  expect(new Set(messages.map(({ txnId }) => txnId)).size).toBe(2)
})

test('without an admin room they are told once there is one', () => {
  const { trust, messages, enter } = setUp()
  enter(undefined)
  trust(mod, signed('A'))
  trust(mod, signed('B'))
  expect(messages).toEqual([])
  enter('!admin:x' as RoomId)
  trust(mod, signed('B'))
  expect(messages).toHaveLength(1)
})

test('a change is noticed before there is any command; only people who may command are looked at', async () => {
  const { gate, identities, keys, asked, messages } = setUp()
  keys.set(mod, 'A').set(ada, 'A')
  await gate.look([mod, ada, mod])
  expect(asked).toEqual([mod])
  expect(identities.of(mod)?.masterKey).toBe('A')
  keys.set(mod, 'B')
  await gate.look([mod])
  expect(messages).toHaveLength(1)
  keys.delete(mod)
  await gate.look([mod])
  expect(identities.of(mod)).toMatchObject({ masterKey: 'A', otherKey: 'B' })
})
