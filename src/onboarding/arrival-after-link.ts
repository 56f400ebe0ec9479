import { z } from 'zod'
import type { Answer } from '../chat/answer.ts'
import type { Role } from '../chat/declaration.ts'
import type { Executor } from '../chat/execute.ts'
import { renderOutcomes } from '../chat/outcomes.ts'
import type { PlanStore } from '../chat/plans.ts'
import type { Job, JobHandler, JobResult } from '../jobs/job.ts'
import type { Clock } from '../operations/clock.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { planArrival } from './arrival.ts'
import type { ArrivalPorts } from './arrival-wish.ts'
import { pendingWish } from './pending-links.ts'

/** What a job of the kind `arrival` is told. */
const payloadSchema = z.object({ userId: z.string(), wish: pendingWish, askedBy: z.string() })

export interface AfterLinkOptions {
  readonly arrival: ArrivalPorts
  readonly plans: PlanStore
  readonly executor: Pick<Executor, 'run'>
  readonly roleOf: (userId: UserId) => Role
  /** Where the answer will stand: the admin room. */
  readonly room: () => RoomId | undefined
  /** Tells what came of it, with a mention of who asked. */
  readonly tell: (answer: Answer, askedBy: UserId, jobId: number) => void
  readonly onDead: (userId: UserId, askedBy: string, reason: string, jobId: number) => void
  readonly clock: Clock
}

const unknownRoomMs = 60_000

/**
 * The rest of an arrival, once the person has proven which Matrix user they are: welcome, rooms, graduation. The same plan as that of the command,
 * on behalf of the moderator who gave it.
 */
export const createAfterLinkHandler = (options: AfterLinkOptions): JobHandler => ({
  maxAttempts: 100,
  run: (job, { signal }) => run(options, job, signal),
  onDead: (job, reason) => {
    const { userId, askedBy } = payloadSchema.parse(job.payload)
    options.onDead(userId as UserId, askedBy, reason, job.jobId)
  },
})

const run = async (options: AfterLinkOptions, job: Job, signal: AbortSignal): Promise<JobResult> => {
  const { plans, clock } = options
  const payload = payloadSchema.parse(job.payload)
  const [userId, askedBy] = [payload.userId as UserId, payload.askedBy as UserId]
  const room = options.room()
  if (room === undefined) return { state: 'failed', reason: 'the admin room is not known yet', delayMs: unknownRoomMs }
  // No event of a room began this plan: the job stands for it.
  const cause = `$arrival-job-${job.jobId}` as EventId
  let stored = plans.byEvent(cause)
  if (stored === undefined) {
    const role = options.roleOf(askedBy)
    if (role === 'everyone') return { state: 'dead', reason: 'who asked for it is no moderator any more' }
    const { rooms, ...wish } = payload.wish
    const plan = await planArrival(options.arrival, {
      ...wish,
      rooms: rooms?.map(({ roomId, name }) => ({ roomId: roomId as RoomId, name })),
      groups: [],
      person: { raw: userId, userId, name: wish.first },
      noWelcome: false,
      credentialsGiven: true,
      asker: { userId: askedBy, role },
      place: 'admin',
      now: clock.now(),
    })
    if ('unavailable' in plan) return { state: 'failed', reason: plan.words }
    if ('blocks' in plan) {
      options.tell(plan, askedBy, job.jobId)
      return { state: 'done', note: 'could not go on; the moderators were told' }
    }
    const planId = plans.create({
      eventId: cause,
      command: 'arrival',
      asker: askedBy,
      roomId: room,
      plan,
      state: 'running',
      now: clock.now(),
    })
    stored = plans.get(planId)
    if (stored === undefined) throw new Error('a plan that was just stored cannot be read')
  }
  if (stored.state !== 'running') return { state: 'done', note: 'done' }
  const outcomes = await options.executor.run(stored.planId, signal)
  if (outcomes === undefined) return { state: 'failed', reason: 'the bot is shutting down' }
  plans.setState(stored.planId, 'done', clock.now())
  options.tell(renderOutcomes(stored.plan, outcomes), askedBy, job.jobId)
  return { state: 'done', note: 'done' }
}
