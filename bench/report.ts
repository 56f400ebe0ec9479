import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from '../tests/support/homeserver/cache.ts'

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

/** The table, its columns in line: Markdown that can be read in a terminal as well. */
export const tableOf = (rows: readonly Row[]): string => {
  const lines = [['', 'bot', 'floor', 'ratio', 'aim', ''], ...rows.map(cells)]
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(3, ...lines.map((line) => (line[column] ?? '').length)))
  const text = (line: readonly string[]): string =>
    `| ${widths.map((width, column) => (line[column] ?? '') + ' '.repeat(width - (line[column] ?? '').length)).join(' | ')} |`
  const [head = [], ...rest] = lines
  return [text(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(text)].join('\n')
}

const begin = '<!-- results: written by `npm run bench -- --write` -->'
const end = '<!-- end of results -->'

/** Puts the result between the markers of `bench/README.md`. */
export const writeReport = ({ date, machine, versions, rows }: Report): void => {
  const file = fileURLToPath(new URL('README.md', import.meta.url))
  const text = readFileSync(file, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has lost its markers`)
  const on = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const result = `${begin}\n\n${date} · ${machine} · ${on.join(', ')}\n\n${tableOf(rows)}\n\n`
  writeFileSync(file, text.slice(0, from) + result + text.slice(to))
}
