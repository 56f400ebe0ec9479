import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Database } from './database.ts'
import { migrate, readMigrations, schemaVersion } from './migrate.ts'
import type { Migration } from './migrate.ts'

let database: Database
beforeEach(() => {
  database = Database.open(':memory:')
})
afterEach(() => {
  database.close()
})

const step = (version: number, sql: string): Migration => ({ version, name: `000${version}-step`, sql })
const one = step(1, 'CREATE TABLE a (x TEXT) STRICT')
const two = step(2, `CREATE TABLE b (x TEXT) STRICT; INSERT INTO a VALUES ('two')`)
const bad = step(3, 'CREATE TABLE c (x TEXT) STRICT; INSERT INTO nowhere VALUES (1)')
const tables = (): readonly unknown[] =>
  database.connection.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).pluck().all()

describe('migrating', () => {
  test('a new database takes every step; then there is nothing to do', () => {
    expect(migrate(database, [one, two])).toEqual({ state: 'migrated', from: 0, to: 2, applied: ['0001-step', '0002-step'] })
    expect(tables()).toEqual(['a', 'b'])
    expect(migrate(database, [one, two])).toEqual({ state: 'current', version: 2 })
  })

  test('an older one takes what is missing, after it was told so', () => {
    migrate(database, [one])
    const told: number[] = []
    expect(migrate(database, [one, two], (from) => told.push(from))).toMatchObject({ state: 'migrated', from: 1, applied: ['0002-step'] })
    expect(told).toEqual([1])
  })

  test('nobody is told before a new database is made', () => {
    migrate(database, [one], () => expect.unreachable())
  })

  test('a newer one is refused and left as it is', () => {
    migrate(database, [one, two])
    expect(migrate(database, [one])).toEqual({ state: 'newer', database: 2, program: 1 })
    expect(tables()).toEqual(['a', 'b'])
  })

  test('of a step that fails nothing stays; those before it do', () => {
    expect(migrate(database, [one, two, bad])).toMatchObject({
      state: 'failed',
      migration: '0003-step',
      version: 2,
      reason: expect.stringContaining('nowhere') as string,
    })
    expect([tables(), schemaVersion(database)]).toEqual([['a', 'b'], 2])
    // Repaired, it goes on from there.
    expect(migrate(database, [one, two, step(3, 'CREATE TABLE c (x TEXT) STRICT')])).toMatchObject({ state: 'migrated', from: 2, to: 3 })
  })
})

describe('the files', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-migrations-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const write = (...names: string[]): void => names.forEach((name) => writeFileSync(join(folder, name), `-- ${name}`))

  test('are read in their order', () => {
    write('0002-second.sql', '0001-first.sql', 'README.md')
    expect(readMigrations(folder)).toEqual([
      { version: 1, name: '0001-first', sql: '-- 0001-first.sql' },
      { version: 2, name: '0002-second', sql: '-- 0002-second.sql' },
    ])
  })

  test.each([
    ['a number is missing', ['0001-a.sql', '0003-c.sql'], 'should have number 2'],
    ['a number is there twice', ['0001-a.sql', '0001-b.sql'], 'should have number 2'],
    ['a name is badly formed', ['0001_a.sql'], 'bad name'],
  ])('%s', (_what, names, message) => {
    write(...names)
    expect(() => readMigrations(folder)).toThrow(message)
  })

  test('of this program make the whole schema', () => {
    expect(migrate(database)).toMatchObject({ state: 'migrated', from: 0, to: readMigrations().length })
    expect(tables()).toEqual(expect.arrayContaining(['journal', 'outbox', 'plan', 'effect', 'job', 'audit', 'crypto_object', 'sealed']))
  })
})
