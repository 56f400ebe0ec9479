import { existsSync, rmSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import { nativeDirectory } from '../crypto/native-pages.ts'
import { Sealed, wrongPassphrase } from '../database/sealed.ts'
import { endSession } from '../matrix/device-grant.ts'
import { exitReasonOf, refusal } from '../matrix/session-failure.ts'
import type { SessionFailure } from '../matrix/session-failure.ts'
import { sessionSettings } from '../matrix/session-settings.ts'
import { readSession } from '../matrix/session-store.ts'
import { Session } from '../matrix/session.ts'
import { systemClock } from '../operations/clock.ts'
import { createLogger } from '../operations/logging.ts'
import { registerSecret } from '../operations/secrets.ts'
import { agreed } from './ask-yes.ts'
import { complain, print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { forgetDevice } from '../database/forget-device.ts'
import { openGates } from './gates.ts'
import { atDesk, giveUp } from './offline.ts'

/** Options of `gatehouse logout`. */
export interface LogoutOptions extends CommonOptions {
  readonly yes?: boolean
  /** Forget the session here although the server could not be told. */
  readonly forget?: boolean
}

/** Ends the stored session on the server, renewing its token if that has run out. A session that is over already counts as ended. */
const endOnServer = async ({ homeserver: settings }: Config, sealed: Sealed): Promise<SessionFailure | undefined> => {
  const logger = createLogger({ level: 'error' })
  const { gate, gateTo, close } = openGates(settings, logger)
  // A configured token is not looked at: what is stored is what has to end.
  const { accessToken: _configured, password: _password, ...rest } = sessionSettings(settings)
  const onSecret = (secret: string): void => void registerSecret(secret)
  try {
    const opened = await Session.open({ gate, gateTo, sealed, clock: systemClock, logger, onSecret, ...rest })
    if (!opened.ok) return opened
    const { session } = opened
    for (const again of [true, false]) {
      const token = await session.token()
      const stored = readSession(sealed)
      if (stored === undefined) return undefined
      const failure = await endSession({ gate, gateTo }, stored)
      if (failure === undefined) return undefined
      const renewal = again && failure.code === 'status' && failure.status === 401 ? await session.renew(token) : 'later'
      if (renewal === 'renewed') continue
      return typeof renewal === 'string' ? refusal(stored.userId, failure, 'the server does not end the session') : renewal
    }
    return undefined
  } finally {
    await close()
  }
}

/**
 * `gatehouse logout`: ends the bot's session on the homeserver and forgets it here, with the keys of its device, which the server deletes too.
 * Identity (by the recovery key), jobs, links, plans and audit stay.
 */
export const execute: Execute<LogoutOptions> = (options) =>
  atDesk(options, async ({ config, database }) => {
    const { recoveryKeyFile } = config.crypto
    const { userId, password, accessToken } = config.homeserver
    const unlocked = await Sealed.unlock(database, config.crypto.passphrase, systemClock.now())
    if (!unlocked.ok) return giveUp('cryptoStore', wrongPassphrase)
    const { sealed } = unlocked
    const session = readSession(sealed)
    if (session === undefined) {
      print('No session is stored: there is nothing to log out of.')
      return 'ok'
    }
    print(`This signs out ${session.userId}, device ${session.deviceId}. The server deletes the device and its keys with it.`)
    print('The keys of the device are deleted here too. Jobs, links, plans and the audit stay; so does the identity, by its recovery key.')
    print('What was written to the bot and is not in the key backup cannot be read any more.')
    const hasKeys = database.first(database.query.selectFrom('crypto_area').select('id')) !== undefined
    if (hasKeys && !existsSync(recoveryKeyFile))
      return giveUp(
        'identity',
        `There is no recovery key in ${recoveryKeyFile}, so the identity would be lost with the keys; nothing was done. ` +
          'Put the recovery key there, or use `gatehouse reset-crypto`, which keeps a copy',
      )
    if (!(await agreed(userId, { yes: options.yes === true }))) return 'usage'
    const failure = await endOnServer(config, sealed)
    if (failure !== undefined && options.forget !== true)
      return giveUp(
        exitReasonOf(failure),
        `${failure.words}. The session was not ended, and nothing was forgotten. Try again; or sign the device out in the settings of the account, then \`gatehouse logout --forget\``,
      )
    forgetDevice(database)
    rmSync(nativeDirectory(config.data.directory), { recursive: true, force: true })
    if (failure === undefined) print(`The device ${session.deviceId} was signed out, and its tokens and keys are gone from here.`)
    else
      complain(
        `Forgotten here, but the server was not told (${failure.words}): sign the device ${session.deviceId} out in the settings of the account.`,
      )
    if (session.configured !== undefined && accessToken !== undefined)
      print('homeserver.accessToken was the token of that device: take it out of the configuration.')
    if (password !== undefined)
      print('homeserver.password is configured: gatehouse run would log in as a new device. Take it out if the bot is to stay away.')
    else print('To come back as a new device: gatehouse login, then gatehouse run. It signs itself with the recovery key.')
    return 'ok'
  })
