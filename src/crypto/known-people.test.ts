import { beforeEach, describe, expect, test } from 'vitest'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { UserId } from '../types.ts'
import { KnownPeople } from './known-people.ts'

const ada = '@ada:x' as UserId
let server: KeyServer
let database: Database
let people: KnownPeople

interface Answer {
  device_keys: Record<string, Record<string, { keys: Record<string, string>; signatures: Record<string, Record<string, string>> }>>
  master_keys: Record<string, unknown>
  self_signing_keys: Record<string, { signatures: Record<string, Record<string, string>> }>
}
/** What the server says of Ada; each time another object. */
const answer = (from = server): Answer => {
  const result = from.query({ device_keys: { [ada]: [] } })
  if (!result.ok) throw new Error('the key server did not answer')
  return structuredClone(result.body) as Answer
}
const note = (body: unknown = answer()): readonly UserId[] => people.note(body)
const device = () => people.of(ada).devices[0]

beforeEach(async () => {
  server = new KeyServer()
  database = memoryDatabase()
  people = new KnownPeople(database, 'native/@bot:x/BOT')
  await (await Peer.make(server, ada, 'PHONE')).crossSign()
})

test('keys that the Rust engine has made and signed are known, also after a restart', () => {
  expect(people.of(ada)).toEqual({ identity: undefined, devices: [] })
  expect(note()).toEqual([ada])
  const keys: Readonly<Record<string, string>> = answer().device_keys[ada]?.['PHONE']?.keys ?? {}
  expect(device()).toMatchObject({ deviceId: 'PHONE', ed25519: keys['ed25519:PHONE'], curve25519: keys['curve25519:PHONE'], signed: true })
  expect(people.of(ada).identity?.masterKey).toMatch(/^[\w+/]{43}$/)
  expect(new KnownPeople(database, 'native/@bot:x/BOT').of(ada)).toEqual(people.of(ada))
})

test('the same answer again changes nothing', () => {
  note()
  expect(note()).toEqual([])
})

test('a device without its owner’s signature is unsigned', async () => {
  await Peer.make(server, ada, 'TABLET')
  note()
  const { devices } = people.of(ada)
  expect(Object.fromEntries(devices.map(({ deviceId, signed }) => [deviceId, signed]))).toEqual({ PHONE: true, TABLET: false })
})

test('who signs out is gone; an answer about somebody else says nothing', async () => {
  await Peer.make(server, ada, 'TABLET')
  note()
  people.note({ device_keys: { '@ben:x': {} }, failures: { x: {} } })
  expect(people.of(ada).devices).toHaveLength(2)
  server.forget(ada, 'TABLET')
  note()
  expect(people.of(ada).devices.map(({ deviceId }) => deviceId)).toEqual(['PHONE'])
})

describe('a server that lies', () => {
  test.each<[string, (body: Answer) => void]>([
    ['with a master key that nobody has signed with', (body) => Object.assign(body.master_keys, { [ada]: masterOf(other) })],
    [
      'with a self-signing key of another identity',
      (body) => Object.assign(body.self_signing_keys, { [ada]: other.self_signing_keys[ada] }),
    ],
    ['with a self-signing key without a signature', (body) => Object.assign(body.self_signing_keys[ada] ?? {}, { signatures: {} })],
    ['with a master key that is none', (body) => Object.assign(body.master_keys, { [ada]: 'nothing' })],
    ['by leaving the identity out', (body) => delete body.master_keys[ada]],
  ])('%s: the identity stays', (_name, change) => {
    note()
    const before = people.of(ada).identity
    const body = answer()
    change(body)
    note(body)
    expect(people.of(ada).identity).toEqual(before)
  })
  let other: Answer
  const masterOf = (body: Answer): unknown => body.master_keys[ada]
  beforeEach(async () => {
    const elsewhere = new KeyServer()
    await (await Peer.make(elsewhere, ada, 'PHONE')).crossSign()
    other = answer(elsewhere)
  })

  test('with the keys of another device under a known name: the first ones stay, and are signed by nobody', () => {
    note()
    const before = device()
    const body = answer()
    Object.assign(body.device_keys[ada] ?? {}, other.device_keys[ada])
    note(body)
    expect(device()).toEqual({ ...before, signed: false })
    note()
    expect(device()).toEqual(before)
  })

  test('with a whole other identity: it is known as another one', () => {
    note()
    const before = people.of(ada).identity
    note(other)
    expect(people.of(ada).identity).not.toEqual(before)
    expect(device()).toMatchObject({ signed: false })
  })

  test.each<[string, (keys: { keys: Record<string, string>; signatures: Record<string, Record<string, string>> }) => void]>([
    ['with another Curve25519 key', ({ keys }) => Object.assign(keys, { 'curve25519:PHONE': 'A'.repeat(43) })],
    ['with a device that has not signed itself', ({ signatures }) => delete signatures[ada]?.['ed25519:PHONE']],
    ['with an Ed25519 key that is none', ({ keys }) => Object.assign(keys, { 'ed25519:PHONE': 'short' })],
    ['with a device under another name', (keys) => Object.assign(keys, { device_id: 'TABLET' })],
    ['with the device of somebody else', (keys) => Object.assign(keys, { user_id: '@ben:x' })],
  ])('%s: there is no such device', (_name, change) => {
    const body = answer()
    const keys = body.device_keys[ada]?.['PHONE']
    if (keys === undefined) throw new Error('no device')
    change(keys)
    note(body)
    expect(people.of(ada).devices).toEqual([])
  })

  test('with a signature for another device: it is unsigned', () => {
    const body = answer()
    const signatures = body.device_keys[ada]?.['PHONE']?.signatures[ada] ?? {}
    const name = Object.keys(signatures).find((key) => key !== 'ed25519:PHONE')
    if (name === undefined) throw new Error('no signature of the owner')
    signatures[name] = signatures['ed25519:PHONE'] ?? ''
    note(body)
    expect(device()).toMatchObject({ deviceId: 'PHONE', signed: false })
  })
})
