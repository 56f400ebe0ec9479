import type { ChangeCommand } from '../../chat/command.ts'
import { durationWords } from '../../operations/durations.ts'
import type { JobView } from '../../jobs/job.ts'
import type { UserId } from '../../types.ts'
import { jobTitle } from '../jobs/job-words.ts'
import { refusal } from '../words.ts'
import { retryDeclaration } from './declaration.ts'

export interface RetryPorts {
  /** `Scheduler.get` */
  readonly job: (jobId: number) => JobView | undefined
  readonly nameOf: (userId: UserId) => string
  /** Milliseconds until Authentik is asked again after it failed; 0 = it answers. */
  readonly pausedMs: () => Promise<number>
}

/** Jobs that come to nothing while Authentik is away. */
const needsAuthentik: ReadonlySet<string> = new Set(['command', 'welcome', 'credentials', 'arrival', 'authentik-mirror'])

/** `!retry <id>`: a waiting or dead job is tried now. Whether it may still be is decided when it is done. */
export const createRetryCommand = (ports: RetryPorts): ChangeCommand => ({
  declaration: retryDeclaration,
  plan: async ({ arguments: given }) => {
    const jobId = given.number('id') ?? 0
    const job = ports.job(jobId)
    if (job === undefined) return refusal('not-found', `There is no job #${jobId}. All of them: `, { code: '!jobs' })
    const title = jobTitle(job, ports.nameOf)
    if (job.state === 'done') return refusal('already-done', `#${jobId} (${title}) is done already.`)
    if (job.state === 'cancelled') return refusal('already-cancelled', `#${jobId} (${title}) was given up: give the command anew.`)
    const pausedMs = needsAuthentik.has(job.kind) ? await ports.pausedMs() : 0
    const wait = durationWords(pausedMs)
    const note = `Authentik did not answer a moment ago; I ask it again in ${wait}. If #${jobId} does not work now, it goes on by itself then.`
    return {
      summary: `try #${jobId} again now (${title})`,
      steps: [{ effect: { kind: 'job.retry', jobId }, text: `try #${jobId} again now: ${title}` }],
      targets: [],
      ...(pausedMs === 0 ? {} : { notes: [note] }),
    }
  },
})
