import { isLoopback } from '../config/checks.ts'
import type { Config } from '../config/schema.ts'
import { openDataDirectory } from '../database/open.ts'
import { hasWasmStore } from '../crypto/engine-builds.ts'
import { hasNativeStore } from '../crypto/native-pages.ts'
import type { Database } from '../database/database.ts'
import { Sealed, wrongPassphrase } from '../database/sealed.ts'
import { logInBy } from '../matrix/login-ways.ts'
import type { LoginWay } from '../matrix/login-ways.ts'
import { keysOnServer } from '../matrix/login.ts'
import { endSession } from '../matrix/device-grant.ts'
import type { GrantQuestion } from '../matrix/device-grant.ts'
import { exitReasonOf } from '../matrix/session-failure.ts'
import type { SessionFailure } from '../matrix/session-failure.ts'
import { deviceLost, Session } from '../matrix/session.ts'
import { sessionSettings } from '../matrix/session-settings.ts'
import type { SessionOptions } from '../matrix/session.ts'
import { deviceToLogIn, readSession } from '../matrix/session-store.ts'
import { systemClock } from '../operations/clock.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import { createLogger } from '../operations/logging.ts'
import { registerSecret } from '../operations/secrets.ts'
import { configuration } from './configuration.ts'
import { complain, print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { openGates } from './gates.ts'
import { readSecret } from './hidden-input.ts'

/** Options of `gatehouse login`. */
export interface LoginFlags extends CommonOptions {
  /** Log in although a session is stored; the device stays the same. */
  readonly again?: boolean
  readonly password?: boolean
  readonly token?: boolean
  readonly oauth?: boolean
}

const wayOf = (flags: LoginFlags): LoginWay | undefined =>
  flags.password === true ? 'password' : flags.token === true ? 'token' : flags.oauth === true ? 'oauth' : undefined

const ask = ({ address, code, complete, expiresInMs }: GrantQuestion): void => {
  print('Sign in as the bot in a browser, on any machine:')
  print(`  open   ${complete ?? address}`)
  print(`  code   ${code}`)
  print(`Waiting for at most ${Math.ceil(expiresInMs / 60_000)} min; Ctrl+C changes nothing …`)
}

/** The homeserver may name any address for OAuth: outside of tests it must be https. */
const permitsFor =
  (settings: Config['homeserver']) =>
  (address: string): boolean =>
    address.startsWith('https:') || settings.allowInsecureHttp || (isLoopback(address) && isLoopback(settings.url))

const give = (failure: SessionFailure): ExitReason => {
  complain(failure.words)
  return exitReasonOf(failure)
}

/** Is there an encryption store of this device, so that its keys were published? */
const hasStore = (database: Database, userId: string, deviceId: string): boolean =>
  hasWasmStore(database, userId, deviceId) || hasNativeStore(database, userId, deviceId)

/** A session is stored: is it alive? Finding out may renew its token, which changes nothing else. */
const look = async (options: SessionOptions): Promise<ExitReason> => {
  const { accessToken: _other, ...rest } = options
  const opened = await Session.open(rest)
  if (!opened.ok) return give(opened)
  const state = await opened.session.check()
  if (typeof state !== 'string') return give(state)
  if (state === 'unknown') {
    complain('a session is stored, but the homeserver could not be asked about it; nothing was changed')
    return 'unreachable'
  }
  print(`Logged in already as ${opened.session.userId}, device ${opened.session.deviceId}; nothing was changed.`)
  print('To log in anew as the same device: gatehouse login --again')
  return 'ok'
}

const logIn = async (flags: LoginFlags, config: Config, database: Database): Promise<ExitReason> => {
  const { homeserver: settings } = config
  const clock = systemClock
  const unlocked = await Sealed.unlock(database, config.crypto.passphrase, clock.now())
  if (!unlocked.ok) {
    complain(wrongPassphrase)
    return 'cryptoStore'
  }
  const { sealed } = unlocked
  const logger = createLogger({ level: 'warn' })
  const { gate, gateTo, close } = openGates(settings, logger)
  const options: SessionOptions = {
    gate,
    gateTo,
    sealed,
    clock,
    logger,
    ...sessionSettings(settings),
    onSecret: (secret) => void registerSecret(secret),
  }
  try {
    const stored = readSession(sealed)
    if (stored !== undefined && (flags.again !== true || stored.userId !== settings.userId)) return await look(options)
    const login = await logInBy(
      wayOf(flags),
      { ...options, permits: permitsFor(settings), ask, readSecret },
      deviceToLogIn(sealed, clock.now()),
    )
    if (!login.ok) return give(login)
    const { session } = login
    if (stored !== undefined && session.deviceId !== stored.deviceId) {
      complain(
        `that token is of device ${session.deviceId}, but the keys in this data directory are of device ${stored.deviceId}; nothing was changed. ` +
          'Log in another way to keep the device, or give it up with `gatehouse reset-crypto`',
      )
      return 'config'
    }
    if (hasStore(database, session.userId, session.deviceId)) {
      const keys = await keysOnServer(gate, session)
      if (typeof keys !== 'boolean') return give(keys)
      if (!keys) {
        // A device without its keys would be left behind otherwise. One that somebody else made for the bot is theirs to end.
        if (session.configured === undefined) await endSession(options, session)
        return give(deviceLost(session.deviceId))
      }
    }
    const kept = Session.keep(options, login)
    if (!kept.ok) return give(kept)
    print(`Logged in as ${session.userId}, device ${session.deviceId}.`)
    print(stored === undefined ? 'Start the bot: gatehouse run' : 'The device and its keys are the same. Start the bot: gatehouse run')
    return 'ok'
  } finally {
    await close()
  }
}

/** `gatehouse login`: makes the bot's session and device once, before the first start or after the session ended. */
export const execute: Execute<LoginFlags> = async (flags) => {
  if ([flags.password, flags.token, flags.oauth].filter((given) => given === true).length > 1) {
    complain('Give one of --password, --token and --oauth.')
    return 'usage'
  }
  const loaded = configuration(flags)
  if (loaded === undefined) return 'config'
  const opened = openDataDirectory(loaded.config.data.directory, systemClock.now())
  if (!opened.ok) {
    complain(opened.message)
    return opened.reason
  }
  try {
    return await logIn(flags, loaded.config, opened.database)
  } finally {
    opened.close()
  }
}
