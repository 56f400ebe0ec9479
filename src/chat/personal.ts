import type { ParseResult } from './parse.ts'

/** Anything that is meant as an address, also a mistyped one. A Matrix id has nothing before its `@` and a colon behind the name. */
const email = /[\p{L}\p{N}._%+-]@[\p{L}\p{N}]/u
/** International form, as people write it. */
const phone = /\+[0-9](?:[\s().-]{0,2}[0-9]){6,}/

/** Does a text hold an e-mail address or a telephone number? Newcomers read along in INDOC, so such a text is not left or said there. */
export const holdsPersonalData = (text: string): boolean => email.test(text) || phone.test(text)

/**
 * Does a command hold personal data: by its declaration, or by what stands in the line, understood or not?
 * @param line as it was parsed
 */
export const isPersonalCommand = (parsed: ParseResult, line: string): boolean =>
  holdsPersonalData(line) || (parsed.ok && (parsed.declaration.personal ?? []).some((name) => parsed.arguments[name] !== undefined))
