import type { Database } from './database.ts'

/** Rows of `meta` that belong to the device; the same that a backup leaves out, but for the place in the sync stream, which belongs to the user. */
const metaOfDevice = "name LIKE 'seal.%' OR name LIKE 'crypto.%' OR name LIKE 'identity.%'"

/** Forgets session, encryption keys and the mark of the passphrase, in one transaction. The next start is a new device. Everything else stays. */
export const forgetDevice = (database: Database): void => {
  const tables = database.connection
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'crypto\\_%' ESCAPE '\\' OR name = 'sealed')")
    .pluck()
    .all() as string[]
  database.transaction(() => {
    for (const table of tables) database.connection.exec(`DELETE FROM "${table}"`)
    database.connection.exec(`DELETE FROM meta WHERE ${metaOfDevice}`)
  })
}
