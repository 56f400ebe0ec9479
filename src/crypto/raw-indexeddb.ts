import * as library from 'fake-indexeddb'
import type { IdbDatabase, IdbObjectStore } from './indexeddb-types.ts'

/**
 * The one place that knows how fake-indexeddb looks inside (6.2.8: `lib/Database.js`, `lib/ObjectStore.js`, `lib/Index.js`,
 * `lib/RecordStore.js`). An object store and each of its indexes keep their rows in an object with seven methods; ours reads from SQLite
 * instead. `raw-indexeddb.test.ts` fails when a new version looks different, and the process then says so at start instead of losing keys.
 */

/** A row. In an index the value is the key of the object store's row. */
export interface RawRecord {
  readonly key: unknown
  readonly value: unknown
}

/** An `IDBKeyRange`; an undefined bound is open to that side. */
export interface RawRange {
  readonly lower: unknown
  readonly upper: unknown
  readonly lowerOpen: boolean
  readonly upperOpen: boolean
}

export type RawDirection = 'next' | 'nextunique' | 'prev' | 'prevunique'

/** What the library asks of the rows of an object store or index. Keys are normalised, values cloned by the library. */
export interface RawRecords {
  /** The first row with this key or in this range. */
  get: (key: unknown) => RawRecord | undefined
  /**
   * @returns the row that was there
   * @throws DOMException `ConstraintError` when one was there and `noOverwrite` is set
   */
  put: (record: RawRecord, noOverwrite?: boolean) => RawRecord | undefined
  /** Deletes a key or range, and returns what was there (for a roll-back). */
  delete: (key: unknown) => RawRecord[]
  deleteByKeyAndValue: (key: unknown, value: unknown) => void
  clear: () => RawRecord[]
  values: (range?: RawRange, direction?: RawDirection) => Iterable<RawRecord>
  size: () => number
}

export interface RawIndex {
  readonly name: string
  readonly keyPath: string | string[]
  readonly unique: boolean
  readonly multiEntry: boolean
  records: RawRecords
}

export interface RawStore {
  readonly name: string
  readonly keyPath: string | string[] | null
  readonly autoIncrement: boolean
  readonly rawIndexes: ReadonlyMap<string, RawIndex>
  records: RawRecords
  /** Puts a row into the store and its indexes. */
  storeRecord: (record: RawRecord, noOverwrite: boolean) => unknown
}

/** The methods of `RawRecords`, as the library's own class has them. */
export const rawRecordMethods = ['clear', 'delete', 'deleteByKeyAndValue', 'get', 'put', 'size', 'values'] as const

const rangeClass = library.IDBKeyRange as unknown as abstract new () => RawRange

/** Is this a range, not a key? */
export const isRange = (value: unknown): value is RawRange => value instanceof rangeClass

const unknownShape = (what: string): Error =>
  new Error(`fake-indexeddb looks different inside than this program expects (${what}): install the versions of package-lock.json`)

const isRecords = (value: unknown): value is RawRecords => {
  const own = value as Record<string, unknown> | null | undefined
  return rawRecordMethods.every((method) => typeof own?.[method] === 'function')
}

const checked = (value: unknown): RawStore => {
  const store = value as Partial<RawStore> | undefined
  if (!isRecords(store?.records)) throw unknownShape('rows of an object store')
  if (!(store.rawIndexes instanceof Map)) throw unknownShape('indexes of an object store')
  if (typeof store.storeRecord !== 'function') throw unknownShape('storing a row')
  for (const index of store.rawIndexes.values()) if (!isRecords(index.records)) throw unknownShape('rows of an index')
  return store as RawStore
}

/**
 * The object stores of an open database, by name.
 * @throws Error when the library looks different inside
 */
export const rawStoresOf = (database: IdbDatabase): ReadonlyMap<string, RawStore> => {
  const stores = (database as { readonly _rawDatabase?: { readonly rawObjectStores?: unknown } })._rawDatabase?.rawObjectStores
  if (!(stores instanceof Map)) throw unknownShape('object stores')
  for (const store of stores.values()) checked(store)
  return stores as ReadonlyMap<string, RawStore>
}

/**
 * What is behind an object store as a transaction shows it.
 * @throws Error when the library looks different inside
 */
export const rawStoreOf = (store: IdbObjectStore): RawStore =>
  checked((store as IdbObjectStore & { readonly _rawObjectStore?: unknown })._rawObjectStore)
