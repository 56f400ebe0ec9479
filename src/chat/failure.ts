import { CommanderError } from 'commander'
import type { CommandDeclaration } from './declaration.ts'
import type { Prepared } from './prepare.ts'
import { problem, type Problem } from './problem.ts'
import { positionalUsage, usageOf } from './usage.ts'

/** Where it is, if it is somewhere. */
const placeOf = (positions: readonly number[]): { readonly position?: number } =>
  positions.length > 0 ? { position: Math.max(...positions) } : {}

const conflict = (declaration: CommandDeclaration, { seen }: Prepared): readonly (readonly [string, string])[] =>
  declaration.options
    .filter(({ name }) => seen.has(name))
    .flatMap(({ name, conflictsWith = [] }) => conflictsWith.filter((other) => seen.has(other)).map((other) => [name, other] as const))

/**
 * Says in our words why commander did not accept a line.
 * @param error what its `parse` threw
 * @throws the error itself when it is none that a line can cause: a bug
 */
export const explainFailure = (error: unknown, declaration: CommandDeclaration, prepared: Prepared, prefix: string): Problem => {
  const usage = `Usage: \`${prefix}${usageOf(declaration)}\``
  switch (error instanceof CommanderError ? error.code : undefined) {
    case 'commander.missingArgument': {
      const given = prepared.positionals.length
      const missing = declaration.positionals
        .slice(given, given + 1)
        .map(positionalUsage)
        .join('')
      return problem('missing-argument', `${missing} is missing. ${usage}`, { declaration })
    }
    case 'commander.excessArguments': {
      const first = prepared.positionals[declaration.positionals.length]
      const place = placeOf(first ? [first.start] : [])
      return problem('excess-argument', `That is more than \`${declaration.name}\` takes. ${usage}`, { declaration, ...place })
    }
    case 'commander.conflictingOption': {
      const pairs = conflict(declaration, prepared)
      const words = pairs.map(([one, other]) => `\`--${one}\` and \`--${other}\` exclude each other.`).join(' ')
      const place = placeOf([...prepared.seen].filter(([name]) => pairs.some((pair) => pair.includes(name))).map(([, start]) => start))
      return problem('conflicting-options', `${words} ${usage}`, { declaration, ...place })
    }
    default:
      throw error
  }
}
