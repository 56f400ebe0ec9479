import type { Answer } from '../chat/answer.ts'
import { holdsPersonalData } from '../chat/personal.ts'
import { isUserId } from '../matrix/ids.ts'
import { parseMatrixLink } from '../matrix/links.ts'
import { refusal } from './words.ts'

/**
 * An address among the words of a name: somebody forgot the option before it. Taken as a name it would reach nobody, and everybody would read it.
 * @param name as it was written
 * @param option the one that takes a Matrix user, such as `--matrix`
 * @returns the refusal, without the address; undefined = a name
 */
export const misplacedIn = (name: string, option: string): Answer | undefined => {
  const isMatrix = name.split(/\s+/).some((word) => isUserId(word) || parseMatrixLink(word)?.kind === 'user')
  if (isMatrix)
    return refusal('misplaced-user', 'Nothing was done: a Matrix user stands among the names. Put ', { code: option }, ' before it.')
  if (!holdsPersonalData(name)) return undefined
  return refusal(
    'misplaced-address',
    'Nothing was done: an e-mail address or a number stands among the names. Put ',
    { code: '--email' },
    ' before an address; leave a number out.',
  )
}
