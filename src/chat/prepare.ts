import { isComma, isDash } from './characters.ts'
import { convert } from './convert.ts'
import type { CommandDeclaration, OptionDeclaration, ParameterType } from './declaration.ts'
import { problem, type Problem } from './problem.ts'
import { suggest } from './suggest.ts'
import { textOf, type Piece, type Token } from './tokenise.ts'

const dryRunOption: OptionDeclaration = { name: 'dry-run', summary: 'show the plan and do nothing' }

/** The options of a command, with those that every command of its effect has. */
export const optionsOf = (declaration: CommandDeclaration): readonly OptionDeclaration[] =>
  declaration.effect === 'none' ? declaration.options : [...declaration.options, dryRunOption]

/** A value on its way through commander: commander sees only its number, so nothing that people write can look like an option to it. */
export interface Value {
  readonly pieces: readonly Piece[]
  readonly start: number
  /** It follows the unquoted free text of an option: perhaps it was meant to be part of that. */
  readonly afterText?: string
  /** The option was given without a value, and this stands for it. */
  readonly bare?: string | number
}

/** Do commas separate its items? */
export const isListKind = (type: ParameterType | undefined): boolean => type?.kind === 'list' || type?.kind === 'rooms'
const isFreeText = (type: ParameterType): boolean => type.kind === 'text' || isListKind(type)
const endsWithComma = (token: Token): boolean => {
  const last = token.pieces.at(-1)
  return last !== undefined && !last.quoted && !last.pill && isComma(last.text.at(-1))
}
const beginsWithComma = (token: Token): boolean => {
  const first = token.pieces[0]
  return first !== undefined && !first.quoted && !first.pill && isComma(first.text[0])
}
/** `-5` is a number and `-` a text; `--rooms` and `-rooms` are meant as options. */
const isOptionLike = (token: Token): boolean => {
  const first = token.pieces[0]
  return first !== undefined && !first.quoted && !first.pill && /^(?:--|-\p{L})/u.test(first.text)
}

/** Joins words with a plain space between them. */
export const joinPieces = (parts: readonly (readonly Piece[])[]): readonly Piece[] =>
  parts.flatMap((pieces, index) => {
    return index === 0 ? pieces : [{ text: ' ', quoted: false, start: 0, end: 0 }, ...pieces]
  })

/** What goes to commander, and what its numbers stand for. */
export interface Prepared {
  readonly argv: readonly string[]
  readonly values: readonly Value[]
  /** The positionals in their order. */
  readonly positionals: readonly Value[]
  /** Where each given option stands in the line. */
  readonly seen: ReadonlyMap<string, number>
}

/** Walks the words once: finds options in any letter case, gives each its value, numbers the values. */
class Preparation {
  readonly #argv: string[] = []
  readonly #values: Value[] = []
  readonly #positionals: Value[] = []
  readonly #seen = new Map<string, number>()
  readonly #declaration: CommandDeclaration
  readonly #tokens: readonly Token[]
  readonly #options: ReadonlyMap<string, OptionDeclaration>
  readonly #bareWords: ReadonlyMap<string, OptionDeclaration>
  #index = 0
  #afterText: string | undefined

  constructor(declaration: CommandDeclaration, tokens: readonly Token[]) {
    const options = optionsOf(declaration)
    this.#declaration = declaration
    this.#tokens = tokens
    this.#options = new Map(options.flatMap((option) => [option.name, ...(option.aliases ?? [])].map((name) => [name, option] as const)))
    this.#bareWords = new Map(options.flatMap((option) => (option.bareWords ?? []).map((word) => [word, option] as const)))
  }

  run(): Prepared | Problem {
    let ended = false
    for (let token = this.#tokens[0]; token; token = this.#tokens[this.#index]) {
      this.#index += 1
      const text = textOf(token.pieces)
      if (ended || !isOptionLike(token)) {
        const option = ended || token.pieces[0]?.quoted ? undefined : this.#bareWords.get(text.toLowerCase())
        if (option) this.#bareWord(option, token)
        else this.#addPositional(token)
      } else if (text === '--') {
        ended = true
        this.#argv.push('--')
      } else {
        const found = this.#addOption(token)
        if (found) return found
      }
    }
    return { argv: this.#argv, values: this.#values, positionals: this.#positionals, seen: this.#seen }
  }

  #number(value: Value): string {
    this.#values.push(value)
    return String(this.#values.length - 1)
  }

  #bareWord(option: OptionDeclaration, token: Token): void {
    const pieces = token.pieces.map((piece) => ({ ...piece, text: piece.text.replace(/^--/, '') }))
    this.#seen.set(option.name, token.start)
    this.#argv.push(`--${option.name}`, this.#number({ pieces, start: token.start }))
    this.#afterText = undefined
  }

  #addPositional(token: Token): void {
    const type = this.#declaration.positionals[this.#positionals.length]?.type
    const pieces = isListKind(type) ? this.#joinAtCommas(token.pieces, token) : token.pieces
    const value = { pieces, start: token.start, ...(this.#afterText !== undefined && { afterText: this.#afterText }) }
    this.#positionals.push(value)
    this.#argv.push(this.#number(value))
    this.#afterText = undefined
  }

  /** People put a space after the commas of a list: `--rooms tech, cats` is one list. */
  #joinAtCommas(pieces: readonly Piece[], token: Token): readonly Piece[] {
    const parts = [pieces]
    let last = token
    for (let next = this.#tokens[this.#index]; next && !isOptionLike(next); next = this.#tokens[this.#index]) {
      if (!endsWithComma(last) && !beginsWithComma(next)) break
      parts.push(next.pieces)
      last = next
      this.#index += 1
    }
    return joinPieces(parts)
  }

  #addOption(token: Token): Problem | undefined {
    const first = textOf(token.pieces.slice(0, 1))
    const equals = first.indexOf('=')
    const typed = equals === -1 ? textOf(token.pieces) : first.slice(0, equals)
    const name = Array.from(typed.replace(/^--?/, ''))
      .map((character) => (isDash(character) ? '-' : character))
      .join('')
      .toLowerCase()
    const option = typed.startsWith('--') ? this.#options.get(name) : undefined
    const more = { declaration: this.#declaration, position: token.start }
    const bareOption = this.#bareWords.get(name)
    if (!option && bareOption && equals === -1) {
      this.#bareWord(bareOption, token)
      return undefined
    }
    if (!option) {
      const suggestions = suggest(name, this.#options.keys()).map((candidate) => `--${candidate}`)
      return problem('unknown-option', `\`${this.#declaration.name}\` has no option “${typed}”`, { ...more, suggestions })
    }
    const label = `--${option.name}`
    const inline =
      equals === -1 ? undefined : token.pieces.map((piece, index) => (index === 0 ? { ...piece, text: first.slice(equals + 1) } : piece))
    this.#seen.set(option.name, token.start)
    if (!option.type) {
      if (inline) return problem('unexpected-value', `\`${label}\` takes no value`, more)
      this.#argv.push(label)
      this.#afterText = undefined
      return undefined
    }
    const value = this.#valueFor(option, option.type, token, inline)
    if (!value) return problem('missing-value', `\`${label}\` needs a value after it`, more)
    this.#argv.push(label, this.#number(value))
    this.#afterText = isFreeText(option.type) && value.pieces.every((piece) => !piece.quoted) ? label : undefined
    return undefined
  }

  #valueFor(option: OptionDeclaration, type: ParameterType, token: Token, inline: readonly Piece[] | undefined): Value | undefined {
    if (inline && inline.every((piece) => piece.text === '' && !piece.quoted)) return undefined
    if (inline) return { pieces: isListKind(type) ? this.#joinAtCommas(inline, token) : inline, start: token.start }
    const next = this.#tokens[this.#index]
    const isMissing = !next || isOptionLike(next)
    if (option.valueIfBare !== undefined && (isMissing || !convert(type, next.pieces).ok)) {
      return { pieces: [], bare: option.valueIfBare, start: token.start }
    }
    if (isMissing) return undefined
    this.#index += 1
    return { pieces: isListKind(type) ? this.#joinAtCommas(next.pieces, next) : next.pieces, start: next.start }
  }
}

/** Makes the words of a line ready for commander, or says what is wrong with an option. */
export const prepare = (declaration: CommandDeclaration, tokens: readonly Token[]): Prepared | Problem =>
  new Preparation(declaration, tokens).run()
