/**
 * The part of the IndexedDB API (W3C Indexed Database 3.0) that the durable store touches. TypeScript's DOM library is not loaded in this
 * project, so the few shapes are named here.
 */

export interface IdbEventTarget {
  addEventListener: (type: string, listener: (event: { readonly target: unknown }) => void) => void
}

export interface IdbRequest<T = unknown> extends IdbEventTarget {
  readonly result: T
  readonly error: Error | null
  readonly transaction: IdbTransaction | null
}

export interface IdbTransaction extends IdbEventTarget {
  readonly db: IdbDatabase
  readonly mode: 'readonly' | 'readwrite' | 'versionchange'
  readonly error: Error | null
  objectStore: (name: string) => IdbObjectStore
}

export interface IdbIndex {
  readonly name: string
  readonly keyPath: string | string[]
  readonly unique: boolean
  readonly multiEntry: boolean
}

export interface IdbObjectStore {
  readonly name: string
  readonly keyPath: string | string[] | null
  readonly autoIncrement: boolean
  readonly indexNames: Iterable<string>
  readonly transaction: IdbTransaction
  index: (name: string) => IdbIndex
  createIndex: (name: string, keyPath: string | string[], options?: { unique?: boolean; multiEntry?: boolean }) => unknown
  put: (value: unknown, key?: unknown) => IdbRequest
  add: (value: unknown, key?: unknown) => IdbRequest
  delete: (query: unknown) => IdbRequest
  clear: () => IdbRequest
  getAllKeys: (query?: unknown) => IdbRequest<unknown[]>
}

export interface IdbCursor {
  readonly source: IdbObjectStore | { readonly objectStore: IdbObjectStore }
  readonly primaryKey: unknown
  update: (value: unknown) => IdbRequest
  delete: () => IdbRequest
}

export interface IdbDatabase {
  readonly name: string
  readonly version: number
  readonly objectStoreNames: Iterable<string>
  deleteObjectStore: (name: string) => void
  createObjectStore: (name: string, options?: { keyPath?: string | string[] | null; autoIncrement?: boolean }) => IdbObjectStore
  transaction: (stores: string | string[], mode?: 'readonly' | 'readwrite', options?: unknown) => IdbTransaction
  close: () => void
}

export interface IdbFactory {
  open: (name: string, version?: number) => IdbRequest<IdbDatabase>
  deleteDatabase: (name: string) => IdbRequest
}
