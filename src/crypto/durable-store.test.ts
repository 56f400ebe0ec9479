import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deserialize } from 'node:v8'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { DurableStore } from './durable-store.ts'

// TypeScript's DOM library is not loaded: the few shapes that the engine's calls have, as the tests make them.
interface Target {
  addEventListener(type: string, listener: (event: { preventDefault(): void; stopPropagation(): void }) => void): void
}
interface Request<T = unknown> extends Target {
  readonly result: T
  readonly error: Error | null
}
interface Cursor {
  readonly key: unknown
  update(value: unknown): Request
  delete(): Request
}
interface Store {
  put(value: unknown, key?: unknown): Request
  add(value: unknown, key?: unknown): Request
  delete(query: unknown): Request
  clear(): Request
  getAll(): Request<unknown[]>
  getAllKeys(): Request<unknown[]>
  openCursor(query?: unknown): Request<Cursor | null>
}
interface Transaction extends Target {
  objectStore(name: string): Store
  abort(): void
}
interface Opened {
  readonly objectStoreNames: Iterable<string>
  createObjectStore(name: string, options?: object): Store
  deleteObjectStore(name: string): void
  transaction(stores: string[], mode: string): Transaction
  close(): void
}
interface Globals {
  readonly indexedDB: {
    open(name: string, version?: number): Request<Opened> & { onupgradeneeded: (() => void) | null }
    deleteDatabase(name: string): Request
  }
  readonly IDBKeyRange: { bound(lower: unknown, upper: unknown): unknown }
}
const idb = globalThis as unknown as Globals

const done = <T>(request: Request<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('failed')))
  })
const ended = (transaction: Transaction): Promise<'complete' | 'abort'> =>
  new Promise((resolve) => {
    transaction.addEventListener('complete', () => resolve('complete'))
    transaction.addEventListener('abort', () => resolve('abort'))
  })
const openAt = (name: string, version: number, upgrade: (opened: Opened) => void): Promise<Opened> => {
  const request = idb.indexedDB.open(name, version)
  request.onupgradeneeded = () => upgrade(request.result)
  return done(request)
}

/** Everything in a database, in the order of its keys. */
const contents = async (opened: Opened): Promise<Record<string, [unknown, unknown][]>> => {
  const all: Record<string, [unknown, unknown][]> = {}
  for (const name of opened.objectStoreNames) {
    const store = opened.transaction([name], 'readonly').objectStore(name)
    const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())])
    all[name] = keys.map((key, index) => [key, values[index]])
  }
  return all
}

/** What a new process finds: memory is empty there. */
const afterRestart = (file: string, name: string): unknown => {
  const image = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { Database } from ${JSON.stringify(join(import.meta.dirname, '../database/database.ts'))}
       import { DurableStore } from ${JSON.stringify(join(import.meta.dirname, 'durable-store.ts'))}
       import { serialize } from 'node:v8'
       const done = (request) => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error) })
       const database = Database.open(${JSON.stringify(file)})
       await DurableStore.open(database, (error) => { throw error })
       const opened = await done(indexedDB.open(${JSON.stringify(name)}))
       const all = {}
       for (const store of opened.objectStoreNames) {
         const of = opened.transaction([store], 'readonly').objectStore(store)
         const [keys, values] = [await done(of.getAllKeys()), await done(of.getAll())]
         all[store] = keys.map((key, index) => [key, values[index]])
       }
       process.stdout.write(serialize(all).toString('base64'))`,
    ],
    { encoding: 'utf8' },
  )
  return deserialize(Buffer.from(image, 'base64'))
}

/** Small, fast, repeatable. */
const generator = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

let directory: string
let database: Database
let store: DurableStore
const file = (): string => join(directory, 'test.db')

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-store-'))
  database = Database.open(file())
  migrate(database)
  store = await DurableStore.open(database, (error) => {
    throw error
  })
})
afterEach(() => {
  store.close()
  database.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('what is in memory is what a new process finds', () => {
  test.each([1, 2, 3, 4, 5, 6])('after anything that the engine may do (seed %i)', async (seed) => {
    const below = generator(seed)
    const opened = await openAt(`random-${seed}`, 1, (made) => {
      made.createObjectStore('plain')
      made.createObjectStore('inline', { keyPath: 'id' })
    })
    const key = (): unknown => {
      const number = below(12)
      const kinds = [
        number,
        `key-with-a-longer-name-${number}`,
        // Equal to the one above, but held in memory in two bytes per character.
        `key-with-a-longer-name-${number}😀`.slice(0, -2),
        ['list', number],
        new Date(number),
        new Uint8Array([number]),
        `ключ-${number}`,
      ]
      return kinds[below(kinds.length)]
    }
    const value = (): unknown => ({ number: below(1000), bytes: new Uint8Array([below(256), 2]), text: `ü${below(10)}` })
    const operation = (on: Transaction): void => {
      const plain = on.objectStore('plain')
      const start = below(10)
      switch (below(9)) {
        case 0:
          plain.delete(key())
          return
        case 1:
          plain.delete(idb.IDBKeyRange.bound(start, start + 3))
          return
        case 2:
          if (below(20) === 0) plain.clear()
          return
        case 3:
          plain.add(value(), key()).addEventListener('error', (event) => {
            // There is one already: the transaction goes on without it.
            event.preventDefault()
            event.stopPropagation()
          })
          return
        case 4: {
          const request = plain.openCursor(idb.IDBKeyRange.bound(start, `key-${start}`))
          request.addEventListener('success', () => {
            const cursor = request.result
            if (cursor !== null && below(2) === 0) cursor.update(value())
            else cursor?.delete()
          })
          return
        }
        case 5:
          on.objectStore('inline').put({ id: `id-${below(8)}`, more: value() })
          return
        default:
          plain.put(value(), key())
      }
    }
    for (let turn = 0; turn < 60; turn += 1) {
      const held = below(3) === 0
      if (held) store.begin()
      for (let count = below(2); count >= 0; count -= 1) {
        const transaction = opened.transaction(['plain', 'inline'], 'readwrite')
        for (let operations = below(8); operations >= 0; operations -= 1) operation(transaction)
        const end = ended(transaction)
        if (below(5) === 0) transaction.abort()
        await end
      }
      if (held) {
        database.transaction(() => store.flush())
        store.release()
      }
    }
    const before = await contents(opened)
    expect(before['plain']?.length).toBeGreaterThan(0)
    opened.close()
    store.close()
    database.close()
    expect(afterRestart(file(), `random-${seed}`)).toEqual(before)
  })

  test('after a new version has dropped and remade object stores', async () => {
    const first = await openAt('versions', 1, (made) => {
      made.createObjectStore('old')
      made.createObjectStore('again')
    })
    const writing = first.transaction(['old', 'again'], 'readwrite')
    writing.objectStore('old').put('one', 'k')
    writing.objectStore('again').put('stale', 'k')
    await ended(writing)
    first.close()
    const second = await openAt('versions', 2, (made) => {
      made.deleteObjectStore('old')
      made.deleteObjectStore('again')
      made.createObjectStore('again').put('fresh', 'other')
    })
    const before = await contents(second)
    second.close()
    expect(before).toEqual({ again: [['other', 'fresh']] })
    expect(afterRestart(file(), 'versions')).toEqual(before)
  })

  test('after a database was deleted', async () => {
    const first = await openAt('gone', 1, (made) => void made.createObjectStore('old').put('value', 'k'))
    first.close()
    await done(idb.indexedDB.deleteDatabase('gone'))
    expect(afterRestart(file(), 'gone')).toEqual({})
  })
})

describe('what is held', () => {
  const write = async (opened: Opened, key: string): Promise<void> => {
    const transaction = opened.transaction(['s'], 'readwrite')
    transaction.objectStore('s').put(key, key)
    await ended(transaction)
  }

  test('is not on disk before it is flushed, and not at all when the transaction fails', async () => {
    const opened = await openAt('held', 1, (made) => void made.createObjectStore('s'))
    store.begin()
    await write(opened, 'a')
    expect(() =>
      database.transaction(() => {
        store.flush()
        throw new Error('disk full')
      }),
    ).toThrow('disk full')
    await write(opened, 'b')
    opened.close()
    expect(afterRestart(file(), 'held')).toEqual({ s: [] })
  })

  test('keeps everybody waiting who wants to send', async () => {
    const waited: string[] = []
    store.begin()
    const waiting = store.durable().then(() => waited.push('sent'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(waited).toEqual([])
    database.transaction(() => store.flush())
    store.release()
    await waiting
    expect(waited).toEqual(['sent'])
  })
})
