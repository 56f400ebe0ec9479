/** Folds letter case and composition, so that `Ada`, `ADA` and `ada` are the same name. */
export const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

/**
 * Makes a person's words safe for the `search` parameter: since 2026.5 (2025.8 with a licence) Authentik reads it as a query language
 * (`username ~ "a" and is_active = True`) first, and only what cannot be parsed as such as words.
 * @returns words separated by single blanks, perhaps none
 */
export const searchWords = (text: string): readonly string[] =>
  text
    .replace(/[=~!<>()[\]{}"'`\\,\p{Cc}]/gu, ' ')
    .split(/\s+/u)
    .filter((word) => word !== '')
    .slice(0, 10)

/** Whether every word is part of one of the texts: Authentik's own search also matches digits inside UUIDs. */
export const matchesWords = (words: readonly string[], texts: readonly string[]): boolean => {
  const hay = texts.map(folded)
  return words.every((word) => hay.some((text) => text.includes(folded(word))))
}

/**
 * A name for an invitation: letters, digits, `_` and `-`, at most 50 (the limit before 2025.12).
 * @returns `invitation` when nothing usable is left
 */
export const invitationName = (text: string): string => {
  const plain = text
    .normalize('NFKD')
    .replace(/[^-\w]+/g, '-')
    .replace(/-{2,}/g, '-')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '')
  return plain === '' ? 'invitation' : plain
}
