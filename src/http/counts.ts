import type { Method, RouteCount } from './contract.ts'

/** Counts attempts per route, method and outcome. Routes are names in our code, so the table stays small. */
export interface Counts {
  add(route: string, method: Method, outcome: string, ms: number): void
  rows(): readonly RouteCount[]
}

/** Makes an empty table. */
export const createCounts = (): Counts => {
  const table = new Map<string, { route: string; method: Method; outcome: string; count: number; totalMs: number }>()
  return {
    add: (route, method, outcome, ms) => {
      const key = `${method} ${outcome} ${route}`
      const row = table.get(key)
      if (row === undefined) {
        table.set(key, { route, method, outcome, count: 1, totalMs: ms })
        return
      }
      row.count += 1
      row.totalMs += ms
    },
    rows: () => Array.from(table.values(), (row) => ({ ...row })),
  }
}
