import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import { nativeDirectory } from '../crypto/native-pages.ts'
import type { Database } from '../database/database.ts'
import { Sealed } from '../database/sealed.ts'
import { endSession } from '../matrix/device-grant.ts'
import { readSession } from '../matrix/session-store.ts'
import type { StoredSession } from '../matrix/session-store.ts'
import { systemClock } from '../operations/clock.ts'
import { createLogger } from '../operations/logging.ts'
import { registerSecret } from '../operations/secrets.ts'
import { agreed } from './ask-yes.ts'
import { complain, print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { forgetDevice } from '../database/forget-device.ts'
import { openGates } from './gates.ts'
import { atDesk, giveUp } from './offline.ts'

/** Options of `gatehouse reset-crypto`. */
export interface ResetOptions extends CommonOptions {
  readonly yes?: boolean
}

/** A whole copy beside the backups, readable by its owner only. */
const copyOf = (database: Database, directory: string): string => {
  const folder = join(directory, 'backups')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `before-reset-${new Date(systemClock.now()).toISOString().replace(/[-:.]/g, '')}.db`)
  database.connection.prepare('VACUUM INTO ?').run(file)
  chmodSync(file, 0o600)
  return file
}

/** Ends the old device on the server, so that nobody encrypts for it any more. Returns why not, in words. */
const endOnServer = async ({ homeserver }: Config, session: StoredSession): Promise<string | undefined> => {
  registerSecret(session.accessToken)
  if (session.refreshToken !== undefined) registerSecret(session.refreshToken)
  const { gate, gateTo, close } = openGates(homeserver, createLogger({ level: 'error' }))
  try {
    const failure = await endSession({ gate, gateTo }, session)
    return failure?.code
  } finally {
    await close()
  }
}

/**
 * `gatehouse reset-crypto`: gives up this device and its keys, after a copy. The next start is a new device, which signs itself with the recovery key.
 * Everything else in the database stays.
 */
export const execute: Execute<ResetOptions> = (options) =>
  atDesk(options, async ({ config, database }) => {
    const { recoveryKeyFile } = config.crypto
    const { userId, accessToken } = config.homeserver
    const unlocked = await Sealed.unlock(database, config.crypto.passphrase, systemClock.now())
    const session = unlocked.ok ? readSession(unlocked.sealed) : undefined
    print(`This gives up the bot's device${session === undefined ? '' : ` ${session.deviceId}`} and every key in ${config.data.directory}.`)
    print('What was written to the bot and is not in the key backup cannot be read any more. Jobs, links, plans and the audit stay.')
    if (!existsSync(recoveryKeyFile))
      complain(
        `There is no recovery key in ${recoveryKeyFile}. Without it the new device cannot sign itself, and the identity has to be replaced.`,
      )
    if (!(await agreed(userId, { yes: options.yes === true }))) return 'usage'
    let copy: string
    try {
      copy = copyOf(database, config.data.directory)
    } catch (error) {
      return giveUp('failed', `A copy could not be made, so nothing was done: ${error instanceof Error ? error.message : String(error)}`)
    }
    forgetDevice(database)
    rmSync(nativeDirectory(config.data.directory), { recursive: true, force: true })
    print(`A copy is in ${copy}. Delete it when all is well, and never start a bot on it: used keys would be used twice.`)
    if (session === undefined) print('The old device could not be signed out from here: sign it out in the settings of the account.')
    else if (session.configured !== undefined)
      print('homeserver.accessToken belongs to the old device: sign that one out, and configure the token of a new one or a password.')
    else {
      const failure = await endOnServer(config, session)
      print(
        failure === undefined
          ? `The device ${session.deviceId} was signed out.`
          : `The device ${session.deviceId} could not be signed out (${failure}): do it in the settings of the account.`,
      )
    }
    if (session?.configured === undefined && config.homeserver.password === undefined && accessToken === undefined)
      print('Log in as a new device: gatehouse login')
    print(
      existsSync(recoveryKeyFile)
        ? 'Start the bot: gatehouse run. It becomes a new device and signs itself with the recovery key.'
        : `Put the recovery key into ${recoveryKeyFile} and start the bot, or make a new identity: gatehouse crypto bootstrap --replace-identity`,
    )
    return 'ok'
  })
