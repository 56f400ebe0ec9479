import type { Role, RoomKind } from '../types.ts'

export type { Role, RoomKind } from '../types.ts'

/**
 * A command is a declaration (this file), a plan or an answer, and a renderer. From the declaration come parsing, `!help`, suggestions,
 * the docs page and the permission table, so they cannot drift apart.
 */

/** What an argument is. Lists are separated by commas (`users`: also by spaces). */
export type ParameterType =
  | /** Any text; the last positional of this type with `rest` takes all that remains. */ { readonly kind: 'text' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | /** `90s`, `15m`, `2h`, `7d`, `2w`; value in milliseconds. */ { readonly kind: 'duration'; readonly min: number; readonly max: number }
  | /** Comma-separated words. */ { readonly kind: 'list' }
  | { readonly kind: 'email' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | /** One person: MXID, matrix.to link, `matrix:` URI, pill, account username or list row. */ { readonly kind: 'user' }
  | /** Several people, separated by spaces or commas, or a list handle (`#k3`). */ { readonly kind: 'users' }
  | /** One room: id, alias, link, pill or catalogue name. */ { readonly kind: 'room' }
  | /** Rooms, categories or `here`, separated by commas. */ { readonly kind: 'rooms' }

export interface PositionalDeclaration {
  /** Key of the value in `Arguments`, camelCase. */
  readonly name: string
  readonly type: ParameterType
  readonly required: boolean
  /** Takes everything that remains (only the last one may). Always on for `users`. */
  readonly rest?: boolean
  readonly summary: string
}

export interface OptionDeclaration {
  /** Long name without dashes, kebab-case: `keep-in-indoc`. Also the key of the value in `Arguments`. */
  readonly name: string
  /** Other spellings: `organisation`. */
  readonly aliases?: readonly string[]
  /** Absent = a flag. */
  readonly type?: ParameterType
  /** Shown in help: `--expires <duration>`. */
  readonly placeholder?: string
  /** `--redact [n]`: the value may be left out; then this stands for it. */
  readonly valueIfBare?: string | number
  /** Words that mean this option when they stand alone among the positionals: `here` for `--rooms here`. */
  readonly bareWords?: readonly string[]
  /** Names of options that cannot be given together with this one. */
  readonly conflictsWith?: readonly string[]
  readonly summary: string
}

export interface CommandDeclaration {
  /** Lower case, without prefix. */
  readonly name: string
  readonly aliases?: readonly string[]
  /** One line, beginning with a verb, no full stop. */
  readonly summary: string
  /** More for `!help <command>`; plain sentences. */
  readonly details?: string
  /** Command lines without prefix. */
  readonly examples: readonly string[]
  readonly role: Role
  readonly rooms: readonly RoomKind[]
  /** `changes`: gets `--dry-run` by itself. `destructive`: also plan and `!confirm`. */
  readonly effect: 'none' | 'changes' | 'destructive'
  readonly positionals: readonly PositionalDeclaration[]
  readonly options: readonly OptionDeclaration[]
  /** Names of arguments that hold personal data (masked in the audit; the command is redacted in INDOC). */
  readonly personal?: readonly string[]
}

/** A person as written, not yet looked up. */
export interface UserReference {
  /** As typed (or as in the pill). */
  readonly raw: string
  readonly as: 'mxid' | 'username' | 'row' | 'handle'
  /** The MXID, the username in its written case, the row number as text, or the handle without `#`. */
  readonly value: string
}

/** A room (or category) as written, not yet looked up. */
export interface RoomReference {
  readonly raw: string
  readonly as: 'id' | 'alias' | 'name' | 'here'
  /** The id, the alias, the name without a leading `#`, or `here`. */
  readonly value: string
  /** Servers to join through, if a link named some. */
  readonly via?: readonly string[]
}

/** A parsed value: text | integer or milliseconds | flag | words | references. */
export type ArgumentValue =
  | string
  | number
  | boolean
  | readonly string[]
  | UserReference
  | readonly UserReference[]
  | RoomReference
  | readonly RoomReference[]

/** Parsed arguments by positional name and option name. Absent = not given. Made with a null prototype. */
export type Arguments = Readonly<Record<string, ArgumentValue | undefined>>
