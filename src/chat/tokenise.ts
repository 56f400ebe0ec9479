import { isDash, isDoubleQuote, isInvisible, isLongDash, isSingleQuote, isSpace, isWordCharacter } from './characters.ts'
import type { Pill } from './pills.ts'

/** A stretch of a token. `start` and `end` are offsets in the line. */
export interface Piece {
  readonly text: string
  /** Stood in quotes or behind a backslash: never an option, and its commas do not separate. */
  readonly quoted: boolean
  readonly pill?: Pill
  readonly start: number
  readonly end: number
}

/** A word of the line. Its pieces stand side by side: `--rooms="General chat",tech` has three. */
export interface Token {
  readonly pieces: readonly Piece[]
  readonly start: number
  readonly end: number
}

export type Tokens =
  | { readonly ok: true; readonly tokens: readonly Token[] }
  | {
      readonly ok: false
      readonly code: 'unterminated-quote'
      /** Where the quote stands that nothing closes. */ readonly position: number
    }

/** What a token says, quotes removed. */
export const textOf = (pieces: readonly Piece[]): string => pieces.map((piece) => piece.text).join('')

/** A line break stays in a quoted text; every other kind of space becomes the plain one. */
const quotedCharacter = (character: string): string => {
  if (isInvisible(character)) return ''
  return isSpace(character) && character !== '\n' ? ' ' : character
}

/** Does a quote character at `at` open a quotation by its place: after a space or bracket, before a word? */
const looksOpening = (line: string, at: number): boolean =>
  (isSpace(line[at - 1]) || /[([=,]/.test(line.charAt(at - 1))) && at + 1 < line.length && !isSpace(line[at + 1])

interface Quotation {
  readonly text: string
  /** Offset after the closing quote. */
  readonly end: number
  /** The quotation is this pill and nothing else. */
  readonly pill?: Pill
}

type PillMap = ReadonlyMap<number, Pill>

const quotation = (text: string, open: number, close: number, pills: PillMap): Quotation => {
  const pill = pills.get(open + 1)
  return pill?.end === close ? { text, end: close + 1, pill } : { text, end: close + 1 }
}

/**
 * Reads what stands after a double quote at `open`. Phones mix straight and curly ones, so any of them may close; but a quotation of the
 * other shape inside (`"he said “no” to me"`) is text.
 */
const readDouble = (line: string, open: number, pills: PillMap): Quotation | undefined => {
  const opener = line.charAt(open)
  const ownCloser = new Map([
    ['"', '"'],
    ['“', '”'],
    ['„', '”'],
    ['«', '»'],
  ]).get(opener)
  let text = ''
  let nested = false
  for (let index = open + 1; index < line.length; index += 1) {
    const character = line.charAt(index)
    const next = line[index + 1]
    const pill = pills.get(index)
    if (pill) {
      text += pill.text
      index = pill.end - 1
    } else if (character === '\\' && next !== undefined && (next === '\\' || isDoubleQuote(next))) {
      text += next
      index += 1
    } else if (!isDoubleQuote(character)) text += quotedCharacter(character)
    else if (opener === '"' && character === '"') return quotation(text, open, index, pills)
    else if (nested) {
      nested = false
      text += character
    } else if (character !== ownCloser && looksOpening(line, index)) {
      nested = true
      text += character
    } else {
      // French quotation marks have spaces inside.
      return quotation(opener === '«' ? text.trim() : text, open, index, pills)
    }
  }
  return undefined
}

/** `’` is apostrophe and quote in one: inside a word (don’t) and before one (’t Hooft) it closes nothing. */
const isApostrophe = (line: string, at: number): boolean =>
  isWordCharacter(line[at + 1]) && (isWordCharacter(line[at - 1]) || (line[at] === '’' && isSpace(line[at - 1])))

/** Reads what stands after a single quote at `open`. No escapes, as in a shell; an apostrophe between letters does not close. */
const readSingle = (line: string, open: number, pills: PillMap): Quotation | undefined => {
  let text = ''
  for (let index = open + 1; index < line.length; index += 1) {
    const character = line.charAt(index)
    const pill = pills.get(index)
    if (pill) {
      text += pill.text
      index = pill.end - 1
    } else if (isSingleQuote(character) && !isApostrophe(line, index)) return quotation(text, open, index, pills)
    else text += quotedCharacter(character)
  }
  return undefined
}

/** Reads the dashes at the start of a word: one hyphen stays one, an en or em dash or a run of hyphens is `--`. */
const readDashes = (line: string, at: number): { readonly text: string; readonly end: number } | undefined => {
  let end = at
  let long = false
  for (let character = line[end]; character !== undefined && isDash(character); character = line[end]) {
    long ||= isLongDash(character)
    end += 1
  }
  if (end === at) return undefined
  return { text: long || end - at > 1 ? '--' : '-', end }
}

/** Collects the pieces of the token at hand; neighbours of the same kind become one. */
class TokenBuilder {
  readonly tokens: Token[] = []
  #pieces: Piece[] = []

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  add(piece: Piece): void {
    const last = this.#pieces.at(-1)
    if (last && !last.quoted && !last.pill && !piece.quoted && !piece.pill) {
      this.#pieces[this.#pieces.length - 1] = { ...last, text: last.text + piece.text, end: piece.end }
    } else this.#pieces.push(piece)
  }

  finish(): void {
    const first = this.#pieces[0]
    const last = this.#pieces.at(-1)
    if (first && last) this.tokens.push({ pieces: this.#pieces, start: first.start, end: last.end })
    this.#pieces = []
  }
}

/**
 * Splits a line into words as a shell does, and forgives what phones do: curly quotes, dashes for `--`, no-break spaces. Never throws.
 * @param line the text, at most a few thousand characters
 * @param pills stretches of the line that mean a person or room; each is one piece whatever characters it has
 * @param from where to begin; positions stay those of the whole line
 */
export const tokenise = (line: string, pills: readonly Pill[] = [], from = 0): Tokens => {
  const builder = new TokenBuilder()
  const pillAt = new Map(pills.map((pill) => [pill.start, pill]))
  // No single quote closes from here on: without this memory a line of ’ would be searched again for each of them.
  let onlyApostrophes = false
  let index = from
  while (index < line.length) {
    const start = index
    const character = line.charAt(start)
    const pill = pillAt.get(start)
    if (pill) {
      builder.add({ text: pill.text, quoted: false, pill, start, end: pill.end })
      index = pill.end
      continue
    }
    index += 1
    if (isSpace(character)) {
      builder.finish()
      continue
    }
    if (isInvisible(character)) continue
    if (character === '\\' && index < line.length) {
      builder.add({ text: line.charAt(index), quoted: true, start, end: index + 1 })
      index += 1
      continue
    }
    const isDouble = isDoubleQuote(character)
    if (isDouble || (isSingleQuote(character) && !isWordCharacter(line[start - 1]) && !onlyApostrophes)) {
      const found = isDouble ? readDouble(line, start, pillAt) : readSingle(line, start, pillAt)
      if (found) {
        builder.add({ text: found.text, quoted: true, start, end: found.end, ...(found.pill && { pill: found.pill }) })
        index = found.end
        continue
      }
      // ’ is the apostrophe of phones: "’t Hooft" opens nothing. The others do, so that a forgotten quote is told.
      if (character !== '’') return { ok: false, code: 'unterminated-quote', position: start }
      onlyApostrophes = true
    }
    const dashes = builder.isEmpty ? readDashes(line, start) : undefined
    index = dashes?.end ?? index
    builder.add({ text: dashes?.text ?? character, quoted: false, start, end: index })
  }
  builder.finish()
  return { ok: true, tokens: builder.tokens }
}

/**
 * Writes a text so that `tokenise` reads it back as one word.
 * @example quote('say "hi"') // "say \"hi\""
 */
export const quote = (text: string): string => `"${text.replace(/[\\"“”„‟«»＂]/g, (character) => `\\${character}`)}"`
