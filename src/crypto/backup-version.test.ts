import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeAccountData, FakeBackupEngine, FakeBackupServer, fakeKey } from '../../tests/support/fake-backup.ts'
import { memoryDatabase, refused, timedOut } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { silentLogger } from '../operations/logger.ts'
import { backupSecretName, settleVersion } from './backup-version.ts'
import { createKey, encodeRecoveryKey } from './secret-storage.ts'
import { openSecretStore } from './secret-store.ts'

const dir = mkdtempSync(`${tmpdir()}/gatehouse-backup-version-`)
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const recoveryKeyFile = `${dir}/recovery-key`
const recoveryKey = createKey()

let database: Database
let engine: FakeBackupEngine
let server: FakeBackupServer
let account: FakeAccountData
let secrets: string[]

beforeEach(() => {
  database = memoryDatabase()
  engine = new FakeBackupEngine()
  server = new FakeBackupServer()
  account = new FakeAccountData()
  account.secure(recoveryKey)
  secrets = []
  writeFileSync(recoveryKeyFile, encodeRecoveryKey(recoveryKey))
})

const settle = () =>
  settleVersion({
    database,
    engine,
    http: server,
    secretHttp: account,
    recoveryKeyFile,
    logger: silentLogger,
    onSecret: (secret) => secrets.push(secret),
  })
const inStorage = async (): Promise<unknown> => {
  const opened = await openSecretStore(account, recoveryKeyFile)
  const read = opened.ok ? await opened.secrets.read(backupSecretName) : undefined
  return read?.ok === true ? read.value : undefined
}
const signed = (name: string) => ({ public_key: fakeKey(name).publicKey, signatures: { identity: fakeKey(name).publicKey } })
const mine = fakeKey('mine')

describe('no backup on the server', () => {
  test('one is made: the secret is stored first, the version is signed', async () => {
    const made = await settle()
    expect(made).toMatchObject({ ok: true, made: 'created', version: '1', warning: undefined })
    expect(server.versions).toMatchObject([{ auth: signed('key 1') }])
    expect(await inStorage()).toBe('secret of key 1')
    expect(secrets).toContain('secret of key 1')
  })

  test('when making it fails, the next try takes the same key', async () => {
    const { create } = server
    server.create = () => Promise.resolve({ ok: false, failure: timedOut })
    expect(await settle()).toMatchObject({ code: 'unreachable' })
    expect(server.versions).toEqual([])
    server.create = create
    expect(await settle()).toMatchObject({ ok: true, made: 'created', key: fakeKey('key 1') })
  })

  test('a kill between secret and version, and one after the version: the same key again', async () => {
    account.put(recoveryKey, backupSecretName, mine.secret)
    expect(await settle()).toMatchObject({ ok: true, made: 'created', key: mine })
    // The engine has not saved it: the process was killed.
    database = memoryDatabase()
    expect(await settle()).toMatchObject({ ok: true, made: 'adopted', key: mine, version: '1' })
    expect(server.versions).toHaveLength(1)
  })

  test('the one that was there is gone: its key is used again, without the recovery key', async () => {
    await settle()
    engine.held = fakeKey('key 1')
    server.versions.length = 0
    rmSync(recoveryKeyFile)
    expect(await settle()).toMatchObject({ ok: true, made: 'created', key: fakeKey('key 1'), warning: undefined })
  })

  test('without the recovery key none is made, with words', async () => {
    rmSync(recoveryKeyFile)
    const result = await settle()
    expect(result).toMatchObject({ ok: false, code: 'no-key' })
    expect(result).toHaveProperty('words', expect.stringContaining('Put the recovery key there for one start'))
    expect([server.versions, account.written]).toEqual([[], []])
  })

  test('a secret that is no key is replaced', async () => {
    account.put(recoveryKey, backupSecretName, 'nonsense')
    expect(await settle()).toMatchObject({ ok: true, made: 'created', key: fakeKey('key 1') })
    expect(await inStorage()).toBe('secret of key 1')
  })
})

describe('a backup on the server', () => {
  test('a new device takes its key from secret storage', async () => {
    server.add(signed('mine'))
    account.put(recoveryKey, backupSecretName, mine.secret)
    expect(await settle()).toEqual({ ok: true, version: '1', key: mine, made: 'adopted', warning: undefined })
    expect(secrets).toContain(mine.secret)
    expect(account.written).toEqual([])
  })

  test('a warm start with the key in the store asks for nothing but the version', async () => {
    await settle()
    engine.held = fakeKey('key 1')
    account.failure = refused(500)
    server.requests.length = 0
    expect(await settle()).toMatchObject({ ok: true, made: 'known', version: '1' })
    expect(server.requests).toEqual(['current'])
  })

  test.each<[string, () => void, RegExp]>([
    ['of another key', () => void server.add(signed('theirs')), /has a key that is not in the bot's secret storage/],
    ['that the identity has not signed', () => void server.add({ public_key: mine.publicKey }), /is not signed by the bot's identity/],
    [
      "signed by another's identity",
      () => void server.add({ public_key: mine.publicKey, signatures: { mallory: mine.publicKey } }),
      /is not signed/,
    ],
    ['of another algorithm', () => void server.add(signed('mine'), 'org.example.v9'), /a kind that is not known here \(org\.example\.v9\)/],
  ])('%s is neither used nor replaced', async (_, given, words) => {
    account.put(recoveryKey, backupSecretName, mine.secret)
    given()
    const result = await settle()
    expect(result).toMatchObject({ ok: false, code: 'foreign' })
    expect(result).toHaveProperty('words', expect.stringMatching(words))
    expect(result).toHaveProperty('words', expect.stringContaining('delete version 1'))
    expect(server.requests).toEqual(['current'])
    expect(account.written).toEqual([])
  })

  test('that of another key, though the store holds one', async () => {
    engine.held = mine
    account.put(recoveryKey, backupSecretName, mine.secret)
    server.add(signed('theirs'))
    expect(await settle()).toMatchObject({ ok: false, code: 'foreign' })
    // An app of the bot's account has made a new one and stored its key: that one is ours too.
    account.put(recoveryKey, backupSecretName, fakeKey('theirs').secret)
    expect(await settle()).toMatchObject({ ok: true, made: 'adopted', key: fakeKey('theirs') })
  })

  test('whose key is not here stays closed without the recovery key', async () => {
    server.add(signed('mine'))
    rmSync(recoveryKeyFile)
    expect(await settle()).toMatchObject({ ok: false, code: 'no-key' })
  })

  test('after the identity was replaced it is signed anew, and its secret stored again', async () => {
    await settle()
    const key = fakeKey('key 1')
    engine.held = key
    engine.identity = 'new identity'
    account.data.delete(backupSecretName)
    expect(await settle()).toMatchObject({ ok: true, made: 'known', warning: undefined })
    expect(server.versions).toMatchObject([{ auth: { signatures: { 'new identity': key.publicKey } } }])
    expect(await inStorage()).toBe(key.secret)
    // Without the recovery key it goes on, with a warning.
    engine.identity = 'newest'
    rmSync(recoveryKeyFile)
    expect(await settle()).toHaveProperty('warning', expect.stringContaining('a new device could not use it'))
  })

  test('a server that does not answer is asked again later', async () => {
    server.add(signed('mine'))
    account.failure = timedOut
    expect(await settle()).toEqual({ ok: false, code: 'unreachable', failure: timedOut })
    server.failures.push(refused(502))
    expect(await settle()).toEqual({ ok: false, code: 'unreachable', failure: refused(502) })
  })
})
