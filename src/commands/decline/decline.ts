import type { ChangeCommand } from '../../chat/command.ts'
import type { PlannedStep } from '../../chat/effects.ts'
import { holdsPersonalData } from '../../chat/personal.ts'
import type { RoomId } from '../../types.ts'
import type { IndocCommandPorts } from '../request/request.ts'
import { isSubject, subjectOf } from '../subject.ts'
import { refusal } from '../words.ts'
import { declineDeclaration } from './declaration.ts'

/** `!decline`: somebody is not let in. */
export const createDeclineCommand = (ports: IndocCommandPorts & { readonly indoc: () => RoomId | undefined }): ChangeCommand => ({
  declaration: declineDeclaration,
  plan: (request) => {
    const subject = subjectOf(ports, request)
    if (!isSubject(subject)) return subject
    const { userId, name } = subject
    const reason = request.arguments.text('reason')?.trim() || undefined
    if (ports.roleOf(userId) !== 'everyone') return refusal('target-role', `${name} has a role already: that is for an admin to take back.`)
    if (reason !== undefined && holdsPersonalData(reason))
      return refusal(
        'personal-reason',
        'Nothing was done: everybody in INDOC can read the reason, and an address or a number stands in it.',
      )
    const known = ports.newcomers.of(userId)
    const indoc = ports.indoc()
    const membership = ports.membership(userId)
    if (membership !== 'knock' && membership !== 'invite' && membership !== 'join')
      return refusal('not-in-indoc', `${name} neither waits in INDOC nor knocks.`)
    if (known?.state === 'approved' || ports.isSettled(userId)) {
      return refusal('already-decided', `${name} was approved already. `, { code: `!remove ${userId}` }, ' takes them out of rooms.')
    }
    const decide: PlannedStep = {
      effect: {
        kind: 'newcomer.decide',
        userId,
        decision: 'declined',
        by: request.asker.userId,
        ...(reason === undefined ? {} : { reason }),
      },
      text: `note that ${name} is not let in`,
    }
    const tell: PlannedStep =
      membership === 'join' || indoc === undefined
        ? {
            effect: { kind: 'newcomer.post', template: 'declined', userIds: [userId], ...(reason === undefined ? {} : { reason }) },
            text: `tell ${name} in INDOC`,
            after: [0],
          }
        : {
            effect: { kind: 'room.kick', roomId: indoc, userId, ...(reason === undefined ? {} : { reason }) },
            text: membership === 'knock' ? `reject the knock of ${name}` : `take back the invitation of ${name} to INDOC`,
            after: [0],
          }
    const notes = membership === 'join' ? [`${name} stays in INDOC; \`!remove ${userId} --rooms here\` given there takes them out.`] : []
    return { summary: name, steps: [decide, tell], ...(notes.length === 0 ? {} : { notes }), targets: [userId] }
  },
})
