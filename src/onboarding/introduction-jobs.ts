import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { JobHandler, JobResult } from '../jobs/job.ts'
import { describeFailure } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import { durationWords } from '../operations/durations.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import type { Newcomer, Newcomers } from './newcomers.ts'
import type { Templates } from './templates.ts'

/** What asking and waiting need. */
export interface IntroductionJobOptions {
  readonly database: Database
  readonly newcomers: Newcomers
  readonly directory: Pick<Directory, 'membership' | 'displayName' | 'label'>
  readonly homeserver: Pick<Homeserver, 'member'>
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly templates: Templates
  readonly rooms: { readonly indoc: RoomId | undefined; readonly admin: RoomId | undefined }
  /** Has an account or a role by now: nothing is awaited of them. */
  readonly isSettled: (userId: UserId) => boolean
  readonly settings: {
    readonly promptEvery: number
    readonly remindBefore: number
    readonly removeExpired: boolean
  }
  readonly clock: { now(): Timestamp }
}

/** As many people are named in one message. */
const together = 20
const lookAgainMs = 60_000
/** How long somebody who has left is remembered: an inviter may answer late. */
const rememberMs = 90 * 24 * 3_600_000

/** People as a message names them. */
export const peopleOf = (
  directory: Pick<Directory, 'displayName'>,
  userIds: readonly UserId[],
): readonly { readonly userId: UserId; readonly name: string }[] =>
  userIds.map((userId) => ({ userId, name: directory.displayName(userId) ?? userId }))

/**
 * Asks everybody who came for an introduction, those of a rush in one message. Who is asked is noted in the transaction that writes the message:
 * nobody is asked twice in a stay.
 */
export const createPromptHandler = (options: IntroductionJobOptions): JobHandler => ({
  run: () => Promise.resolve(prompt(options)),
})

const prompt = (options: IntroductionJobOptions): JobResult => {
  const { database, newcomers, directory, outbox, templates, rooms, clock, settings } = options
  const { indoc } = rooms
  if (indoc === undefined) return { state: 'failed', reason: 'the INDOC room is not known', delayMs: lookAgainMs }
  const now = clock.now()
  const open = newcomers.all().filter((one) => one.came === 'join' && one.promptedAt === null)
  const due = open.filter(
    (one) => one.introduction === null && !options.isSettled(one.userId) && directory.membership(indoc, one.userId) === 'join',
  )
  const pause = newcomers.lastPrompt() + settings.promptEvery - now
  if (due.length > 0 && pause > 0) return { state: 'wait', delayMs: pause, note: 'gathers the people who come' }
  database.transaction(() => {
    newcomers.sweep(now - rememberMs)
    for (const { userId } of open) newcomers.update(userId, { prompted_at: now })
    for (let index = 0; index < due.length; index += together) {
      const part = due.slice(index, index + together)
      const deadline = durationWords(Math.max(60_000, Math.min(...part.map((one) => one.deadline ?? now)) - now))
      const text = templates.render('introduction-prompt', {
        people: peopleOf(
          directory,
          part.map(({ userId }) => userId),
        ),
        deadline,
      })
      const txnId = transactionId(part.map(({ userId, since }) => `${userId} ${since}`).join(), 'introduction-prompt')
      outbox.add({ txnId, roomId: indoc, type: 'm.room.message', content: messageContent(text, 'm.text') })
    }
  })
  outbox.kick(indoc)
  return { state: 'done', note: `asked ${due.length}` }
}

const deadlinePayload = z.object({ userId: z.string() })

/** Waits for the introduction of one person: reminds, and at the end tells the moderators or takes the person out, as configured. */
export const createDeadlineHandler = (options: IntroductionJobOptions): JobHandler => ({
  maxAttempts: 30,
  run: (job) => awaitIntroduction(options, deadlinePayload.parse(job.payload).userId as UserId),
  onDead: (job, reason) => {
    const userId = deadlinePayload.parse(job.payload).userId as UserId
    tell(
      options,
      `dead-${job.jobId}`,
      `❌ ${options.directory.label(userId)} could not be taken out of INDOC, although the time for an introduction is over: ${reason}`,
    )
  },
})

const awaitIntroduction = async (options: IntroductionJobOptions, userId: UserId): Promise<JobResult> => {
  const { newcomers, rooms, clock, settings } = options
  const known = newcomers.of(userId)
  const { indoc } = rooms
  if (indoc === undefined) return { state: 'failed', reason: 'the INDOC room is not known', delayMs: lookAgainMs }
  if (known?.state !== 'waiting' || known.deadline === null)
    return { state: 'cancelled', reason: 'nothing is awaited of the person any more' }
  if (known.introduction !== null) return { state: 'done', note: 'the person has introduced themselves' }
  if (options.isSettled(userId)) return { state: 'cancelled', reason: 'the person has an account or a role' }
  const left = known.deadline - clock.now()
  if (left > 0) return remind(options, known, indoc, left)
  if (!settings.removeExpired) {
    expire(options, known)
    return { state: 'done', note: 'the moderators were told' }
  }
  const result = await options.homeserver.member(
    'kick',
    indoc,
    userId,
    'No introduction within the time. You are welcome to come back and try again.',
  )
  if (result.ok) return { state: 'done', note: 'taken out of INDOC' }
  const reason = describeFailure(result)
  if (result.code === 'limited' || result.code === 'down') return { state: 'failed', reason, delayMs: result.retryAfterMs }
  return result.code === 'status' && result.status === 403 ? { state: 'dead', reason } : { state: 'failed', reason }
}

const remind = (options: IntroductionJobOptions, known: Newcomer, indoc: RoomId, left: number): JobResult => {
  const { database, newcomers, directory, outbox, templates, clock, settings } = options
  const early = left - settings.remindBefore
  const wanted = settings.remindBefore > 0 && known.remindedAt === null
  // Nobody is reminded who was asked a moment ago: the deadline is shorter than the reminder's lead.
  const worth = known.promptedAt !== null && clock.now() - known.promptedAt >= Math.min(settings.remindBefore, left) / 2
  if (wanted && early <= 0 && worth) {
    const text = templates.render('introduction-reminder', { people: peopleOf(directory, [known.userId]), deadline: durationWords(left) })
    database.transaction(() => {
      newcomers.update(known.userId, { reminded_at: clock.now() })
      const txnId = transactionId(`${known.userId} ${known.since} ${known.deadline}`, 'introduction-reminder')
      outbox.add({ txnId, roomId: indoc, type: 'm.room.message', content: messageContent(text, 'm.text') })
    })
    outbox.kick(indoc)
  }
  const delayMs = wanted && early > 0 ? early : left
  return { state: 'wait', delayMs, note: 'waits for the introduction' }
}

const expire = (options: IntroductionJobOptions, { userId, since, deadline }: Newcomer): void => {
  const { newcomers, database, directory, clock } = options
  database.transaction(() => {
    newcomers.update(userId, { expired_at: clock.now() })
    tell(
      options,
      `${userId} ${since} ${deadline ?? 0}`,
      `⚠️ ${directory.label(userId)} has not introduced themselves in time. \`!request ${userId}\` asks again, \`!extend ${userId}\` gives more time, \`!remove ${userId} --rooms here\` in INDOC takes them out.`,
    )
  })
}

/** Tells the moderators in the admin room. */
const tell = ({ rooms, outbox }: IntroductionJobOptions, key: string, body: string): void => {
  const { admin } = rooms
  if (admin === undefined) return
  outbox.add({
    txnId: transactionId(key, 'introduction-deadline'),
    roomId: admin,
    type: 'm.room.message',
    content: messageContent({ body }, 'm.notice'),
  })
  outbox.kick(admin)
}
