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
  readonly objectStoreNames: Iterable<string>
  readonly error: Error | null
  objectStore: (name: string) => IdbObjectStore
}

export interface IdbObjectStore {
  readonly name: string
  readonly transaction: IdbTransaction
  createIndex: (name: string, keyPath: string | string[], options?: { unique?: boolean; multiEntry?: boolean }) => unknown
  get: (key: unknown) => IdbRequest
  delete: (query: unknown) => IdbRequest
}

export interface IdbDatabase {
  readonly name: string
  readonly version: number
  readonly objectStoreNames: Iterable<string>
  createObjectStore: (name: string, options?: { keyPath?: string | string[] | null; autoIncrement?: boolean }) => IdbObjectStore
  transaction: (stores: string | string[], mode?: 'readonly' | 'readwrite', options?: unknown) => IdbTransaction
  close: () => void
}

export interface IdbFactory {
  open: (name: string, version?: number) => IdbRequest<IdbDatabase>
  deleteDatabase: (name: string) => IdbRequest
}
