import { DeviceId as WasmDeviceId, initAsync, OlmMachine, StoreHandle, UserId as WasmUserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { DurableStore } from './durable-store.ts'
import { Engine } from './engine.ts'
import type { EngineOptions } from './engine.ts'
import { UndecidedKeys } from './undecided-keys.ts'
import { WasmBinding } from './wasm-binding.ts'

/** What the engine needs. */
export interface WasmEngineOptions extends EngineOptions {
  readonly store: DurableStore
  /** 32 bytes, bound to user and device. */
  readonly storeKey: Uint8Array
}

/** Compiles the engine, which may be begun before it is needed. Safe to call twice. */
export const loadEngine = (): Promise<void> => initAsync()

/** The engine over the WebAssembly build, on the durable store. */
export class WasmEngine extends Engine {
  /** The state machine itself: for `wasm-backup.ts` only. */
  readonly machine: OlmMachine

  private constructor(options: WasmEngineOptions, machine: OlmMachine, name: string) {
    const { store, database, clock } = options
    const undecided = new UndecidedKeys(database, clock)
    super(options, new WasmBinding(machine, { store, database: `${name}::matrix-sdk-crypto`, undecided }))
    this.machine = machine
  }

  /** Loads the engine and opens its store. The store key is bound to user and device: another one is refused by the engine. */
  static async open(options: WasmEngineOptions): Promise<WasmEngine> {
    await loadEngine()
    const name = `gatehouse/${options.userId}/${options.deviceId}`
    const quiet = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (line: unknown) => options.logger.debug({ engine: String(line) }, 'crypto engine'),
    }
    const handle = await StoreHandle.openWithKey(name, options.storeKey, quiet)
    const machine = await OlmMachine.initFromStore(new WasmUserId(options.userId), new WasmDeviceId(options.deviceId), handle, quiet)
    return new WasmEngine(options, machine, name)
  }
}
