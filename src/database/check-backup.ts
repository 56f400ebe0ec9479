import { Database } from './database.ts'
import { migrate, newestVersion, schemaVersion } from './migrate.ts'
import type { Migration } from './migrate.ts'

/** Why a file cannot be restored. */
export interface BackupProblem {
  readonly code: 'not-ours' | 'damaged' | 'newer'
  readonly words: string
}

/** Tables, columns and indexes, so that two databases can be compared; triggers and views too, of which we have none. */
const shapeOf = (database: Database): readonly string[] => {
  const items = database.connection.prepare("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").all() as {
    readonly type: string
    readonly name: string
  }[]
  return items
    .flatMap(({ type, name }) => {
      const columns =
        type === 'table' ? (database.connection.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(name) as string[]) : []
      return [`${type} ${name}`, ...columns.map((column) => `${type} ${name}.${column}`)]
    })
    .sort()
}

const shapeAt = (version: number, migrations: readonly Migration[]): readonly string[] => {
  const database = Database.open(':memory:')
  try {
    migrate(
      database,
      migrations.filter((migration) => migration.version <= version),
    )
    return shapeOf(database)
  } finally {
    database.close()
  }
}

const notOurs: BackupProblem = { code: 'not-ours', words: 'it is not a database of this program' }

/**
 * Looks whether an opened file is whole, and a database of this program that this version knows. Reads every page.
 * @returns what speaks against it; undefined = nothing
 */
export const checkBackup = (database: Database, migrations: readonly Migration[]): BackupProblem | undefined => {
  try {
    const problems = database.connection.pragma('integrity_check(3)') as readonly { readonly integrity_check: string }[]
    if (problems[0]?.integrity_check !== 'ok')
      return { code: 'damaged', words: `it is damaged: ${problems.map(({ integrity_check }) => integrity_check).join('; ')}` }
    const version = schemaVersion(database)
    if (version > newestVersion(migrations))
      return {
        code: 'newer',
        words: `it has schema ${version}, this program knows ${newestVersion(migrations)}: use the version that made it`,
      }
    if (version < 1) return notOurs
    const expected = shapeAt(version, migrations)
    const found = shapeOf(database)
    if (expected.length !== found.length || expected.some((line, index) => line !== found[index])) return notOurs
    const orphans = database.connection.pragma('foreign_key_check') as readonly unknown[]
    return orphans.length === 0 ? undefined : { code: 'damaged', words: `${orphans.length} of its rows belong to rows that are missing` }
  } catch (error) {
    // SQLite throws where it cannot even read on.
    return { code: 'damaged', words: `it is damaged: ${error instanceof Error ? error.message : String(error)}` }
  }
}
