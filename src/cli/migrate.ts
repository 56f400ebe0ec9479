import { openDataDirectory } from '../database/open.ts'
import { systemClock } from '../operations/clock.ts'
import { configuration } from './configuration.ts'
import { complain, print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'

/** `gatehouse migrate`: brings the database to this program's schema, after a backup. `run` does the same by itself. */
export const execute: Execute<CommonOptions> = async (options) => {
  const loaded = configuration(options)
  if (loaded === undefined) return 'config'
  const opened = openDataDirectory(loaded.config.data.directory, systemClock.now())
  if (!opened.ok) {
    complain(opened.message)
    return opened.reason
  }
  const { migration } = opened
  opened.close()
  if (opened.backup !== undefined) print(`Backup: ${opened.backup}`)
  print(
    migration.state === 'current'
      ? `Nothing to do: the database has schema ${migration.version}.`
      : `Migrated from schema ${migration.from} to ${migration.to}: ${migration.applied.join(', ')}.`,
  )
  return 'ok'
}
