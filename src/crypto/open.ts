import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Sealed } from '../database/sealed.ts'
import { Bridged } from '../directory/bridged.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { Clock } from '../operations/clock.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import type { Logger } from '../operations/logger.ts'
import type { BackupEngine } from './backup-engine.ts'
import type { Engine } from './engine.ts'
import { openBuild } from './engine-builds.ts'
import type { EngineStore } from './engine-store.ts'
import { createCryptoHttp } from './http.ts'
import type { CryptoHttp } from './http.ts'
import { ensureIdentity } from './identity.ts'
import type { IdentityResult } from './identity.ts'
import type { OwnKeysProblem } from './own-keys.ts'
import { PersonIdentities } from './person-identities.ts'

/** The opened engine with a signed device, or why the process has to end. */
export type CryptoOpening =
  | {
      readonly ok: true
      readonly engine: Engine
      readonly backup: BackupEngine
      readonly store: EngineStore
      readonly identity: string
    }
  | { readonly ok: false; readonly reason: ExitReason; readonly words: string }

/** For `!status` and `/readyz`. */
const identityWords = {
  nothing: 'signed by its own identity',
  identity: 'signed by its own identity, which was made at this start',
  signature: 'signed by its own identity at this start',
  restored: 'signed by its own identity, which was restored from the recovery key',
} as const

/** What the engine is opened with. */
export interface EngineOptions {
  readonly config: Config
  readonly database: Database
  readonly sealed: Sealed
  readonly homeserver: Homeserver
  readonly clock: Clock
  readonly logger: Logger
  readonly onFatal: (reason: ExitReason, words: string) => void
}

/** The engine on its store. Makes no request. */
export type EngineOpening =
  | {
      readonly ok: true
      readonly engine: Engine
      readonly backup: BackupEngine
      readonly store: EngineStore
      readonly http: CryptoHttp
    }
  | { readonly ok: false; readonly reason: ExitReason; readonly words: string }

const exitOfProblem = {
  'device-missing': 'deviceLost',
  'device-keys-differ': 'deviceLost',
  'identity-missing': 'identity',
  'identity-replaced': 'identity',
} as const

/** How the program ends when the server shows other keys of the bot than it has. */
export const exitReasonOfKeys = (problem: OwnKeysProblem): ExitReason => exitOfProblem[problem.code]

/** Opens the configured engine of the session's device on its store. */
export const openEngine = async (options: EngineOptions): Promise<EngineOpening> => {
  const { config, database, sealed, homeserver, clock, logger, onFatal } = options
  const { userId, deviceId } = homeserver.session
  const bridged = new Bridged(config.bridges)
  const onBroken = (error: Error): void => {
    logger.fatal({ err: error }, 'the encryption engine or its store broke')
    onFatal('bug', error.message)
  }
  const http = createCryptoHttp(homeserver)
  try {
    const build = await openBuild(config, {
      database,
      userId,
      deviceId,
      storeKey: sealed.key(`crypto-store/${userId}/${deviceId}`),
      http,
      bridgeBotOf: (sender) => bridged.botOf(sender),
      identities: new PersonIdentities(database, clock),
      clock,
      logger,
      onBroken,
      onForeignKeys: () =>
        onFatal(
          'deviceLost',
          'the homeserver has other keys of this device than the encryption store: an older copy of the data directory was put back. Start with a new data directory (a new device) and the recovery key',
        ),
      onOwnKeysProblem: (problem) => onFatal(exitReasonOfKeys(problem), problem.words),
    })
    return build.ok ? { ...build, http } : build
  } catch (error) {
    // The engine says only in its own words that key, user or device do not fit, or that its data is damaged.
    return {
      ok: false,
      reason: 'cryptoStore',
      words: `the encryption store cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

/** How the program ends when its device cannot be signed. */
export const exitReasonOfIdentity = (failure: Extract<IdentityResult, { ok: false }>): ExitReason => {
  if (failure.problem !== undefined) return exitReasonOfKeys(failure.problem)
  return failure.code === 'unreachable' ? 'unreachable' : failure.code === 'refused' ? 'forbidden' : 'identity'
}

/** Opens the durable store and the engine, and makes sure that the device is signed by the bot's identity. A warm start makes no request. */
export const openCrypto = async (options: EngineOptions & { readonly onSecret: (secret: string) => void }): Promise<CryptoOpening> => {
  const { config, database, logger, onSecret } = options
  const opened = await openEngine(options)
  if (!opened.ok) return opened
  const { engine, backup, store, http } = opened
  const { quarantine } = engine
  // A panic of the engine surfaces here and nowhere else; the call itself stays pending. What ends the process then is not our matter.
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    if (error instanceof Error && error.name === 'RuntimeError') quarantine.engineBroke(error.message, true)
  })
  const identity = await ensureIdentity({ database, store, engine, http, logger, recoveryKeyFile: config.crypto.recoveryKeyFile, onSecret })
  if (!identity.ok) return { ok: false, reason: exitReasonOfIdentity(identity), words: identity.words }
  if (identity.made === 'identity')
    logger.info(
      { file: config.crypto.recoveryKeyFile },
      'a cross-signing identity was made; keep a copy of its recovery key in a safe place',
    )
  return { ok: true, engine, backup, store, identity: identityWords[identity.made] }
}
