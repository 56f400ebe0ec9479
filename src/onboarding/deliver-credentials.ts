import { z } from 'zod'
import type { CryptoPort } from '../crypto/port.ts'
import type { Directory } from '../directory/directory.ts'
import type { Job, JobHandler, JobResult } from '../jobs/job.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { UserId } from '../types.ts'
import { mintForHolder } from './credentials.ts'
import type { CredentialPorts, HolderPorts } from './credentials.ts'
import type { Templates } from './templates.ts'

/** What a job of the kind `credentials` is told. No secret stands in it. */
export const credentialsPayload = z.object({
  userId: z.string(),
  name: z.string(),
  account: z.object({ pk: z.number(), username: z.string() }),
  /** Who asked, to be told when it was delivered. */
  askedBy: z.string(),
})
export type CredentialsPayload = z.infer<typeof credentialsPayload>

export interface DeliveryPorts extends CredentialPorts, HolderPorts {
  readonly directRooms: Pick<DirectRooms, 'open'>
  readonly directory: Pick<Directory, 'membership'>
  readonly crypto: Pick<CryptoPort, 'queryDevices'>
  readonly outbox: Pick<Outbox, 'send'>
  readonly templates: Pick<Templates, 'render'>
  readonly clock: Pick<Clock, 'now'>
}

/** How a delivery went. `waiting` = nobody is there yet who could read it, so nothing was made. */
export type Delivery =
  | { readonly state: 'delivered' }
  | { readonly state: 'waiting'; readonly why: string }
  | { readonly state: 'failed'; readonly final: boolean; readonly text: string; readonly retryAfterMs?: number }

/**
 * Makes new credentials for somebody's account and sends them to that person, by encrypted DM and nowhere else. They are made only when the
 * person is there to read them.
 * @param key stable for the delivery: a recovery link that is sent again is the same event for the server
 */
export const deliverCredentials = async (
  ports: DeliveryPorts,
  { userId, name, account }: Pick<CredentialsPayload, 'name' | 'account'> & { readonly userId: UserId },
  key: string,
): Promise<Delivery> => {
  const room = await ports.directRooms.open(userId)
  if (!room.ok) {
    const { code, words, retryAfterMs } = room
    return { state: 'failed', final: code === 'refused', text: words, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
  if (ports.directory.membership(room.roomId, userId) !== 'join')
    return { state: 'waiting', why: 'waits until the person joins the direct chat' }
  const devices = await ports.crypto.queryDevices(userId)
  if (devices === undefined) return { state: 'failed', final: false, text: 'the devices of the person could not be asked for' }
  if (devices.length === 0) return { state: 'waiting', why: 'waits until the person has a device that can decrypt' }
  const minted = await mintForHolder(ports, userId, account)
  if (!minted.ok) return { state: 'failed', final: minted.final, text: minted.text }
  // A new passphrase is a new message: the one before holds a dead one.
  const part = 'passphrase' in minted.values ? `credentials-${ports.clock.now()}` : 'credentials'
  const text = ports.templates.render('recovery', { name, ...minted.values })
  const content = messageContent(text, 'm.text')
  const sent = await ports.outbox.send({ txnId: transactionId(key, part), roomId: room.roomId, type: 'm.room.message', content }, true)
  if (sent.ok) return { state: 'delivered' }
  const final = sent.code === 'refused' || sent.code === 'not-encryptable'
  return { state: 'failed', final, text: sent.words, ...(sent.retryAfterMs === undefined ? {} : { retryAfterMs: sent.retryAfterMs }) }
}

/** It is woken when the person moves; otherwise it looks this often (milliseconds). */
const lookAgainMs = 3_600_000
/** Who does not accept the chat in this time is not waiting for it (milliseconds). */
const patienceMs = 30 * 24 * 3_600_000

/** Delivers credentials as soon as the person can read them, and tells who asked. */
export const createCredentialsHandler = (
  options: DeliveryPorts & {
    readonly onDelivered: (payload: CredentialsPayload, jobId: number) => void
    readonly onDead: (payload: CredentialsPayload, reason: string, jobId: number) => void
  },
): JobHandler => ({
  maxAttempts: 60,
  run: async (job: Job): Promise<JobResult> => {
    const payload = credentialsPayload.parse(job.payload)
    const result = await deliverCredentials(options, { ...payload, userId: payload.userId as UserId }, `credentials-${job.jobId}`)
    if (result.state === 'delivered') {
      options.onDelivered(payload, job.jobId)
      return { state: 'done', note: 'delivered' }
    }
    if (result.state === 'waiting') {
      if (options.clock.now() - job.createdAt > patienceMs) return { state: 'dead', reason: 'the person never joined the direct chat' }
      return { state: 'wait', delayMs: lookAgainMs, note: result.why }
    }
    if (result.final) return { state: 'dead', reason: result.text }
    return { state: 'failed', reason: result.text, ...(result.retryAfterMs === undefined ? {} : { delayMs: result.retryAfterMs }) }
  },
  onDead: (job, reason) => options.onDead(credentialsPayload.parse(job.payload), reason, job.jobId),
})
