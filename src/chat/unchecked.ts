import type { UserId } from '../types.ts'
import type { Answer } from './answer.ts'
import type { Unavailable } from './command.ts'
import type { Plan } from './effects.ts'

/**
 * A plan about people whom nobody could say to exist is asked about first: an id with a slip in it may be somebody else's, now or later, and an
 * account that is linked to it, or an invitation, would be theirs.
 * @param unchecked see `Resolution`
 */
export const askAboutUnchecked = <Made extends Plan | Answer | Unavailable>(made: Made, unchecked: readonly UserId[]): Made => {
  if (unchecked.length === 0 || !('steps' in made)) return made
  const [who, whose] = unchecked.length === 1 ? ['it belongs', 'its server'] : ['they belong', 'their servers']
  const note = `I have never seen ${unchecked.join(', ')}, and could not check that ${who} to somebody: ${whose} did not say. Compare every letter.`
  return { ...made, confirm: true, notes: [...(made.notes ?? []), note] }
}
