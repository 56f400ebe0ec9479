import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backupDatabase } from './backup.ts'
import { Database } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'
import { databaseFile } from './open.ts'
import { prepareRestore } from './restore.ts'

const noon = Date.UTC(2026, 10, 22, 12)
let folder: string
let database: Database
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-restore-'))
  database = Database.open(databaseFile(folder))
  migrate(database)
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

const fill = (): void => {
  database.connection.exec(`
    INSERT INTO meta VALUES ('since', 's1'), ('kept', 'yes'), ('seal.salt', 'salty');
    INSERT INTO sealed VALUES ('session', x'0102', 1);
    INSERT INTO journal (event_id, sequence, room_id, sender, kind, event, late, state, received_at) VALUES
      ('$done', 1, '!r:x', '@m:x', 'message', '{}', 0, 'done', 100), ('$open', 2, '!r:x', '@m:x', 'message', '{"a":1}', 0, 'running', 200);
    INSERT INTO unread_message VALUES ('$unread', 's', '!r:x', '@a:x', '{}', 0, 1, 1);
    INSERT INTO outbox (txn_id, sequence, room_id, type, content, state, created_at, updated_at) VALUES ('t1', 1, '!r:x', 'm.room.message', '{"body":"x"}', 'queued', 1, 1);
    INSERT INTO plan (plan_id, event_id, command, asker, room_id, answer_to, summary, details, state, created_at) VALUES
      (7, '$open', 'adduser', '@m:x', '!r:x', '$open', '', '{}', 'running', 1), (8, '$c', 'remove', '@m:x', '!r:x', '$c', '', '{}', 'confirming', 1);
    INSERT INTO effect (plan_id, step, kind, planned, state) VALUES (7, 0, 'a', '{}', 'done'), (7, 1, 'b', '{}', 'intended'), (7, 2, 'c', '{}', 'planned');
    INSERT INTO confirmation (code, plan_id, asker, room_id, expires_at) VALUES ('abcde', 8, '@m:x', '!r:x', 9);
    INSERT INTO job (kind, unique_key, payload, state, run_at, created_at, updated_at) VALUES
      ('welcome', '@a:x', '{}', 'waiting', 1, 1, 300), ('graduation', '@a:x', '{}', 'running', 1, 1, 1), ('welcome', '@b:x', '{}', 'done', 1, 1, 1),
      ('authentik-mirror', 'all', '{}', 'waiting', 1, 1, 1);
    INSERT INTO pending_link VALUES (5, 'ada', 'Ada', '{}', 'hash', '@m:x', 1, 2);
  `)
}
const backup = (): string => {
  const made = backupDatabase(database, folder, noon - 1000)
  if (!made.ok) throw new Error(made.reason)
  return made.file
}
const prepare = (file: string, migrations = readMigrations()) => prepareRestore({ backup: file, directory: folder, now: noon, migrations })
const leftovers = (): readonly string[] => readdirSync(folder).filter((name) => name.startsWith('restoring'))
const rows = (sql: string): readonly unknown[] => {
  const opened = new BetterSqlite3(databaseFile(folder), { readonly: true })
  try {
    return opened.prepare(sql).raw().all()
  } finally {
    opened.close()
  }
}

describe('a good backup', () => {
  test('takes the place of the database, which is kept whole; open work is taken out', () => {
    fill()
    const file = backup()
    database.setMeta('after', 'the backup')
    // As after a kill: the newest part stands in the log.
    const killed = join(folder, 'killed')
    for (const side of ['', '-wal']) copyFileSync(`${databaseFile(folder)}${side}`, `${killed}${side}`)
    database.close()
    for (const side of ['', '-wal']) copyFileSync(`${killed}${side}`, `${databaseFile(folder)}${side}`)

    const prepared = prepare(file)
    if (!prepared.ok) throw new Error(prepared.words)
    expect(prepared).toMatchObject({ held: { jobs: 2, plans: 1, messages: 1 }, stateOf: 300, hadSecrets: false })
    expect(rows("SELECT value FROM meta WHERE name = 'after'")).toEqual([['the backup']])
    const aside = prepared.replace() ?? ''
    prepared.discard()
    expect(leftovers()).toEqual([])
    expect(existsSync(`${databaseFile(folder)}-wal`)).toBe(false)
    expect(statSync(databaseFile(folder)).mode & 0o777).toBe(0o600)
    const old = Database.open(aside)
    expect(old.meta('after')).toBe('the backup')
    expect(old.first(old.query.selectFrom('sealed').select('name'))).toEqual({ name: 'session' })
    old.close()

    expect(rows('SELECT name FROM meta ORDER BY name')).toEqual([['kept'], ['restored']])
    expect(rows('SELECT event_id, state, event FROM journal ORDER BY sequence')).toEqual([
      ['$done', 'done', '{}'],
      ['$open', 'done', '{}'],
    ])
    expect(rows('SELECT state, content FROM outbox')).toEqual([['failed', '{}']])
    expect(rows('SELECT plan_id, state FROM plan ORDER BY plan_id')).toEqual([
      [7, 'done'],
      [8, 'expired'],
    ])
    expect(rows('SELECT state FROM effect ORDER BY step')).toEqual([['done'], ['unknown'], ['unknown']])
    expect(rows('SELECT kind, unique_key, state FROM job ORDER BY job_id')).toEqual([
      ['welcome', '@a:x', 'dead'],
      ['graduation', '@a:x', 'dead'],
      ['welcome', '@b:x', 'done'],
    ])
    expect(rows('SELECT code_hash FROM pending_link')).toEqual([[null]])
    expect(rows('SELECT code FROM confirmation UNION SELECT event_id FROM unread_message')).toEqual([])
    expect(rows('SELECT name, seq FROM sqlite_sequence ORDER BY name')).toEqual([
      ['audit', 1000],
      ['job', 2000],
      ['plan', 2000],
    ])
  })

  test('into a lost data directory, from an older schema', () => {
    fill()
    const file = backup()
    const kept = join(folder, 'kept-elsewhere')
    copyFileSync(file, kept)
    database.close()
    for (const side of ['', '-wal', '-shm']) rmSync(`${databaseFile(folder)}${side}`, { force: true })
    const all = readMigrations()
    const next = { version: all.length + 1, name: '9999-next', sql: 'CREATE TABLE next (a TEXT) STRICT' }
    const prepared = prepare(kept, [...all, next])
    if (!prepared.ok) throw new Error(prepared.words)
    expect(prepared.replace()).toBeUndefined()
    expect(rows('PRAGMA user_version')).toEqual([[all.length + 1]])
  })

  test('a whole copy of a data directory brings neither session nor keys, not even in free pages', () => {
    fill()
    database.connection.exec("INSERT INTO crypto_area (database, store, index_name) VALUES ('d', 's', '')")
    const insert = database.connection.prepare('INSERT INTO crypto_record (area, key, value) VALUES (1, ?, ?)')
    for (let key = 0; key < 50; key += 1) insert.run(Buffer.from([key]), Buffer.from('RATCHET'.repeat(50)))
    const copy = join(folder, 'whole.db')
    database.connection.prepare('VACUUM INTO ?').run(copy)
    const prepared = prepare(copy)
    if (!prepared.ok) throw new Error(prepared.words)
    expect(prepared.hadSecrets).toBe(true)
    database.close()
    prepared.replace()
    expect(rows('SELECT name FROM sealed UNION SELECT store FROM crypto_area')).toEqual([])
    expect(readFileSync(databaseFile(folder), 'latin1')).not.toContain('RATCHET')
  })
})

describe('is refused, and nothing is changed', () => {
  test.each<[string, string, (file: string) => void]>([
    ['something else', 'not-ours', (file) => writeFileSync(file, 'no database at all, but long enough to be one')],
    ['an empty file', 'not-ours', (file) => writeFileSync(file, '')],
    ['another database', 'not-ours', (file) => new BetterSqlite3(file).exec('CREATE TABLE meta (a); PRAGMA user_version = 3').close()],
    [
      'one with a trigger of somebody',
      'not-ours',
      (file) => new BetterSqlite3(file).exec('CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM audit; END').close(),
    ],
    ['a newer one', 'newer', (file) => new BetterSqlite3(file).exec('PRAGMA user_version = 9999').close()],
    ['one that was cut', 'damaged', (file) => writeFileSync(file, readFileSync(file).subarray(0, 9000))],
    ['one with a log beside it', 'not-ours', (file) => appendFileSync(`${file}-wal`, 'x')],
  ])('%s', (_, code, spoil) => {
    fill()
    const file = join(folder, 'spoilt')
    copyFileSync(backup(), file)
    if (code === 'not-ours' && !['one with a trigger of somebody', 'one with a log beside it'].includes(_)) rmSync(file)
    spoil(file)
    expect(prepare(file)).toMatchObject({ ok: false, code })
    expect(leftovers()).toEqual([])
    expect(database.meta('since')).toBe('s1')
  })

  test('a page that was overwritten', () => {
    fill()
    const file = backup()
    const handle = openSync(file, 'r+')
    writeSync(handle, Buffer.alloc(200, 7), 0, 200, 4096 + 8)
    closeSync(handle)
    expect(prepare(file)).toMatchObject({ ok: false, code: 'damaged' })
  })

  test('the database itself', () => {
    expect(prepare(databaseFile(folder))).toMatchObject({ ok: false, code: 'not-ours' })
  })
})
