import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { describe, expect, test } from 'vitest'
import type { IdbDatabase, IdbFactory } from './indexeddb-types.ts'
import { isRange, rawRecordMethods, rawStoreOf, rawStoresOf } from './raw-indexeddb.ts'

// When one of these fails after an update of fake-indexeddb, compare its lib/ObjectStore.js, lib/Index.js, lib/RecordStore.js and
// FDBCursor.js with src/crypto/raw-indexeddb.ts and paged-records.ts, and make the methods there do what the new ones do.

const opened = (): Promise<IdbDatabase> =>
  new Promise((resolve) => {
    const request = (new IDBFactory() as unknown as IdbFactory).open('shape', 1)
    request.addEventListener('upgradeneeded', () => {
      const store = request.result.createObjectStore('store', { keyPath: 'id' })
      store.createIndex('index', 'name', { unique: true })
      expect(rawStoreOf(store).name).toBe('store')
    })
    request.addEventListener('success', () => resolve(request.result))
  })

describe('fake-indexeddb looks inside as the paged store expects', () => {
  test('an object store and its index keep their rows in an object with these methods and no others', async () => {
    const store = rawStoresOf(await opened()).get('store')
    const index = store?.rawIndexes.get('index')
    expect(store).toMatchObject({ name: 'store', keyPath: 'id', autoIncrement: false })
    expect(index).toMatchObject({ name: 'index', keyPath: 'name', unique: true, multiEntry: false })
    for (const records of [store?.records, index?.records]) {
      const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(records)).filter((name) => name !== 'constructor')
      expect(methods.sort()).toEqual([...rawRecordMethods])
      expect(Object.keys(records ?? {}).sort()).toEqual(['keysAreUnique', 'records'])
    }
  })

  test('a range is told from a key', () => {
    expect(isRange(IDBKeyRange.only('a'))).toBe(true)
    expect([isRange('a'), isRange(['a']), isRange(undefined)]).toEqual([false, false, false])
    expect(IDBKeyRange.bound('a', 'b', true, false)).toMatchObject({ lower: 'a', upper: 'b', lowerOpen: true, upperOpen: false })
  })
})

test('a library that looks different is refused, not used', async () => {
  const other = (rawObjectStores: unknown): IdbDatabase => ({ _rawDatabase: { rawObjectStores } }) as unknown as IdbDatabase
  const store = rawStoresOf(await opened()).get('store')
  for (const shape of [
    undefined,
    {},
    new Map([['store', {}]]),
    new Map([['store', { ...store, rawIndexes: [] }]]),
    new Map([['store', { records: store?.records, rawIndexes: new Map([['index', {}]]), storeRecord: () => undefined }]]),
  ])
    expect(() => rawStoresOf(other(shape))).toThrow('fake-indexeddb looks different inside')
})
