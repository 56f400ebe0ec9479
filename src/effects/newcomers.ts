import type { EffectHandler } from '../chat/execute.ts'
import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Indoc } from '../onboarding/indoc.ts'
import { peopleOf } from '../onboarding/introduction-jobs.ts'
import type { Newcomers } from '../onboarding/newcomers.ts'
import type { Templates } from '../onboarding/templates.ts'
import { durationWords } from '../operations/durations.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'

export interface NewcomerEffectOptions {
  readonly database: Database
  readonly newcomers: Newcomers
  readonly indoc: Pick<Indoc, 'begin' | 'awaitIntroduction' | 'release'>
  readonly indocRoom: () => RoomId | undefined
  readonly directory: Pick<Directory, 'displayName' | 'membership'>
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly templates: Templates
  /** How long an introduction is awaited (milliseconds). */
  readonly deadlineMs: number
  readonly nameOf: (userId: UserId) => string
  readonly clock: { now(): Timestamp }
}

const done = { state: 'done', code: 'done', text: '' } as const

const decide = ({ database, newcomers, indoc, nameOf, clock }: NewcomerEffectOptions): EffectHandler<'newcomer.decide'> => ({
  // Written here and not with the outcome: between looking and writing nobody else may decide.
  act: ({ userId, decision, by, reason, again }, { planId }) =>
    Promise.resolve(
      database.transaction(() => {
        const known = newcomers.of(userId)
        const other = known?.decidedPlan !== planId && known?.decidedBy !== null && known?.decidedBy !== undefined
        if (other && again !== true && (known.state === 'approved' || known.state === decision)) {
          return {
            state: 'failed',
            code: 'already-decided',
            text: `${nameOf(known.decidedBy)} was faster and has ${known.state} ${nameOf(userId)} already`,
          } as const
        }
        if (known === undefined || known.state === 'left') newcomers.begin(userId, 'join', clock.now(), null)
        newcomers.update(userId, { state: decision, decided_by: by, decided_at: clock.now(), decided_plan: planId, reason: reason ?? null })
        indoc.release(userId, decision === 'approved' ? 'the person was approved' : 'the person was declined')
        return done
      }),
    ),
  // Its own mark stands in the row: doing it again finds it.
  probe: () => Promise.resolve('absent'),
})

const extend = ({ newcomers, indoc }: NewcomerEffectOptions): EffectHandler<'newcomer.extend'> => ({
  act: ({ userId, deadline }) =>
    Promise.resolve({
      ...done,
      also: () => {
        newcomers.update(userId, { deadline, reminded_at: null, expired_at: null })
        indoc.awaitIntroduction(userId)
      },
    }),
  probe: () => Promise.resolve('absent'),
})

const post = (options: NewcomerEffectOptions): EffectHandler<'newcomer.post'> => ({
  act: ({ template, userIds, reason }, { key }) => {
    const { newcomers, indoc, directory, outbox, templates, clock, deadlineMs } = options
    const roomId = options.indocRoom()
    if (roomId === undefined) return Promise.resolve({ state: 'failed', code: 'no-indoc', text: 'the INDOC room is not known' })
    const people = peopleOf(directory, userIds)
    const text =
      template === 'declined'
        ? templates.render('declined', { people, ...(reason === undefined ? {} : { reason }) })
        : templates.render('introduction-prompt', { people, deadline: durationWords(deadlineMs) })
    const now = clock.now()
    return Promise.resolve({
      ...done,
      also: () => {
        if (template === 'introduction-prompt') {
          for (const userId of userIds) {
            const known = newcomers.of(userId)
            if (known === undefined || known.state === 'left' || known.state === 'declined') newcomers.begin(userId, 'join', now, null)
            newcomers.update(userId, { prompted_at: now, deadline: now + deadlineMs, reminded_at: null, expired_at: null })
            if (newcomers.of(userId)?.introduction === null) indoc.awaitIntroduction(userId)
          }
        }
        const txnId = transactionId(`effect-${key}`, template)
        outbox.add({ txnId, roomId, type: 'm.room.message', content: messageContent(text, 'm.text') })
        // Sent once the transaction is there.
        queueMicrotask(() => outbox.kick(roomId))
      },
    })
  },
  probe: () => Promise.resolve('absent'),
})

/**
 * Effects on people in INDOC. Key: the person (and for messages plan and step). Rows of our own, written with the outcome or found again by the
 * plan's number; a message keeps its transaction id.
 */
export const createNewcomerEffects = (
  options: NewcomerEffectOptions,
): {
  readonly 'newcomer.decide': EffectHandler<'newcomer.decide'>
  readonly 'newcomer.extend': EffectHandler<'newcomer.extend'>
  readonly 'newcomer.post': EffectHandler<'newcomer.post'>
} => ({ 'newcomer.decide': decide(options), 'newcomer.extend': extend(options), 'newcomer.post': post(options) })
