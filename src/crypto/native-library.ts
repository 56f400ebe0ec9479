import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as Library from '@matrix-org/matrix-sdk-crypto-nodejs'

/** What the native library exports. */
export type NativeLibrary = typeof Library

/** The loaded library, or why it is not loaded. */
export type NativeLibraryResult =
  | { readonly ok: true; readonly library: NativeLibrary; readonly version: string }
  | { readonly ok: false; readonly words: string }

/** The version of the Rust crate that this engine was tested with: how it rotates sessions and words its errors is no part of its interface. */
export const testedVersion = '0.18'

const needed = ['OlmMachine', 'UserId', 'DeviceId', 'RoomId', 'DeviceLists', 'EncryptionSettings', 'SecretStorageKey', 'getVersions']

/** May somebody else than root and this user put other code there? Returns why, in words. */
const writableByOthers = (path: string): string | undefined => {
  const { mode, uid } = statSync(path)
  const self = process.getuid?.()
  if (self === undefined) return undefined
  if (uid !== 0 && uid !== self) return `${path} belongs to another user`
  // A sticky directory (/tmp) lets nobody replace the files of others.
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) return `${path} can be written by others (chmod go-w)`
  return undefined
}

const refused = (words: string): NativeLibraryResult => ({ ok: false, words: `crypto.nativeLibrary: ${words}` })

/**
 * Loads the native build of the encryption library from the file that the operator named. It is never looked for and never downloaded; it becomes a part
 * of this process, so a file that others may write is refused.
 * @param path `crypto.nativeLibrary`
 */
export const loadNativeLibrary = (path: string | undefined): NativeLibraryResult => {
  if (path === undefined)
    return refused(
      'crypto.engine: native needs the file of the library. How to build it: docs/native-engine.md; or use crypto.engine: wasm',
    )
  try {
    if (!statSync(path).isFile()) return refused(`${path} is no file`)
    const problem = writableByOthers(path) ?? writableByOthers(dirname(path))
    if (problem !== undefined) return refused(`${problem}: code from there would run with all rights of the bot`)
    const library: unknown = createRequire(import.meta.url)(path)
    if (typeof library !== 'object' || library === null || needed.some((name) => typeof Object(library)[name] !== 'function'))
      return refused(`${path} is not the library matrix-sdk-crypto-nodejs`)
    const native = library as NativeLibrary
    const version = native.getVersions().matrixSdkCrypto
    if (!version.startsWith(`${testedVersion}.`))
      return refused(`${path} is version ${version} of the library; this version of the bot was tested with ${testedVersion} only`)
    return { ok: true, library: native, version }
  } catch (error) {
    return refused(`${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}
