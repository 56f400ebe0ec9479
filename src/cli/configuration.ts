import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import type { Config } from '../config/schema.ts'
import { complain } from './contract.ts'
import type { CommonOptions } from './contract.ts'

/**
 * Loads the configuration for a command. Warnings and problems are printed to standard error.
 * @returns undefined when there are problems: end with `config`
 */
export const configuration = (
  options: CommonOptions,
): { readonly config: Config; readonly sources: Readonly<Record<string, string>> } | undefined => {
  const result = loadConfig({ file: options.config, env: process.env, cwd: process.cwd() })
  for (const warning of result.warnings) complain(`warning: ${formatProblem(warning)}`)
  if (result.ok) return result
  const { length } = result.problems
  complain(`The configuration has ${length === 1 ? 'a problem' : `${length} problems`}:`)
  for (const problem of result.problems) complain(`- ${formatProblem(problem)}`)
  return undefined
}
