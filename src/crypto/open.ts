import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Sealed } from '../database/sealed.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { Clock } from '../operations/clock.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import type { Logger } from '../operations/logger.ts'
import type { BackupEngine } from './backup-engine.ts'
import { DurableStore } from './durable-store.ts'
import { createCryptoHttp } from './http.ts'
import { ensureIdentity } from './identity.ts'
import { WasmBackup } from './wasm-backup.ts'
import { WasmEngine } from './wasm-engine.ts'

/** The opened engine with a signed device, or why the process has to end. */
export type CryptoOpening =
  | {
      readonly ok: true
      readonly engine: WasmEngine
      readonly backup: BackupEngine
      readonly store: DurableStore
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

/** Opens the durable store and the engine, and makes sure that the device is signed by the bot's identity. A warm start makes no request. */
export const openCrypto = async (options: {
  readonly config: Config
  readonly database: Database
  readonly sealed: Sealed
  readonly homeserver: Homeserver
  readonly clock: Clock
  readonly logger: Logger
  readonly onSecret: (secret: string) => void
  readonly onFatal: (reason: ExitReason, words: string) => void
}): Promise<CryptoOpening> => {
  const { config, database, sealed, homeserver, clock, logger, onSecret, onFatal } = options
  const { userId, deviceId } = homeserver.session
  if (config.crypto.engine === 'native')
    return { ok: false, reason: 'installation', words: 'crypto.engine: native is not part of this version yet; use wasm' }
  const onBroken = (error: Error): void => {
    logger.fatal({ err: error }, 'the encryption engine or its store broke')
    onFatal('bug', error.message)
  }
  const store = await DurableStore.open(database, onBroken)
  const http = createCryptoHttp(homeserver)
  let engine: WasmEngine
  try {
    engine = await WasmEngine.open({
      database,
      store,
      userId,
      deviceId,
      storeKey: sealed.key(`crypto-store/${userId}/${deviceId}`),
      http,
      clock,
      logger,
      onBroken,
      onForeignKeys: () =>
        onFatal(
          'deviceLost',
          'the homeserver has other keys of this device than the encryption store: an older copy of the data directory was put back. Start with a new data directory (a new device) and the recovery key',
        ),
    })
  } catch (error) {
    // The engine says only in its own words that key, user or device do not fit, or that its data is damaged.
    return {
      ok: false,
      reason: 'cryptoStore',
      words: `the encryption store cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
  const { quarantine } = engine
  // A panic of the engine surfaces here and nowhere else; the call itself stays pending. What ends the process then is not our matter.
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    if (error instanceof Error && error.name === 'RuntimeError') quarantine.engineBroke(error.message, true)
  })
  const identity = await ensureIdentity({ database, store, engine, http, logger, recoveryKeyFile: config.crypto.recoveryKeyFile, onSecret })
  if (!identity.ok) {
    const reasons = {
      unreachable: 'unreachable',
      refused: 'forbidden',
      'identity-without-recovery-key': 'identity',
      'wrong-recovery-key': 'identity',
    } as const
    return { ok: false, reason: reasons[identity.code], words: identity.words }
  }
  if (identity.made === 'identity')
    logger.info(
      { file: config.crypto.recoveryKeyFile },
      'a cross-signing identity was made; keep a copy of its recovery key in a safe place',
    )
  return { ok: true, engine, backup: new WasmBackup(engine, store), store, identity: identityWords[identity.made] }
}
