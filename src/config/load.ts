import { join, resolve } from 'node:path'
import type { z } from 'zod'
import { registerSecret } from '../operations/secrets.ts'
import { advice, crossProblems, isPlaceholder } from './checks.ts'
import type { Values } from './checks.ts'
import { readEnvironment } from './environment.ts'
import type { Override } from './environment.ts'
import { readConfigFile } from './file.ts'
import type { ConfigFile } from './file.ts'
import { allSections, leaves, variableOf } from './leaves.ts'
import type { Leaf } from './leaves.ts'
import { nearest } from './nearest.ts'
import type { Problem } from './problem.ts'
import { complete, configSchema } from './schema.ts'
import type { Config } from './schema.ts'

/** What came of loading the configuration. `warnings` may come with either. */
export type LoadResult =
  | {
      readonly ok: true
      readonly config: Config
      /** For each key where its value came from: `file bot.config.yaml line 3`, `variable GATEHOUSE_…` or `default`. */
      readonly sources: Readonly<Record<string, string>>
      readonly warnings: readonly Problem[]
    }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }

type Tree = Record<string, unknown>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

const valueAt = (root: Tree, path: readonly (string | number)[]): unknown => {
  let value: unknown = root
  for (const part of path) {
    if (!isTree(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

const setAt = (root: Tree, path: readonly string[], value: unknown): void => {
  let level = root
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(level, part) ? level[part] : undefined
    if (isTree(next)) level = next
    else {
      const fresh: Tree = {}
      level[part] = fresh
      level = fresh
    }
  }
  const last = path.at(-1)
  if (last !== undefined) level[last] = value
}

/** Empty sections count as absent optional ones or as present required ones, so that every missing key is named on its own. */
const normaliseSections = (root: Tree): void => {
  for (const section of allSections) {
    const value = valueAt(root, section.path)
    if (value !== undefined && value !== null) continue
    const parent = valueAt(root, section.path.slice(0, -1))
    if (!isTree(parent)) continue
    const name = section.path.at(-1) ?? ''
    if (section.optional) delete parent[name]
    else parent[name] = {}
  }
}

const leafAt = (path: readonly PropertyKey[]): Leaf | undefined =>
  leaves.find((leaf) => leaf.path.length <= path.length && leaf.path.every((part, index) => part === path[index]))

const showKey = (path: readonly PropertyKey[]): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part + 1}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('')

const unknownKey = (parent: readonly PropertyKey[], name: string, file: ConfigFile): Problem => {
  const key = showKey([...parent, name])
  const prefix = parent.length === 0 ? '' : `${showKey(parent)}.`
  const siblings = [...leaves.map((leaf) => leaf.key), ...allSections.map((section) => section.key)]
    .filter((candidate) => candidate.startsWith(prefix) && !candidate.slice(prefix.length).includes('.'))
    .map((candidate) => candidate.slice(prefix.length))
  const sibling = nearest(name, siblings)
  const elsewhere = leaves.find((leaf) => leaf.path.at(-1)?.toLowerCase() === name.toLowerCase())?.key
  const meant = sibling === undefined ? elsewhere : `${prefix}${sibling}`
  const special = key === 'roles.powerLevels.admin' ? 'power level never gives the role admin' : undefined
  const where = file.where([...parent, name].map(String))
  const message = `there is no such key; ${special ?? (meant === undefined ? `known here: ${siblings.join(', ')}` : `did you mean ${meant}?`)}`
  return { code: 'unknown', key, message, ...(where === undefined ? {} : { where }) }
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text (in quotes)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section with keys of its own',
  record: 'a map of texts',
}

/** Our words for an issue of zod. Built from the expectation only: the value that was given is never repeated for secrets. */
const wordsOf = (issue: z.core.$ZodIssue, given: unknown, leaf: Leaf | undefined): string => {
  switch (issue.code) {
    case 'invalid_type': {
      if (given === null) return 'has no value; note that a text that begins with # must be in quotes'
      return `must be ${typeWords[issue.expected] ?? issue.expected}`
    }
    case 'invalid_value': {
      const options = issue.values.map(String)
      const meant = typeof given === 'string' && leaf?.about.secret !== true ? nearest(given, options) : undefined
      return `must be one of ${options.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`
    }
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int' ? `must be at least ${issue.minimum}` : issue.message
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int' ? `must be at most ${issue.maximum}` : `is longer than ${issue.maximum}`
    case 'invalid_union':
      return issue.message === 'Invalid input' ? `must be a ${leaf?.about.kind ?? 'different value'}` : issue.message
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    default:
      return issue.message
  }
}

interface Context {
  readonly file: ConfigFile
  readonly overrides: ReadonlyMap<string, Override>
}

const locate = (leaf: Leaf, { file, overrides }: Context): { variable: string; where?: string } => {
  const override = overrides.get(leaf.key)
  const where = override === undefined ? file.where(leaf.path) : undefined
  return { variable: override?.variable ?? leaf.variable, ...(where === undefined ? {} : { where }) }
}

const fromIssue = (issue: z.core.$ZodIssue, root: Tree, context: Context): readonly Problem[] => {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey(issue.path, name, context.file))
  const leaf = leafAt(issue.path)
  const given = valueAt(root, issue.path.map(String))
  if (leaf === undefined) {
    const where = context.file.where(issue.path.map(String))
    return [{ code: 'invalid', key: showKey(issue.path), message: wordsOf(issue, given, leaf), ...(where === undefined ? {} : { where }) }]
  }
  const missing = valueAt(root, leaf.path) === undefined
  const problem = { key: showKey(issue.path), ...locate(leaf, context) }
  if (missing) {
    const file = leaf.about.secret === true ? `, or ${leaf.variable}_FILE for a file that holds it` : ''
    return [{ code: 'missing', key: leaf.key, variable: leaf.variable, message: `is required and has no default${file}` }]
  }
  return [{ ...problem, code: 'invalid', message: wordsOf(issue, given, leaf) }]
}

const placeholders = (root: Tree, context: Context): readonly Problem[] =>
  leaves
    .filter((leaf) => isPlaceholder(valueAt(root, leaf.path), leaf.about.secret === true))
    .map((leaf) => ({
      code: 'placeholder',
      key: leaf.key,
      ...locate(leaf, context),
      message: 'still has the value of the example; put your own here',
    }))

const advise = (values: Values, root: Tree, context: Context): readonly Problem[] => {
  const open = leaves.filter(
    (leaf) => leaf.about.secret === true && !context.overrides.has(leaf.key) && typeof valueAt(root, leaf.path) === 'string',
  )
  const exposed: readonly Problem[] =
    context.file.open && context.file.path !== undefined && open.length > 0
      ? [
          {
            code: 'advice',
            key: open.map((leaf) => leaf.key).join(', '),
            message: `other users may read these secrets; run chmod 600 ${context.file.path}`,
          },
        ]
      : []
  const found = advice(values).map((finding): Problem => ({
    code: 'advice',
    key: finding.key,
    variable: variableOf(finding.key.split('.')),
    message: finding.message,
  }))
  return [...exposed, ...found]
}

const findSources = (root: Tree, context: Context): Record<string, string> =>
  Object.fromEntries(
    leaves
      .filter((leaf) => leaf.within === undefined || valueAt(root, leaf.within.split('.')) !== undefined)
      .map((leaf) => {
        const where = context.file.where(leaf.path) ?? 'the file'
        const own = valueAt(root, leaf.path) === undefined ? 'default' : `file ${where}`
        return [leaf.key, context.overrides.get(leaf.key)?.source ?? own]
      }),
  )

const absolutePaths = (config: Config, cwd: string): Config => {
  const copy = structuredClone(config) as unknown as Tree
  for (const leaf of leaves) {
    const value = valueAt(copy, leaf.path)
    if (leaf.about.path === true && typeof value === 'string') setAt(copy, leaf.path, resolve(cwd, value))
  }
  return copy as unknown as Config
}

const order = (problem: Problem): number => {
  const index = leaves.findIndex((leaf) => problem.key === leaf.key || problem.key?.startsWith(`${leaf.key}[`) === true)
  return index === -1 ? -1 : index
}

/**
 * Reads the configuration: defaults, then the YAML file, then the environment. All problems are reported at once, each with its key and
 * variable. Every secret found is registered with `registerSecret`, so that it cannot be logged from then on.
 * @param options.file path from `--config`; otherwise `GATEHOUSE_CONFIG`, `bot.config.yaml` in `cwd`, `/data/bot.config.yaml`
 * @param options.env the environment, usually `process.env`
 * @param options.cwd where relative paths begin, usually `process.cwd()`
 */
export const loadConfig = (options: {
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}): LoadResult => {
  const { env, cwd } = options
  const fromVariable = env['GATEHOUSE_CONFIG'] === '' ? undefined : env['GATEHOUSE_CONFIG']
  const named = options.file === undefined ? fromVariable : options.file
  const file = readConfigFile(
    named === undefined ? undefined : { path: named, by: options.file === undefined ? 'GATEHOUSE_CONFIG' : '--config' },
    cwd,
  )
  const environment = readEnvironment(env, cwd)
  const context: Context = { file, overrides: new Map(environment.overrides.map((override) => [override.leaf.key, override])) }

  const root = structuredClone(file.content) as Tree
  for (const { leaf, value } of environment.overrides) setAt(root, leaf.path, value)
  normaliseSections(root)
  for (const leaf of leaves) {
    const value = valueAt(root, leaf.path)
    // A dummy such as "password" would be masked in every ordinary sentence.
    if (leaf.about.secret === true && typeof value === 'string' && !isPlaceholder(value, true)) registerSecret(value)
  }

  const earlier = [...file.problems, ...environment.problems]
  // A file that cannot be read or parsed would make every key look missing.
  if (file.problems.length > 0) return { ok: false, problems: earlier, warnings: environment.warnings }

  const parsed = configSchema.safeParse(root)
  const dummies = placeholders(root, context)
  const told = new Set([...earlier, ...dummies].map((problem) => problem.key))
  const values: Values = {
    get: (key) => {
      const leaf = leaves.find((item) => item.key === key)
      if (leaf === undefined || (leaf.within !== undefined && valueAt(root, leaf.within.split('.')) === undefined)) return undefined
      const result = leaf.schema.safeParse(valueAt(root, leaf.path))
      return result.success && leaf.about.path === true && typeof result.data === 'string' ? resolve(cwd, result.data) : result.data
    },
  }
  const own = (parsed.error?.issues ?? [])
    .flatMap((issue) => fromIssue(issue, root, context))
    .filter((problem) => problem.key === undefined || !told.has(problem.key))
  const cross = crossProblems(values).map((finding): Problem => {
    const leaf = leaves.find((item) => item.key === finding.key)
    return { code: 'conflict', key: finding.key, ...(leaf === undefined ? {} : locate(leaf, context)), message: finding.message }
  })
  const problems = [...earlier, ...own, ...dummies, ...cross].sort((a, b) => order(a) - order(b))
  const faulty = new Set(problems.map((problem) => problem.key?.replace(/\[.*$/, '')))
  const warnings = [...environment.warnings, ...advise(values, root, context).filter((warning) => !faulty.has(warning.key))]
  if (problems.length > 0 || !parsed.success) return { ok: false, problems, warnings }
  return { ok: true, config: absolutePaths(complete(parsed.data, join), cwd), sources: findSources(root, context), warnings }
}
