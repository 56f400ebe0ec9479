import { closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import type { Timestamp } from '../types.ts'
import { schemaVersion } from './migrate.ts'
import type { Database } from './database.ts'
import { syncFile } from './sync-file.ts'

/** What came of a backup. */
export type BackupResult =
  | { readonly ok: true; readonly file: string; readonly bytes: number; readonly removed: readonly string[] }
  | { readonly ok: false; readonly reason: string }

/** How many backups stay. */
export const backupsKept = 7

const finished = /^gatehouse-\d{8}T\d{9}Z-schema\d+\.db$/
const partial = /^\.partial-.*$/

/** Tables that a backup has empty: an old ratchet must never run again, and sealed session tokens belong to the device that is lost. */
const leftEmpty = (table: string): boolean => table.startsWith('crypto_') || table === 'sealed'
/** Rows of `meta` that say something about the state that is left out. */
const metaLeftOut = "name = 'since' OR name LIKE 'seal.%' OR name LIKE 'crypto.%' OR name LIKE 'identity.%'"

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

interface Item {
  readonly type: string
  readonly name: string
  readonly sql: string
}

/**
 * Copies row by row into a new file. Not `VACUUM INTO` with deletions afterwards: then the keys would stand in the copy for a moment, and
 * for good if the process were killed there.
 */
const copy = (source: string, target: string, version: number): void => {
  const connection = new BetterSqlite3(target)
  try {
    connection.pragma('journal_mode = OFF')
    connection.pragma('synchronous = OFF')
    connection.prepare('ATTACH ? AS source').run(source)
    // One read transaction: the copy is the state of one moment, whatever is written meanwhile.
    connection.exec('BEGIN')
    const items = connection
      .prepare(`SELECT type, name, sql FROM source.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid`)
      .all() as Item[]
    const tables = items.filter(({ type }) => type === 'table')
    for (const { name, sql } of tables) {
      connection.exec(sql)
      if (leftEmpty(name)) continue
      const where = name === 'meta' ? ` WHERE NOT (${metaLeftOut})` : ''
      connection.exec(`INSERT INTO main.${quote(name)} SELECT * FROM source.${quote(name)}${where}`)
    }
    if (connection.prepare(`SELECT 1 FROM source.sqlite_master WHERE name = 'sqlite_sequence'`).get() !== undefined) {
      connection.exec('DELETE FROM main.sqlite_sequence; INSERT INTO main.sqlite_sequence SELECT * FROM source.sqlite_sequence')
    }
    for (const { type, sql } of items) if (type !== 'table') connection.exec(sql)
    connection.pragma(`user_version = ${version}`)
    connection.exec('COMMIT')
    connection.exec('DETACH source')
    const check = connection.pragma('quick_check', { simple: true })
    if (check !== 'ok') throw new Error(`the copy is damaged: ${String(check)}`)
  } finally {
    connection.close()
  }
}

/**
 * Writes a consistent copy to `<directory>/backups/` (mode 0600) and keeps the newest seven. The encryption state and the session are left
 * out: after a restore the bot is a new device of the same identity. May run while the bot works.
 * @param database an open database that is a file
 * @param directory the data directory
 * @param now becomes part of the name
 */
export const backupDatabase = (database: Database, directory: string, now: Timestamp): BackupResult => {
  const folder = join(directory, 'backups')
  const version = schemaVersion(database)
  const name = `gatehouse-${new Date(now).toISOString().replace(/[-:.]/g, '')}-schema${version}.db`
  const unfinished = join(folder, `.partial-${name}`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const file of readdirSync(folder)) if (partial.test(file)) rmSync(join(folder, file))
    // Made empty with its mode first, so that it is never open to others.
    closeSync(openSync(unfinished, 'wx', 0o600))
    copy(database.connection.name, unfinished, version)
    syncFile(unfinished)
    renameSync(unfinished, join(folder, name))
    syncFile(folder)
    const removed = readdirSync(folder)
      .filter((file) => finished.test(file))
      .sort()
      .slice(0, -backupsKept)
    for (const file of removed) rmSync(join(folder, file))
    return { ok: true, file: join(folder, name), bytes: statSync(join(folder, name)).size, removed }
  } catch (error) {
    if (existsSync(unfinished)) rmSync(unfinished)
    return { ok: false, reason: `cannot write a backup to ${folder}: ${error instanceof Error ? error.message : String(error)}` }
  }
}
