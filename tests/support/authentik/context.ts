import type { Reply } from './reply.ts'
import type { State, UserRecord } from './state.ts'

/** The versions whose answers were recorded. */
export type Version = '2026.2.2' | '2026.5.0-rc1'

/** One authenticated request. */
export interface Context {
  readonly state: State
  readonly version: Version
  readonly caller: UserRecord
  readonly method: string
  /** Below `/api/v3`, decoded segments without the empty ends: `/core/users/3/` is `['core', 'users', '3']`. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly body: unknown
  /** `http://host` as the client sees it: what the server builds links from. */
  readonly origin: string
  readonly now: number
}

/** Answers what it knows, undefined for another's path. */
export type Route = (context: Context) => Reply | undefined
