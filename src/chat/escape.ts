/**
 * Text of others on its way into a message: it may not become markup, turn the line around or break it.
 */

/** Display names may have 255 bytes and more; a line stays readable with less. */
const maxNameLength = 100

const bidiControls = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
// Everything that is written from right to left: Hebrew to Arabic Extended, presentation forms, historic scripts, Adlam.
const rightToLeft = '[\\p{M}\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufefc\\u{10800}-\\u{10fff}\\u{1e800}-\\u{1efff}]'
const rightToLeftRun = new RegExp(`(?!\\p{M})${rightToLeft}+(?: ${rightToLeft}+)*`, 'gu')

/** Escapes for HTML text and attribute values. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

/** Without control characters (line breaks and tabs stay), direction marks and halves of characters. */
export const cleanLines = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .replace(bidiControls, '')

/** Puts each stretch of right-to-left writing into an isolate (U+2068 … U+2069), so that it cannot move what stands beside it. */
const isolate = (text: string): string => text.replace(rightToLeftRun, (run) => `\u2068${run}\u2069`)

/** Free text: line breaks stay. */
export const cleanText = (text: string): string => isolate(cleanLines(text))

/** A name or another value that stands in the middle of a line: one line, not too long. */
export const cleanName = (name: string): string => {
  const flat = cleanLines(name).replace(/\s+/g, ' ').trim()
  const characters = Array.from(flat)
  return isolate(characters.length > maxNameLength ? `${characters.slice(0, maxNameLength).join('')}…` : flat)
}
