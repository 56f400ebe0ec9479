import type { ChangeCommand } from '../../chat/command.ts'
import type { JobView } from '../../jobs/job.ts'
import type { UserId } from '../../types.ts'
import { isStanding, jobTitle } from '../jobs/job-words.ts'
import { refusal } from '../words.ts'
import { cancelDeclaration } from './declaration.ts'

export interface CancelPorts {
  /** `Scheduler.get` */
  readonly job: (jobId: number) => JobView | undefined
  readonly nameOf: (userId: UserId) => string
}

/** `!cancel <id>`: gives a waiting or dead job up. */
export const createCancelCommand = (ports: CancelPorts): ChangeCommand => ({
  declaration: cancelDeclaration,
  plan: ({ arguments: given, asker, eventId }) => {
    const jobId = given.number('id') ?? 0
    const job = ports.job(jobId)
    if (job === undefined) return refusal('not-found', `There is no job #${jobId}. All of them: `, { code: '!jobs' })
    const title = jobTitle(job, ports.nameOf)
    if (isStanding(job.kind))
      return refusal('standing', `#${jobId} (${title}) belongs to me and comes back by itself: it cannot be given up.`)
    if (job.state === 'done') return refusal('already-done', `#${jobId} (${title}) is done already.`)
    if (job.state === 'cancelled') return refusal('already-cancelled', `#${jobId} (${title}) was given up already.`)
    return {
      summary: `give #${jobId} up (${title})`,
      // The event makes the reason this command's own, so that a restart knows its work again.
      steps: [
        { effect: { kind: 'job.cancel', jobId, reason: `given up by ${asker.userId} (${eventId})` }, text: `give #${jobId} up: ${title}` },
      ],
      targets: [],
    }
  },
})
