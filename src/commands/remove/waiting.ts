import type { Scheduler } from '../../jobs/scheduler.ts'
import { deliveries } from '../../onboarding/removed.ts'
import type { RoomId, UserId } from '../../types.ts'

const words: Readonly<Record<(typeof deliveries)[number], string>> = {
  welcome: 'give up the welcome',
  'bridged-welcome': 'give up the welcome',
  credentials: 'give up the new credentials',
  arrival: 'give up the rest of the arrival',
}
/** More invitations than this wait for nobody. */
const most = 500

/** The open jobs that would still bring something to a person: welcome, credentials, and invitations that wait for the server. */
export const waitingFor = (
  scheduler: Pick<Scheduler, 'open' | 'list'>,
  userId: UserId,
): readonly { readonly jobId: number; readonly text: string; readonly roomId?: RoomId }[] => [
  ...deliveries.flatMap((kind) => {
    const job = scheduler.open(kind, userId)
    return job === undefined ? [] : [{ jobId: job.jobId, text: words[kind] }]
  }),
  ...scheduler
    .list(['waiting', 'running'], most)
    .filter(({ kind, payload }) => kind === 'invite' && payload['userId'] === userId)
    .map(({ jobId, payload }) => ({ jobId, text: 'give up an invitation that waits', roomId: payload['roomId'] as RoomId })),
]
