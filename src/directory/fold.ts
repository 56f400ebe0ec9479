/** Letters that Unicode does not take apart but that people type without their strokes. */
const strokes: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i' }

/**
 * Folds text for comparison: compatibility forms, case and accents do not count, white space is one blank.
 * @example fold('  Zoë  STRAßE ') === 'zoe strasse'
 */
export const fold = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll(/[ßæœøłđðþı]/g, (letter) => strokes[letter] ?? letter)
    .replaceAll(/\s+/g, ' ')
    .trim()

/**
 * The words of a text, folded. A word is a run of letters and digits; `+` and `#` at its end belong to it (`C++`, `C#`).
 * @example words('Hiking & Bouldering, C++') // ['hiking', 'bouldering', 'c++']
 */
export const words = (text: string): readonly string[] => fold(text).match(/[\p{L}\p{N}]+[+#]*/gu) ?? []

/** Does the run of words occur in the text, word for word and in this order? Never true for an empty run. */
export const hasWords = (text: readonly string[], run: readonly string[]): boolean =>
  run.length > 0 && text.some((_, start) => run.every((word, index) => text[start + index] === word))
