import { deserialize } from 'node:v8'
import * as memoryIndexedDb from 'fake-indexeddb'
import type { Database } from '../database/database.ts'
import type { IdbDatabase, IdbFactory, IdbObjectStore, IdbRequest, IdbTransaction } from './indexeddb-types.ts'
import { PagedRecords } from './paged-records.ts'
import { rawStoreOf, rawStoresOf } from './raw-indexeddb.ts'
import type { RawStore } from './raw-indexeddb.ts'
import { StoreWrites } from './store-writes.ts'

interface StoreDefinition {
  name: string
  keyPath: string | string[] | null
  indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[]
}

const { IDBDatabase, IDBFactory, IDBObjectStore } = memoryIndexedDb
const databasePrototype = (IDBDatabase as unknown as { prototype: IdbDatabase }).prototype
const storePrototype = (IDBObjectStore as unknown as { prototype: IdbObjectStore }).prototype
const factoryPrototype = (IDBFactory as unknown as { prototype: IdbFactory }).prototype
const original = {
  transaction: databasePrototype.transaction,
  createObjectStore: databasePrototype.createObjectStore,
  createIndex: storePrototype.createIndex,
  open: factoryPrototype.open,
  deleteDatabase: factoryPrototype.deleteDatabase,
}

/** The one durable store of this process: the engine finds IndexedDB as a global, so there cannot be two. */
let active: DurableStore | undefined

const install = (): void => {
  databasePrototype.transaction = function transaction(this: IdbDatabase, stores, mode, options) {
    const made = original.transaction.call(this, stores, mode, options)
    if (mode === 'readwrite') keepWhenComplete(made)
    return made
  }
  factoryPrototype.open = function open(this: IdbFactory, name, version) {
    const request = original.open.call(this, name, version)
    request.addEventListener('upgradeneeded', () => {
      if (request.transaction !== null) keepWhenComplete(request.transaction)
    })
    return request
  }
  factoryPrototype.deleteDatabase = function deleteDatabase(this: IdbFactory, name) {
    const store = active
    const request = original.deleteDatabase.call(this, name)
    request.addEventListener('success', () => store?.forget(name))
    return request
  }
  databasePrototype.createObjectStore = function createObjectStore(this: IdbDatabase, name, options) {
    // Its counter would have to be kept too.
    if (options?.autoIncrement === true) throw new Error('the crypto store does not count keys up: the engine has never needed it')
    const made = original.createObjectStore.call(this, name, options)
    const raw = rawStoreOf(made)
    if (active !== undefined) raw.records = active.records(this.name, name, '', true)
    return made
  }
  storePrototype.createIndex = function createIndex(this: IdbObjectStore, name, keyPath, options) {
    const made = original.createIndex.call(this, name, keyPath, options)
    const index = rawStoreOf(this).rawIndexes.get(name)
    // The library fills it from the object store's rows when the transaction comes to it.
    if (index !== undefined && active !== undefined) index.records = active.records(this.transaction.db.name, this.name, name, true)
    return made
  }
}

const keepWhenComplete = (transaction: IdbTransaction): void => {
  const store = active
  if (store === undefined) return
  const end = store.writes.begin(transaction.objectStoreNames)
  transaction.addEventListener('abort', end)
  // Added when the transaction is made, so it runs before the engine's own listener: when the engine goes on, the rows are kept.
  transaction.addEventListener('complete', () => {
    end()
    store.keep(transaction)
  })
}

const settled = <T>(request: IdbRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB request failed')))
  })

/**
 * The crypto engine's IndexedDB: the library's transactions, requests and cursors over rows in SQLite. Rows are read when they are asked for,
 * so memory and the time to open do not grow with the number of sessions.
 *
 * Outside a sync each IndexedDB transaction becomes one SQLite transaction when it completes. Between `begin` and `flush` the rows are held
 * back, so that they are stored in the same SQLite transaction as the journal and the sync token: a kill in between loses neither room keys
 * nor messages (`docs/decisions/0003-crypto-store.md`).
 */
export class DurableStore {
  readonly #database: Database
  readonly #onBroken: (error: Error) => void
  /** Which object stores are being written, and how often they were. */
  readonly writes = new StoreWrites()
  /** Object stores and indexes with rows that are held back; undefined = nothing is to be held. */
  #held: Set<PagedRecords> | undefined
  readonly #watchers = new Map<string, Set<(key: unknown) => void>>()
  #waiting: (() => void)[] = []
  #broken: Error | undefined

  private constructor(database: Database, onBroken: (error: Error) => void) {
    this.#database = database
    this.#onBroken = onBroken
  }

  /**
   * Makes the global IndexedDB durable, with the databases that are stored.
   * @param onBroken called once when rows could not be written: memory is then ahead of the disk, and the process must end
   * @throws Error when a durable store is already active in this process
   */
  static async open(database: Database, onBroken: (error: Error) => void): Promise<DurableStore> {
    if (active !== undefined) throw new Error('a process can have one durable crypto store only')
    for (const [name, value] of Object.entries(memoryIndexedDb)) {
      if (name !== 'default') Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false })
    }
    const factory = new IDBFactory() as unknown as IdbFactory
    Object.defineProperty(globalThis, 'indexedDB', { value: factory, configurable: true, writable: true, enumerable: false })
    const store = new DurableStore(database, onBroken)
    await store.#load(factory)
    install()
    active = store
    return store
  }

  async #load(factory: IdbFactory): Promise<void> {
    const databases = this.#database.all(this.#database.query.selectFrom('crypto_database').selectAll())
    for (const { name, version, definition } of databases) {
      const stores = JSON.parse(definition) as StoreDefinition[]
      const request = original.open.call(factory, name, version)
      request.addEventListener('upgradeneeded', () => {
        for (const store of stores) {
          const made = original.createObjectStore.call(request.result, store.name, { keyPath: store.keyPath })
          for (const index of store.indexes)
            original.createIndex.call(made, index.name, index.keyPath, { unique: index.unique, multiEntry: index.multiEntry })
        }
      })
      const opened = await settled(request)
      // Only now: the library has "filled" the indexes, from no rows.
      for (const raw of rawStoresOf(opened).values()) {
        raw.records = this.records(name, raw.name, '', false)
        for (const index of raw.rawIndexes.values()) index.records = this.records(name, raw.name, index.name, false)
        this.#bringOver(name, raw)
      }
      opened.close()
    }
  }

  /** Rows of the first form of this store (table `crypto_object`, keys in no order) move to the paged one, some at a time. */
  #bringOver(database: string, store: RawStore): void {
    const { connection } = this.#database
    const some = connection.prepare<[string, string], { key: Uint8Array; value: Uint8Array }>(
      'SELECT key, value FROM crypto_object WHERE database = ? AND store = ? LIMIT 500',
    )
    const drop = connection.prepare('DELETE FROM crypto_object WHERE database = ? AND store = ? AND key = ?')
    for (let rows = some.all(database, store.name); rows.length > 0; rows = some.all(database, store.name))
      this.#database.transaction(() => {
        for (const { key, value } of rows) {
          store.storeRecord({ key: deserialize(key), value: deserialize(value) }, false)
          drop.run(database, store.name, key)
        }
        for (const { records } of [store, ...store.rawIndexes.values()]) if (records instanceof PagedRecords) records.settle(false)
      })
  }

  /**
   * The rows of an object store, or of one of its indexes.
   * @param fresh made by the transaction that runs
   */
  records(database: string, store: string, index: string, fresh: boolean): PagedRecords {
    const area = this.#database.transaction(() => {
      const row = { database, store, index_name: index }
      const { query } = this.#database
      this.#database.run(
        query
          .insertInto('crypto_area')
          .values(row)
          .onConflict((conflict) => conflict.doNothing()),
      )
      return this.#database.first(
        query
          .selectFrom('crypto_area')
          .select('id')
          .where('database', '=', database)
          .where('store', '=', store)
          .where('index_name', '=', index),
      )
    })
    if (area === undefined) throw new Error(`the crypto store has no place for ${store}`)
    const onLookup = (key: unknown): void => {
      if (index === '') for (const listener of this.#watchers.get(store) ?? []) listener(key)
    }
    return new PagedRecords(this.#database, area.id, index !== '', fresh, onLookup)
  }

  /**
   * Tells which keys of an object store are asked for one by one, in any database.
   * @returns ends it
   */
  watch(store: string, listener: (key: unknown) => void): () => void {
    const listeners = this.#watchers.get(store) ?? new Set()
    this.#watchers.set(store, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** Opens one of the engine's databases beside the engine: what is written there is kept in the same way. */
  connect(name: string): Promise<IdbDatabase> {
    const { indexedDB: factory } = globalThis as unknown as { readonly indexedDB: IdbFactory }
    return settled(factory.open(name))
  }

  /** Called when an IndexedDB transaction completes: keeps its rows, or holds them until `flush`. */
  keep(transaction: IdbTransaction): void {
    const { db } = transaction
    try {
      const stores = rawStoresOf(db)
      this.#database.transaction(() => {
        if (transaction.mode === 'versionchange') this.#saveDefinition(db, stores)
        for (const name of transaction.objectStoreNames) {
          const store = stores.get(name)
          for (const { records } of store === undefined ? [] : [store, ...store.rawIndexes.values()]) this.#settle(records)
        }
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  #settle(records: RawStore['records']): void {
    if (!(records instanceof PagedRecords)) throw new Error('an object store of the engine is not kept')
    if (records.settle(this.#held !== undefined)) this.#held?.add(records)
  }

  /** Called when a database was deleted. */
  forget(name: string): void {
    try {
      this.#database.transaction(() => {
        this.#database.run(this.#database.query.deleteFrom('crypto_area').where('database', '=', name))
        this.#database.run(this.#database.query.deleteFrom('crypto_database').where('name', '=', name))
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): never {
    this.#broken = error instanceof Error ? error : new Error(String(error))
    this.#onBroken(this.#broken)
    throw this.#broken
  }

  #saveDefinition(db: IdbDatabase, raw: ReadonlyMap<string, RawStore>): void {
    const stores = [...raw.values()].map(({ name, keyPath, rawIndexes }): StoreDefinition => ({
      name,
      keyPath,
      indexes: [...rawIndexes.values()].map(({ name: index, keyPath: path, unique, multiEntry }) => ({
        name: index,
        keyPath: path,
        unique,
        multiEntry,
      })),
    }))
    const values = { version: db.version, definition: JSON.stringify(stores) }
    this.#database.run(
      this.#database.query
        .insertInto('crypto_database')
        .values({ name: db.name, ...values })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(values)),
    )
    // What the upgrade has dropped takes its rows with it.
    const known = new Set(
      stores.flatMap(({ name, indexes }) => ['', ...indexes.map((index) => index.name)].map((index) => `${name}\0${index}`)),
    )
    const areas = this.#database.all(this.#database.query.selectFrom('crypto_area').selectAll().where('database', '=', db.name))
    for (const { id, store, index_name: index } of areas)
      if (!known.has(`${store}\0${index}`)) this.#database.run(this.#database.query.deleteFrom('crypto_area').where('id', '=', id))
  }

  /** Holds rows back from now on, until `flush`. Call before the engine is fed with a sync. */
  begin(): void {
    this.#held ??= new Set()
  }

  /**
   * Writes what was held. Call inside the SQLite transaction that stores the sync token; `release` after it has committed.
   * When the transaction fails, memory is ahead of the disk: the process has to end.
   */
  flush(): void {
    for (const records of this.#held ?? []) records.flush()
  }

  /** Ends the holding and lets those go on that wait in `durable`. Call after the transaction of `flush` has committed. */
  release(): void {
    for (const records of this.#held ?? []) records.release()
    this.#held = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  /**
   * Resolves when everything the engine has written so far is on disk. Await it before every request that carries crypto state: nothing
   * leaves that is not on disk.
   */
  async durable(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    if (this.#held === undefined) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Stops writing through. Only at the end of the process or of a test. */
  close(): void {
    if (active !== this) return
    active = undefined
    databasePrototype.transaction = original.transaction
    databasePrototype.createObjectStore = original.createObjectStore
    storePrototype.createIndex = original.createIndex
    factoryPrototype.open = original.open
    factoryPrototype.deleteDatabase = original.deleteDatabase
  }
}
