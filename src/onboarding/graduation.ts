import { z } from 'zod'
import { messageContent } from '../matrix/message.ts'
import type { Directory } from '../directory/directory.ts'
import type { Job, JobHandler, JobResult } from '../jobs/job.ts'
import { describeFailure } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import { decide, whoCan } from '../matrix/power-levels.ts'
import type { Clock } from '../operations/clock.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Templates } from './templates.ts'

/** What a graduation job is told. */
export const graduationPayload = z.object({
  userId: z.string(),
  name: z.string(),
  /** Rooms the person was invited to: having joined one of them is arrival. */
  rooms: z.array(z.string()).default([]),
  /** When it happens even if the person has joined nothing (milliseconds since the epoch). */
  deadline: z.number(),
  askedBy: z.string(),
})
export type GraduationPayload = z.infer<typeof graduationPayload>

export interface GraduationOptions {
  readonly directRooms: DirectRooms
  readonly directory: Directory
  readonly homeserver: Pick<Homeserver, 'member' | 'userId'>
  readonly outbox: Pick<Outbox, 'add' | 'kick' | 'sent'>
  readonly templates: Templates
  readonly clock: Clock
  readonly indoc: () => RoomId | undefined
  /** Moderators and admins stay: they work there. */
  readonly hasRole: (userId: UserId) => boolean
  /** Has a person behind a bridge got their welcome? They join nothing here by which it could be seen. */
  readonly isWelcomedOverBridge: (userId: UserId) => boolean
  readonly onDead: (payload: GraduationPayload, reason: string) => void
}

const lookAgainMs = 60_000

/**
 * Takes somebody out of INDOC who has arrived: as soon as they have joined the DM or an invited room, at the latest after the grace. Says
 * good-bye with a mention first, then kicks with a reason. Whatever happened to welcome and invitations, this job stands on its own.
 */
export const createGraduationHandler = (options: GraduationOptions): JobHandler => ({
  maxAttempts: 20,
  run: (job, { signal }) => run(options, job, signal),
  onDead: (job, reason) => options.onDead(graduationPayload.parse(job.payload), reason),
})

const run = async (options: GraduationOptions, job: Job, signal: AbortSignal): Promise<JobResult> => {
  const payload = graduationPayload.parse(job.payload)
  const { directory, directRooms, clock } = options
  const userId = payload.userId as UserId
  const indoc = options.indoc()
  if (indoc === undefined) return { state: 'failed', reason: 'the INDOC room is not known', delayMs: lookAgainMs }
  const membership = directory.membership(indoc, userId)
  if (membership !== 'join' && membership !== 'invite') return { state: 'done', note: 'the person is not in INDOC' }
  if (options.hasRole(userId)) return { state: 'cancelled', reason: 'the person has a role now and stays in INDOC' }
  const direct = directRooms.roomOf(userId)
  const joined = [...(direct === undefined ? [] : [direct]), ...(payload.rooms as RoomId[])].some(
    (room) => directory.membership(room, userId) === 'join',
  )
  const arrived = joined || options.isWelcomedOverBridge(userId)
  const left = payload.deadline - clock.now()
  if (!arrived && left > 0) return { state: 'wait', delayMs: left, note: 'waits until the person has joined another room' }
  return graduate(options, job, payload, indoc, signal)
}

const graduate = async (
  options: GraduationOptions,
  job: Job,
  payload: GraduationPayload,
  indoc: RoomId,
  signal: AbortSignal,
): Promise<JobResult> => {
  const { directory, homeserver, outbox, templates } = options
  const userId = payload.userId as UserId
  const power = directory.power(indoc)
  const allowed = power === undefined ? undefined : decide(power, 'kick', homeserver.userId, userId)
  // Without power a good-bye would only confuse.
  if (power !== undefined && allowed?.allowed === false) {
    const able = whoCan(power, 'kick', userId, new Set(directory.memberIds(indoc))).people
    return {
      state: 'dead',
      reason: `${allowed.text}. ${able.length === 0 ? 'Nobody there has it' : `These could help: ${able.join(', ')}`}`,
    }
  }
  if (directory.membership(indoc, userId) === 'join') {
    const text = templates.render('graduation', { people: [{ userId, name: payload.name }] })
    const txnId = transactionId(`graduation-${job.jobId}`, 'good-bye')
    outbox.add({ txnId, roomId: indoc, type: 'm.room.message', content: messageContent(text, 'm.notice') })
    outbox.kick(indoc)
    await outbox.sent(txnId)
    // The outbox stops waiting when the bot stops: nobody is taken out before the good-bye is there.
    if (signal.aborted) return { state: 'failed', reason: 'the bot is shutting down' }
  }
  const result = await homeserver.member('kick', indoc, userId, 'Arrived: welcome to the community!')
  if (result.ok) return { state: 'done', note: 'taken out of INDOC' }
  if (result.code === 'limited' || result.code === 'down')
    return { state: 'failed', reason: describeFailure(result), delayMs: result.retryAfterMs }
  // The next run looks whether the person is still there.
  return { state: 'failed', reason: describeFailure(result) }
}
