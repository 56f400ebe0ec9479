import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { failureOfWords, isPanic } from './native-words.ts'
import { loadNativeLibrary } from './native-library.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-library-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const names = ['OlmMachine', 'UserId', 'DeviceId', 'RoomId', 'DeviceLists', 'EncryptionSettings', 'SecretStorageKey']
/** A file in place of the library: what is loaded need not be machine code. */
const library = (version = '0.18.0', file = 'library.cjs'): string => {
  const path = join(directory, file)
  const exported = [...names.map((name) => `${name}: class {}`), `getVersions: () => ({ matrixSdkCrypto: '${version}' })`]
  writeFileSync(path, `globalThis.loadedByTest = true\nmodule.exports = { ${exported.join(', ')} }\n`, { mode: 0o644 })
  return path
}
const wordsOf = (path: string | undefined): string => {
  const result = loadNativeLibrary(path)
  return result.ok ? 'loaded' : result.words
}

test('a library of the tested version is loaded from the named file', () => {
  expect(loadNativeLibrary(library())).toMatchObject({ ok: true, version: '0.18.0' })
})

test.each<[string, () => string | undefined, RegExp]>([
  ['no file is named', () => undefined, /needs the file of the library.*docs\/native-engine\.md/],
  ['there is none', () => join(directory, 'none.node'), /none\.node cannot be loaded: ENOENT/],
  ['it is a directory', () => directory, /is no file/],
  ['it is not code', () => broken(), /broken\.node cannot be loaded/],
  ['it is something else', () => otherModule(), /is not the library matrix-sdk-crypto-nodejs/],
  ['it is another version', () => library('0.19.1'), /is version 0\.19\.1 of the library; .* tested with 0\.18 only/],
  ['it begins like the tested version', () => library('0.180.0'), /is version 0\.180\.0/],
])('refused in words: %s', (_name, path, words) => {
  expect(wordsOf(path())).toMatch(words)
})
const broken = (): string => {
  const path = join(directory, 'broken.node')
  writeFileSync(path, 'not a library', { mode: 0o644 })
  return path
}
const otherModule = (): string => {
  const path = join(directory, 'other.cjs')
  writeFileSync(path, 'module.exports = { OlmMachine: 1 }', { mode: 0o644 })
  return path
}

test.each<[string, () => void]>([
  ['the file', () => chmodSync(join(directory, 'library.cjs'), 0o666)],
  ['the file, by a group', () => chmodSync(join(directory, 'library.cjs'), 0o664)],
  ['its directory', () => chmodSync(directory, 0o777)],
])('never run when others may write %s', (_name, open) => {
  const path = library()
  open()
  Reflect.deleteProperty(globalThis, 'loadedByTest')
  expect(wordsOf(path)).toMatch(/can be written by others \(chmod go-w\): code from there would run with all rights of the bot/)
  expect(Reflect.has(globalThis, 'loadedByTest')).toBe(false)
})

test('the words of the tested version say why something cannot be decrypted', () => {
  const missing = "Can't find the room key to decrypt the event, withheld code: "
  expect(failureOfWords(`${missing}None`)).toEqual({ code: 'missing-key', withheld: undefined })
  expect(failureOfWords(`${missing}Some("m.unverified")`)).toEqual({ code: 'withheld', withheld: 'm.unverified' })
  expect(failureOfWords('The message was encrypted using an unknown message index, first known index 3, index of the message 1')).toEqual({
    code: 'missing-key',
    withheld: undefined,
  })
  expect(failureOfWords('decryption failed because of mismatched identity keys of the sending device and those recorded')).toEqual({
    code: 'forged',
    withheld: undefined,
  })
  // What somebody wrote into an event may stand in other words: only whole sentences count.
  expect(failureOfWords(`unknown variant ${missing}Some("m.unverified")`)).toEqual({ code: 'other', withheld: undefined })
  expect(failureOfWords('Failed decrypting Megolm message, invalid MAC')).toEqual({ code: 'other', withheld: undefined })
})

test.each([
  ['Panic in async function', true],
  ['called `Option::unwrap()` on a `None` value', true],
  ['assertion failed: index < length', true],
  ['attempt to subtract with overflow', true],
  ["Can't find the room key to decrypt the event, withheld code: None", false],
  ['unknown variant `called `Option::unwrap()` on a `None` value`, expected one of', false],
])('%s: a panic? %s', (words, panic) => {
  expect(isPanic(words)).toBe(panic)
})
