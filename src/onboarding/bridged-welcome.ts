import { z } from 'zod'
import type { Job, JobHandler, JobResult, JobTools } from '../jobs/job.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { SendResult } from '../matrix/outbox.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { identifierOf } from './bridges.ts'
import type { Bridges } from './bridges.ts'
import { mintCredentials } from './credentials.ts'
import type { HolderPorts } from './credentials.ts'
import { handOver, handOverObstacle } from './hand-over.ts'
import type { HandOverPorts, OtherHandsPorts } from './hand-over.ts'
import type { Templates } from './templates.ts'
import { welcomePayload, welcomeValues } from './welcome.ts'
import type { WelcomeOptions, WelcomePayload } from './welcome.ts'

const progressSchema = z.object({
  /** The question to the bridge. */
  askedId: z.string().optional(),
  askedAt: z.number().optional(),
  helloAt: z.number().optional(),
  /** How often a welcome with a passphrase was begun. */
  passphrases: z.number().default(0),
  /** It has gone out, one way or the other. */
  sent: z.boolean().default(false),
})

/** Has this job done what can be done to reach the person? */
export const isSent = (job: Pick<Job, 'progress'> | undefined): boolean => job !== undefined && progressSchema.parse(job.progress).sent
type Progress = z.output<typeof progressSchema>

export interface BridgedWelcomeOptions extends HandOverPorts, OtherHandsPorts, HolderPorts {
  readonly bridges: Pick<Bridges, 'of' | 'portalOf' | 'take' | 'release' | 'answerTo' | 'offered'>
  readonly directory: WelcomeOptions['directory']
  readonly templates: Pick<Templates, 'render'>
  readonly helloGapMs: number
  /** Moderator or admin, now: nobody else is given what somebody signs in with. */
  readonly hasRole: (userId: UserId) => boolean
  readonly isEncrypted: (roomId: RoomId) => boolean
  /** Authentik's own e-mail with a new link. undefined = there is no address, or Authentik cannot send any. */
  readonly email: (account: { readonly pk: number }) => Promise<'sent' | 'not-possible' | 'failed'>
  /** Tells who asked what became of it. */
  readonly onSent: (payload: WelcomePayload, words: string, jobId: number) => void
  readonly onDead: (payload: WelcomePayload, reason: string, jobId: number) => void
}

/** A bridge that has not answered, or not opened a chat, in this time is no way (milliseconds). */
const bridgeWaitMs = 60_000
/** How long after the bridge's answer its chat may still appear (milliseconds). */
const afterAnswerMs = 20_000
/** How long an offered chat may take to be joined: the server's limits hold for joins too (milliseconds). */
const offerWaitMs = 15 * 60_000
const offerLookMs = 10_000
/** How soon a bridge that is busy with another chat is asked again; it is seldom busy for longer (milliseconds). */
const busyMs = 3000

/**
 * The welcome of a bridged person: the chat that the bridge opens → hello → welcome; else by e-mail or through a moderator. Nobody waits for devices:
 * the bridge has one. What the far side made of it nobody here can know, so no more is claimed than that the bridge was given it.
 */
export const createBridgedWelcomeHandler = (options: BridgedWelcomeOptions): JobHandler => ({
  maxAttempts: 30,
  run: (job, tools) => run(options, job, tools),
  onDead: (job, reason) => options.onDead(welcomePayload.parse(job.payload), reason, job.jobId),
})

const run = async (options: BridgedWelcomeOptions, job: Job, tools: JobTools): Promise<JobResult> => {
  const { account, ...told } = welcomePayload.parse(job.payload)
  const userId = told.userId as UserId
  // It may have waited for long: an account that is not theirs any more is nothing to hand over.
  const payload = account === undefined || options.holderProblem(userId, account.pk) !== undefined ? told : { ...told, account }
  const bridge = options.bridges.of(userId)
  if (bridge === undefined) return { state: 'dead', reason: 'the configuration names no bridge for this person any more' }
  const progress = progressSchema.parse(job.progress)
  const portal = options.bridges.portalOf(userId)
  if (portal !== undefined) {
    options.bridges.release(bridge.index, job.jobId)
    return deliver(options, job, tools, payload, progress, portal)
  }
  const { managementRoom, startChat, users } = bridge
  const identifier = identifierOf(userId, users)
  if (managementRoom === undefined || startChat === undefined || identifier === undefined)
    return otherWay(options, job, tools, progress, payload, 'the configuration does not say how this bridge opens a chat')
  if (!options.bridges.take(bridge.index, job.jobId))
    return { state: 'wait', delayMs: busyMs, note: 'waits for the bridge, which is opening another chat' }
  const { askedAt, askedId } = progress
  if (askedAt === undefined || askedId === undefined) {
    const text = startChat.replaceAll('{identifier}', identifier)
    const asked = await options.outbox.send({
      txnId: transactionId(`bridged-welcome-${job.jobId}`, 'start'),
      roomId: managementRoom as RoomId,
      type: 'm.room.message',
      content: messageContent({ body: text }, 'm.text'),
    })
    if (!asked.ok) {
      options.bridges.release(bridge.index, job.jobId)
      return passes(asked)
        ? failed(asked)
        : otherWay(options, job, tools, progress, payload, `the bridge could not be asked: ${asked.words}`)
    }
    tools.note({ ...progress, askedId: asked.eventId, askedAt: options.clock.now() })
    return { state: 'wait', delayMs: bridgeWaitMs, note: 'waits until the bridge has opened a chat' }
  }
  const answer = options.bridges.answerTo(askedId as EventId)
  const now = options.clock.now()
  const offered = options.bridges.offered(bridge.bot, askedAt)
  if (offered === 'open' && now - askedAt < offerWaitMs)
    return { state: 'wait', delayMs: offerLookMs, note: 'waits until I am in the chat that the bridge has opened' }
  const answered = Math.min(askedAt + bridgeWaitMs, answer === undefined ? Infinity : answer.at + afterAnswerMs)
  const left = (typeof offered === 'number' ? Math.max(answered, offered + afterAnswerMs) : answered) - now
  if (left > 0) return { state: 'wait', delayMs: left, note: 'waits until the bridge has opened a chat' }
  options.bridges.release(bridge.index, job.jobId)
  return otherWay(
    options,
    job,
    tools,
    progress,
    payload,
    answer === undefined ? 'the bridge did not answer' : `the bridge opened no chat and said: ${answer.body}`,
  )
}

const deliver = async (
  options: BridgedWelcomeOptions,
  job: Job,
  tools: JobTools,
  payload: WelcomePayload,
  progress: Progress,
  roomId: RoomId,
): Promise<JobResult> => {
  const { clock, templates, outbox, helloGapMs } = options
  const encrypted = options.isEncrypted(roomId)
  const send = (part: string, text: { readonly body: string; readonly formattedBody: string }, secret = false): Promise<SendResult> =>
    outbox.send(
      {
        txnId: transactionId(`bridged-welcome-${job.jobId}-${roomId}`, part),
        roomId,
        type: 'm.room.message',
        content: messageContent(text, 'm.text'),
      },
      secret,
    )
  let { helloAt } = progress
  if (helloAt === undefined) {
    const hello = await send('hello', templates.render('hello', { name: payload.name }))
    if (!hello.ok) return failed(hello)
    helloAt = clock.now()
    tools.note({ ...progress, helloAt })
  }
  const gap = helloAt + helloGapMs - clock.now()
  if (gap > 0) return { state: 'wait', delayMs: gap, note: 'pauses between hello and welcome' }
  const { account } = payload
  const values = welcomeValues(options, payload)
  // A chat in clear is no place for a secret: the credentials go another way.
  if (account === undefined || !encrypted) {
    const sent = await send(
      'welcome',
      templates.render('welcome', { ...values, ...(account === undefined ? {} : { username: account.username }) }),
    )
    if (!sent.ok) return failed(sent)
    return account === undefined
      ? given(options, job, tools, payload, { ...progress, helloAt })
      : otherWay(
          options,
          job,
          tools,
          progress,
          payload,
          'the chat that the bridge opened is not encrypted, so no credentials were put there',
        )
  }
  const minted = await mintCredentials(options, account)
  if (!minted.ok) return minted.final ? { state: 'dead', reason: minted.text } : { state: 'failed', reason: minted.text }
  const fresh = 'passphrase' in minted.values
  if (fresh) tools.note({ ...progress, helloAt, passphrases: progress.passphrases + 1 })
  const number = fresh && progress.passphrases > 0 ? `-${progress.passphrases}` : ''
  const sent = await send(
    `welcome-credentials${number}`,
    templates.render('welcome-with-credentials', { ...values, ...minted.values }),
    true,
  )
  return sent.ok ? given(options, job, tools, payload, { ...progress, helloAt }) : failed(sent)
}

const given = (options: BridgedWelcomeOptions, job: Job, tools: JobTools, payload: WelcomePayload, progress: Progress): JobResult => {
  const words = 'the welcome was given to the bridge; whether it arrived on the other side, the bridge has not confirmed'
  tools.note({ ...progress, sent: true })
  options.onSent(payload, words, job.jobId)
  return { state: 'done', note: words }
}

/** Without the bridge: Authentik's e-mail, else a note to the moderator who asked. `reason` = why the bridge was no way. */
const otherWay = async (
  options: BridgedWelcomeOptions,
  job: Job,
  tools: JobTools,
  progress: Progress,
  payload: WelcomePayload,
  reason: string,
): Promise<JobResult> => {
  const end = (words: string): JobResult => {
    tools.note({ ...progress, sent: true })
    options.onSent(payload, `${reason}; ${words}`, job.jobId)
    return { state: 'done', note: words }
  }
  const { account, name, askedBy } = payload
  if (account !== undefined) {
    const mailed = await options.email(account)
    if (mailed === 'failed') return { state: 'failed', reason: 'Authentik could not send its e-mail now' }
    if (mailed === 'sent') return end('Authentik has sent its own e-mail with a link to choose a password')
  }
  if (!options.hasRole(askedBy as UserId))
    return { state: 'dead', reason: `${reason}; and who asked for the welcome is no moderator any more: give \`!welcome\` anew` }
  const obstacle = account === undefined ? undefined : await handOverObstacle(options, account)
  if (obstacle?.code === 'unknown') return { state: 'failed', reason: obstacle.text }
  const handed = await handOver(options, {
    name,
    account: obstacle === undefined ? account : undefined,
    moderator: askedBy as UserId,
    reason: obstacle === undefined ? reason : `${reason}; no credentials go with this: ${obstacle.text}`,
    key: `bridged-welcome-${job.jobId}`,
  })
  if (handed.ok) return end('what they need was given to the moderator who asked, by direct chat, to hand over')
  return handed.final ? { state: 'dead', reason: `${reason}; ${handed.words}` } : { state: 'failed', reason: handed.words }
}

const passes = (result: SendResult & { readonly ok: false }): boolean => result.code !== 'refused' && result.code !== 'not-encryptable'

const failed = (result: SendResult & { readonly ok: false }): JobResult =>
  passes(result)
    ? { state: 'failed', reason: result.words, ...(result.retryAfterMs === undefined ? {} : { delayMs: result.retryAfterMs }) }
    : { state: 'dead', reason: result.words }
