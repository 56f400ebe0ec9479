import { readFileSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import type { Problem } from './problem.ts'

/** What was read from the configuration file. */
export interface ConfigFile {
  /** Absolute path; undefined when there is none. */
  readonly path: string | undefined
  readonly content: Readonly<Record<string, unknown>>
  readonly problems: readonly Problem[]
  /** Readable by others than its owner. */
  readonly open: boolean
  /** `bot.config.yaml line 12` for a key of the file. */
  where(path: readonly (string | number)[]): string | undefined
}

/** Where a configuration file is looked for when none is named, in order. */
export const usualFiles = (cwd: string): readonly string[] => [resolve(cwd, 'bot.config.yaml'), '/data/bot.config.yaml']

const reasonOf = (error: unknown): string => {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it'
  if (code === 'EISDIR') return 'it is a folder'
  return code ?? 'unknown reason'
}

/** Why a file cannot be read, in words. */
export const readText = (
  path: string,
): { readonly ok: true; readonly text: string; readonly open: boolean } | { readonly ok: false; readonly reason: string } => {
  try {
    const text = readFileSync(path, 'utf8')
    return { ok: true, text, open: (statSync(path).mode & 0o077) !== 0 }
  } catch (error) {
    return { ok: false, reason: reasonOf(error) }
  }
}

const hint = (text: string): string => {
  if (/unresolved tag/i.test(text)) return 'a value that begins with ! must be in quotes: "!room:your-domain.net"'
  if (/reserved character @|start with reserved/i.test(text)) return 'a value that begins with @ must be in quotes: "@name:your-domain.net"'
  return (text.split('\n')[0] ?? text).replace(/ at line \d+, column \d+:?$/, '')
}

const lineOf = (document: Document, counter: LineCounter, path: readonly (string | number)[]): number | undefined => {
  let node: unknown = document.contents
  let line: number | undefined
  for (const part of path) {
    if (!isMap(node)) break
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === part)
    if (pair === undefined) break
    const offset = isScalar(pair.key) ? pair.key.range?.[0] : undefined
    if (offset !== undefined) line = counter.linePos(offset).line
    node = pair.value
  }
  return line
}

const nothing = (problems: readonly Problem[], path?: string): ConfigFile => ({
  path,
  content: {},
  problems,
  open: false,
  where: () => undefined,
})

const parse = (path: string, text: string, open: boolean): ConfigFile => {
  const name = basename(path)
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, version: '1.2', uniqueKeys: true })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = faults.map((fault): Problem => {
      const { line, col } = counter.linePos(fault.pos[0])
      return { code: 'syntax', where: `${name} line ${line}, column ${col}`, message: hint(fault.message) }
    })
    return { ...nothing(problems, path), open }
  }
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 20 })
  } catch (error) {
    return nothing([{ code: 'syntax', where: name, message: error instanceof Error ? error.message : String(error) }], path)
  }
  if (content === null || content === undefined) content = {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    return nothing([{ code: 'syntax', where: name, message: 'must be a list of sections such as "homeserver:"' }], path)
  }
  return {
    path,
    content: content as Record<string, unknown>,
    problems: [],
    open,
    where: (keys) => {
      const line = lineOf(document, counter, keys)
      return line === undefined ? undefined : `${name} line ${line}`
    },
  }
}

/**
 * Reads the YAML file: the named one, or the first of the usual ones that exists. No file at all is fine when none was named.
 * @param named from `--config` or `GATEHOUSE_CONFIG`, relative to `cwd`
 */
export const readConfigFile = (named: { readonly path: string; readonly by: string } | undefined, cwd: string): ConfigFile => {
  if (named !== undefined) {
    const path = resolve(cwd, named.path)
    const read = readText(path)
    if (!read.ok)
      return nothing([{ code: 'file', variable: named.by, message: `cannot read the configuration file ${path}: ${read.reason}` }])
    return parse(path, read.text, read.open)
  }
  for (const path of usualFiles(cwd)) {
    const read = readText(path)
    if (read.ok) return parse(path, read.text, read.open)
    if (read.reason !== 'it does not exist')
      return nothing([{ code: 'file', message: `cannot read the configuration file ${path}: ${read.reason}` }])
  }
  return nothing([])
}
