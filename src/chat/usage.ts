import type { CommandDeclaration, OptionDeclaration, ParameterType, PositionalDeclaration } from './declaration.ts'

const placeholders: Readonly<Record<ParameterType['kind'], string>> = {
  text: 'text',
  integer: 'n',
  duration: 'duration',
  list: 'a,b',
  email: 'address',
  choice: 'choice',
  user: '@user',
  users: '@user,…',
  room: 'room',
  rooms: 'room,…',
}

const typePlaceholder = (type: ParameterType): string => (type.kind === 'choice' ? type.choices.join('|') : placeholders[type.kind])

/** `<@user,…>` or `[last…]`. */
export const positionalUsage = ({ name, type, required, rest }: PositionalDeclaration): string => {
  const isPerson = type.kind === 'user' || type.kind === 'users'
  const inner = isPerson || type.kind === 'choice' ? typePlaceholder(type) : `${name}${rest ? '…' : ''}`
  return required ? `<${inner}>` : `[${inner}]`
}

/** `--expires <duration>`, `--redact [n]` or `--ban`. */
export const optionUsage = ({ name, type, placeholder, valueIfBare }: OptionDeclaration): string => {
  if (!type) return `--${name}`
  const value = placeholder ?? typePlaceholder(type)
  return valueIfBare === undefined ? `--${name} <${value}>` : `--${name} [${value}]`
}

/**
 * The usage line of a command, without prefix.
 * @example 'rooms [query…] [--category <c>] [--page <n>]'
 */
export const usageOf = (declaration: CommandDeclaration): string =>
  [
    declaration.name,
    ...declaration.positionals.map(positionalUsage),
    ...declaration.options.map((option) => `[${optionUsage(option)}]`),
    ...(declaration.effect === 'none' ? [] : ['[--dry-run]']),
  ].join(' ')
