import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database } from './database.ts'

/** One schema step: a file `migrations/NNNN-name.sql`. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** What the migrator found or did. */
export type MigrationResult =
  | { readonly state: 'current'; readonly version: number }
  | { readonly state: 'migrated'; readonly from: number; readonly to: number; readonly applied: readonly string[] }
  | { readonly state: 'newer'; readonly database: number; readonly program: number }
  | { readonly state: 'failed'; readonly migration: string; readonly reason: string; readonly version: number }

/** The folder of migrations of this program, beside `src/` or `dist/`. */
export const migrationsDirectory = resolve(dirname(fileURLToPath(import.meta.url)), '../../migrations')

/**
 * Reads the migrations in order.
 * @throws Error when numbers are missing, doubled or badly formed: a packaging mistake
 */
export const readMigrations = (directory: string = migrationsDirectory): readonly Migration[] => {
  const migrations = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file): Migration => {
      const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file)
      if (match?.[1] === undefined || match[2] === undefined) throw new Error(`migration file with a bad name: ${file}`)
      return { version: Number(match[1]), name: file.slice(0, -4), sql: readFileSync(join(directory, file), 'utf8') }
    })
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) throw new Error(`migration ${migration.name} should have number ${index + 1}`)
  })
  return migrations
}

/** The schema version that these migrations lead to. */
export const newestVersion = (migrations: readonly Migration[]): number => migrations.at(-1)?.version ?? 0

/** The schema version of a database file (SQLite `user_version`). */
export const schemaVersion = (database: Database): number => Number(database.connection.pragma('user_version', { simple: true }))

/**
 * Brings the database to the program's schema. Each step and its version mark are one transaction, so a kill leaves a whole step or none.
 * @param beforeFirst called once before an existing database is changed (make a backup here)
 */
export const migrate = (
  database: Database,
  migrations: readonly Migration[] = readMigrations(),
  beforeFirst?: (from: number) => void,
): MigrationResult => {
  const from = schemaVersion(database)
  const to = newestVersion(migrations)
  if (from > to) return { state: 'newer', database: from, program: to }
  const open = migrations.filter(({ version }) => version > from)
  if (open.length === 0) return { state: 'current', version: from }
  if (from > 0) beforeFirst?.(from)
  for (const migration of open) {
    try {
      database.connection
        .transaction(() => {
          database.connection.exec(migration.sql)
          database.connection.pragma(`user_version = ${migration.version}`)
        })
        .immediate()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { state: 'failed', migration: migration.name, reason, version: schemaVersion(database) }
    }
  }
  return { state: 'migrated', from, to, applied: open.map((migration) => migration.name) }
}
