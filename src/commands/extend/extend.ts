import type { ChangeCommand } from '../../chat/command.ts'
import { durationWords } from '../../operations/durations.ts'
import type { IndocCommandPorts } from '../request/request.ts'
import { isSubject, subjectOf } from '../subject.ts'
import { refusal } from '../words.ts'
import { extendDeclaration } from './declaration.ts'

/** `!extend`: a later deadline for an introduction. */
export const createExtendCommand = (ports: IndocCommandPorts & { readonly usualMs: number }): ChangeCommand => ({
  declaration: extendDeclaration,
  plan: (request) => {
    const subject = subjectOf(ports, request)
    if (!isSubject(subject)) return subject
    const { userId, name } = subject
    const known = ports.newcomers.of(userId)
    if (known?.state !== 'waiting' || ports.isSettled(userId)) return refusal('not-waiting', `${name} does not wait for anything in INDOC.`)
    if (known.introduction !== null) {
      return refusal('introduced', `${name} has introduced themselves, so no time runs out. `, { code: `!gtg ${userId}` }, ' lets them in.')
    }
    if (known.came !== 'join') return refusal('still-knocking', `${name} is not in INDOC yet, so no time runs.`)
    const by = request.arguments.number('by') ?? ports.usualMs
    return {
      summary: name,
      steps: [
        {
          effect: { kind: 'newcomer.extend', userId, deadline: request.now + by },
          text: `wait ${durationWords(by)} from now for the introduction of ${name}`,
        },
      ],
      targets: [userId],
    }
  },
})
