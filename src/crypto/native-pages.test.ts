import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { hasNativeStore, NativePages } from './native-pages.ts'

// In place of the native library another SQLite connection writes here: what is read from its file is the same.
let directory: string
let database: Database
let pages: NativePages
let library: Sqlite.Database
const opened: { close(): void }[] = []

const open = (name: string): NativePages =>
  NativePages.open({
    database,
    directory: join(directory, name),
    userId: '@bot:x',
    deviceId: 'BOT',
    onBroken: (error) => {
      throw error
    },
  })
const fileOf = ({ directory: where }: NativePages): string => join(where, 'matrix-sdk-crypto.sqlite3')

/** Begins the library's log anew after so many pages. */
const connect = (store: NativePages, checkpointAfter = 1000): Sqlite.Database => {
  const connection = new Sqlite(fileOf(store))
  connection.pragma('journal_mode = WAL')
  // What is on the disk is not asked for here: a pulled plug is the matter of our database.
  connection.pragma('synchronous = OFF')
  connection.pragma(`wal_autocheckpoint = ${checkpointAfter}`)
  connection.exec('CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY, value BLOB)')
  opened.push(connection)
  return connection
}

type Rows = readonly { readonly id: number; readonly value: Buffer }[]
const rowsOf = (connection: Sqlite.Database): Rows => connection.prepare('SELECT id, value FROM keys ORDER BY id').all() as Rows

/** What the next process would find. */
const afterCrash = (): { readonly rows: Rows; readonly fault: unknown } => {
  const next = open('next')
  const connection = new Sqlite(fileOf(next))
  try {
    return { rows: rowsOf(connection), fault: connection.pragma('integrity_check', { simple: true }) }
  } finally {
    connection.close()
    next.close()
  }
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-pages-'))
  database = memoryDatabase()
  pages = open('library')
})
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
  pages.close()
  rmSync(directory, { recursive: true, force: true })
})

const put = (id: number, value: string): void => {
  library.prepare('INSERT INTO keys VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(id, Buffer.from(value))
}
const ids = (rows: Rows): readonly number[] => rows.map(({ id }) => id)

describe('what the library has committed', () => {
  beforeEach(() => {
    library = connect(pages)
  })

  test('is there for the next process, and nobody else can read the file', async () => {
    expect(hasNativeStore(database, '@bot:x', 'BOT')).toBe(false)
    put(1, 'one')
    await pages.durable()
    expect(hasNativeStore(database, '@bot:x', 'BOT')).toBe(true)
    expect(hasNativeStore(database, '@bot:x', 'OTHER')).toBe(false)
    expect(afterCrash()).toEqual({ rows: [{ id: 1, value: Buffer.from('one') }], fault: 'ok' })
    const next = open('next')
    expect(statSync(next.directory).mode & 0o777).toBe(0o700)
    expect(statSync(fileOf(next)).mode & 0o777).toBe(0o600)
    next.close()
    // Once the bot has ended it is in the database alone.
    expect(existsSync(next.directory)).toBe(false)
  })

  test('since a sync began is not, until the token is stored with it', async () => {
    put(1, 'before')
    await pages.durable()
    pages.begin()
    put(2, 'fed')
    pages.keep()
    expect(ids(afterCrash().rows)).toEqual([1])
    database.transaction(() => pages.flush())
    expect(ids(afterCrash().rows)).toEqual([1, 2])
    pages.release()
  })

  test('is asked for before anything leaves: that waits until the token is stored', async () => {
    put(1, 'before')
    pages.begin()
    put(2, 'fed')
    let left = false
    const leaving = pages.durable().then(() => {
      left = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(left).toBe(false)
    database.transaction(() => pages.flush())
    pages.release()
    await leaving
    expect(ids(afterCrash().rows)).toEqual([1, 2])
  })

  test('in a transaction of ours that failed is stored by the next one', async () => {
    put(1, 'before')
    await pages.durable()
    pages.begin()
    put(2, 'fed')
    const failing = (): void =>
      database.transaction(() => {
        pages.flush()
        throw new Error('the disk is full')
      })
    expect(failing).toThrow('the disk is full')
    expect(ids(afterCrash().rows)).toEqual([1])
    database.transaction(() => pages.flush())
    pages.release()
    expect(ids(afterCrash().rows)).toEqual([1, 2])
  })

  test('is seen without what it is still about to do', async () => {
    put(1, 'done')
    library.exec('BEGIN')
    put(2, 'not done')
    await pages.durable()
    expect(ids(afterCrash().rows)).toEqual([1])
    library.exec('COMMIT')
    await pages.durable()
    expect(ids(afterCrash().rows)).toEqual([1, 2])
  })

  test.each([
    ['in its log alone', 1000],
    ['and brought from its log into its file', 2],
  ])('after a restart is there too, %s', async (_where, checkpointAfter) => {
    for (let id = 0; id < 30; id += 1) put(id, 'before')
    await pages.durable()
    library.close()
    pages.close()
    pages = open('library')
    library = connect(pages, checkpointAfter)
    for (let id = 20; id < 50; id += 1) put(id, 'after'.repeat(500))
    await pages.durable()
    expect(afterCrash()).toEqual({ rows: rowsOf(library), fault: 'ok' })
    put(60, 'later')
    await pages.durable()
    expect(afterCrash()).toEqual({ rows: rowsOf(library), fault: 'ok' })
  })

  test('costs no more than what is new', async () => {
    for (let id = 0; id < 200; id += 1) put(id, 'x'.repeat(3000))
    await pages.durable()
    const before = database.connection.prepare('SELECT total_changes()').pluck().get() as number
    put(7, 'y'.repeat(3000))
    await pages.durable()
    const after = database.connection.prepare('SELECT total_changes()').pluck().get() as number
    expect(after - before).toBeLessThan(10)
  })
})

describe('whatever the library does with its log', () => {
  /** The same numbers at each run. */
  const random = (seed: number): (() => number) => {
    let state = seed
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state / 2 ** 32
    }
  }

  test.each([[1], [2], [3], [4], [5], [6]])('the stored pages are its file at that moment (random work %i)', async (seed) => {
    const next = random(seed)
    // So few that it is begun anew every few steps.
    library = connect(pages, 4 + Math.floor(next() * 20))
    for (let step = 0; step < 80; step += 1) {
      const kind = next()
      if (kind < 0.7) put(Math.floor(next() * 80), 'v'.repeat(Math.floor(next() * 9000)))
      else if (kind < 0.85) library.prepare('DELETE FROM keys WHERE id > ?').run(Math.floor(next() * 80))
      else if (kind < 0.9) library.pragma('wal_checkpoint(TRUNCATE)')
      else if (kind < 0.93) library.exec('VACUUM')
      else
        library.transaction(() => {
          for (let row = 0; row < 60; row += 1) put(100 + Math.floor(next() * 60), 't'.repeat(3000))
        })()
      // Sometimes several steps, and with them several beginnings, lie between two looks.
      if (next() < 0.5) continue
      await pages.durable()
      expect(afterCrash()).toEqual({ rows: rowsOf(library), fault: 'ok' })
    }
  })
})
