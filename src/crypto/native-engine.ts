import { KnownPeople } from './known-people.ts'
import { Engine } from './engine.ts'
import type { EngineOptions } from './engine.ts'
import { NativeBinding } from './native-binding.ts'
import type { NativeLibrary } from './native-library.ts'
import { NativeMachine } from './native-machine.ts'
import type { NativePages } from './native-pages.ts'

/** What the native engine needs. */
export interface NativeEngineOptions extends EngineOptions {
  readonly library: NativeLibrary
  /** Of the library. */
  readonly version: string
  readonly store: NativePages
  /** 32 bytes, bound to user and device: the library encrypts its store with them. */
  readonly storeKey: Uint8Array
}

/** The engine over the native build. Opens the library's store; another store key is refused by the library. */
export const openNativeEngine = async (options: NativeEngineOptions): Promise<Engine> => {
  const { library, version, store } = options
  const opened = await library.OlmMachine.initialize(
    new library.UserId(options.userId),
    new library.DeviceId(options.deviceId),
    store.directory,
    Buffer.from(options.storeKey).toString('base64'),
  )
  const machine = new NativeMachine(opened)
  try {
    store.keep()
    const people = new KnownPeople(options.database, store.name)
    return new Engine(options, new NativeBinding({ library, version, machine, pages: store, people }))
  } catch (error) {
    await machine.close(() => undefined)
    throw error
  }
}
