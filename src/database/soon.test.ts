import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Database } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'

// Transactions whose commit may wait. What is on disk is what another connection sees.

let folder: string
let database: Database
let other: BetterSqlite3.Database
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-soon-'))
  database = Database.open(join(folder, 'gatehouse.db'))
  migrate(database, readMigrations())
  other = new BetterSqlite3(join(folder, 'gatehouse.db'), { readonly: true })
})
afterEach(() => {
  vi.useRealTimers()
  other.close()
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

const soon = (name: string): void => database.transaction(() => database.setMeta(name, 'here'), { soon: true })
const onDisk = (): readonly string[] =>
  (other.prepare(`SELECT name FROM meta WHERE value = 'here' ORDER BY name`).all() as { name: string }[]).map(({ name }) => name)

describe('a commit that may wait', () => {
  test('is seen by this process at once, and comes with the next one', () => {
    soon('a')
    soon('b')
    expect([database.meta('a'), onDisk()]).toEqual(['here', []])
    database.transaction(() => database.setMeta('c', 'here'))
    expect(onDisk()).toEqual(['a', 'b', 'c'])
  })

  test('comes with a single statement that changes something; one that only looks does not wait for the disk', () => {
    soon('a')
    expect(database.all(database.query.selectFrom('meta').selectAll().where('value', '=', 'here'))).toHaveLength(1)
    expect(onDisk()).toEqual([])
    database.setMeta('b', 'here')
    expect(onDisk()).toEqual(['a', 'b'])
    soon('c')
    const added = database.query.insertInto('meta').values({ name: 'd', value: 'here' }).returning('name')
    expect(database.first(added)).toEqual({ name: 'd' })
    expect(onDisk()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('comes when it is asked for, before the file is closed, and by itself', () => {
    soon('a')
    database.settle()
    expect(onDisk()).toEqual(['a'])
    vi.useFakeTimers()
    soon('b')
    vi.advanceTimersByTime(1000)
    expect(onDisk()).toEqual(['a', 'b'])
    soon('c')
    database.close()
    expect(onDisk()).toEqual(['a', 'b', 'c'])
    database = Database.open(join(folder, 'gatehouse.db'))
  })

  test('is not made in the middle of a transaction', () => {
    soon('a')
    expect(() =>
      database.transaction(() => {
        soon('b')
        database.settle()
        expect(onDisk()).toEqual([])
        throw new Error('half way')
      }),
    ).toThrow('half way')
    database.settle()
    expect(onDisk()).toEqual(['a'])
  })
})

describe('what fails', () => {
  test.each([{ soon: true }, { soon: false }])('takes back itself alone, not what waits (%o)', (options) => {
    soon('a')
    expect(() =>
      database.transaction(() => {
        database.setMeta('b', 'here')
        throw new Error('half way')
      }, options),
    ).toThrow('half way')
    expect([database.meta('a'), database.meta('b'), onDisk()]).toEqual(['here', undefined, []])
    soon('c')
    database.settle()
    expect(onDisk()).toEqual(['a', 'c'])
  })

  test('if it took what waited with it, nothing more is written or read: the process went on from what is not there', () => {
    soon('a')
    expect(() =>
      database.transaction(() => {
        // As SQLite does by itself on a full disk.
        database.connection.exec('ROLLBACK')
        throw new Error('disk full')
      }),
    ).toThrow('disk full')
    for (const use of [() => database.settle(), () => soon('b'), () => database.meta('a'), () => database.setMeta('b', 'here')])
      expect(use).toThrow('cannot be committed')
    expect(onDisk()).toEqual([])
  })

  test('a commit that fails with what waited for it, likewise', () => {
    soon('a')
    // Deferred to the commit, and broken there.
    database.connection.exec(
      'CREATE TABLE one (id INTEGER PRIMARY KEY); CREATE TABLE two (one INTEGER REFERENCES one DEFERRABLE INITIALLY DEFERRED)',
    )
    database.connection.exec('INSERT INTO two VALUES (7)')
    expect(() => database.settle()).toThrow(/FOREIGN KEY/)
    expect(() => database.settle()).toThrow('cannot be committed')
    expect(onDisk()).toEqual([])
  })

  test('a failure with nothing waiting leaves the rest as it is', () => {
    expect(() =>
      database.transaction(() => {
        database.connection.exec('ROLLBACK')
        throw new Error('disk full')
      }),
    ).toThrow('disk full')
    database.setMeta('a', 'here')
    expect(onDisk()).toEqual(['a'])
  })
})
