import { paragraph } from './answer.ts'
import type { ParsedCommand } from './parse.ts'
import type { Turn } from './pipeline-ports.ts'

/** Why a code does not count. */
export type CodeProblem = 'unknown' | 'not-yours' | 'used' | 'expired'

/** The code that `!confirm` was given; empty if it is none. */
export const codeOf = (parsed: ParsedCommand): string => {
  const { code } = parsed.arguments
  return typeof code === 'string' ? code.replace(/[.,!]+$/, '') : ''
}

/** @param notYours what to say to somebody else than the person whose code it is */
export const codeProblemWords = (problem: CodeProblem, notYours: string): string =>
  ({
    unknown: 'I asked nobody here for that code',
    'not-yours': notYours,
    used: 'this code was used already',
    expired: 'this code has run out. Give the command again',
  })[problem]

/** Refuses a `!confirm`: the person reads why, and the audit has a line of it. */
export const refuseConfirm = async (turn: Turn, code: string, words: string): Promise<void> =>
  await turn.reply.finish(
    { mark: '❌', blocks: [paragraph(words)], code },
    { command: 'confirm', arguments: {}, outcome: 'refused', code, detail: words },
  )
