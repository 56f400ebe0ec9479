import { basename, resolve } from 'node:path'
import { readText } from './file.ts'
import { leaves } from './leaves.ts'
import type { Leaf } from './leaves.ts'
import { nearest } from './nearest.ts'
import type { Problem } from './problem.ts'

/** A value that an environment variable gave. */
export interface Override {
  readonly leaf: Leaf
  readonly value: unknown
  /** `variable GATEHOUSE_…` or `file … (GATEHOUSE_…_FILE)`. */
  readonly source: string
  readonly variable: string
}

/** Variables that are no configuration keys. */
export const otherVariables: Readonly<Record<string, string>> = {
  GATEHOUSE_CONFIG: 'path of the configuration file',
  GATEHOUSE_COMMIT: 'commit shown by `/readyz` and `--version`, set by the image build',
}

// Kubernetes sets these in every container beside a service that is called gatehouse.
const isServiceVariable = (name: string): boolean => /^GATEHOUSE_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_\w+)?)$/.test(name)

type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string }

const readJson = (text: string, what: string): Read => {
  try {
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch {
    return { ok: false, message: `is not valid JSON; it must be ${what} written as JSON` }
  }
}

const readers: Readonly<Record<Leaf['about']['from'], (text: string, leaf: Leaf) => Read>> = {
  // `false` is the only value that is no text, for keys such as health.listen.
  text: (text, leaf) => ({ ok: true, value: text === 'false' && leaf.about.kind.endsWith('| false') ? false : text }),
  number: (text) =>
    /^[+-]?\d+(?:\.\d+)?$/.test(text.trim()) ? { ok: true, value: Number(text) } : { ok: false, message: 'must be a number' },
  boolean: (text) => {
    const word = text.trim().toLowerCase()
    if (['true', 'yes', 'on', '1'].includes(word)) return { ok: true, value: true }
    if (['false', 'no', 'off', '0'].includes(word)) return { ok: true, value: false }
    return { ok: false, message: 'must be true or false' }
  },
  list: (text) => {
    if (text.trim().startsWith('[')) return readJson(text, 'a list')
    return {
      ok: true,
      value: text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    }
  },
  json: (text, leaf) => readJson(text, `a ${leaf.about.kind}`),
}

const readSecretFile = (leaf: Leaf, variable: string, path: string, problems: Problem[], warnings: Problem[]): string | undefined => {
  const read = readText(path)
  const problem = { key: leaf.key, variable }
  if (!read.ok) {
    problems.push({ ...problem, code: 'secret', message: `cannot read the file ${path}: ${read.reason}` })
    return undefined
  }
  const value = read.text.replace(/\r?\n$/, '')
  if (value.trim() === '') {
    problems.push({ ...problem, code: 'secret', message: `the file ${path} is empty` })
    return undefined
  }
  if (/[\r\n]/.test(value)) {
    problems.push({ ...problem, code: 'secret', message: `the file ${path} holds more than one line` })
    return undefined
  }
  if (read.open) {
    warnings.push({
      ...problem,
      code: 'advice',
      message: `other users may read the file ${path}; run chmod 600 ${basename(path)} in its folder`,
    })
  }
  return value
}

/**
 * Reads all `GATEHOUSE_…` variables. An empty variable counts as not set, because that is what compose files make of an unset one.
 * @param env the environment, usually `process.env`
 * @param cwd where relative paths of secret files begin
 */
export const readEnvironment = (
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): { readonly overrides: readonly Override[]; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] } => {
  const overrides: Override[] = []
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const expected = new Set(Object.keys(otherVariables))
  const set = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])

  for (const leaf of leaves) {
    expected.add(leaf.variable)
    const direct = set(leaf.variable)
    if (leaf.about.secret === true) {
      const variable = `${leaf.variable}_FILE`
      expected.add(variable)
      const file = set(variable)
      if (file !== undefined) {
        if (direct !== undefined) {
          problems.push({ code: 'conflict', key: leaf.key, variable, message: `both ${leaf.variable} and ${variable} are set; keep one` })
          continue
        }
        const path = resolve(cwd, file)
        const value = readSecretFile(leaf, variable, path, problems, warnings)
        // An unreadable secret must not be reported as missing as well: the override keeps its place.
        overrides.push({ leaf, value, source: `file ${path} (${variable})`, variable })
        continue
      }
    }
    if (direct === undefined) continue
    const read = readers[leaf.about.from](direct, leaf)
    if (read.ok) overrides.push({ leaf, value: read.value, source: `variable ${leaf.variable}`, variable: leaf.variable })
    else problems.push({ code: 'invalid', key: leaf.key, variable: leaf.variable, message: read.message })
  }

  for (const name of Object.keys(env)) {
    if (!/^gatehouse_/i.test(name) || expected.has(name) || isServiceVariable(name)) continue
    const meant = nearest(name, [...expected])
    const extra = name.endsWith('_FILE') && expected.has(name.slice(0, -5)) ? ' Only secrets can be read from a file.' : ''
    const suggestion = meant === undefined ? 'remove it' : `did you mean ${meant}?`
    problems.push({ code: 'unknown', variable: name, message: `there is no such variable; ${suggestion}${extra}` })
  }
  return { overrides, problems, warnings }
}
