import type { Audit, AuditEntry } from '../audit/audit.ts'
import type { Database } from '../database/database.ts'
import type { Journal, JournalEntry } from '../matrix/journal.ts'
import type { Outbox } from '../matrix/outbox.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'
import type { Acknowledger } from './acknowledge.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import type { RoomKind } from './declaration.ts'
import { editContent, messageContent } from '../matrix/message.ts'
import type { ReplyPlace } from '../matrix/message.ts'
import { chunkAnswer } from './chunk.ts'

/** What answering needs. */
export interface ReplyPorts {
  readonly database: Database
  readonly journal: Journal
  readonly outbox: Outbox
  readonly audit: Audit
  readonly acknowledger: Acknowledger
  readonly clock: Clock
  readonly logger: Logger
  /** The encrypted DM with a person, made if there is none. undefined = it could not be made. */
  readonly directRoom: (userId: UserId) => Promise<RoomId | undefined>
}

/** The part of an audit row that the command knows. */
export type AuditPart = Pick<AuditEntry, 'command' | 'arguments' | 'outcome' | 'code' | 'detail' | 'steps' | 'outcomes'>

/** Work that took longer than this ends with a mention of the asker (milliseconds). */
const mentionAfterMs = 30_000
/** Least time between two edits of a progress message (milliseconds; the server's default limit is one event in five seconds). */
const progressEveryMs = 6000

/**
 * The answer to one command: acknowledged while it is worked on, progress in one message that is edited in place, and an end that stores the
 * answer, the audit row and the journal mark in one transaction.
 */
export class Reply {
  readonly #ports: ReplyPorts
  readonly #entry: Pick<JournalEntry, 'eventId' | 'roomId' | 'sender'>
  readonly #place: ReplyPlace
  readonly #kind: RoomKind
  /** Tells the answers apart that one event can have. */
  readonly #part: string
  readonly #startedAt: Timestamp
  #end: ((sent?: Promise<unknown>) => void) | undefined
  #progress: { finished: number; total: number; shownAt: Timestamp | undefined; edits: number } | undefined
  #redact = false

  constructor(
    ports: ReplyPorts,
    entry: Pick<JournalEntry, 'eventId' | 'roomId' | 'sender'>,
    place: ReplyPlace,
    kind: RoomKind,
    part = 'answer',
  ) {
    this.#ports = ports
    this.#entry = entry
    this.#place = place
    this.#kind = kind
    this.#part = part
    this.#startedAt = ports.clock.now()
  }

  /** Shows that the command was seen, once it takes noticeably long. Safe to call twice. */
  begin(): void {
    this.#end ??= this.#ports.acknowledger.begin(this.#entry.roomId, this.#entry.eventId, () => this.#showProgress())
  }

  /** The program stops before there is an answer. */
  abandon(): void {
    this.#end?.()
  }

  /** The command holds personal data and stands in INDOC: it is hidden once it is answered. */
  redactCommand(): void {
    this.#redact = true
  }

  get #progressTxn(): string {
    return transactionId(this.#entry.eventId, `${this.#part}-progress`)
  }

  /** Tells how far the work is; shown only if it takes long. */
  progress(finished: number, total: number): void {
    const shown = this.#progress
    this.#progress = { finished, total, shownAt: shown?.shownAt, edits: shown?.edits ?? 0 }
    const now = this.#ports.clock.now()
    if (shown?.shownAt !== undefined && finished < total && now - shown.shownAt >= progressEveryMs) this.#showProgress()
  }

  #showProgress(): void {
    const state = this.#progress ?? { finished: 0, total: 0, shownAt: undefined, edits: 0 }
    const { outbox, clock, logger } = this.#ports
    const body = state.total === 0 ? '⏳ Working on it…' : `⏳ ${state.finished} of ${state.total} done…`
    const first = state.shownAt === undefined
    this.#progress = { ...state, shownAt: clock.now(), edits: state.edits + 1 }
    if (first) {
      outbox.add({
        txnId: this.#progressTxn,
        roomId: this.#entry.roomId,
        type: 'm.room.message',
        content: messageContent({ body }, 'm.notice', this.#place),
        urgent: true,
      })
      outbox.kick(this.#entry.roomId)
      return
    }
    outbox
      .sent(this.#progressTxn)
      .then((eventId) => (eventId === undefined ? undefined : this.#edit(eventId, body, `${this.#part}-progress-${state.edits}`)))
      .catch((error: unknown) => logger.warn({ err: error }, 'a progress message could not be edited'))
  }

  #edit(eventId: EventId, body: string, part: string): void {
    const txnId = transactionId(this.#entry.eventId, part)
    this.#ports.outbox.add({
      txnId,
      roomId: this.#entry.roomId,
      type: 'm.room.message',
      content: editContent(eventId, { body }, 'm.notice'),
    })
    this.#ports.outbox.kick(this.#entry.roomId)
  }

  /**
   * Answers and closes the command.
   * @param answer or a function that makes it inside the transaction, with the rows that belong to it
   * @param privacy of the answer, where a function makes it
   */
  async finish(answer: Answer | (() => Answer), part: AuditPart, privacy?: Answer['privacy']): Promise<void> {
    const { database, journal, outbox, audit, clock, directRoom } = this.#ports
    const { eventId, roomId, sender } = this.#entry
    const took = clock.now() - this.#startedAt
    const known = typeof answer === 'function' ? undefined : answer
    const personal = this.#kind === 'indoc' && (known?.privacy ?? privacy) === 'personal'
    const away = personal ? await directRoom(sender) : undefined
    const txnId = transactionId(eventId, this.#part)
    const rooms = new Set<RoomId>([roomId])
    // No progress message can come from here on; one that was shown becomes the answer.
    const sent = Promise.withResolvers<unknown>()
    this.#end?.(sent.promise)
    // Asked even if this run has shown none: it may stand there since before a restart.
    const shown = await outbox.sent(this.#progressTxn)
    const close = (): void => {
      const made = known ?? (typeof answer === 'function' ? answer() : answer)
      const here = personal ? privately(made, away !== undefined) : made
      const mention = took > mentionAfterMs ? [sender] : []
      const parts = chunkAnswer({ ...here, mentions: [...(here.mentions ?? []), ...mention] })
      for (const [index, text] of parts.entries()) {
        const edit = index === 0 && shown !== undefined && mention.length === 0
        const content = edit ? editContent(shown, text, 'm.notice') : messageContent(text, 'm.notice', this.#place)
        outbox.add({
          txnId: index === 0 ? txnId : transactionId(eventId, `${this.#part}-${index}`),
          roomId,
          type: 'm.room.message',
          content,
          urgent: true,
        })
      }
      if (away !== undefined) {
        rooms.add(away)
        for (const [index, text] of chunkAnswer(made).entries()) {
          const content = messageContent(text, 'm.notice')
          outbox.add({
            txnId: transactionId(eventId, `${this.#part}-private-${index}`),
            roomId: away,
            type: 'm.room.message',
            content,
            urgent: true,
          })
        }
      }
      // In the same transaction: a crash must not leave personal data to be read by everybody in INDOC.
      if (this.#redact) {
        const content = { redacts: eventId, reason: 'personal data' }
        outbox.add({ txnId: transactionId(eventId, 'redact'), roomId, type: 'm.room.redaction', content, urgent: true })
      }
      // People see, and reply to, the progress message that the answer was edited into.
      const answerTxn = shown !== undefined && mention.length === 0 ? this.#progressTxn : txnId
      audit.add({ at: clock.now(), actor: sender, roomId, eventId, durationMs: took, answerTxn, ...part })
      journal.mark(eventId, 'done', clock.now(), part.code)
    }
    // Soon: the answer cannot leave before it, nor before the place in the room's session that it takes.
    database.transaction(close, { soon: true })
    sent.resolve(outbox.sent(txnId))
    for (const room of rooms) outbox.kick(room)
    if (shown !== undefined && took > mentionAfterMs) this.#edit(shown, '⏳ Finished: see the answer below.', `${this.#part}-progress-end`)
  }
}

/** What stands in INDOC instead of personal data. */
const privately = (answer: Answer, sent: boolean): Answer => ({
  ...(answer.mark === undefined ? {} : { mark: answer.mark }),
  blocks: [
    ...(answer.inPublic ?? []),
    paragraph(
      sent ? 'Sent privately.' : 'The answer holds personal data and I could not open a direct chat with you. Ask again in the admin room.',
    ),
  ],
  code: answer.code,
})
