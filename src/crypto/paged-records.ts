import { deserialize, serialize } from 'node:v8'
import { deflateRawSync, constants, inflateRawSync } from 'node:zlib'
import type { Database } from '../database/database.ts'
import { decodeKey, encodeKey } from './indexeddb-key.ts'
import { isRange } from './raw-indexeddb.ts'
import type { RawDirection, RawRange, RawRecord, RawRecords } from './raw-indexeddb.ts'

/** Writes that are not in SQLite yet, by the text of the key; undefined = deleted. */
interface Layer {
  /** Everything that was there before is gone. */
  cleared: boolean
  readonly rows: Map<string, RawRecord | undefined>
}

/** One row as it stands on disk. */
interface Row {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

const emptyLayer = (): Layer => ({ cleared: false, rows: new Map() })
/** Above every byte that a key can begin with. */
const last = '\xff'
const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const bytes = (key: string): Buffer => Buffer.from(key, 'latin1')

/** Values from this size on are packed (bytes). The engine's are ciphertext in base64, in which a quarter of each byte is empty. */
const packFrom = 512
const packed = 1

const packValue = (value: unknown): Buffer => {
  const plain = serialize(value)
  // V8 begins its own form with 255.
  if (plain.length < packFrom) return plain
  return Buffer.concat([Uint8Array.of(packed), deflateRawSync(plain, { strategy: constants.Z_HUFFMAN_ONLY })])
}

const unpackValue = (stored: Uint8Array): unknown => deserialize(stored[0] === packed ? inflateRawSync(stored.subarray(1)) : stored)

const pageSizes = [2, 16, 128] as const

/**
 * The rows of one object store, or of one index of it, in SQLite. Only what is not committed yet is in memory, in two layers: the writes of
 * the transaction that runs, and above the disk those that are held back until the sync token is stored.
 */
export class PagedRecords implements RawRecords {
  readonly #area: number
  readonly #isIndex: boolean
  readonly #onLookup: (key: unknown) => void
  readonly #get
  readonly #up
  readonly #down
  readonly #count
  readonly #put
  readonly #delete
  readonly #clear
  #running: Layer = emptyLayer()
  #held: Layer | undefined

  /**
   * @param area id in `crypto_area`
   * @param fresh made by the transaction that runs: rows of a store of the same name that it dropped do not count
   * @param onLookup told of every key that is asked for
   */
  constructor(database: Database, area: number, isIndex: boolean, fresh: boolean, onLookup: (key: unknown) => void) {
    this.#onLookup = onLookup
    this.#area = area
    this.#isIndex = isIndex
    this.#running.cleared = fresh
    const { connection } = database
    const table = isIndex ? 'crypto_index' : 'crypto_record'
    const columns = isIndex ? 'key, NULL AS value' : 'key, value'
    this.#get = connection.prepare<[number, Buffer], Row>(`SELECT ${columns} FROM ${table} WHERE area = ? AND key = ?`)
    const page = (order: string): string =>
      `SELECT ${columns} FROM ${table} WHERE area = ? AND key >= ? AND key < ? ORDER BY key ${order} LIMIT ?`
    this.#up = connection.prepare<[number, Buffer, Buffer, number], Row>(page('ASC'))
    this.#down = connection.prepare<[number, Buffer, Buffer, number], Row>(page('DESC'))
    this.#count = connection.prepare<[number], { count: number }>(`SELECT count(*) AS count FROM ${table} WHERE area = ?`)
    this.#put = connection.prepare(
      isIndex
        ? 'INSERT OR IGNORE INTO crypto_index (area, key) VALUES (?, ?)'
        : 'INSERT OR REPLACE INTO crypto_record (area, key, value) VALUES (?, ?, ?)',
    )
    this.#delete = connection.prepare(`DELETE FROM ${table} WHERE area = ? AND key = ?`)
    this.#clear = connection.prepare(`DELETE FROM ${table} WHERE area = ?`)
  }

  /** Rows of an index have no own key: theirs is the index key and the key of the row that they point to. */
  #textOf(record: RawRecord): string {
    return this.#isIndex ? encodeKey(record.key) + encodeKey(record.value) : encodeKey(record.key)
  }

  #recordOf(key: string, row: Row): RawRecord {
    const own = decodeKey(key)
    if (this.#isIndex) return { key: own.key, value: decodeKey(key, own.next).key }
    return { key: own.key, value: row.value === null ? undefined : unpackValue(row.value) }
  }

  /** The row under this text, from the newest layer that knows it. */
  #find(key: string): RawRecord | undefined {
    for (const layer of this.#layers()) {
      if (layer.rows.has(key)) return layer.rows.get(key)
      if (layer.cleared) return undefined
    }
    const row = this.#get.get(this.#area, bytes(key))
    return row === undefined ? undefined : this.#recordOf(key, row)
  }

  /** Newest first. */
  #layers(): readonly Layer[] {
    return this.#held === undefined ? [this.#running] : [this.#running, this.#held]
  }

  get(key: unknown): RawRecord | undefined {
    this.#onLookup(key)
    if (!this.#isIndex && !isRange(key)) return this.#find(encodeKey(key))
    const [first] = this.values(isRange(key) ? key : only(key))
    return first
  }

  put(record: RawRecord, noOverwrite = false): RawRecord | undefined {
    const key = this.#textOf(record)
    const before = this.#find(key)
    if (before !== undefined && noOverwrite) throw new DOMException('there is a row with this key', 'ConstraintError')
    this.#running.rows.set(key, { key: record.key, value: record.value })
    return before
  }

  delete(key: unknown): RawRecord[] {
    const found = [...this.values(isRange(key) ? key : only(key))]
    for (const record of found) this.#running.rows.set(this.#textOf(record), undefined)
    return found
  }

  deleteByKeyAndValue(key: unknown, value: unknown): void {
    this.#running.rows.set(this.#textOf({ key, value }), undefined)
  }

  clear(): RawRecord[] {
    // An index is cleared with its object store, and nobody asks what was in it.
    const before = this.#isIndex ? [] : [...this.values()]
    this.#running = { cleared: true, rows: new Map() }
    return before
  }

  size(): number {
    if (this.#running.cleared || this.#running.rows.size > 0 || this.#held !== undefined) return [...this.#keys()].length
    return this.#count.get(this.#area)?.count ?? 0
  }

  /** The texts of all keys, without reading values. */
  *#keys(): Generator<string> {
    for (const [key] of this.#merged('', last, false)) yield key
  }

  *values(range?: RawRange, direction: RawDirection = 'next'): Generator<RawRecord> {
    const descending = direction === 'prev' || direction === 'prevunique'
    const lower = range?.lower === undefined ? '' : encodeKey(range.lower) + (range.lowerOpen ? last : '')
    const upper = range?.upper === undefined ? last : encodeKey(range.upper) + (range.upperOpen ? '' : last)
    let waiting: RawRecord | undefined
    let before: string | undefined
    for (const [key, read] of this.#merged(lower, upper, descending)) {
      const record = read()
      if (!direction.endsWith('unique') || !this.#isIndex) {
        yield record
        continue
      }
      // Of rows with the same index key the one with the lowest own key, in both directions.
      const own = key.slice(0, decodeKey(key).next)
      if (direction === 'nextunique' && own !== before) yield record
      if (direction === 'prevunique' && own !== before && waiting !== undefined) yield waiting
      waiting = record
      before = own
    }
    if (direction === 'prevunique' && waiting !== undefined) yield waiting
  }

  /** Rows between the bounds in order: those of the disk, as the layers above have changed them. */
  *#merged(lower: string, upper: string, descending: boolean): Generator<readonly [key: string, read: () => RawRecord]> {
    const above = new Map<string, RawRecord | undefined>()
    let onDisk = true
    for (const layer of this.#layers()) {
      for (const [key, record] of layer.rows) if (key >= lower && key < upper && !above.has(key)) above.set(key, record)
      if (layer.cleared) {
        onDisk = false
        break
      }
    }
    const changed = [...above.keys()].sort()
    if (descending) changed.reverse()
    const before = (one: string, other: string): boolean => (descending ? one > other : one < other)
    let position = 0
    for (const row of onDisk ? this.#pages(lower, upper, descending) : []) {
      const key = text(row.key)
      for (let next = changed[position]; next !== undefined && !before(key, next); next = changed[(position += 1)]) {
        const record = above.get(next)
        if (record !== undefined) yield [next, () => record]
      }
      if (!above.has(key)) yield [key, () => this.#recordOf(key, row)]
    }
    for (; position < changed.length; position += 1) {
      const key = changed[position] ?? ''
      const record = above.get(key)
      if (record !== undefined) yield [key, () => record]
    }
  }

  /** In pages: a statement that is still being read would keep the connection from writing. Most callers take one row. */
  *#pages(lower: string, upper: string, descending: boolean): Generator<Row> {
    let [from, to] = [lower, upper]
    for (let page = 0; ; page += 1) {
      const size = pageSizes[Math.min(page, pageSizes.length - 1)] ?? 1
      const rows = (descending ? this.#down : this.#up).all(this.#area, bytes(from), bytes(to), size)
      yield* rows
      const end = rows.at(-1)
      if (rows.length < size || end === undefined) return
      if (descending) to = text(end.key)
      else from = `${text(end.key)}\0`
    }
  }

  /**
   * The transaction that ran has completed: writes its rows, or holds them.
   * @returns whether anything is held now
   */
  settle(hold: boolean): boolean {
    const layer = this.#running
    this.#running = emptyLayer()
    if (!hold) {
      this.#apply(layer)
      return false
    }
    if (!layer.cleared && layer.rows.size === 0) return this.#held !== undefined
    if (this.#held === undefined || layer.cleared) this.#held = layer
    else for (const [key, record] of layer.rows) this.#held.rows.set(key, record)
    return true
  }

  /** Writes what is held. It stays in memory until `release`: the SQLite transaction has not committed yet. */
  flush(): void {
    if (this.#held !== undefined) this.#apply(this.#held)
  }

  /** What was held is on disk. */
  release(): void {
    this.#held = undefined
  }

  #apply({ cleared, rows }: Layer): void {
    if (cleared) this.#clear.run(this.#area)
    for (const [key, record] of rows) {
      if (record === undefined) this.#delete.run(this.#area, bytes(key))
      else if (this.#isIndex) this.#put.run(this.#area, bytes(key))
      else this.#put.run(this.#area, bytes(key), packValue(record.value))
    }
  }
}

const only = (key: unknown): RawRange => ({ lower: key, upper: key, lowerOpen: false, upperOpen: false })
