import { ownText } from '../chat/address.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { Database } from '../database/database.ts'
import type { DirectoryChanges, MemberChange } from '../directory/changes.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import { messageContent } from '../matrix/message.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import { askInviter } from './asked-inviter.ts'
import type { AskedInviterPorts } from './asked-inviter.ts'
import { readEdit, readMessage } from './introduction-messages.ts'
import type { Reading } from './introduction-messages.ts'
import type { IntroductionMessage } from './newcomers.ts'

/** What the configuration says about INDOC. */
export interface IndocSettings {
  /** Ask people who come for an introduction. */
  readonly prompt: boolean
  /** How long an introduction is awaited (milliseconds). */
  readonly deadline: number
  /** Ask the named inviter whether they vouch. */
  readonly askInviter: boolean
}

export interface IndocOptions extends AskedInviterPorts {
  readonly database: Database
  readonly scheduler: Pick<Scheduler, 'add' | 'cancelOpen' | 'latest' | 'wake' | 'wakeAll'>
  readonly directory: Pick<Directory, 'ownUserId' | 'label' | 'membership'>
  readonly links: Pick<Links, 'of'>
  readonly rooms: { readonly indoc: RoomId | undefined; readonly admin: RoomId | undefined }
  /** Moderators and admins do not introduce themselves; bots of bridges neither. */
  readonly isNewcomer: (userId: UserId) => boolean
  readonly settings: IndocSettings
  readonly clock: { now(): Timestamp }
}

/** Joins that come together are asked in one message: the first one waits this long for the others (milliseconds). */
const gatherMs = 2000

/**
 * Who comes to INDOC, what they write about themselves, and who leaves. Keeps the table and the jobs that go with it; everything else (asking,
 * reminding, removing) is done by the jobs.
 */
export class Indoc {
  readonly #options: IndocOptions

  constructor(options: IndocOptions) {
    this.#options = options
  }

  /** Takes over what changed in INDOC. Joins the caller's transaction, so that nobody who comes is forgotten by a crash. */
  changed(changes: DirectoryChanges): void {
    const { indoc } = this.#options.rooms
    if (changes.baselines.length > 0 && this.#options.peopleKnown()) this.#options.scheduler.wakeAll('vouch')
    for (const change of changes.memberChanges) {
      if (change.roomId === indoc) this.#memberChanged(change)
      else if (change.to === 'join') this.#inviterJoined(change.userId)
    }
  }

  /** Perhaps the direct chat where they are to be asked. */
  #inviterJoined(userId: UserId): void {
    for (const one of this.#options.newcomers.vouchedBy(userId)) {
      if (one.vouchTxn === null) this.#options.scheduler.wake('vouch', one.userId)
    }
  }

  #memberChanged({ userId, from, to }: MemberChange): void {
    const { newcomers, isNewcomer, links } = this.#options
    if (to === 'leave' || to === 'ban') {
      this.#gone(userId)
      return
    }
    if (from === to || !isNewcomer(userId) || links.of(userId) !== undefined) return
    const known = newcomers.of(userId)
    if (to !== 'join') {
      if (known?.state === 'waiting') newcomers.update(userId, { came: to })
      else if (to === 'knock') newcomers.begin(userId, 'knock', this.#options.clock.now(), null)
      return
    }
    // Told twice about the same stay.
    if (known?.state === 'waiting' && known.came === 'join') return
    this.begin(userId)
  }

  /** Begins the stay of somebody who is in INDOC: they are asked for an introduction, within a time. Joins the caller's transaction. */
  begin(userId: UserId): void {
    const { newcomers, scheduler, settings, clock } = this.#options
    const now = clock.now()
    newcomers.begin(userId, 'join', now, settings.prompt ? now + settings.deadline : null)
    if (!settings.prompt) return
    scheduler.add({ kind: 'introduction-prompt', uniqueKey: 'indoc', payload: {}, delayMs: gatherMs })
    this.awaitIntroduction(userId)
  }

  /** Begins to watch the deadline of somebody. An earlier watch of another stay ends. Joins the caller's transaction. */
  awaitIntroduction(userId: UserId): void {
    const { scheduler } = this.#options
    scheduler.cancelOpen('introduction-deadline', userId, 'another deadline counts now')
    scheduler.add({ kind: 'introduction-deadline', uniqueKey: userId, payload: { userId } })
  }

  #gone(userId: UserId): void {
    const known = this.#options.newcomers.of(userId)
    if (known === undefined || known.state === 'left') return
    this.release(userId, 'the person has left INDOC')
    this.#options.newcomers.end(userId)
  }

  /** Nothing is awaited of the person any more: reminder, expiry and the question to the inviter end. Joins the caller's transaction. */
  release(userId: UserId, reason: string): void {
    for (const kind of ['introduction-deadline', 'vouch']) this.#options.scheduler.cancelOpen(kind, userId, reason)
  }

  /**
   * A message in INDOC that is no command.
   * @returns whether it is part of what the person says about themselves
   */
  said(message: IncomingMessage): boolean {
    const { database, newcomers, isNewcomer, links } = this.#options
    const { sender, eventId } = message.entry
    if (message.msgtype !== 'm.text' || !isNewcomer(sender) || links.of(sender) !== undefined) return false
    const trust = message.transport.encrypted ? message.transport.trust : 'in-clear'
    // Forged: it says nothing about the person whom it names.
    if (trust === 'mismatched-sender') return false
    // Came, wrote and left while the bot was away. Somebody whom the directory does not know yet is there.
    const membership = this.#options.directory.membership(message.entry.roomId, sender) ?? 'join'
    if (membership !== 'join') return false
    return database.transaction(() => {
      const known = newcomers.of(sender)
      // Who was declined has to say something new.
      const kept = known === undefined || known.state === 'left' || known.state === 'declined' ? [] : newcomers.messages(sender)
      // Taken up again after a crash.
      if (kept.some((one) => one.eventId === eventId)) return true
      const introduction = known?.state === 'waiting' || known?.state === 'approved' ? known.introduction : null
      const { replacement } = message
      const reading = message.relations.isEdit
        ? replacement && readEdit(kept, { eventId: replacement.eventId, body: replacement.body, trust })
        : readMessage({ messages: kept, introduction }, { eventId, body: ownText(message.body), trust, sentAt: sentAt(message.entry) })
      if (reading === undefined || known?.state === 'approved') return false
      this.#keep(sender, reading)
      return true
    })
  }

  #keep(userId: UserId, { messages, introduction }: Reading): void {
    const { newcomers, clock, settings } = this.#options
    const known = newcomers.of(userId)
    // In INDOC since before the bot came, or declined and back with another introduction.
    if (known === undefined || known.state === 'left' || (known.state === 'declined' && introduction !== undefined)) {
      newcomers.begin(userId, 'join', clock.now(), null)
      newcomers.update(userId, { prompted_at: clock.now() })
    }
    newcomers.keepMessages(userId, messages)
    if (introduction === undefined) {
      if (known?.introduction === null || known === undefined) return
      // An edit took it back.
      newcomers.update(userId, { introduction: null, introduced_at: null, trust: null, deadline: clock.now() + settings.deadline })
      this.awaitIntroduction(userId)
      return
    }
    newcomers.introduce(userId, introduction, known?.introducedAt ?? clock.now(), worst(messages))
    this.#options.scheduler.cancelOpen('introduction-deadline', userId, 'the person has introduced themselves')
    askInviter(this.#options, userId)
  }

  /** A message of a newcomer stayed unreadable: the moderators are told, because it may be the introduction. */
  unreadable(entry: Pick<JournalEntry, 'roomId' | 'sender' | 'eventId'>): void {
    const { database, newcomers, rooms, outbox, directory, clock, isNewcomer, links } = this.#options
    const { admin, indoc } = rooms
    if (entry.roomId !== indoc || admin === undefined || !isNewcomer(entry.sender) || links.of(entry.sender) !== undefined) return
    const now = clock.now()
    database.transaction(() => {
      const known = newcomers.of(entry.sender)
      if (known === undefined || known.state === 'left') {
        newcomers.begin(entry.sender, 'join', now, null)
        newcomers.update(entry.sender, { prompted_at: now })
      }
      newcomers.update(entry.sender, { unreadable_at: now })
      // Once a stay: `!pending` shows the newest one.
      if (known !== undefined && known.state !== 'left' && known.unreadableAt !== null) return
      const body = `❔ ${directory.label(entry.sender)} wrote something in INDOC that I cannot decrypt. Perhaps it was the introduction: look there, and give \`!gtg ${entry.sender} --name …\` if you can read it.`
      const content = messageContent({ body }, 'm.notice')
      outbox.add({ txnId: transactionId(entry.eventId, 'unreadable-introduction'), roomId: admin, type: 'm.room.message', content })
    })
    outbox.kick(admin)
  }
}

/** The sender's server says when it was sent: a hint that is not believed about the future. */
const sentAt = ({ event, receivedAt }: JournalEntry): Timestamp => {
  const given = Object.hasOwn(event, 'origin_server_ts') ? (event as Record<string, unknown>)['origin_server_ts'] : undefined
  return typeof given === 'number' ? Math.min(given, receivedAt) : receivedAt
}

const order = ['signed', 'unsigned', 'not-guaranteed', 'unknown-device', 'identity-changed', 'in-clear']
const worst = (messages: readonly IntroductionMessage[]): string =>
  messages.map(({ trust }) => trust).reduce((one, other) => (order.indexOf(other) > order.indexOf(one) ? other : one), 'signed')
