import type { Config } from '../config/schema.ts'
import { exitReasonOfKeys, openEngine } from '../crypto/open.ts'
import type { EngineOpening } from '../crypto/open.ts'
import type { Database } from '../database/database.ts'
import { openDataDirectory } from '../database/open.ts'
import { Sealed, wrongPassphrase } from '../database/sealed.ts'
import { Homeserver } from '../matrix/client.ts'
import { exitReasonOf } from '../matrix/session-failure.ts'
import { sessionSettings } from '../matrix/session-settings.ts'
import { Session } from '../matrix/session.ts'
import { systemClock } from '../operations/clock.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import { createLogger } from '../operations/logging.ts'
import type { Logger } from '../operations/logger.ts'
import { registerSecret } from '../operations/secrets.ts'
import { configuration } from './configuration.ts'
import { complain } from './contract.ts'
import type { CommonOptions } from './contract.ts'
import { openGates } from './gates.ts'

/** The data directory, locked: the bot does not run meanwhile. */
export interface Desk {
  readonly config: Config
  readonly database: Database
}

/** The desk with the bot's session and its encryption engine. */
export interface CryptoDesk extends Desk {
  readonly sealed: Sealed
  readonly homeserver: Homeserver
  readonly logger: Logger
  readonly crypto: Extract<EngineOpening, { ok: true }>
  readonly onSecret: (secret: string) => void
}

/** Says what is wrong and ends with this reason. */
export const giveUp = (reason: ExitReason, words: string): ExitReason => {
  complain(words)
  return reason
}

/** Loads the configuration, locks the data directory, does the work, and frees it again. */
export const atDesk = async (options: CommonOptions, work: (desk: Desk) => Promise<ExitReason>): Promise<ExitReason> => {
  const loaded = configuration(options)
  if (loaded === undefined) return 'config'
  const opened = openDataDirectory(loaded.config.data.directory, systemClock.now())
  if (!opened.ok) return giveUp(opened.reason, opened.message)
  try {
    return await work({ config: loaded.config, database: opened.database })
  } finally {
    opened.close()
  }
}

/** Opens the session of the bot as well; one that is missing is begun as `run` would. */
export const withSession = async (
  { config, database }: Desk,
  work: (session: Omit<CryptoDesk, 'crypto'>) => Promise<ExitReason>,
): Promise<ExitReason> => {
  const clock = systemClock
  const unlocked = await Sealed.unlock(database, config.crypto.passphrase, clock.now())
  if (!unlocked.ok) return giveUp('cryptoStore', wrongPassphrase)
  const { sealed } = unlocked
  const logger = createLogger({ level: 'error' })
  const onSecret = (secret: string): void => void registerSecret(secret)
  const { gate, gateTo, close } = openGates(config.homeserver, logger)
  try {
    const opened = await Session.open({
      gate,
      gateTo,
      sealed,
      clock,
      logger,
      onSecret,
      ...sessionSettings(config.homeserver),
    })
    if (!opened.ok) return giveUp(exitReasonOf(opened), opened.words)
    const homeserver = new Homeserver(gate, opened.session, (end) => complain(end.words))
    return await work({ config, database, sealed, homeserver, logger, onSecret })
  } finally {
    await close()
  }
}

/** Opens session and engine. What the engine finds wrong by itself is printed and becomes the way in which the program ends. */
export const withCrypto = (desk: Desk, work: (crypto: CryptoDesk) => Promise<ExitReason>): Promise<ExitReason> =>
  withSession(desk, async (session) => {
    let fatal: ExitReason | undefined
    const onFatal = (reason: ExitReason, words: string): void => {
      fatal ??= giveUp(reason, words)
    }
    const crypto = await openEngine({ ...session, clock: systemClock, onFatal })
    if (!crypto.ok) return giveUp(crypto.reason, crypto.words)
    try {
      const reason = await work({ ...session, crypto })
      return fatal ?? reason
    } finally {
      await crypto.engine.close()
      crypto.store.close()
    }
  })

/** What the server shows for the bot has to be what is here: gives up with the reason if not. */
export const comparedKeys = async ({ crypto }: CryptoDesk): Promise<ExitReason | undefined> => {
  const checked = await crypto.engine.checkOwnKeys()
  if (checked === undefined) return giveUp('unreachable', "the homeserver could not be asked for the bot's keys")
  return checked.problem === undefined ? undefined : giveUp(exitReasonOfKeys(checked.problem), checked.problem.words)
}
