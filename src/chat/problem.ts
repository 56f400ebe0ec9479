import type { CommandDeclaration } from './declaration.ts'

export type ProblemCode =
  | 'too-long'
  | 'unknown-command'
  | 'unknown-option'
  | 'missing-argument'
  | 'missing-value'
  | 'unexpected-value'
  | 'excess-argument'
  | 'duplicate-option'
  | 'conflicting-options'
  | 'bad-value'
  | 'unterminated-quote'

/** Why a line could not be understood. Nothing is ever done on a guess. */
export interface Problem {
  readonly ok: false
  readonly code: ProblemCode
  /** The command, as far as it was known. */
  readonly declaration?: CommandDeclaration
  /** What is wrong, in plain words, without the suggestions. Holds words of the asker: escape it. */
  readonly words: string
  /** What may have been meant, ready to type: `remove`, `--rooms`, a choice. */
  readonly suggestions: readonly string[]
  /** Offset in the line of the first wrong character (UTF-16 units). */
  readonly position?: number
}

/** Short form for a problem. */
export const problem = (code: ProblemCode, words: string, more: Partial<Omit<Problem, 'ok' | 'code' | 'words'>> = {}): Problem => ({
  ok: false,
  code,
  words,
  suggestions: [],
  ...more,
})
