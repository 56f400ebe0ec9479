import { fileURLToPath } from 'node:url'
import { DurableStore } from '../src/crypto/durable-store.ts'
import type { CryptoHttp } from '../src/crypto/http.ts'
import { WasmEngine } from '../src/crypto/wasm-engine.ts'
import { Database } from '../src/database/database.ts'
import { migrate } from '../src/database/migrate.ts'
import { systemClock } from '../src/operations/clock.ts'
import { silentLogger } from '../src/operations/logger.ts'
import type { DeviceId, JsonObject, RoomId, UserId } from '../src/types.ts'
import { median } from './statistics.ts'

/** A message of the store, and its room. */
export interface Sealed {
  readonly roomId: string
  readonly event: JsonObject
}

/** What a process found that opened a store. */
export interface Opening {
  /** From the engine's compilation to the open store, in milliseconds. */
  readonly openMs: number
  /** Resident memory of the whole process after it, in bytes. */
  readonly memory: number
  /** One message whose session has to be read from disk, median, in milliseconds. */
  readonly decryptMs: number
}

/** Opens the engine on a database file, as the bot does. It makes no request. */
export const openEngine = async (file: string): Promise<{ readonly database: Database; readonly engine: WasmEngine }> => {
  const database = Database.open(file)
  migrate(database)
  const onBroken = (error: Error): never => {
    throw error
  }
  const store = await DurableStore.open(database, onBroken)
  const engine = await WasmEngine.open({
    database,
    store,
    userId: '@bot:bench' as UserId,
    deviceId: 'BENCH' as DeviceId,
    storeKey: new Uint8Array(32).fill(7),
    http: {} as CryptoHttp,
    clock: systemClock,
    logger: silentLogger,
    onBroken,
    onForeignKeys: () => undefined,
  })
  return { database, engine }
}

/** Measures one opening; in a process of its own, so that memory is this store's alone. */
const measure = async (file: string, messages: readonly Sealed[]): Promise<Opening> => {
  const started = performance.now()
  const { engine } = await openEngine(file)
  const openMs = performance.now() - started
  const memory = process.memoryUsage().rss
  const times: number[] = []
  for (const { roomId, event } of messages) {
    const before = performance.now()
    const read = await engine.decrypt(roomId as RoomId, event)
    times.push(performance.now() - before)
    if (!read.ok) throw new Error(`a message of the store could not be read: ${read.code}`)
  }
  return { openMs, memory, decryptMs: median(times) }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.once('message', ({ file, messages }: { readonly file: string; readonly messages: readonly Sealed[] }) => {
    void measure(file, messages).then((opening) => process.send?.(opening, undefined, {}, () => process.exit(0)))
  })
