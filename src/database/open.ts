import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ExitReason } from '../operations/exit-codes.ts'
import type { Timestamp } from '../types.ts'
import { backupDatabase } from './backup.ts'
import { Database } from './database.ts'
import { lockDataDirectory } from './lock.ts'
import { migrate, newestVersion, readMigrations, schemaVersion } from './migrate.ts'
import type { Migration, MigrationResult } from './migrate.ts'

/** The database of a data directory, locked for this process and brought to the program's schema. */
export type OpenResult =
  | {
      readonly ok: true
      readonly database: Database
      readonly migration: Extract<MigrationResult, { state: 'current' | 'migrated' }>
      /** The backup that was made before an existing database was migrated. */
      readonly backup?: string
      /** Closes the database and frees the directory. Safe to call twice. */
      close(): void
    }
  | { readonly ok: false; readonly reason: Extract<ExitReason, 'locked' | 'database'>; readonly message: string }

/** Name of the database file in the data directory. */
export const databaseFile = (directory: string): string => join(directory, 'gatehouse.db')

const openFile = (file: string): Database | string => {
  try {
    const fresh = !existsSync(file)
    const database = Database.open(file)
    if (fresh) chmodSync(file, 0o600)
    return database
  } catch (error) {
    return `cannot open the database ${file}: ${error instanceof Error ? error.message : String(error)}`
  }
}

/**
 * Locks the data directory, opens the database, makes a backup if it has to be migrated, and migrates.
 * @param directory `data.directory` of the configuration
 * @param now names the backup
 */
export const openDataDirectory = (directory: string, now: Timestamp, migrations: readonly Migration[] = readMigrations()): OpenResult => {
  const lock = lockDataDirectory(directory)
  if (!lock.ok) {
    if (lock.code === 'unusable') return { ok: false, reason: 'database', message: lock.reason }
    const who = lock.holder === undefined ? '' : ` (${lock.holder})`
    return { ok: false, reason: 'locked', message: `another process uses the data directory ${directory}${who}` }
  }
  const opened = openFile(databaseFile(directory))
  if (typeof opened === 'string') {
    lock.release()
    return { ok: false, reason: 'database', message: opened }
  }
  const close = (): void => {
    opened.close()
    lock.release()
  }
  const fail = (message: string): OpenResult => {
    close()
    return { ok: false, reason: 'database', message }
  }
  const version = schemaVersion(opened)
  let backup: string | undefined
  if (version > 0 && version < newestVersion(migrations)) {
    const made = backupDatabase(opened, directory, now)
    if (!made.ok) return fail(`${made.reason}; the database was not migrated`)
    backup = made.file
  }
  const migration = migrate(opened, migrations)
  if (migration.state === 'newer') {
    return fail(
      `the database has schema ${migration.database}, this program knows ${migration.program}: it was used by a newer version. ` +
        `Start that version again, or restore a backup with \`gatehouse restore\`; they are in ${join(directory, 'backups')}`,
    )
  }
  if (migration.state === 'failed') return fail(`migration ${migration.migration} failed, nothing of it was kept: ${migration.reason}`)
  return { ok: true, database: opened, migration, close, ...(backup === undefined ? {} : { backup }) }
}
