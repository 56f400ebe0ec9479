import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import type { BackupEngine } from './backup-engine.ts'
import { DurableStore } from './durable-store.ts'
import type { Engine, EngineOptions } from './engine.ts'
import type { EngineStore } from './engine-store.ts'
import { openNativeEngine } from './native-engine.ts'
import { loadNativeLibrary } from './native-library.ts'
import { hasNativeStore, nativeDirectory, NativePages } from './native-pages.ts'
import { WasmBackup } from './wasm-backup.ts'
import { WasmEngine } from './wasm-engine.ts'

/** An engine on its store, or why it cannot be had. */
export type EngineBuild =
  | { readonly ok: true; readonly engine: Engine; readonly store: EngineStore; readonly backup: BackupEngine }
  | { readonly ok: false; readonly reason: ExitReason; readonly words: string }

/** What every build is opened with. */
export type BuildOptions = Omit<EngineOptions, 'store'> & { readonly storeKey: Uint8Array }

/** Does this data directory hold keys of this device in the form of the WebAssembly build? */
export const hasWasmStore = (database: Database, userId: string, deviceId: string): boolean =>
  database
    .all(database.query.selectFrom('crypto_database').select('name'))
    .some(({ name }) => name.startsWith(`gatehouse/${userId}/${deviceId}::`))

const otherBuild = (made: Config['crypto']['engine']): EngineBuild => ({
  ok: false,
  reason: 'cryptoStore',
  words: `the keys of this device were made with crypto.engine: ${made}, and no other build can read them. Go back to ${made}, or give the device up: \`gatehouse reset-crypto\`, then start with the recovery key`,
})

/** The WebAssembly build. */
const openWasm = async (options: BuildOptions): Promise<EngineBuild> => {
  if (hasNativeStore(options.database, options.userId, options.deviceId)) return otherBuild('native')
  const store = await DurableStore.open(options.database, options.onBroken)
  const engine = await WasmEngine.open({ ...options, store })
  return { ok: true, engine, store, backup: new WasmBackup(engine, store) }
}

/** The native build, which has no key backup: the configuration has refused both together. */
const openNative = async ({ nativeLibrary }: Config['crypto'], dataDirectory: string, options: BuildOptions): Promise<EngineBuild> => {
  const { database, userId, deviceId, onBroken, logger } = options
  if (hasWasmStore(database, userId, deviceId)) return otherBuild('wasm')
  const loaded = loadNativeLibrary(nativeLibrary)
  if (!loaded.ok) return { ok: false, reason: 'installation', words: loaded.words }
  const { library, version } = loaded
  const store = NativePages.open({ database, directory: nativeDirectory(dataDirectory), userId, deviceId, onBroken })
  const engine = await openNativeEngine({ ...options, library, version, store }).catch((error: unknown) => {
    store.close()
    throw error
  })
  logger.warn(
    { engine: engine.engine },
    'the native encryption engine is experimental: no key backup, and the room keys of all rooms are kept (docs/native-engine.md)',
  )
  return { ok: true, engine, store, backup: noBackup }
}

/** Opens the configured build on its store. */
export const openBuild = (config: Config, options: BuildOptions): Promise<EngineBuild> =>
  config.crypto.engine === 'native' ? openNative(config.crypto, config.data.directory, options) : openWasm(options)

const none = (): never => {
  throw new Error('the native engine has no key backup')
}
/** Nobody calls it, because the configuration allows no key backup here. */
const noBackup: BackupEngine = {
  ownIdentity: none,
  newKey: none,
  keyOf: none,
  heldKey: none,
  isSigned: none,
  sign: none,
  use: none,
  reset: none,
  nextBatch: none,
  stored: none,
  restore: none,
}
