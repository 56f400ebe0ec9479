import { serialize } from 'node:v8'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { DurableStore } from './durable-store.ts'

// The same work on the library's own rows in memory and on rows in SQLite has to look the same.

interface Target {
  addEventListener(type: string, listener: (event: { preventDefault(): void; stopPropagation(): void }) => void): void
}
interface Request<T = unknown> extends Target {
  readonly result: T
  readonly error: Error | null
}
interface Cursor {
  readonly key: unknown
  readonly primaryKey: unknown
  readonly value: unknown
  continue(): void
  update(value: unknown): Request
  delete(): Request
}
interface Source {
  get(query: unknown): Request
  getKey(query: unknown): Request
  getAll(queryOrOptions?: unknown, count?: number): Request<unknown[]>
  getAllKeys(query?: unknown, count?: number): Request<unknown[]>
  count(query?: unknown): Request<number>
  openCursor(query?: unknown, direction?: string): Request<Cursor | null>
}
interface Store extends Source {
  put(value: unknown, key?: unknown): Request
  add(value: unknown, key?: unknown): Request
  delete(query: unknown): Request
  clear(): Request
  index(name: string): Source
  createIndex(name: string, keyPath: string | string[], options?: object): void
}
interface Transaction extends Target {
  objectStore(name: string): Store
  abort(): void
}
interface Opened {
  createObjectStore(name: string, options?: object): Store
  transaction(stores: string[], mode: string): Transaction
  close(): void
}
interface Globals {
  readonly indexedDB: {
    open(name: string, version?: number): Request<Opened> & { readonly transaction: { objectStore(name: string): Store } }
  }
  readonly IDBKeyRange: Record<'bound' | 'lowerBound' | 'upperBound' | 'only', (...parts: unknown[]) => unknown>
}
const idb = globalThis as unknown as Globals

const done = <T>(request: Request<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('failed')))
  })
const ended = (transaction: Transaction): Promise<string> =>
  new Promise((resolve) => {
    for (const end of ['complete', 'abort']) transaction.addEventListener(end, () => resolve(end))
  })
const generator = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
/** Every row that a cursor comes to. */
const walk = (source: Source, range: unknown, direction: string): Promise<unknown[]> =>
  new Promise((resolve) => {
    const seen: unknown[] = []
    const request = source.openCursor(range, direction)
    request.addEventListener('success', () => {
      const cursor = request.result
      if (cursor === null) return resolve(seen)
      seen.push([cursor.key, cursor.primaryKey, cursor.value])
      cursor.continue()
    })
  })

let database: Database
let store: DurableStore | undefined
afterEach(() => {
  store?.close()
  store = undefined
})
const openStore = async (): Promise<void> => {
  store = await DurableStore.open(database, (error) => {
    throw error
  })
}

/** Random work with two object stores and their indexes; returns all that could be seen on the way. */
const work = async (seed: number): Promise<unknown[]> => {
  const below = generator(seed)
  const seen: unknown[] = []
  const request = idb.indexedDB.open('work', 1)
  request.addEventListener('upgradeneeded', () => {
    const sessions = request.result.createObjectStore('sessions')
    sessions.createIndex('group', 'group')
    sessions.createIndex('pair', ['group', 'number'])
    sessions.createIndex('tags', 'tags', { multiEntry: true })
    sessions.createIndex('own', 'own', { unique: true })
    request.result.createObjectStore('inline', { keyPath: 'id' }).put({ id: 'first', long: 'x'.repeat(2000) })
  })
  let opened = await done(request)
  const key = (): unknown => [`room${below(4)}\x1dsession${below(6)}`, below(20), [`list`, below(3)], new Date(below(4))][below(4)]
  const range = (): unknown => {
    const [lower, upper] = [below(10), 10 + below(10)]
    return [
      undefined,
      idb.IDBKeyRange.bound(lower, upper, below(2) === 0, below(2) === 0),
      idb.IDBKeyRange.bound('room1\x1d', 'room1\x1e'),
      idb.IDBKeyRange.lowerBound(lower, below(2) === 0),
      idb.IDBKeyRange.upperBound('room2', below(2) === 0),
      idb.IDBKeyRange.only(key()),
    ][below(6)]
  }
  const value = (): unknown => ({
    group: below(3) === 0 ? undefined : below(20),
    number: below(5),
    tags: [`t${below(3)}`, `t${below(3)}`],
    // Seldom the same, and then an error.
    own: below(4) === 0 ? below(40) : undefined,
    text: 'ü'.repeat(below(3) * 300),
  })
  const tolerate = (made: Request): void =>
    made.addEventListener('error', (event) => {
      seen.push(made.error?.name)
      event.preventDefault()
      event.stopPropagation()
    })
  const change = (sessions: Store): void => {
    switch (below(10)) {
      case 0:
        sessions.delete(key())
        return
      case 1:
        sessions.delete(range() ?? key())
        return
      case 2:
        if (below(10) === 0) sessions.clear()
        return
      case 3:
        tolerate(sessions.add(value(), key()))
        return
      case 4: {
        const source = below(2) === 0 ? sessions : sessions.index('group')
        const found = source.openCursor(range(), ['next', 'prev', 'nextunique', 'prevunique'][below(4)])
        found.addEventListener('success', () => {
          if (below(2) === 0) tolerate(found.result?.update(value()) ?? sessions.count())
          else found.result?.delete()
        })
        return
      }
      default:
        tolerate(sessions.put(value(), key()))
    }
  }
  const look = async (): Promise<void> => {
    const transaction = opened.transaction(['sessions', 'inline'], 'readonly')
    const sessions = transaction.objectStore('sessions')
    const sources: Source[] = [
      sessions,
      ...['group', 'pair', 'tags', 'own'].map((name) => sessions.index(name)),
      transaction.objectStore('inline'),
    ]
    for (const source of sources) {
      const some = range()
      const looked = [source.getAll(some), source.getAllKeys(some, 1 + below(4)), source.count(some), source.count()].map((one) =>
        done<unknown>(one),
      )
      const one = some ?? key()
      looked.push(done(source.get(one)), done(source.getKey(one)))
      for (const direction of ['next', 'nextunique', 'prev', 'prevunique'])
        looked.push(walk(source, some, direction), done(source.getAll({ query: some, direction })))
      seen.push(await Promise.all(looked))
    }
  }
  for (let turn = 0; turn < 25; turn += 1) {
    const held = below(3) === 0
    if (held) store?.begin()
    for (let count = below(3); count >= 0; count -= 1) {
      const transaction = opened.transaction(['sessions', 'inline'], 'readwrite')
      for (let changes = below(12); changes >= 0; changes -= 1) change(transaction.objectStore('sessions'))
      if (below(3) === 0) transaction.objectStore('inline').put({ id: `id${below(5)}`, turn })
      const end = ended(transaction)
      if (below(6) === 0) transaction.abort()
      seen.push(await end)
      if (below(2) === 0) await look()
    }
    if (held) {
      database.transaction(() => store?.flush())
      store?.release()
    }
    await look()
    // A restart in between changes nothing.
    if (store !== undefined && turn % 6 === 5) {
      opened.close()
      store.close()
      await openStore()
      opened = await done(idb.indexedDB.open('work'))
    }
  }
  return seen
}

describe('rows in SQLite look like rows in memory', () => {
  test.each([1, 2, 3, 4])('whatever is done with them (seed %i)', async (seed) => {
    database = memoryDatabase()
    // The first time only to have the globals; closed, everything is the library's own.
    await openStore()
    store?.close()
    store = undefined
    Object.defineProperty(globalThis, 'indexedDB', { value: new IDBFactory(), configurable: true, writable: true })
    const inMemory = await work(seed)
    await openStore()
    const paged = await work(seed)
    expect(paged.length).toBeGreaterThan(100)
    expect(paged).toEqual(inMemory)
  })
})

test('an index that a new version adds has the rows that were there', async () => {
  database = memoryDatabase()
  await openStore()
  const first = idb.indexedDB.open('later', 1)
  first.addEventListener('upgradeneeded', () => {
    for (let number = 0; number < 300; number += 1) {
      if (number === 0) first.result.createObjectStore('s')
      ;(first as unknown as { readonly transaction: { objectStore(name: string): Store } }).transaction
        .objectStore('s')
        .put({ number: 300 - number }, `key${number}`)
    }
  })
  ;(await done(first)).close()
  const second = idb.indexedDB.open('later', 2)
  second.addEventListener('upgradeneeded', () => second.transaction.objectStore('s').createIndex('number', 'number'))
  ;(await done(second)).close()
  store?.close()
  await openStore()
  const opened = await done(idb.indexedDB.open('later'))
  const index = opened.transaction(['s'], 'readonly').objectStore('s').index('number')
  expect(await done(index.getAllKeys(idb.IDBKeyRange.upperBound(3)))).toEqual(['key299', 'key298', 'key297'])
  expect(await done(index.count())).toBe(300)
})

test('a store of the first form is brought over, with its indexes, and is empty afterwards', async () => {
  database = memoryDatabase()
  const definition = JSON.stringify([
    { name: 's', keyPath: null, autoIncrement: false, indexes: [{ name: 'needs', keyPath: 'needs', unique: false, multiEntry: false }] },
    { name: 'inline', keyPath: 'id', autoIncrement: false, indexes: [] },
  ])
  database.run(database.query.insertInto('crypto_database').values({ name: 'old', version: 7, definition }))
  const rows = [
    ...Array.from({ length: 1200 }, (_, number) => ['s', `key${number}`, { number, needs: number % 2 === 0 ? 1 : undefined }] as const),
    ['inline', 'a', { id: 'a' }] as const,
  ]
  for (const [name, key, value] of rows)
    database.run(
      database.query.insertInto('crypto_object').values({ database: 'old', store: name, key: serialize(key), value: serialize(value) }),
    )
  await openStore()
  const opened = await done(idb.indexedDB.open('old', 7))
  const sessions = opened.transaction(['s', 'inline'], 'readonly').objectStore('s')
  expect(await done(sessions.count())).toBe(1200)
  expect(await done(sessions.get('key77'))).toEqual({ number: 77, needs: undefined })
  expect(await done(sessions.index('needs').count(1))).toBe(600)
  expect(await done(opened.transaction(['inline'], 'readonly').objectStore('inline').getAll())).toEqual([{ id: 'a' }])
  expect(database.all(database.query.selectFrom('crypto_object').selectAll())).toEqual([])
})
