import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CryptoHttp } from '../../src/crypto/http.ts'
import { DurableStore } from '../../src/crypto/durable-store.ts'
import type { Engine } from '../../src/crypto/engine.ts'
import type { EngineStore } from '../../src/crypto/engine-store.ts'
import { openNativeEngine } from '../../src/crypto/native-engine.ts'
import { loadNativeLibrary } from '../../src/crypto/native-library.ts'
import { NativePages } from '../../src/crypto/native-pages.ts'
import { WasmEngine } from '../../src/crypto/wasm-engine.ts'
import type { Database } from '../../src/database/database.ts'
import type { Clock } from '../../src/operations/clock.ts'
import { silentLogger } from '../../src/operations/logger.ts'
import type { RoomEncryption } from '../../src/crypto/port.ts'
import type { DeviceId, JsonObject, RoomId, UserId } from '../../src/types.ts'
import type { KeyServer } from './key-server.ts'
import { testEngine } from './test-engine.ts'
import { answered, memoryDatabase, TestClock } from './unit.ts'

/** The bot of the tests of encryption. */
export const bot = '@bot:x' as UserId

/** The key requests of a device of the bot to a server in memory. @param device `BOT` if it has but one */
export const keyRequests = (server: KeyServer, device = 'BOT'): CryptoHttp =>
  ({
    keysUpload: (body: never) => Promise.resolve(server.upload(bot, device, body)),
    keysQuery: (body: never) => Promise.resolve(server.query(body)),
    keysClaim: (body: never) => Promise.resolve(server.claim(body)),
    sendToDevice: (type: string, _txn: string, body: never) => Promise.resolve(server.deliver(bot, type, body)),
    signaturesUpload: () => Promise.resolve(answered({})),
  }) as unknown as CryptoHttp

/** A real engine over a store in a database. */
export interface BotEngine {
  readonly engine: WasmEngine
  readonly store: DurableStore
  readonly database: Database
  /** Ends engine and store; the database stays open. */
  readonly close: () => Promise<void>
}

const broken = (error: Error): never => {
  throw error
}

/** A real engine of either build. */
export interface AnyEngine extends Pick<BotEngine, 'database' | 'close'> {
  readonly engine: Engine
  readonly store: EngineStore
}

/** What the bot's engine is opened with; see `openBotEngine`. */
interface OpenOptions {
  readonly server: KeyServer
  readonly database?: Database
  readonly device?: string
  readonly http?: CryptoHttp
  readonly clock?: Clock
  readonly onForeignKeys?: () => void
}

const baseOf = (options: OpenOptions) => {
  const { server, database = memoryDatabase(), device = 'BOT' } = options
  return {
    database,
    userId: bot,
    deviceId: device as DeviceId,
    storeKey: new Uint8Array(32).fill(7),
    http: options.http ?? keyRequests(server, device),
    clock: options.clock ?? new TestClock(Date.now()),
    logger: silentLogger,
    onBroken: broken,
    onForeignKeys: options.onForeignKeys ?? (() => broken(new Error('the server has other keys'))),
  }
}

/** The same for what every build has to do: on the native one where the tests run on it (`test-engine.ts`). */
export const openAnyEngine = async (options: OpenOptions): Promise<AnyEngine> => {
  const { GATEHOUSE_CRYPTO_NATIVE_LIBRARY: path } = testEngine()
  if (path === undefined) return openBotEngine(options)
  const loaded = loadNativeLibrary(path)
  if (!loaded.ok) throw new Error(loaded.words)
  const { library, version } = loaded
  const base = baseOf(options)
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-engine-'))
  const store = NativePages.open({ ...base, directory })
  const engine = await openNativeEngine({ ...base, library, version, store })
  const close = async (): Promise<void> => {
    await engine.close()
    store.close()
  }
  return { engine, store, database: base.database, close }
}

/**
 * Opens the engine of the bot as the program does. Its keys are not on the server before `engine.flushOutgoing`.
 * @param options.server where its requests go, unless `http` takes them
 * @param options.database a new one in memory if none is given
 */
export const openBotEngine = async (options: OpenOptions): Promise<BotEngine> => {
  const base = baseOf(options)
  const store = await DurableStore.open(base.database, broken)
  const engine = await WasmEngine.open({ ...base, store })
  const close = async (): Promise<void> => {
    await engine.close()
    store.close()
  }
  return { engine, store, database: base.database, close }
}

/** A room where the bot speaks with people; every device gets its keys. */
export const encryptedRoom = (roomId: string, people: readonly string[], more: Partial<RoomEncryption> = {}): RoomEncryption => ({
  roomId: roomId as RoomId,
  historyVisibility: 'shared',
  recipients: [bot, ...people] as UserId[],
  sharing: 'all-devices',
  rotationPeriodMs: 7 * 24 * 3_600_000,
  rotationMessages: 100,
  ...more,
})

/** What the bot sends into a room to say something. */
export const encrypted = async ({ engine }: Pick<AnyEngine, 'engine'>, room: RoomEncryption, body: string): Promise<JsonObject> => {
  const made = await engine.encrypt(room.roomId, () => room, 'm.room.message', { msgtype: 'm.text', body })
  if (!made.ok) throw new Error(made.words)
  return made.content
}
