import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { auditOperator } from '../audit/operator.ts'
import type { Config } from '../config/schema.ts'
import { lockDataDirectory } from '../database/lock.ts'
import { prepareRestore } from '../database/restore.ts'
import type { PreparedRestore } from '../database/restore.ts'
import { systemClock } from '../operations/clock.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import { agreed } from './ask-yes.ts'
import { configuration } from './configuration.ts'
import { print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { giveUp } from './offline.ts'

/** Options of `gatehouse restore`. */
export interface RestoreOptions extends CommonOptions {
  readonly backup: string
  readonly yes?: boolean
}

const tell = ({ stateOf, schema, held, hadSecrets }: PreparedRestore, file: string): void => {
  const asOf = stateOf === undefined ? 'in which nothing ever happened' : `with what happened until ${new Date(stateOf).toISOString()}`
  print(`${file} is whole: schema ${schema}, ${asOf}.`)
  print('This replaces the database. Commands, links, codes and the audit since then are lost; the old database is kept aside.')
  print(
    `What was open then is not done again by itself: ${held.jobs} jobs wait for !retry, ${held.plans} commands and ${held.messages} messages are given up.`,
  )
  if (hadSecrets) print('It holds a session or keys of a device, so it is no backup of `gatehouse backup`: they are left out.')
}

const nextSteps = ({ crypto, homeserver, data }: Config): void => {
  print('Next:')
  print('  1. Sign the old device of the bot out, in the settings of its account on the homeserver.')
  if (!existsSync(crypto.recoveryKeyFile))
    print(`  2. Put the recovery key into ${crypto.recoveryKeyFile}; without it the bot cannot be the same again.`)
  else print(`  2. The recovery key is in ${crypto.recoveryKeyFile}.`)
  if (homeserver.accessToken !== undefined)
    print('  3. homeserver.accessToken must be of a new device, not of the old one. Then start the bot: gatehouse run')
  else if (homeserver.password === undefined) print('  3. gatehouse login, then gatehouse run.')
  else print('  3. Start the bot: gatehouse run. It becomes a new device and signs itself with the recovery key.')
  print(`Lists, rooms and members are read anew. The data directory is ${data.directory}.`)
}

const restore = async ({ backup, yes }: RestoreOptions, config: Config): Promise<ExitReason> => {
  const { directory } = config.data
  const now = systemClock.now()
  const file = resolve(backup)
  const prepared = prepareRestore({
    backup: file,
    directory,
    now,
    also: (database, { held }) => auditOperator(database, { at: now, command: 'restore', arguments: { backup: basename(file), ...held } }),
  })
  if (!prepared.ok)
    return giveUp(prepared.code === 'failed' ? 'failed' : 'database', `${file} cannot be restored: ${prepared.words}. Nothing was changed.`)
  try {
    tell(prepared, file)
    if (!(await agreed(config.homeserver.userId, { yes: yes === true }))) return 'usage'
    const aside = prepared.replace()
    print(`Restored: ${file}`)
    if (aside !== undefined)
      print(`The old database is ${aside}. Delete it when all is well, and never start a bot on it: used keys would be used twice.`)
    nextSteps(config)
    return 'ok'
  } catch (error) {
    return giveUp(
      'failed',
      `The restore broke off: ${error instanceof Error ? error.message : String(error)}. Mend that and run it again; do not start the bot before.`,
    )
  } finally {
    prepared.discard()
  }
}

/**
 * `gatehouse restore <backup>`: puts a backup in the place of the database. Never restores a session or encryption state, so the bot comes back as a
 * new device of the same identity; what was open in the backup waits for somebody to look, so that nothing happens twice.
 */
export const execute: Execute<RestoreOptions> = async (options) => {
  const loaded = configuration(options)
  if (loaded === undefined) return 'config'
  if (!existsSync(options.backup)) return giveUp('failed', `There is no such file: ${resolve(options.backup)}`)
  const { directory } = loaded.config.data
  const lock = lockDataDirectory(directory)
  if (!lock.ok) {
    if (lock.code === 'unusable') return giveUp('database', lock.reason)
    const who = lock.holder === undefined ? '' : ` (${lock.holder})`
    return giveUp('locked', `another process uses the data directory ${directory}${who}: stop the bot first. Nothing was changed.`)
  }
  try {
    return await restore(options, loaded.config)
  } finally {
    lock.release()
  }
}
