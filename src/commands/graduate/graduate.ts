import type { ChangeCommand } from '../../chat/command.ts'
import type { PlannedStep } from '../../chat/effects.ts'
import type { JobView } from '../../jobs/job.ts'
import type { GraduationPayload } from '../../onboarding/graduation.ts'
import type { UserId } from '../../types.ts'
import type { IndocCommandPorts } from '../request/request.ts'
import { isSubject, subjectOf } from '../subject.ts'
import { refusal } from '../words.ts'
import { graduateDeclaration } from './declaration.ts'

export interface GraduatePorts extends IndocCommandPorts {
  readonly hasAccount: (userId: UserId) => boolean
  readonly displayName: (userId: UserId) => string | null
  /** The graduation that waits for somebody. */
  readonly openGraduation: (userId: UserId) => JobView | undefined
}

/** `!graduate`: out of INDOC now, whatever has been joined. */
export const createGraduateCommand = (ports: GraduatePorts): ChangeCommand => ({
  declaration: graduateDeclaration,
  plan: (request) => {
    const subject = subjectOf(ports, request)
    if (!isSubject(subject)) return subject
    const { userId, name } = subject
    if (ports.roleOf(userId) !== 'everyone')
      return refusal('target-role', `${name} stays in INDOC: moderators and admins are not taken out.`)
    const membership = ports.membership(userId)
    if (membership !== 'join' && membership !== 'invite') return refusal('not-in-indoc', `${name} is not in INDOC.`)
    if (!ports.hasAccount(userId)) {
      return refusal(
        'no-account',
        `Nothing was done: ${name} has no account yet. `,
        { code: `!gtg ${userId}` },
        ' makes one; ',
        { code: `!remove ${userId} --rooms here` },
        ' in INDOC takes somebody out without.',
      )
    }
    const open = ports.openGraduation(userId)
    const payload: GraduationPayload = {
      userId,
      name: ports.displayName(userId) ?? userId,
      rooms: [],
      deadline: request.now,
      askedBy: request.asker.userId,
    }
    const schedule: PlannedStep = {
      effect: { kind: 'job.schedule', job: 'graduation', uniqueKey: userId, payload: { ...payload }, delayMs: 0 },
      text: `say good-bye to ${name} and take them out of INDOC now`,
    }
    const cancel: PlannedStep | undefined = open && {
      effect: { kind: 'job.cancel', jobId: open.jobId, reason: 'replaced by !graduate' },
      text: `end the waiting of #${open.jobId}`,
    }
    return { summary: name, steps: cancel === undefined ? [schedule] : [cancel, { ...schedule, after: [0] }], targets: [userId] }
  },
})
