import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { repositoryRoot } from '../tests/support/homeserver/cache.ts'
import { tableOf, writeResult } from './table.ts'

/** One line of the result. */
export interface Row {
  readonly what: string
  readonly bot: string
  readonly floor?: string
  readonly ratio?: number
  readonly aim?: string
  /** Whether the aim is met; undefined where there is none. */
  readonly met?: boolean
}

/** Everything that a run found. */
export interface Report {
  readonly date: string
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
  /** The single times and requests behind the rows. */
  readonly details: Readonly<Record<string, unknown>>
}

/** What the figures were taken on. @param database where Synapse's own database lay */
export const machineOf = (database: string): string => {
  const list = cpus()
  return `${list.length} × ${list[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Synapse's database ${database.startsWith('/dev/shm') ? 'in memory (tmpfs)' : 'on disk'}, the bot's on disk`
}

const packageVersion = (name: string): string =>
  (JSON.parse(readFileSync(`${repositoryRoot}/node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

/** Versions of what the figures depend on. @param synapse as the server tells it */
export const versionsOf = (synapse: string): Record<string, string> => ({
  node: process.versions.node,
  synapse,
  'matrix-sdk-crypto-wasm': packageVersion('@matrix-org/matrix-sdk-crypto-wasm'),
  'better-sqlite3': packageVersion('better-sqlite3'),
})

const cells = (row: Row): readonly string[] => [
  row.what,
  row.bot,
  row.floor ?? '',
  row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} ×`,
  row.aim ?? '',
  row.met === undefined ? '' : row.met ? '✔' : '✘',
]

/** The rows as a Markdown table. */
export const rowsTable = (rows: readonly Row[]): string => tableOf(['', 'bot', 'floor', 'ratio', 'aim', ''], rows.map(cells))

/** Puts the result into `bench/README.md`. */
export const writeReport = ({ date, machine, versions, rows }: Report): void => {
  const on = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  writeResult('results', [date, machine, on.join(', ')], rowsTable(rows))
}
