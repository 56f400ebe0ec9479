import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A Markdown table whose columns are in line, so that it can be read in a terminal as well. */
export const tableOf = (head: readonly string[], lines: readonly (readonly string[])[]): string => {
  // Three dashes are the least that makes a column.
  const widths = head.map((title, column) => Math.max(3, title.length, ...lines.map((line) => line[column]?.length ?? 0)))
  const row = (line: readonly string[]): string => `| ${widths.map((width, column) => (line[column] ?? '').padEnd(width)).join(' | ')} |`
  return [row(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.map(row)].join('\n')
}

/**
 * Puts a result between its markers in `bench/README.md`.
 * @param facts what belongs to the table besides the day: the machine, versions
 * @throws Error when the markers are not there
 */
export const writeResult = (name: 'results' | 'store' | 'encryption', facts: readonly string[], table: string): void => {
  const file = fileURLToPath(new URL('README.md', import.meta.url))
  const text = readFileSync(file, 'utf8')
  const begin = text.indexOf(`<!-- ${name}: `)
  const from = begin < 0 ? -1 : text.indexOf('\n', begin)
  const to = text.indexOf(`<!-- end of ${name} -->`)
  if (from < 0 || to < from) throw new Error(`${file} has lost its markers`)
  writeFileSync(file, `${text.slice(0, from)}\n\n${facts.join(' · ')}\n\n${table}\n\n${text.slice(to)}`)
}
