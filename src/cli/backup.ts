import { existsSync } from 'node:fs'
import { backupDatabase } from '../database/backup.ts'
import { Database } from '../database/database.ts'
import { databaseFile } from '../database/open.ts'
import { systemClock } from '../operations/clock.ts'
import { configuration } from './configuration.ts'
import { complain, print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'

/** `gatehouse backup`: writes a backup beside a running bot (it takes no lock: SQLite gives it the state of one moment). */
export const execute: Execute<CommonOptions> = async (options) => {
  const loaded = configuration(options)
  if (loaded === undefined) return 'config'
  const { directory } = loaded.config.data
  const file = databaseFile(directory)
  if (!existsSync(file)) {
    complain(`There is no database yet: ${file}`)
    return 'failed'
  }
  let database: Database
  try {
    database = Database.open(file)
  } catch (error) {
    complain(`cannot open the database ${file}: ${error instanceof Error ? error.message : String(error)}`)
    return 'database'
  }
  const result = backupDatabase(database, directory, systemClock.now())
  database.close()
  if (!result.ok) {
    complain(result.reason)
    return 'failed'
  }
  print(`Backup: ${result.file} (${Math.ceil(result.bytes / 1024)} KiB), without the encryption keys: keep the recovery key with it.`)
  for (const old of result.removed) print(`Removed: ${old}`)
  return 'ok'
}
