import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { leaves } from '../config/leaves.ts'
import { loadConfig } from '../config/load.ts'
import { programDirectory } from '../operations/version.ts'
import { stale } from './generate.ts'

test('the generated files are up to date (else: npm run generate)', () => {
  expect(stale()).toEqual([])
})

test('the example is a valid file whose only faults are the values to fill in', () => {
  const result = loadConfig({ file: join(programDirectory, 'bot.config.example.yaml'), env: {}, cwd: programDirectory })
  if (result.ok) throw new Error('the example must not be usable as it is')
  expect(new Set(result.problems.map((problem) => problem.code))).toEqual(new Set(['placeholder', 'missing']))
  const missing = result.problems.filter((problem) => problem.code === 'missing').map((problem) => problem.key)
  expect(missing).toEqual(['crypto.passphrase', 'authentik.token'])
})

test('the example with every key uncommented holds exactly the keys of the schema', () => {
  const text = readFileSync(join(programDirectory, 'bot.config.example.yaml'), 'utf8')
  const uncommented = text.replace(/^( *)# ([a-zA-Z]+:(?: \S.*)?)$/gm, (line, indent: string, rest: string) =>
    leaves.some((leaf) => rest.startsWith(`${leaf.path.at(-1)}:`)) || rest === 'quietHours:' ? `${indent}${rest}` : line,
  )
  const content = parse(uncommented) as Record<string, unknown>
  const at = (path: readonly string[]): boolean => {
    let value: unknown = content
    for (const part of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return false
      value = (value as Record<string, unknown>)[part]
    }
    return true
  }
  expect(leaves.filter((leaf) => !at(leaf.path)).map((leaf) => leaf.key)).toEqual([])
})
