import { z } from 'zod'
import { messageContent } from '../matrix/message.ts'
import type { Job, JobHandler, JobResult, JobTools } from '../jobs/job.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { SendResult } from '../matrix/outbox.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { mintForHolder } from './credentials.ts'
import type { DeliveryPorts } from './deliver-credentials.ts'

/** What a welcome job is told. No secret stands in it: credentials are minted when they are delivered. */
export const welcomePayload = z.object({
  userId: z.string(),
  name: z.string(),
  /** Present = the welcome carries credentials of this account. */
  account: z.object({ pk: z.number(), username: z.string() }).optional(),
  /** Rooms that the person was to be invited to. Which of them it really was is looked up when the welcome is written. */
  invited: z.array(z.object({ roomId: z.string(), name: z.string(), url: z.string().optional() })).default([]),
  /** Further rooms, as links. */
  rooms: z.array(z.object({ name: z.string(), url: z.string() })).default([]),
  /** One of the operator's further welcomes; absent = the usual one. */
  template: z.string().optional(),
  /** Who asked, to be told when it cannot be delivered. */
  askedBy: z.string(),
})
export type WelcomePayload = z.infer<typeof welcomePayload>

const progressSchema = z.object({
  roomId: z.string().optional(),
  joinedAt: z.number().optional(),
  helloId: z.string().optional(),
  helloAt: z.number().optional(),
  /** How often a welcome with a passphrase was begun. */
  passphrases: z.number().default(0),
  /** The welcome went out without credentials, because none could be made: only they are still to come. */
  withoutCredentials: z.boolean().default(false),
})
type Progress = z.input<typeof progressSchema>

export interface WelcomeOptions extends DeliveryPorts {
  readonly delayMs: number
  readonly helloGapMs: number
  readonly deviceWaitMs: number
  /** Milliseconds until the quiet hours are over; 0 = they are not on. */
  readonly quietFor: (now: number) => number
  /** Tells the moderators that a welcome could not be delivered, or not whole. */
  readonly onDead: (payload: WelcomePayload, reason: string, jobId: number) => void
}

/**
 * The server handles one thing after another, and making the room is the longest: the moderator's answer and the invitations would wait for it
 * (milliseconds; measured: 450-600 ms to the final mark without it, 330-450 with it).
 */
const headStartMs = 1000
/** How long a job sleeps while it waits for somebody: it is woken when they move. */
const lookAgainMs = 3_600_000
/** Somebody who does not accept the DM in this time has no use for it any more. */
const patienceMs = 30 * 24 * 3_600_000

/**
 * The welcome DM: create the room → wait until the person has joined → until they have a device → hello → welcome. Each wait is on its
 * condition, and every step can be repeated: messages keep their transaction ids, credentials are minted in the delivery.
 */
export const createWelcomeHandler = (options: WelcomeOptions): JobHandler => ({
  maxAttempts: 60,
  run: (job, tools) => run(options, job, tools),
  onDead: (job, reason) => options.onDead(welcomePayload.parse(job.payload), reason, job.jobId),
})

const run = async (options: WelcomeOptions, job: Job, tools: JobTools): Promise<JobResult> => {
  const payload = welcomePayload.parse(job.payload)
  const userId = payload.userId as UserId
  const progress = progressSchema.parse(job.progress)
  const early = job.createdAt + headStartMs - options.clock.now()
  if (early > 0) return { state: 'wait', delayMs: early, note: 'lets the answer and the invitations go first' }
  const opened = await options.directRooms.open(userId)
  if (!opened.ok) {
    return opened.code === 'refused'
      ? { state: 'dead', reason: `the direct chat could not be opened: ${opened.words}` }
      : { state: 'failed', reason: opened.words, ...(opened.retryAfterMs === undefined ? {} : { delayMs: opened.retryAfterMs }) }
  }
  // Another room than last time (the old one was left): everything begins anew.
  const current: Progress = progress.roomId === opened.roomId ? progress : { roomId: opened.roomId }
  if (progress.roomId !== opened.roomId) tools.note(current)
  const joined = awaitJoin(options, job, userId, opened.roomId)
  if (joined !== undefined) return joined
  const now = options.clock.now()
  const joinedAt = current.joinedAt ?? now
  if (current.joinedAt === undefined) tools.note({ ...current, joinedAt })
  const ready = await awaitDevices(options, userId, joinedAt)
  if (ready !== undefined) return ready
  const pause = Math.max(joinedAt + options.delayMs - now, options.quietFor(now))
  if (pause > 0 && current.helloId === undefined) return { state: 'wait', delayMs: pause, note: 'waits for the configured time' }
  return deliver(options, job, tools, payload, { ...current, joinedAt }, opened.roomId)
}

const awaitJoin = (options: WelcomeOptions, job: Job, userId: UserId, roomId: RoomId): JobResult | undefined => {
  const membership = options.directory.membership(roomId, userId)
  if (membership === 'join') return undefined
  if (membership === 'leave' || membership === 'ban') return { state: 'cancelled', reason: 'the person declined or left the direct chat' }
  if (options.clock.now() - job.createdAt > patienceMs) return { state: 'dead', reason: 'the person never joined the direct chat' }
  return { state: 'wait', delayMs: lookAgainMs, note: 'waits until the person joins the direct chat' }
}

const awaitDevices = async (options: WelcomeOptions, userId: UserId, joinedAt: number): Promise<JobResult | undefined> => {
  const devices = await options.crypto.queryDevices(userId)
  if (devices === undefined) return { state: 'failed', reason: 'the devices of the person could not be asked for' }
  const left = joinedAt + options.deviceWaitMs - options.clock.now()
  if (devices.length > 0 || left <= 0) return undefined
  return { state: 'wait', delayMs: left, note: 'waits until the person has a device that can decrypt' }
}

const deliver = async (
  options: WelcomeOptions,
  job: Job,
  tools: JobTools,
  payload: WelcomePayload,
  begun: Progress,
  roomId: RoomId,
): Promise<JobResult> => {
  let progress = begun
  const { clock, outbox, templates, helloGapMs } = options
  const send = (part: string, text: { readonly body: string; readonly formattedBody: string }): Promise<SendResult> =>
    outbox.send(
      {
        txnId: transactionId(`welcome-${job.jobId}-${roomId}`, part),
        roomId,
        type: 'm.room.message',
        content: messageContent(text, 'm.text'),
      },
      true,
    )
  const { passphrases = 0 } = progress
  let { helloAt } = progress
  if (helloAt === undefined) {
    const hello = await send('hello', templates.render('hello', { name: payload.name }))
    if (!hello.ok) return failed(hello)
    helloAt = clock.now()
    tools.note({ ...progress, helloId: hello.eventId satisfies EventId, helloAt })
    progress = { ...progress, helloId: hello.eventId, helloAt }
  }
  const gap = helloAt + helloGapMs - clock.now()
  if (gap > 0) return { state: 'wait', delayMs: gap, note: 'pauses between hello and welcome' }
  const { account } = payload
  const values = welcomeValues(options, payload)
  if (account === undefined) return finished(await send('welcome', templates.render('welcome', values, payload.template)))
  const minted = await mintForHolder(options, payload.userId as UserId, account)
  if (!minted.ok) {
    if (!minted.final) return { state: 'failed', reason: minted.text }
    // Whoever waits for the welcome gets it; what is missing is told to those who can mend it.
    if (progress.withoutCredentials !== true) {
      const plain = await send('welcome-plain', templates.render('welcome', { ...values, username: account.username }))
      if (!plain.ok) return failed(plain)
      tools.note({ ...progress, withoutCredentials: true })
    }
    return { state: 'dead', reason: `the welcome was sent, but without credentials: ${minted.text}` }
  }
  // A passphrase is replaced at every try, a recovery link stays the same until it is used. A message that went out before, perhaps unseen,
  // would hold a dead passphrase: the next one is a message of its own.
  const fresh = 'passphrase' in minted.values
  if (fresh) tools.note({ ...progress, passphrases: passphrases + 1 })
  const number = fresh && passphrases > 0 ? `-${passphrases}` : ''
  if (progress.withoutCredentials === true) {
    return finished(await send(`credentials${number}`, templates.render('recovery', { name: payload.name, ...minted.values })))
  }
  return finished(
    await send(`welcome${number}`, templates.render('welcome-with-credentials', { ...values, ...minted.values }, payload.template)),
  )
}

const finished = (result: SendResult): JobResult => (result.ok ? { state: 'done', note: 'delivered' } : failed(result))

const failed = (result: SendResult & { readonly ok: false }): JobResult =>
  result.code === 'refused' || result.code === 'not-encryptable'
    ? { state: 'dead', reason: result.words }
    : { state: 'failed', reason: result.words, ...(result.retryAfterMs === undefined ? {} : { delayMs: result.retryAfterMs }) }

/** What the welcome says about rooms, as they stand now. */
export const welcomeValues = ({ directory }: Pick<WelcomeOptions, 'directory'>, payload: WelcomePayload) => {
  const standing = (roomId: string) => directory.membership(roomId as RoomId, payload.userId as UserId)
  const invited = payload.invited.filter(({ roomId }) => standing(roomId) === 'invite')
  // An invitation that failed becomes a link; a room that was joined meanwhile needs neither.
  const missed = payload.invited.flatMap(({ roomId, name, url }) =>
    url === undefined || ['invite', 'join', 'ban'].includes(standing(roomId) ?? '') ? [] : [{ name, url }],
  )
  const links = [...missed, ...payload.rooms]
  return {
    name: payload.name,
    ...(invited.length === 0 ? {} : { invited: invited.map(({ name }) => name).join(', ') }),
    ...(links.length === 0 ? {} : { rooms: links }),
  }
}
