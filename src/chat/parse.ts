import { Command, Option } from 'commander'
import { wordEnd } from './characters.ts'
import { convert } from './convert.ts'
import type { Arguments, ArgumentValue, CommandDeclaration, ParameterType, RoomReference, UserReference } from './declaration.ts'
import type { Pill } from './pills.ts'
import { isListKind, joinPieces, optionsOf, prepare, type Value } from './prepare.ts'
import { explainFailure } from './failure.ts'
import { problem, type Problem } from './problem.ts'
import { isAnd, isPlainlyUser, splitUsers } from './reference.ts'
import { suggest } from './suggest.ts'
import { textOf, tokenise, type Token } from './tokenise.ts'

export interface ParsedCommand {
  readonly ok: true
  readonly declaration: CommandDeclaration
  /** Without `dry-run`. */
  readonly arguments: Arguments
  readonly dryRun: boolean
}

export type ParseResult = ParsedCommand | Problem

/** Parses a line from the command's name on, as `determine` cuts it. */
export type Parser = (line: string, pills?: readonly Pill[]) => ParseResult

/** Longer lines are refused; an introduction of thousands of words is no command. */
const maxLineLength = 8192

/** The key of an option's value in commander's plain object. The dashes keep names such as `constructor` off the members of objects. */
const keyOfOption = (name: string): string => `--${name}`

/** commander reads `--no-rooms` as "rooms: false"; here it is an option of its own, and names are not turned to camelCase. */
class ChatOption extends Option {
  constructor(flags: string) {
    super(flags)
    this.negate = false
  }

  override attributeName(): string {
    return keyOfOption(this.name())
  }
}

const append = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value]

const buildCommand = (declaration: CommandDeclaration): Command => {
  const command = new Command(declaration.name)
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    .helpOption(false)
    .allowExcessArguments(false)
    .action(() => undefined)
  for (const { name, type, conflictsWith } of optionsOf(declaration)) {
    const option = new ChatOption(type ? `--${name} <value>` : `--${name}`)
    if (type) option.argParser(append)
    command.addOption(option.conflicts((conflictsWith ?? []).map(keyOfOption)))
  }
  for (const [index, { required, rest, type }] of declaration.positionals.entries()) {
    const name = `${index}${rest || type.kind === 'users' ? '...' : ''}`
    command.argument(required ? `<${name}>` : `[${name}]`)
  }
  return command
}

/** One declared argument, with the values that commander gave to it. */
interface Slot {
  readonly label: string
  readonly type: ParameterType
  readonly values: readonly [Value, ...Value[]]
}

type Filled = { readonly ok: true; readonly value: ArgumentValue } | Problem

const keyOf = (item: string | UserReference | RoomReference): string => (typeof item === 'string' ? item : `${item.as} ${item.value}`)

/** Each word is a list of its own, so that the wrong one can be pointed at; what is said twice is meant once. */
const fillList = (declaration: CommandDeclaration, slot: Slot): Filled => {
  const items = new Map<string, string | UserReference | RoomReference>()
  // A comma that stands alone separates people and is none; so does an "and" between two of them.
  const written = slot.values.filter(
    ({ pieces }, index, all) =>
      slot.type.kind !== 'users' || (splitUsers(pieces).length > 0 && !(index > 0 && index < all.length - 1 && isAnd(pieces))),
  )
  for (const value of written) {
    const conversion = convert(slot.type, value.pieces)
    if (!conversion.ok) return badValue(declaration, slot, conversion, value.start)
    for (const item of [conversion.value].flat() as (string | UserReference | RoomReference)[]) {
      if (!items.has(keyOf(item))) items.set(keyOf(item), item)
    }
  }
  if (items.size === 0) return problem('missing-argument', `${slot.label}: nobody is named`, { declaration })
  return { ok: true, value: [...items.values()] as readonly string[] | readonly UserReference[] | readonly RoomReference[] }
}

const badValue = (
  declaration: CommandDeclaration,
  slot: Slot,
  { words, suggestions }: { readonly words: string; readonly suggestions: readonly string[] },
  position: number,
): Problem => problem('bad-value', `${slot.label}: ${words}`, { declaration, suggestions, position })

const fillOne = (declaration: CommandDeclaration, slot: Slot): Filled => {
  const [first, second] = slot.values
  if (first.bare !== undefined) return { ok: true, value: first.bare }
  if (second && slot.label.startsWith('--'))
    return problem('duplicate-option', `\`${slot.label}\` is given twice`, { declaration, position: second.start })
  const conversion = convert(slot.type, joinPieces(slot.values.map(({ pieces }) => pieces)))
  return conversion.ok ? conversion : badValue(declaration, slot, conversion, first.start)
}

const fill = (declaration: CommandDeclaration, slot: Slot): Filled =>
  (slot.type.kind === 'users' || (isListKind(slot.type) && slot.label.startsWith('--')) ? fillList : fillOne)(declaration, slot)

/** A text of several words must stand in one run: in `Ada Love --organization Analytical Society` the last word may belong to the option. */
const scattered = (declaration: CommandDeclaration, { type, values }: Slot): Problem | undefined => {
  const behind = values.filter(({ afterText }) => afterText !== undefined)
  // `--name Ada Lovelace`: nobody is called "Lovelace" there. An id or a row is plainly another argument.
  const stray =
    type.kind === 'users'
      ? undefined
      : type.kind === 'user'
        ? behind.find(({ pieces }) => !isPlainlyUser(pieces))
        : behind.find((value) => value !== values[0])
  if (!stray) return undefined
  const words = `“${textOf(stray.pieces)}” stands alone after \`${stray.afterText}\`: put quotes around a value that has spaces`
  return problem('excess-argument', words, { declaration, position: stray.start })
}

const readCommand = (declaration: CommandDeclaration, tokens: readonly Token[], prefix: string): ParseResult => {
  const prepared = prepare(declaration, tokens)
  if ('ok' in prepared) return prepared
  const command = buildCommand(declaration)
  try {
    command.parse([...prepared.argv], { from: 'user' })
  } catch (error) {
    return explainFailure(error, declaration, prepared, prefix)
  }
  const values = Object.create(null) as Record<string, ArgumentValue>
  const slotOf = (label: string, type: ParameterType, numbers: readonly string[]): Slot | undefined => {
    const wanted = new Set(numbers)
    const [first, ...others] = prepared.values.filter((_, number) => wanted.has(String(number)))
    return first && { label, type, values: [first, ...others] }
  }
  for (const [index, { name, type }] of declaration.positionals.entries()) {
    const given = command.processedArgs[index] as string | readonly string[] | undefined
    const slot = slotOf(`<${name}>`, type, [given ?? []].flat())
    if (!slot) continue
    const filled = scattered(declaration, slot) ?? fill(declaration, slot)
    if (!filled.ok) return filled
    values[name] = filled.value
  }
  const given = command.opts<Record<string, readonly string[] | true>>()
  for (const { name, type } of declaration.options) {
    const numbers = given[keyOfOption(name)]
    if (numbers === undefined) continue
    const slot = type && numbers !== true ? slotOf(`--${name}`, type, numbers) : undefined
    const filled: Filled = slot ? fill(declaration, slot) : { ok: true, value: true }
    if (!filled.ok) return filled
    values[name] = filled.value
  }
  return { ok: true, declaration, arguments: values, dryRun: given[keyOfOption('dry-run')] === true }
}

/** All names that a command answers to, each once. @throws Error when two declarations claim the same (a bug of the declarations) */
const indexNames = (declarations: readonly CommandDeclaration[]): ReadonlyMap<string, CommandDeclaration> => {
  const names = new Map<string, CommandDeclaration>()
  for (const declaration of declarations) {
    for (const name of [declaration.name, ...(declaration.aliases ?? [])]) {
      if (names.has(name)) throw new Error(`two commands are called ${name}`)
      names.set(name, declaration)
    }
    const keys = [...declaration.positionals, ...optionsOf(declaration)].map(({ name }) => name)
    const twice = keys.find((key, index) => keys.indexOf(key) !== index)
    if (twice !== undefined) throw new Error(`two arguments of ${declaration.name} are called ${twice}`)
  }
  return names
}

/**
 * Makes the parser of chat commands out of their declarations. The parser is pure and never throws.
 * @param prefix shown in usage lines
 * @example createParser(declarations)('remove @a:hs --rooms tech @b:hs')
 */
export const createParser = (declarations: readonly CommandDeclaration[], prefix = '!'): Parser => {
  const names = indexNames(declarations)
  // commander checks a declaration while it builds: better now than at the first use.
  for (const declaration of declarations) buildCommand(declaration)
  return (line, pills = []) => {
    if (line.length > maxLineLength) return problem('too-long', `A command has at most ${maxLineLength} characters`)
    const end = wordEnd(line)
    const word = line.slice(0, end)
    const declaration = names.get(word.toLowerCase())
    if (!declaration) {
      // "!ping!" and "!ping." are `ping` with zeal.
      const letters = /^\p{L}[\p{L}\p{N}-]*/u.exec(word)?.[0] ?? ''
      const suggestions = names.has(letters.toLowerCase()) ? [letters.toLowerCase()] : suggest(word, names.keys())
      return problem('unknown-command', `There is no command “${prefix}${word}”`, { suggestions, position: 0 })
    }
    const split = tokenise(line, pills, end)
    if (!split.ok) {
      return problem(split.code, 'This quote is never closed', { declaration, position: split.position })
    }
    return readCommand(declaration, split.tokens, prefix)
  }
}
