/**
 * The characters that phones put in the place of the typed ones. Everything here is one UTF-16 unit, so positions in a line stay exact.
 */

// `\s` holds the no-break spaces and the byte order mark; zero-width space and Mongolian vowel separator are spaces to the eye only.
const space = /[\s\p{Cc}\u180e\u200b]/u
/** Is it a space, of any script, or a control character? */
export const isSpace = (character: string | undefined): boolean => character !== undefined && space.test(character)

// Direction marks and joiners that come along with copied text. ZWJ and ZWNJ stay: names and emoji need them.
const invisible = /[\u00ad\u061c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f]/
/** Is it a mark without a shape, which nobody types on purpose? */
export const isInvisible = (character: string | undefined): boolean => character !== undefined && invisible.test(character)

const longDash = /[\u2012-\u2015\u2e3a\u2e3b\ufe31\ufe32\ufe58]/
const dash = /[-\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe31\ufe32\ufe58\ufe63\uff0d]/
/** Is it an en dash, em dash or another that stands for two hyphens? */
export const isLongDash = (character: string): boolean => longDash.test(character)
/** Is it a hyphen or a dash of any length? */
export const isDash = (character: string | undefined): boolean => character !== undefined && dash.test(character)

const doubleQuote = /["“”„‟«»＂]/
/** Does it open or close a quotation as `"` does? */
export const isDoubleQuote = (character: string | undefined): boolean => character !== undefined && doubleQuote.test(character)

const singleQuote = /['‘’‚‛]/
/** Does it open or close a quotation as `'` does? (It may also be an apostrophe.) */
export const isSingleQuote = (character: string | undefined): boolean => character !== undefined && singleQuote.test(character)

const wordCharacter = /[\p{L}\p{N}\p{M}]/u
/** Is it a letter or a digit? Halves of characters beyond the basic plane count, they are mostly letters. */
export const isWordCharacter = (character: string | undefined): boolean =>
  character !== undefined && (wordCharacter.test(character) || /[\ud800-\udfff]/.test(character))

const comma = /[,\u060c\u3001\uff0c]/
/** Is it a comma, also the Arabic, ideographic or full-width one? */
export const isComma = (character: string | undefined): boolean => character !== undefined && comma.test(character)

/** Where the first word of a line ends. */
export const wordEnd = (line: string): number => {
  let index = 0
  while (index < line.length && !isSpace(line[index])) index += 1
  return index
}
