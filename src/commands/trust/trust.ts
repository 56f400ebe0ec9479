import type { ChangeCommand } from '../../chat/command.ts'
import { fingerprint } from '../../crypto/person-identities.ts'
import type { PersonIdentity } from '../../crypto/person-identities.ts'
import type { UserId } from '../../types.ts'
import { ago, refusal } from '../words.ts'
import { trustDeclaration } from './declaration.ts'

export interface TrustPorts {
  /** `PersonIdentities.of` */
  readonly remembered: (userId: UserId) => PersonIdentity | undefined
  /** The key that the server shows for a person now; asks it. undefined = none, or it does not answer. */
  readonly shown: (userId: UserId) => Promise<string | undefined>
}

/** `!trust @user`: accepts the identity that somebody has now in place of the one that is remembered. */
export const createTrustCommand = (ports: TrustPorts): ChangeCommand => ({
  declaration: trustDeclaration,
  plan: async ({ arguments: given, asker, now }) => {
    const person = given.user('who')
    if (person?.userId === undefined) return refusal('no-user', 'That account has no Matrix user that I know of, so it cannot command me.')
    const { userId, name } = person
    if (userId === asker.userId)
      return refusal('target-self', 'You cannot accept your own identity. Ask another admin, or the operator: ', {
        code: `gatehouse crypto trust ${userId}`,
      })
    const remembered = ports.remembered(userId)
    if (remembered === undefined)
      return refusal(
        'not-remembered',
        `I remember no identity of ${name}: theirs counts when they give their first command. Nothing is to be done.`,
      )
    const shown = (await ports.shown(userId)) ?? remembered.otherKey
    if (shown === undefined || (shown === remembered.masterKey && remembered.otherKey === undefined)) {
      return refusal(
        'unchanged',
        `${name} has the identity that I know (`,
        { code: fingerprint(remembered.masterKey) },
        '). Nothing is to be done.',
      )
    }
    const { masterKey: before } = remembered
    return {
      summary: `accept the identity of ${name}`,
      notes: [
        `Until now: ${fingerprint(before)} (since ${ago(remembered.acceptedAt, now)}).`,
        `Then: ${fingerprint(shown)}${shown === before ? ', the same again: another one was seen in between' : ''}.`,
        'Have you asked them in person or by telephone? Whoever holds this identity can command me as them.',
      ],
      steps: [
        {
          effect: { kind: 'identity.trust', userId, masterKey: shown, before, by: asker.userId },
          text: `take commands of ${name} under the identity ${fingerprint(shown)}`,
        },
      ],
      targets: [],
    }
  },
})
