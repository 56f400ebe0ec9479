import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backupDatabase } from './backup.ts'
import { Database } from './database.ts'
import { migrate, newestVersion, readMigrations } from './migrate.ts'
import { databaseFile, openDataDirectory } from './open.ts'

const noon = Date.UTC(2026, 10, 22, 12)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-backup-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})
const inBackups = (): readonly string[] => readdirSync(join(folder, 'backups')).sort()

describe('backupDatabase', () => {
  test('holds everything but the encryption state and the session, not even in free pages', () => {
    const database = Database.open(join(folder, 'x.db'))
    migrate(database)
    database.setMeta('since', 's1')
    database.setMeta('directory_synced_at', '17')
    database.setMeta('seal.salt', 'salty')
    const { query } = database
    database.run(query.insertInto('sealed').values({ name: 'session', value: Buffer.from('SEALED-TOKEN'), updated_at: 1 }))
    database.run(query.insertInto('crypto_database').values({ name: 'store', version: 1, definition: '{}' }))
    for (let key = 0; key < 200; key += 1) {
      const row = { database: 'store', store: 'session', key: Buffer.from([key]), value: Buffer.from('RATCHET'.repeat(50)) }
      database.run(query.insertInto('crypto_object').values(row))
    }
    const job = {
      kind: 'welcome',
      unique_key: 'a',
      payload: '{}',
      state: 'waiting',
      run_at: 1,
      created_by: null,
      last_error: null,
      created_at: 1,
      updated_at: 1,
    } as const
    database.run(query.insertInto('job').values(job))
    database.run(query.deleteFrom('job'))

    const result = backupDatabase(database, folder, noon)
    if (!result.ok) throw new Error(result.reason)
    expect(result.file).toBe(join(folder, `backups/gatehouse-20261122T120000000Z-schema${newestVersion(readMigrations())}.db`))
    expect(statSync(result.file).mode & 0o777).toBe(0o600)
    const bytes = readFileSync(result.file, 'latin1')
    expect(bytes).not.toContain('RATCHET')
    expect(bytes).not.toContain('SEALED-TOKEN')
    expect(bytes).not.toContain('salty')

    const copy = Database.open(result.file)
    expect(migrate(copy).state).toBe('current')
    // After a restore the first sync executes nothing: what was said since the backup was answered by the old device.
    expect(copy.meta('since')).toBeUndefined()
    expect(copy.meta('directory_synced_at')).toBe('17')
    expect(copy.all(copy.query.selectFrom('crypto_object').selectAll())).toEqual([])
    // Numbers are not given twice after a restore: the counter of AUTOINCREMENT came along.
    expect(copy.run(copy.query.insertInto('job').values(job)).lastInsertId).toBe(2)
    const names = `SELECT type, name, sql FROM sqlite_master ORDER BY name`
    expect(copy.connection.prepare(names).all()).toEqual(database.connection.prepare(names).all())
    copy.close()
    database.close()
  })

  test('keeps the newest seven, clears what a kill left behind, and leaves foreign files alone', () => {
    const database = Database.open(join(folder, 'x.db'))
    migrate(database)
    mkdirSync(join(folder, 'backups'))
    for (const name of ['my-own.db', '.partial-gatehouse-x.db']) writeFileSync(join(folder, 'backups', name), '')
    for (let hour = 0; hour < 9; hour += 1) expect(backupDatabase(database, folder, noon + hour * 3_600_000).ok).toBe(true)
    expect(inBackups()).toHaveLength(8)
    expect(inBackups()[0]).toContain('20261122T140000000Z')
    expect(inBackups()).toContain('my-own.db')
    database.close()
  })

  test('says in words when there is no room for it', () => {
    const database = Database.open(join(folder, 'x.db'))
    writeFileSync(join(folder, 'backups'), 'a file where the folder should be')
    expect(backupDatabase(database, folder, noon)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('cannot write a backup') as string,
    })
    database.close()
  })
})

describe('openDataDirectory', () => {
  const step = (version: number, sql: string) => ({ version, name: `000${version}-step`, sql })
  const first = step(1, 'CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID')
  const second = step(2, 'CREATE TABLE more (x INTEGER) STRICT')

  test('a new directory needs no backup; a migration of an old one makes one first', () => {
    const fresh = openDataDirectory(folder, noon, [first])
    if (!fresh.ok) throw new Error(fresh.message)
    expect(fresh.backup).toBeUndefined()
    expect(statSync(databaseFile(folder)).mode & 0o777).toBe(0o600)
    expect(openDataDirectory(folder, noon, [first])).toMatchObject({ ok: false, reason: 'locked' })
    fresh.close()
    fresh.close()
    const migrated = openDataDirectory(folder, noon, [first, second])
    expect(migrated).toMatchObject({ ok: true, migration: { state: 'migrated', from: 1, to: 2 } })
    expect(inBackups()).toEqual(['gatehouse-20261122T120000000Z-schema1.db'])
    if (migrated.ok) migrated.close()
  })

  test('a newer database, a failing migration and a failing backup are refused, and the lock is free again', () => {
    const open = openDataDirectory(folder, noon, [first, second])
    if (open.ok) open.close()
    expect(openDataDirectory(folder, noon, [first])).toMatchObject({
      ok: false,
      reason: 'database',
      message: expect.stringContaining('newer version') as string,
    })
    expect(openDataDirectory(folder, noon, [first, second, step(3, 'CREATE TABLE more (x INTEGER)')])).toMatchObject({
      ok: false,
      reason: 'database',
      message: expect.stringContaining('0003-step failed') as string,
    })
    rmSync(join(folder, 'backups'), { recursive: true })
    writeFileSync(join(folder, 'backups'), '')
    expect(openDataDirectory(folder, noon, [first, second, step(3, 'CREATE TABLE third (x INTEGER)')])).toMatchObject({
      ok: false,
      message: expect.stringContaining('was not migrated') as string,
    })
    const again = openDataDirectory(folder, noon, [first, second])
    expect(again).toMatchObject({ ok: true, migration: { state: 'current' } })
    if (again.ok) again.close()
  })

  test('a file that is no database is refused', () => {
    writeFileSync(databaseFile(folder), 'x'.repeat(5000))
    expect(openDataDirectory(folder, noon)).toMatchObject({ ok: false, reason: 'database' })
  })
})
