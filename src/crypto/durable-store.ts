import { deserialize, serialize } from 'node:v8'
import * as memoryIndexedDb from 'fake-indexeddb'
import type { Database } from '../database/database.ts'
import type { IdbCursor, IdbDatabase, IdbFactory, IdbObjectStore, IdbRequest, IdbTransaction } from './indexeddb-types.ts'

/** One write of an IndexedDB transaction. The slot is taken when the call is made (order matters), the key filled in when it is known. */
type Write =
  | { kind: 'put'; store: string; key: Uint8Array | undefined; value: Uint8Array }
  | { kind: 'delete'; store: string; keys: Uint8Array[] | undefined }
  | { kind: 'clear'; store: string }

interface StoreDefinition {
  name: string
  keyPath: string | string[] | null
  autoIncrement: boolean
  indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[]
}

const { IDBCursor, IDBDatabase, IDBFactory, IDBObjectStore, indexedDB } = memoryIndexedDb
const databasePrototype = (IDBDatabase as unknown as { prototype: IdbDatabase }).prototype
const storePrototype = (IDBObjectStore as unknown as { prototype: IdbObjectStore }).prototype
const cursorPrototype = (IDBCursor as unknown as { prototype: IdbCursor }).prototype
const factoryPrototype = (IDBFactory as unknown as { prototype: IdbFactory }).prototype
const original = {
  transaction: databasePrototype.transaction,
  put: storePrototype.put,
  add: storePrototype.add,
  delete: storePrototype.delete,
  clear: storePrototype.clear,
  getAllKeys: storePrototype.getAllKeys,
  cursorUpdate: cursorPrototype.update,
  cursorDelete: cursorPrototype.delete,
  open: factoryPrototype.open,
  deleteDatabase: factoryPrototype.deleteDatabase,
  deleteObjectStore: databasePrototype.deleteObjectStore,
}

/** The writes of each open readwrite transaction. */
const writesOf = new WeakMap<IdbTransaction, Write[]>()
/** The transaction of a version change, while it runs. */
const upgradeOf = new WeakMap<IdbDatabase, IdbTransaction>()
/** The one durable store of this process: the engine finds IndexedDB as a global, so there cannot be two. */
let active: DurableStore | undefined

const bytes = (value: unknown): Uint8Array => serialize(value)

/**
 * A key as it stands in SQLite. Equal keys must give equal bytes: V8 writes the same text differently when it happens to hold it in two bytes
 * per character, and an old row would stand beside the new one.
 */
const keyBytes = (key: unknown): Uint8Array => serialize(plainKey(key))

const plainKey = (key: unknown): unknown => {
  if (Array.isArray(key)) return key.map(plainKey)
  if (typeof key !== 'string') return key
  const narrow = Buffer.from(key, 'latin1').toString('latin1')
  return narrow === key ? narrow : key
}

const track = (transaction: IdbTransaction): void => {
  const store = active
  if (store === undefined || writesOf.has(transaction)) return
  const writes: Write[] = []
  writesOf.set(transaction, writes)
  // Added when the transaction is made, so it runs before the engine's own listener: when the engine goes on, the rows are kept.
  transaction.addEventListener('complete', () => store.keep(transaction, writes))
}

const writesFor = (store: IdbObjectStore): Write[] | undefined => writesOf.get(store.transaction)

function put(this: IdbObjectStore, method: 'put' | 'add', value: unknown, key: unknown): IdbRequest {
  const writes = writesFor(this)
  if (writes === undefined) return original[method].call(this, value, key)
  const write: Write = { kind: 'put', store: this.name, key: undefined, value: bytes(value) }
  const request = original[method].call(this, value, key)
  note(writes, write, request)
  request.addEventListener('success', () => {
    write.key = keyBytes(request.result)
  })
  return request
}

/** Takes a write down, and back if its request fails and the transaction goes on without it. */
const note = (writes: Write[], write: Write, request: IdbRequest): void => {
  writes.push(write)
  request.addEventListener('error', () => void writes.splice(writes.indexOf(write), 1))
}

const install = (): void => {
  databasePrototype.transaction = function transaction(this: IdbDatabase, stores, mode, options) {
    const made = original.transaction.call(this, stores, mode, options)
    if (mode === 'readwrite') track(made)
    return made
  }
  factoryPrototype.open = function open(this: IdbFactory, name, version) {
    const request = original.open.call(this, name, version)
    request.addEventListener('upgradeneeded', () => {
      if (request.transaction === null) return
      upgradeOf.set(request.result, request.transaction)
      track(request.transaction)
    })
    return request
  }
  factoryPrototype.deleteDatabase = function deleteDatabase(this: IdbFactory, name) {
    const store = active
    const request = original.deleteDatabase.call(this, name)
    request.addEventListener('success', () => store?.forget(name))
    return request
  }
  databasePrototype.deleteObjectStore = function deleteObjectStore(this: IdbDatabase, name) {
    original.deleteObjectStore.call(this, name)
    const transaction = upgradeOf.get(this)
    if (transaction !== undefined) writesOf.get(transaction)?.push({ kind: 'clear', store: name })
  }
  storePrototype.put = function storePut(this: IdbObjectStore, value, key) {
    return put.call(this, 'put', value, key)
  }
  storePrototype.add = function storeAdd(this: IdbObjectStore, value, key) {
    return put.call(this, 'add', value, key)
  }
  storePrototype.delete = function storeDelete(this: IdbObjectStore, query) {
    const writes = writesFor(this)
    if (writes !== undefined) {
      const write: Write = { kind: 'delete', store: this.name, keys: undefined }
      // Requests run in order: the keys are read just before the range is deleted.
      const keys = original.getAllKeys.call(this, query)
      writes.push(write)
      keys.addEventListener('success', () => {
        write.keys = keys.result.map(keyBytes)
      })
    }
    return original.delete.call(this, query)
  }
  storePrototype.clear = function storeClear(this: IdbObjectStore) {
    writesFor(this)?.push({ kind: 'clear', store: this.name })
    return original.clear.call(this)
  }
  // A cursor's own update and delete do not pass the object store's public methods.
  const storeOf = (cursor: IdbCursor): IdbObjectStore => ('objectStore' in cursor.source ? cursor.source.objectStore : cursor.source)
  cursorPrototype.update = function cursorUpdate(this: IdbCursor, value) {
    const store = storeOf(this)
    const writes = writesFor(store)
    const write: Write = { kind: 'put', store: store.name, key: keyBytes(this.primaryKey), value: bytes(value) }
    const request = original.cursorUpdate.call(this, value)
    if (writes !== undefined) note(writes, write, request)
    return request
  }
  cursorPrototype.delete = function cursorDelete(this: IdbCursor) {
    const store = storeOf(this)
    const write: Write = { kind: 'delete', store: store.name, keys: [keyBytes(this.primaryKey)] }
    const request = original.cursorDelete.call(this)
    writesFor(store)?.push(write)
    return request
  }
}

const settled = <T>(request: IdbRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB request failed')))
  })

/**
 * The crypto engine's IndexedDB, kept in memory and written through to SQLite.
 *
 * Outside a sync each IndexedDB transaction becomes one SQLite transaction when it completes. Between `begin` and `flush` the rows are held
 * back, so that they are stored in the same SQLite transaction as the journal and the sync token: a kill in between loses neither room keys
 * nor messages (`docs/decisions/0003-crypto-store.md`).
 */
export class DurableStore {
  readonly #database: Database
  readonly #onBroken: (error: Error) => void
  #held: { database: string; write: Write }[] | undefined
  #waiting: (() => void)[] = []
  #broken: Error | undefined
  readonly #put
  readonly #delete
  readonly #clear

  private constructor(database: Database, onBroken: (error: Error) => void) {
    this.#database = database
    this.#onBroken = onBroken
    const connection = database.connection
    this.#put = connection.prepare('INSERT OR REPLACE INTO crypto_object (database, store, key, value) VALUES (?, ?, ?, ?)')
    this.#delete = connection.prepare('DELETE FROM crypto_object WHERE database = ? AND store = ? AND key = ?')
    this.#clear = connection.prepare('DELETE FROM crypto_object WHERE database = ? AND store = ?')
  }

  /**
   * Loads the stored object stores into memory and makes the global IndexedDB durable.
   * @param onBroken called once when rows could not be written: memory is then ahead of the disk, and the process must end
   * @throws Error when a durable store is already active in this process
   */
  static async open(database: Database, onBroken: (error: Error) => void): Promise<DurableStore> {
    if (active !== undefined) throw new Error('a process can have one durable crypto store only')
    for (const [name, value] of Object.entries(memoryIndexedDb)) {
      if (name !== 'default') Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false })
    }
    const store = new DurableStore(database, onBroken)
    await store.#load()
    install()
    active = store
    return store
  }

  async #load(): Promise<void> {
    const databases = this.#database.all(this.#database.query.selectFrom('crypto_database').selectAll())
    for (const { name, version, definition } of databases) {
      const stores = JSON.parse(definition) as StoreDefinition[]
      const request = original.open.call(indexedDB, name, version)
      request.addEventListener('upgradeneeded', () => {
        for (const store of stores) {
          const made = request.result.createObjectStore(store.name, { keyPath: store.keyPath, autoIncrement: store.autoIncrement })
          for (const index of store.indexes)
            made.createIndex(index.name, index.keyPath, { unique: index.unique, multiEntry: index.multiEntry })
        }
      })
      const opened = await settled(request)
      if (stores.length > 0) await this.#fill(opened, stores)
      opened.close()
    }
  }

  #fill(opened: IdbDatabase, stores: readonly StoreDefinition[]): Promise<void> {
    const rows = this.#database.connection
      .prepare<[string], { store: string; key: Uint8Array; value: Uint8Array }>(
        'SELECT store, key, value FROM crypto_object WHERE database = ?',
      )
      .iterate(opened.name)
    return new Promise((resolve, reject) => {
      const transaction = original.transaction.call(
        opened,
        stores.map((store) => store.name),
        'readwrite',
      )
      transaction.addEventListener('complete', () => resolve())
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the crypto store could not be loaded')))
      const inline = new Set(stores.filter((store) => store.keyPath !== null).map((store) => store.name))
      for (const row of rows) {
        const value: unknown = deserialize(row.value)
        const target = transaction.objectStore(row.store)
        if (inline.has(row.store)) original.put.call(target, value)
        else original.put.call(target, value, deserialize(row.key))
      }
    })
  }

  /** Called when an IndexedDB transaction completes: keeps its rows, or holds them until `flush`. */
  keep(transaction: IdbTransaction, writes: readonly Write[]): void {
    const { db } = transaction
    try {
      this.#database.transaction(() => {
        if (transaction.mode === 'versionchange') this.#saveDefinition(db)
        if (this.#held === undefined) for (const write of writes) this.#apply(db.name, write)
      })
      if (this.#held !== undefined) for (const write of writes) this.#held.push({ database: db.name, write })
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Called when a database was deleted. */
  forget(name: string): void {
    try {
      this.#database.transaction(() => {
        for (const [table, column] of [
          ['crypto_object', 'database'],
          ['crypto_database', 'name'],
        ] as const)
          this.#database.connection.prepare(`DELETE FROM ${table} WHERE ${column} = ?`).run(name)
      })
      this.#held = this.#held?.filter(({ database }) => database !== name)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): never {
    this.#broken = error instanceof Error ? error : new Error(String(error))
    this.#onBroken(this.#broken)
    throw this.#broken
  }

  #saveDefinition(db: IdbDatabase): void {
    const names = [...db.objectStoreNames]
    // An upgrade may leave a database without stores; a transaction over nothing is not allowed.
    const transaction = names.length === 0 ? undefined : original.transaction.call(db, names, 'readonly')
    const stores = names.flatMap((name): StoreDefinition[] => {
      const store = transaction?.objectStore(name)
      if (store === undefined) return []
      const indexes = [...store.indexNames].map((indexName) => {
        const { keyPath, unique, multiEntry } = store.index(indexName)
        return { name: indexName, keyPath, unique, multiEntry }
      })
      return [{ name, keyPath: store.keyPath, autoIncrement: store.autoIncrement, indexes }]
    })
    const values = { version: db.version, definition: JSON.stringify(stores) }
    this.#database.run(
      this.#database.query
        .insertInto('crypto_database')
        .values({ name: db.name, ...values })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(values)),
    )
  }

  #apply(database: string, write: Write): void {
    switch (write.kind) {
      case 'put':
        if (write.key === undefined) throw new Error(`a write to ${write.store} has no key`)
        this.#put.run(database, write.store, write.key, write.value)
        return
      case 'delete':
        if (write.keys === undefined) throw new Error(`a deletion in ${write.store} has no keys`)
        for (const key of write.keys) this.#delete.run(database, write.store, key)
        return
      case 'clear':
        this.#clear.run(database, write.store)
    }
  }

  /** Holds rows back from now on, until `flush`. Call before the engine is fed with a sync. */
  begin(): void {
    this.#held ??= []
  }

  /**
   * Writes what was held. Call inside the SQLite transaction that stores the sync token; `release` after it has committed.
   * When the transaction fails, memory is ahead of the disk: the process has to end.
   */
  flush(): void {
    for (const { database, write } of this.#held ?? []) this.#apply(database, write)
  }

  /** Ends the holding and lets those go on that wait in `durable`. Call after the transaction of `flush` has committed. */
  release(): void {
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
    factoryPrototype.open = original.open
    factoryPrototype.deleteDatabase = original.deleteDatabase
    databasePrototype.deleteObjectStore = original.deleteObjectStore
    storePrototype.put = original.put
    storePrototype.add = original.add
    storePrototype.delete = original.delete
    storePrototype.clear = original.clear
    cursorPrototype.update = original.cursorUpdate
    cursorPrototype.delete = original.cursorDelete
  }
}
