import type { Answer } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest } from '../../chat/command.ts'
import type { Plan } from '../../chat/effects.ts'
import type { Membership } from '../../database/schema.ts'
import type { Newcomers } from '../../onboarding/newcomers.ts'
import type { Role, UserId } from '../../types.ts'
import { isSubject, subjectOf } from '../subject.ts'
import type { SubjectPorts } from '../subject.ts'
import { peopleWords, refusal } from '../words.ts'
import { requestDeclaration } from './declaration.ts'

/** What the commands about people in INDOC may look at. */
export interface IndocCommandPorts extends SubjectPorts {
  readonly newcomers: Pick<Newcomers, 'of' | 'all'>
  /** What the person is in INDOC. */
  readonly membership: (userId: UserId) => Membership | undefined
  readonly roleOf: (userId: UserId) => Role
  /** Has an account or a role by now. */
  readonly isSettled: (userId: UserId) => boolean
}

/** More people in one message would be noise. */
const most = 20

/** `!request`: posts the question for an introduction again. */
export const createRequestCommand = (ports: IndocCommandPorts): ChangeCommand => ({
  declaration: requestDeclaration,
  plan: (request) => {
    const people = whom(ports, request)
    if ('blocks' in people) return people
    const names = peopleWords(people.map((userId) => ports.nameOf(userId)))
    const plan: Plan = {
      summary: names,
      steps: [
        {
          effect: { kind: 'newcomer.post', template: 'introduction-prompt', userIds: people },
          text: `ask ${names} in INDOC for an introduction`,
        },
      ],
      targets: people,
    }
    return plan
  },
})

const whom = (ports: IndocCommandPorts, request: CommandRequest): readonly UserId[] | Answer => {
  if (request.arguments.user('user') === undefined && request.replyTo === undefined) {
    const open = ports.newcomers
      .all()
      .filter(({ userId, introduction, came }) => came === 'join' && introduction === null && !ports.isSettled(userId))
    return open.length === 0
      ? refusal('nobody', 'Nobody is asked: everybody who waits has introduced themselves.')
      : open.slice(0, most).map(({ userId }) => userId)
  }
  const subject = subjectOf(ports, request)
  if (!isSubject(subject)) return subject
  const { userId, name } = subject
  if (ports.roleOf(userId) !== 'everyone') return refusal('target-role', `${name} has a role and does not have to introduce themselves.`)
  const membership = ports.membership(userId)
  if (membership === 'knock')
    return refusal(
      'still-knocking',
      `${name} still knocks and cannot read INDOC. `,
      { code: `!gtg ${userId}` },
      ' lets them in, and I ask then.',
    )
  if (membership !== 'join') return refusal('not-in-indoc', `${name} is not in INDOC and would not read it.`)
  return [userId]
}
