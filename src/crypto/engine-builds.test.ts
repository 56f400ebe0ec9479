import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bot, keyRequests } from '../../tests/support/bot-engine.ts'
import { KeyServer } from '../../tests/support/key-server.ts'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import { silentLogger } from '../operations/logger.ts'
import type { DeviceId } from '../types.ts'
import { hasWasmStore, openBuild } from './engine-builds.ts'
import type { EngineBuild } from './engine-builds.ts'
import { hasNativeStore, nativeDirectory, NativePages } from './native-pages.ts'

let directory: string
let database: Database
let opened: EngineBuild | undefined

const fail = (error: Error): never => {
  throw error
}
const open = async (crypto: Partial<Config['crypto']>): Promise<EngineBuild> => {
  opened = await openBuild({ crypto, data: { directory } } as Config, {
    database,
    userId: bot,
    deviceId: 'BOT' as DeviceId,
    storeKey: new Uint8Array(32).fill(7),
    http: keyRequests(new KeyServer()),
    clock: new TestClock(),
    logger: silentLogger,
    onBroken: fail,
    onForeignKeys: () => undefined,
  })
  return opened
}
const close = async (): Promise<void> => {
  if (opened?.ok === true) {
    await opened.engine.close()
    opened.store.close()
  }
  opened = undefined
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-builds-'))
  database = memoryDatabase()
})
afterEach(async () => {
  await close()
  rmSync(directory, { recursive: true, force: true })
})

test('wasm is the build that is there', async () => {
  expect(await open({ engine: 'wasm' })).toMatchObject({ ok: true, engine: { engine: expect.stringMatching(/^wasm \d/) } })
  expect(hasWasmStore(database, bot, 'BOT')).toBe(true)
  expect(hasWasmStore(database, bot, 'BO')).toBe(false)
})

test.each([
  ['is not named', undefined, /crypto\.engine: native needs the file of the library/],
  ['is not there', '/nowhere/library.node', /\/nowhere\/library\.node cannot be loaded/],
])('native is refused with words where its library %s, and nothing is made', async (_what, nativeLibrary, words) => {
  expect(await open({ engine: 'native', ...(nativeLibrary === undefined ? {} : { nativeLibrary }) })).toEqual({
    ok: false,
    reason: 'installation',
    words: expect.stringMatching(words),
  })
  expect(existsSync(nativeDirectory(directory))).toBe(false)
  expect(hasNativeStore(database, bot, 'BOT')).toBe(false)
})

test('keys that wasm has made are not left behind by native', async () => {
  await open({ engine: 'wasm' })
  await close()
  expect(await open({ engine: 'native', nativeLibrary: '/nowhere' })).toMatchObject({
    ok: false,
    reason: 'cryptoStore',
    words: expect.stringContaining('made with crypto.engine: wasm, and no other build can read them'),
  })
})

test('keys that native has made are not left behind by wasm', async () => {
  const pages = NativePages.open({ database, directory: join(directory, 'made'), userId: bot, deviceId: 'BOT', onBroken: fail })
  // Whatever the library writes there.
  writeFileSync(join(pages.directory, 'matrix-sdk-crypto.sqlite3'), Buffer.alloc(4096, 'SQLite format 3\0\x10\0'))
  pages.keep()
  pages.close()
  expect(await open({ engine: 'wasm' })).toMatchObject({
    ok: false,
    reason: 'cryptoStore',
    words: expect.stringContaining('made with crypto.engine: native, and no other build can read them'),
  })
})
