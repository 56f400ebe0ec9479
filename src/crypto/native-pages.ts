import { closeSync, existsSync, fstatSync, futimesSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../database/database.ts'
import type { EngineStore } from './engine-store.ts'
import { hasFrameOf, readAt, readWalHead, readWalTail } from './sqlite-wal.ts'
import type { WalPlace, WalTail } from './sqlite-wal.ts'

/** The file that the native library makes in the directory that it is given. */
const fileName = 'matrix-sdk-crypto.sqlite3'
/** The library's directory in the data directory; nothing in it is needed once the bot has ended. */
export const nativeDirectory = (dataDirectory: string): string => join(dataDirectory, 'crypto-native')
/** The time of a file that nobody has written into since it was made from the stored pages (seconds). */
const untouchedAt = 1_000_000
/** Names the rows of this store among those of other engines. */
const nameOf = (userId: string, deviceId: string): string => `native/${userId}/${deviceId}`

/** Are there keys of this device in the native library's form? */
export const hasNativeStore = (database: Database, userId: string, deviceId: string): boolean =>
  database.connection
    .prepare("SELECT 1 FROM crypto_record JOIN crypto_area ON id = area WHERE database = ? AND store = 'pages' LIMIT 1")
    .get(nameOf(userId, deviceId)) !== undefined

/** What is new in the library's file. */
interface Change extends Omit<WalTail, 'place'> {
  readonly place: WalPlace | undefined
}

/**
 * The native library's own SQLite file, kept page by page in our database. The library commits when it likes; what counts is what stands here. Its
 * file is made anew from these pages at every start, so a crash takes it back to the last sync whose token was stored, together with everything
 * else (`docs/decisions/0007-native-engine.md`).
 *
 * What it has committed is read from its write-ahead log. When it has begun that log anew and something may have been missed, the whole file is
 * compared. SQLite is not asked: two copies of it in one process do not see each other's locks.
 */
export class NativePages implements EngineStore {
  /** Given to the library. */
  readonly directory: string
  /** Names this store's rows among those of other engines. */
  readonly name: string
  readonly #database: Database
  readonly #area: number
  readonly #onBroken: (error: Error) => void
  readonly #put
  readonly #get
  readonly #shrink
  #file: number | undefined
  #place: WalPlace | undefined
  /** Where it was read up to in a transaction that may still fail: then it is read from the old place again. */
  #tentative: { readonly place: WalPlace | undefined } | undefined
  #held = false
  #waiting: (() => void)[] = []
  #broken: Error | undefined

  private constructor(database: Database, directory: string, name: string, onBroken: (error: Error) => void) {
    this.#database = database
    this.directory = directory
    this.name = name
    this.#area = areaOf(database, name)
    this.#onBroken = onBroken
    const { connection } = database
    this.#put = connection.prepare<[number, Buffer, Buffer]>(
      'INSERT INTO crypto_record (area, key, value) VALUES (?, ?, ?) ON CONFLICT (area, key) DO UPDATE SET value = excluded.value',
    )
    this.#get = connection.prepare<[number, Buffer], Buffer>('SELECT value FROM crypto_record WHERE area = ? AND key = ?').pluck()
    this.#shrink = connection.prepare<[number, Buffer]>('DELETE FROM crypto_record WHERE area = ? AND key > ?')
  }

  /**
   * Makes the library's file from what is stored.
   * @param options.directory a directory of its own: what was there is deleted
   * @param options.onBroken called when its changes could not be kept: the process must end
   */
  static open(options: {
    readonly database: Database
    readonly directory: string
    readonly userId: string
    readonly deviceId: string
    readonly onBroken: (error: Error) => void
  }): NativePages {
    const { database, directory } = options
    const store = new NativePages(database, directory, nameOf(options.userId, options.deviceId), options.onBroken)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const rows = database.connection.prepare<[number], { key: Buffer; value: Buffer }>(
      'SELECT key, value FROM crypto_record WHERE area = ? ORDER BY key',
    )
    let file: number | undefined
    try {
      for (const { key, value } of rows.iterate(store.#area)) {
        file ??= openSync(join(directory, fileName), 'w', 0o600)
        writeSync(file, value, 0, value.length, (key.readUInt32BE(0) - 1) * value.length)
      }
      // Whatever is written into it from now on gives it another time.
      if (file !== undefined) futimesSync(file, untouchedAt, untouchedAt)
    } finally {
      if (file !== undefined) closeSync(file)
    }
    return store
  }

  begin(): void {
    this.#held = true
  }

  flush(): void {
    if (this.#held) this.#capture()
  }

  release(): void {
    if (this.#tentative !== undefined) this.#place = this.#tentative.place
    this.#tentative = undefined
    this.#held = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  async durable(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    if (this.#held) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    // Once more: another sync may have begun while this one waited for its turn.
    if (this.#held) return this.durable()
    this.keep()
  }

  /** Stores what the library has committed, unless a sync is under way that everything belongs to. */
  keep(): void {
    if (this.#held) return
    try {
      this.#database.transaction(() => this.#capture())
    } catch (error) {
      this.#broken = error instanceof Error ? error : new Error(String(error))
      this.#onBroken(this.#broken)
      throw this.#broken
    }
    this.release()
  }

  #capture(): void {
    const { pages, size, place } = this.#read()
    for (const [number, page] of pages) this.#put.run(this.#area, keyOf(number), page)
    if (size !== undefined) this.#shrink.run(this.#area, keyOf(size))
    this.#tentative = { place }
  }

  #read(): Change {
    const path = join(this.directory, fileName)
    if (this.#file === undefined) {
      if (!existsSync(path)) return { pages: new Map(), size: undefined, place: undefined }
      // Stays open: closing it would take the library's locks away.
      this.#file = openSync(path, 'r')
    }
    for (let tries = 0; tries < 10; tries += 1) {
      const log = existsSync(`${path}-wal`) ? openSync(`${path}-wal`, 'r') : undefined
      try {
        const change = log === undefined ? undefined : this.#fromLog(this.#file, log)
        const found = change ?? this.#fromAll(this.#file, log)
        if (found !== undefined) return found
      } finally {
        if (log !== undefined) closeSync(log)
      }
    }
    throw new Error("the native engine's file changes faster than it can be read")
  }

  /** What the log alone shows to be all that is new; undefined = that cannot be said. */
  #fromLog(file: number, log: number): Change | undefined {
    const head = readWalHead(log)
    if (head === undefined) return undefined
    const { start } = head
    // At the start of a process all is as it was stored, unless something came from a log into the file.
    const known = this.#place ?? (fstatSync(file).mtimeMs === untouchedAt * 1000 ? start : undefined)
    if (known === undefined) return undefined
    let change: Change
    if (start.salts === known.salts) {
      change = readWalTail(log, head, known)
    } else {
      // Begun anew once: what stood behind our place then is there still, unless the new frames have come that far.
      if (start.sequence !== known.sequence + 1) return undefined
      const fresh = readWalTail(log, head, start)
      if (fresh.place.offset > known.offset || hasFrameOf(log, start.salts, known.offset)) return undefined
      if (fstatSync(log).size < known.offset) return undefined
      const missed = readWalTail(log, head, known)
      change = { pages: new Map([...missed.pages, ...fresh.pages]), size: fresh.size ?? missed.size, place: fresh.place }
    }
    return readWalHead(log)?.start.salts === start.salts ? change : undefined
  }

  /** Compares the whole file, with its log on top. undefined = it changed meanwhile. */
  #fromAll(file: number, log: number | undefined): Change | undefined {
    const head = log === undefined ? undefined : readWalHead(log)
    const begin = readAt(file, 0, 100)
    const pages = new Map<number, Buffer>()
    let size = 0
    if (begin.length === 100) {
      const stated = begin.readUInt16BE(16)
      const pageSize = stated === 1 ? 65_536 : stated
      size = Math.floor(fstatSync(file).size / pageSize)
      for (let number = 1; number <= size; number += 1) {
        const page = readAt(file, (number - 1) * pageSize, pageSize)
        if (this.#get.get(this.#area, keyOf(number))?.equals(page) !== true) pages.set(number, page)
      }
    }
    if (log === undefined || head === undefined) return { pages, size, place: undefined }
    const tail = readWalTail(log, head, head.start)
    for (const [number, page] of tail.pages) pages.set(number, page)
    if (readWalHead(log)?.start.salts !== head.start.salts) return undefined
    return { pages, size: tail.size ?? size, place: tail.place }
  }

  /** Call after the library was closed; what it did last was kept before. Its file goes: everything stands in the database. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Pages in order. */
const keyOf = (number: number): Buffer => {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(number)
  return key
}

const areaOf = (database: Database, name: string): number =>
  database.transaction(() => {
    const row = { database: name, store: 'pages', index_name: '' }
    const { query } = database
    database.run(
      query
        .insertInto('crypto_area')
        .values(row)
        .onConflict((conflict) => conflict.doNothing()),
    )
    const found = database.first(
      query.selectFrom('crypto_area').select('id').where('database', '=', name).where('store', '=', 'pages').where('index_name', '=', ''),
    )
    if (found === undefined) throw new Error('the crypto store has no place for pages')
    return found.id
  })
