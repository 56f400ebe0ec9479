import { afterEach, expect, test } from 'vitest'
import { bot, openBotEngine } from '../../tests/support/bot-engine.ts'
import type { BotEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { JsonObject, RoomId } from '../types.ts'
import type { BackedUpKey, BackupBatch } from './backup-engine.ts'
import { WasmBackup } from './wasm-backup.ts'

const indoc = '!indoc:x' as RoomId
const server = new KeyServer()

interface Device {
  readonly engine: BotEngine['engine']
  readonly backup: WasmBackup
  readonly database: BotEngine['database']
  close(): Promise<void>
}
let open: Device | undefined
afterEach(async () => {
  await open?.close()
})

/** A device of the bot. There can be one at a time. */
const device = async (name: string, database = memoryDatabase()): Promise<Device> => {
  await open?.close()
  const { engine, store, close } = await openBotEngine({ server, database, device: name })
  await engine.flushOutgoing()
  let closed = false
  const opened: Device = {
    engine,
    backup: new WasmBackup(engine, store),
    database,
    close: async () => {
      if (closed) return
      closed = true
      await close()
    },
  }
  open = opened
  return opened
}

/** Takes in what was sent to the device. */
const receive = async ({ engine }: Device): Promise<void> => {
  const toDevice = server.collect(bot, engine.deviceId)
  await engine.feed({ toDevice, changedDevices: [], leftDevices: [], oneTimeKeyCounts: { signed_curve25519: 50 }, unusedFallbackKeys: [] })
  engine.commit(() => undefined)
}

/** What the server would give back of a room. */
const keysIn = (batch: BackupBatch | undefined, roomId: RoomId = indoc): BackedUpKey[] =>
  Object.entries(batch?.rooms[roomId]?.sessions ?? {}).map(([sessionId, stored]) => ({
    sessionId,
    ...(stored as { readonly session_data: Omit<BackedUpKey, 'sessionId'> }).session_data,
  }))

const read = async ({ engine }: Device, event: JsonObject): Promise<unknown> => {
  const opened = await engine.decrypt(indoc, event)
  return opened.ok ? [opened.content['body'], opened.trust] : opened.code
}

test('a new device reads what was written before it was made, with the key of the backup', async () => {
  const ada = await Peer.make(server, '@ada:x', 'ADA')
  const first = await device('FIRST')
  const old = await ada.says(indoc, [bot], 'I am Ada')
  const elsewhere = await ada.says('!elsewhere:x', [bot], 'hush')
  await receive(first)
  expect(await read(first, old)).toEqual(['I am Ada', 'unsigned'])

  const key = first.backup.newKey()
  expect(first.backup.keyOf(key.secret)).toEqual(key)
  expect(await first.backup.heldKey()).toBeUndefined()
  await first.backup.use(key, '1')
  const batch = await first.backup.nextBatch()
  expect(Object.keys(batch?.rooms ?? {}).sort()).toEqual(['!elsewhere:x', indoc])
  expect(await first.backup.nextBatch()).toEqual(batch)
  if (batch !== undefined) await first.backup.stored(batch)
  expect(await first.backup.nextBatch()).toBeUndefined()

  const second = await device('SECOND')
  expect(await read(second, old)).toBe('missing-key')
  const told: string[] = []
  second.engine.onRoomKeys((keys) => told.push(...keys.map(({ sessionId }) => sessionId)))
  await second.backup.use(key, '1')
  const bad: BackedUpKey = { sessionId: 'made-up', ephemeral: key.publicKey, mac: 'AAAA', ciphertext: 'AAAA' }
  expect(await second.backup.restore(key, '1', indoc, [...keysIn(batch), bad])).toEqual({ imported: 1, unreadable: 1 })
  // It came second-hand: good for reading, not for commands.
  expect(await read(second, old)).toEqual(['I am Ada', 'not-guaranteed'])
  expect((await second.engine.decrypt('!elsewhere:x' as RoomId, elsewhere)).ok).toBe(false)
  // Messages that wait for this key are tried again, and the key is in the backup already.
  expect(told).toEqual(keysIn(batch).map(({ sessionId }) => sessionId))
  expect(await second.backup.nextBatch()).toBeUndefined()
})

test('what was done is remembered over restarts, until it is reset', async () => {
  const bea = await Peer.make(server, '@bea:x', 'BEA')
  const before = await device('STAYS')
  await bea.says(indoc, [bot], 'hello')
  await receive(before)
  const key = before.backup.newKey()
  await before.backup.use(key, '1')
  const batch = await before.backup.nextBatch()
  if (batch !== undefined) await before.backup.stored(batch)

  const after = await device('STAYS', before.database)
  expect(await after.backup.heldKey()).toEqual(key)
  await after.backup.use(key, '1')
  expect(await after.backup.nextBatch()).toBeUndefined()
  await after.backup.reset()
  await after.backup.use(key, '2')
  expect(keysIn(await after.backup.nextBatch())).toHaveLength(1)
})

test('the own identity signs, and its signature is known again; others are not taken for it', async () => {
  const { engine, backup } = await device('SIGNS')
  const key = backup.newKey()
  const unsigned = await backup.sign(key.publicKey)
  // The device alone: without an identity that is not enough.
  expect(await backup.isSigned(unsigned)).toBe(false)
  expect(await backup.ownIdentity()).toBeUndefined()
  await engine.machine.bootstrapCrossSigning(true)
  const signed = await backup.sign(key.publicKey)
  expect(await backup.isSigned(signed)).toBe(true)
  expect(await backup.ownIdentity()).toContain('ed25519:')
  expect(await backup.isSigned({ ...signed, public_key: backup.newKey().publicKey })).toBe(false)
  expect(await backup.isSigned({ public_key: key.publicKey })).toBe(false)
  expect(await backup.isSigned({ public_key: key.publicKey, signatures: { [bot]: 'nonsense' } })).toBe(false)
})

test.each(['', 'no base64 !', 'AAAA', '{}'])('%j is no key', async (secret) => {
  expect((await device('KEYS')).backup.keyOf(secret)).toBeUndefined()
})
