import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeAccountData, FakeBackupEngine, FakeBackupServer, fakeKey } from '../../tests/support/fake-backup.ts'
import { limited, memoryDatabase, TestClock, timedOut, turns } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { silentLogger } from '../operations/logger.ts'
import type { DeviceId, RoomId } from '../types.ts'
import { KeyBackup } from './key-backup.ts'
import { createKey, encodeRecoveryKey } from './secret-storage.ts'

const dir = mkdtempSync(`${tmpdir()}/gatehouse-key-backup-`)
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const recoveryKeyFile = `${dir}/recovery-key`
const indoc = '!indoc:x' as RoomId
const admin = '!admin:x' as RoomId

let database: Database
let engine: FakeBackupEngine
let server: FakeBackupServer
let account: FakeAccountData
let clock: TestClock
let rooms: readonly RoomId[] | undefined
let running: KeyBackup[]

beforeEach(() => {
  const recoveryKey = createKey()
  writeFileSync(recoveryKeyFile, encodeRecoveryKey(recoveryKey))
  database = memoryDatabase()
  engine = new FakeBackupEngine()
  server = new FakeBackupServer()
  account = new FakeAccountData()
  account.secure(recoveryKey)
  clock = new TestClock()
  rooms = [indoc, admin]
  running = []
})
afterEach(async () => {
  await Promise.all(running.map((backup) => backup.stop(0)))
})

/** Starts a bot's backup, and lets it work until it waits. */
const start = async ({ enabled = true, device = 'DEVICE' } = {}): Promise<KeyBackup> => {
  const backup = new KeyBackup({
    enabled,
    deviceId: device as DeviceId,
    database,
    engine,
    http: server,
    secretHttp: account,
    clock,
    logger: silentLogger,
    rooms: () => rooms,
    recoveryKeyFile,
    onSecret: () => undefined,
  })
  running.push(backup)
  backup.start()
  await rest()
  return backup
}
/** Lets it work until it waits for something else than its next batch. */
const rest = async (): Promise<void> => {
  do {
    if (clock.sleeping.includes(250)) await clock.advance(250)
    for (let time = 0; time < 10; time += 1) await turns()
  } while (clock.sleeping.includes(250))
}
const woken = async (backup: KeyBackup): Promise<void> => {
  backup.wake()
  await rest()
  await clock.advance(2000)
  await rest()
}
const stored = (): readonly string[] => [...server.keys.keys()]

test('keys of the rooms are uploaded in batches; those of others are only marked as done', async () => {
  engine.waiting = [`${indoc} a`, '!other:x b', '!other:x c', '!other:x d', `!dm:x e`, '!dm:x f', `${admin} g`]
  const backup = await start()
  expect(stored()).toEqual([`1 ${indoc} a`, `1 ${admin} g`])
  expect(server.keys.get(`1 ${indoc} a`)).toEqual({ session_data: 'a for public of key 1' })
  expect(server.requests.filter((name) => name.startsWith('store'))).toHaveLength(2)
  expect(engine.waiting).toEqual([])
  expect(backup.state).toEqual({ ok: true, words: 'Key backup: version 1' })
})

test('new keys are gathered before they are sent', async () => {
  const backup = await start()
  const before = server.requests.length
  engine.waiting = [`${indoc} a`]
  backup.wake()
  await rest()
  expect(server.requests.slice(before)).toEqual([])
  engine.waiting.push(`${indoc} b`)
  backup.wake()
  await clock.advance(2000)
  await rest()
  expect(server.requests.slice(before)).toEqual(['store 1'])
  expect(stored()).toHaveLength(2)
})

test('a key that comes during a round makes another round', async () => {
  const backup = await start()
  const { store } = server
  server.store = (...given) => {
    if (engine.waiting.length === 1) {
      engine.waiting.push(`${indoc} late`)
      backup.wake()
    }
    return store(...given)
  }
  engine.waiting = [`${indoc} a`]
  await woken(backup)
  await clock.advance(2000)
  await rest()
  expect(stored()).toEqual([`1 ${indoc} a`, `1 ${indoc} late`])
})

describe('failures', () => {
  test('are tried again with the same batch, after longer and longer waits', async () => {
    const backup = await start()
    engine.waiting = [`${indoc} a`]
    server.failures.push(timedOut, timedOut, limited(60_000))
    await woken(backup)
    expect(backup.state).toEqual({ ok: false, words: 'Key backup: the server did not answer in time; it is tried again' })
    expect(clock.sleeping).toEqual([5000])
    await clock.advance(5000)
    await rest()
    expect(clock.sleeping).toEqual([10_000])
    await clock.advance(10_000)
    await rest()
    // The server says how long.
    expect(clock.sleeping).toEqual([60_000])
    await clock.advance(60_000)
    await rest()
    expect(stored()).toEqual([`1 ${indoc} a`])
    expect(backup.state.ok).toBe(true)
    // What comes next begins with a short wait again.
    engine.waiting = [`${indoc} b`]
    server.failures.push(timedOut)
    await woken(backup)
    expect(clock.sleeping).toEqual([5000])
  })

  test('waits never grow beyond a quarter of an hour', async () => {
    server.failures.push(...Array.from({ length: 30 }, () => timedOut))
    await start()
    for (let count = 0; count < 12; count += 1) {
      await clock.advance(900_000)
      await rest()
    }
    expect(clock.sleeping).toEqual([900_000])
  })

  test('a bug of the engine is told, and taken up an hour later', async () => {
    engine.nextBatch = () => Promise.reject(new Error('unreachable executed'))
    const backup = await start()
    expect(backup.state).toEqual({ ok: false, words: 'Key backup: an internal error, see the log' })
    expect(clock.sleeping).toEqual([3_600_000])
  })
})

describe('versions', () => {
  test('another one became the current: nothing goes into it, and into ours once it is gone', async () => {
    const backup = await start()
    server.add({ public_key: 'public of theirs', signatures: {} })
    engine.waiting = [`${indoc} a`]
    await woken(backup)
    await clock.advance(5000)
    await rest()
    expect(backup.state.words).toMatch(/^Room keys are not backed up: the key backup on the server \(version 2\) has a key that is not/)
    expect(stored()).toEqual([])
    server.versions.pop()
    await clock.advance(3_600_000)
    await rest()
    expect(stored()).toEqual([`1 ${indoc} a`])
    expect(engine.resets).toBe(0)
  })

  test('a new one of our own gets all keys again', async () => {
    engine.waiting = [`${indoc} a`]
    const backup = await start()
    server.versions.length = 0
    server.keys.clear()
    engine.waiting.push(`${indoc} b`)
    await woken(backup)
    await clock.advance(5000)
    await rest()
    expect(server.versions).toMatchObject([{ version: '2', auth: { public_key: 'public of key 1' } }])
    expect(stored().toSorted()).toEqual([`2 ${indoc} a`, `2 ${indoc} b`])
  })
})

describe('over restarts', () => {
  test('what is done is not done again', async () => {
    engine.waiting = [`${indoc} a`]
    await (await start()).stop(0)
    server.requests.length = 0
    await start()
    expect(server.requests).toEqual(['current'])
    expect(engine.resets).toBe(0)
  })

  test('what was cut short goes on', async () => {
    engine.waiting = [`${indoc} a`, `${indoc} b`, `${indoc} c`, `${indoc} d`]
    const { store } = server
    const held = Promise.withResolvers<void>()
    server.store = async (...given) => {
      await held.promise
      return store(...given)
    }
    const first = await start()
    const stopping = first.stop(0)
    held.resolve()
    await stopping
    server.store = store
    await start()
    expect(stored()).toHaveLength(4)
  })

  test('a room that was named since gets its older keys backed up', async () => {
    engine.waiting = [`${indoc} a`, '!new:x b']
    await (await start()).stop(0)
    expect(stored()).toEqual([`1 ${indoc} a`])
    rooms = [indoc, '!new:x' as RoomId]
    await start()
    expect(stored()).toEqual([`1 ${indoc} a`, '1 !new:x b'])
    expect(engine.resets).toBe(1)
  })
})

test('a new device takes over the keys of its rooms, a chunk at a time, without those that cannot be read', async () => {
  await (await start()).stop(0)
  for (let count = 0; count < 120; count += 1) server.keys.set(`1 ${indoc} s${count}`, {})
  server.keys.set(`1 ${indoc} bad`, {})
  server.keys.set(`1 !other:x s`, {})
  // The old device's data directory is gone, its backup is not.
  database = memoryDatabase()
  engine = new FakeBackupEngine()
  server.requests.length = 0
  const backup = await start({ device: 'NEW' })
  expect(engine.imported).toHaveLength(120)
  expect(engine.imported.every((line) => line.startsWith(`1 ${indoc} `))).toBe(true)
  expect(server.requests).toEqual(['current', `fetch 1 ${indoc}`, `fetch 1 ${admin}`])
  expect(engine.held).toEqual(fakeKey('key 1'))
  expect(backup.state.ok).toBe(true)
})

test('another device in the same data directory fetches them too', async () => {
  await (await start()).stop(0)
  server.keys.set(`1 ${indoc} s`, {})
  engine = new FakeBackupEngine()
  await start({ device: 'NEW' })
  expect(engine.imported).toEqual([`1 ${indoc} s`])
  expect(engine.resets).toBe(0)
})

test('rooms that are not known yet are waited for', async () => {
  rooms = undefined
  engine.waiting = [`${indoc} a`]
  await start()
  expect(server.requests).toEqual([])
  rooms = [indoc]
  await clock.advance(10_000)
  await rest()
  expect(stored()).toEqual([`1 ${indoc} a`])
})

test('switched off it asks for nothing', async () => {
  engine.waiting = [`${indoc} a`]
  const backup = await start({ enabled: false })
  await woken(backup)
  expect([server.requests, account.written]).toEqual([[], []])
  expect(backup.state).toEqual({ ok: true, words: 'No key backup (crypto.backup is off)' })
})
