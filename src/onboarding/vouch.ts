import { z } from 'zod'
import type { Authentik } from '../authentik/client.ts'
import type { AuthentikFailure } from '../authentik/errors.ts'
import { ownText } from '../chat/address.ts'
import type { WordDoubt } from '../chat/admission.ts'
import { isTheirOwn } from '../chat/incoming.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { Job, JobHandler, JobResult, JobTools } from '../jobs/job.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { Links } from '../directory/links.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'
import type { Newcomer, Newcomers } from './newcomers.ts'
import type { Templates } from './templates.ts'

export interface VouchOptions {
  readonly database: Database
  readonly newcomers: Newcomers
  readonly directRooms: Pick<DirectRooms, 'open' | 'personOf'>
  readonly directory: Pick<Directory, 'displayName' | 'label' | 'membership'>
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly templates: Templates
  readonly authentik: Pick<Authentik, 'getUser' | 'mergeAttributes'>
  readonly links: Pick<Links, 'of'>
  /** Whom a newcomer means by the name of their inviter. */
  readonly inviterOf: (name: string, newcomer: UserId) => UserId | undefined
  /** Is it known who is in the rooms? */
  readonly peopleKnown: () => boolean
  /** Does the word of this person count: are they of the community, and no newcomer themselves? */
  readonly mayVouch: (userId: UserId) => boolean
  readonly clock: { now(): Timestamp }
  readonly scheduler: Pick<Scheduler, 'add' | 'cancelOpen'>
  /** The event that a message of ours became. */
  readonly eventOf: (txnId: string) => EventId | undefined
}

const payloadSchema = z.object({
  userId: z.string(),
  /** Not there = it could not be told yet whom the newcomer means. */
  inviter: z.string().optional(),
  /** A direct chat that an earlier question has offered. */
  offered: z.string().optional(),
})
const progressSchema = z.object({ roomId: z.string().optional() })

/** How long it is waited at most until it is known who is in the rooms: a list that cannot be read must not keep everybody from being asked. */
const patienceMs = 15 * 60_000
const soonMs = 30_000

/** How long the job sleeps until the inviter joins: it is woken when they do. */
const lookAgainMs = 3_600_000

/** Asks the named inviter in their DM whether they vouch. Once about a person. */
export const createVouchHandler = (options: VouchOptions): JobHandler => ({
  maxAttempts: 30,
  maxAgeMs: 24 * 3_600_000,
  run: (job, tools) => ask(options, job, tools),
})

const ask = async (options: VouchOptions, job: Job, tools: JobTools): Promise<JobResult> => {
  const { database, newcomers, directRooms, directory, outbox, templates } = options
  const payload = payloadSchema.parse(job.payload)
  const userId = payload.userId as UserId
  const inviter = (payload.inviter as UserId | undefined) ?? whom(options, userId, job.createdAt)
  if (typeof inviter === 'object') return inviter
  const offered = (progressSchema.parse(job.progress).roomId ?? payload.offered) as RoomId | undefined
  const standing = offered === undefined ? undefined : directory.membership(offered, inviter)
  if (standing === 'leave' || standing === 'ban') return { state: 'cancelled', reason: 'the inviter declined the direct chat' }
  const waits = (): Newcomer | undefined => {
    const known = newcomers.of(userId)
    return known?.state === 'waiting' && known.inviterId === inviter && known.vouchTxn === null ? known : undefined
  }
  if (waits() === undefined) return { state: 'cancelled', reason: 'the person does not wait any more' }
  const room = await directRooms.open(inviter)
  if (!room.ok) {
    return room.code === 'refused'
      ? { state: 'cancelled', reason: `the inviter could not be asked: ${room.words}` }
      : { state: 'failed', reason: room.words, ...(room.retryAfterMs === undefined ? {} : { delayMs: room.retryAfterMs }) }
  }
  if (room.roomId !== offered) tools.note({ roomId: room.roomId })
  // Asked once they are there: what is sent before cannot be read by every app.
  if (directory.membership(room.roomId, inviter) !== 'join')
    return { state: 'wait', delayMs: lookAgainMs, note: 'waits until the inviter joins the direct chat' }
  const known = waits()
  if (known === undefined) return { state: 'cancelled', reason: 'the person does not wait any more' }
  const txnId = transactionId(`${userId} ${known.since}`, 'vouch')
  const text = templates.render('vouch', { name: directory.displayName(inviter) ?? inviter, newcomer: directory.label(userId) })
  database.transaction(() => {
    newcomers.update(userId, { vouch_txn: txnId })
    outbox.add({ txnId, roomId: room.roomId, type: 'm.room.message', content: messageContent(text, 'm.text') })
  })
  outbox.kick(room.roomId)
  return { state: 'done', note: 'asked' }
}

/** Whom an introduction names that was written before it was known who is in the rooms. */
const whom = ({ newcomers, inviterOf, peopleKnown, clock }: VouchOptions, userId: UserId, since: Timestamp): UserId | JobResult => {
  const known = newcomers.of(userId)
  if (known?.state !== 'waiting') return { state: 'cancelled', reason: 'the person does not wait any more' }
  if (known.inviterId !== null) return known.inviterId
  if (!peopleKnown() && clock.now() - since < patienceMs)
    return { state: 'wait', delayMs: soonMs, note: 'waits until it is known who is in the rooms' }
  const name = known.introduction?.invitedBy ?? null
  const inviter = name === null ? undefined : inviterOf(name, userId)
  if (inviter === undefined) return { state: 'done', note: 'it is not clear who is meant' }
  newcomers.update(userId, { inviter_id: inviter })
  return inviter
}

const attributeSchema = z.object({ userId: z.string(), confirmed: z.boolean(), inviter: z.string().optional() })

/** Writes an answer that came after the approval into the account. */
export const createVouchAttributeHandler = (options: Pick<VouchOptions, 'authentik' | 'links' | 'inviterOf'>): JobHandler => ({
  maxAttempts: 30,
  run: async (job) => {
    const { userId, confirmed, inviter } = attributeSchema.parse(job.payload)
    const link = options.links.of(userId as UserId)
    if (link === undefined) return { state: 'cancelled', reason: 'the person has no account any more' }
    const read = confirmed ? await options.authentik.getUser(link.pk) : undefined
    if (read !== undefined && !read.ok) return ended(read)
    const name = read?.value.attributes['invited_by']
    // Whoever was named after the question was not asked.
    if (confirmed && (typeof name !== 'string' || inviter === undefined || options.inviterOf(name, userId as UserId) !== inviter))
      return { state: 'done', note: 'the account names another inviter' }
    const result = await options.authentik.mergeAttributes(link.pk, { invited_by_confirmed: confirmed })
    return result.ok ? { state: 'done', note: 'written' } : ended(result)
  },
})

const ended = ({ code, text }: AuthentikFailure): JobResult => ({
  state: code === 'not-found' || code === 'no-permission' || code === 'token-dead' ? 'dead' : 'failed',
  reason: text,
})

const yes = /^(?:yes|y|yep|yeah|yes,? i (?:do|vouch)|i do|sure|ja|oui|s[ií]|да|👍|✅)$/iu
const no = /^(?:no|n|nope|i do ?n['’]?t|no,? i do ?n['’]?t|nein|non|нет|👎|❌)$/iu

/** What a short answer says. */
export const verdictOf = (text: string): 'yes' | 'no' | undefined => {
  const bare = text.replaceAll(/(?:[\s"'`“”.!*_]|\ufe0f|\p{Emoji_Modifier})+$|^[\s"'`“”*_]+/gu, '')
  return yes.test(bare) ? 'yes' : no.test(bare) ? 'no' : undefined
}

/**
 * Takes the answer of an inviter in their own DM: `yes` or `no`, as a reply where several people are asked about. A "yes" opens a door, so it has to
 * come from a device as a command would have to; a "no" is a warning and counts from any device of theirs.
 * @param doubt what is wrong with the origin of the message, for a "yes"; undefined = nothing
 * @returns whether the message was one
 */
export const createVouchAnswer =
  (options: VouchOptions) =>
  async (message: IncomingMessage, doubt: () => Promise<WordDoubt | undefined>): Promise<boolean> => {
    const { directRooms, outbox } = options
    const { sender, roomId, eventId } = message.entry
    const verdict = message.relations.isEdit ? undefined : verdictOf(ownText(message.body))
    if (verdict === undefined || directRooms.personOf(roomId) !== sender) return false
    if (meant(options, message).length === 0) return false
    if (!options.mayVouch(sender)) return false
    const doubted = verdict === 'yes' || !isTheirOwn(message.transport) ? await doubt() : undefined
    const say = (body: string): void => {
      const txnId = transactionId(eventId, 'vouch-answer')
      outbox.add({ txnId, roomId, type: 'm.room.message', content: messageContent({ body }, 'm.notice', { eventId }) })
    }
    const taken = options.database.transaction(() => {
      if (doubted === undefined || doubted.counts) return take(options, message, verdict, doubted, say)
      say(`I have not counted your answer: ${doubted.words}.`)
      return true
    })
    outbox.kick(roomId)
    return taken
  }

/**
 * About whom an answer can be: of those whom the person was asked about and has not answered for, or the one of the question that it replies to. Who
 * has left unanswered counts as long as two are possible: a server could have held a "yes" back until another person is asked about.
 */
const meant = (options: VouchOptions, { entry, relations }: IncomingMessage): readonly Newcomer[] => {
  const asked = options.newcomers.vouchedBy(entry.sender).filter((one) => one.vouchTxn !== null)
  const { replyTo } = relations
  const possible =
    replyTo === undefined
      ? asked.filter((one) => one.vouched === null)
      : asked.filter((one) => one.vouchTxn !== null && options.eventOf(one.vouchTxn) === replyTo)
  // Somebody who has left unapproved is nobody's business any more.
  return possible.some(({ userId, state }) => state !== 'left' || options.links.of(userId) !== undefined) ? possible : []
}

const take = (
  options: VouchOptions,
  message: IncomingMessage,
  verdict: 'yes' | 'no',
  doubted: WordDoubt | undefined,
  say: (body: string) => void,
): boolean => {
  const { newcomers, directory } = options
  const { sender } = message.entry
  // Looked up again: while the sender's devices were asked for, somebody else may have come or gone.
  const people = meant(options, message)
  const [one] = people
  if (one === undefined) return false
  if (people.length > 1) {
    const names = people.map(({ userId }) => directory.label(userId)).join(', ')
    say(`I have asked you about several people (${names}). Please reply to the message about the one you mean.`)
    return true
  }
  newcomers.update(one.userId, { vouched: verdict })
  // After the approval it belongs into the account.
  if (options.links.of(one.userId) !== undefined) {
    options.scheduler.cancelOpen('vouch-attribute', one.userId, 'the inviter has changed their mind')
    options.scheduler.add({
      kind: 'vouch-attribute',
      uniqueKey: one.userId,
      payload: { userId: one.userId, confirmed: verdict === 'yes', inviter: sender },
    })
  }
  const label = directory.label(one.userId)
  const warning = doubted === undefined ? '' : ` Next time it may not count: ${doubted.words}.`
  say(
    verdict === 'yes'
      ? `Thank you! I tell the moderators that you vouch for ${label}.${warning}`
      : `Thank you. I tell the moderators that you do not vouch for ${label}.`,
  )
  return true
}
