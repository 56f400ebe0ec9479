import type { ParsedCommand } from './parse.ts'
import { holdsPersonalData } from './personal.ts'

/** Stands for what the audit does not keep. */
export const masked = '•••'

const plain = (value: unknown): unknown => {
  // Also where it does not belong: an address among the names.
  if (typeof value === 'string') return holdsPersonalData(value) ? masked : value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'value'))
    return plain((value as { readonly value: unknown }).value)
  return value
}

/** The arguments of a command as they may stand in the audit: personal ones are masked, references are their values. */
export const maskArguments = (parsed: ParsedCommand): Readonly<Record<string, unknown>> => {
  const personal = new Set(parsed.declaration.personal ?? [])
  const entries = Object.entries(parsed.arguments).filter(([, value]) => value !== undefined)
  return Object.fromEntries([
    ...entries.map(([name, value]): [string, unknown] => [name, personal.has(name) ? masked : plain(value)]),
    ...(parsed.dryRun ? [['dry-run', true]] : []),
  ])
}
