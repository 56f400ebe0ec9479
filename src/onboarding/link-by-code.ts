import { isTheirOwn } from '../chat/incoming.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { Database } from '../database/database.ts'
import type { Links } from '../directory/links.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import { codeIn } from './pending-links.ts'
import type { PendingLinks } from './pending-links.ts'

export interface LinkByCodePorts {
  readonly database: Pick<Database, 'transaction'>
  readonly pending: Pick<PendingLinks, 'byCode' | 'remove'>
  readonly links: Pick<Links, 'of' | 'ofAccount' | 'set'>
  readonly personOf: (roomId: RoomId) => UserId | undefined
  readonly hasRole: (userId: UserId) => boolean
  readonly isBridged: (userId: UserId) => boolean
  /** Was the person removed from the community, and let in by nobody since? */
  readonly isRemoved: (userId: UserId) => boolean
  readonly scheduler: Pick<Scheduler, 'add'>
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly clock: Pick<Clock, 'now'>
}

/** So many wrong codes a person may send in a day: 49 bits are not guessed with them. */
const mostWrong = 10
const dayMs = 24 * 3_600_000

/**
 * Somebody proves which account is theirs: they send the code that they were handed, in their own encrypted DM. Nothing else links an account that
 * was made without a Matrix user. The link counts as unproven for roles: a moderator held the code before.
 * @returns whether the message was taken for a code
 */
export const createLinkByCode = (ports: LinkByCodePorts) => {
  const wrong = new Map<UserId, readonly Timestamp[]>()
  return (message: IncomingMessage): boolean => {
    const { sender, roomId, eventId } = message.entry
    const found = codeIn(message.body)
    if (found === undefined || message.relations.isEdit) return false
    if (ports.personOf(roomId) !== sender || !isTheirOwn(message.transport)) return false
    const reply = (body: string): true => {
      const content = messageContent({ body }, 'm.notice')
      ports.outbox.add({ txnId: transactionId(eventId, 'link'), roomId, type: 'm.room.message', content })
      ports.outbox.kick(roomId)
      return true
    }
    const now = ports.clock.now()
    const tries = (wrong.get(sender) ?? []).filter((at) => now - at < dayMs)
    if (tries.length >= mostWrong)
      return found.certain && reply('That were too many codes for today. Please ask the person who gave you yours.')
    const waiting = ports.pending.byCode(found.code)
    if (waiting === undefined) {
      if (!found.certain) return false
      wrong.set(sender, [...tries, now])
      return reply('I do not know this code, or its time is over. Please ask the person who gave it to you for a new one.')
    }
    const known = ports.links.of(sender)
    if (known !== undefined) return reply(`You have an account already, ${known.username}, so I left everything as it is.`)
    if (sender === waiting.askedBy || ports.hasRole(sender))
      return reply(`This code is for ${waiting.name}, who has to send it from their own Matrix account.`)
    if (ports.isBridged(sender)) return reply('Please send the code from a Matrix account of your own, not over a bridge.')
    // What follows would let them in again.
    if (ports.isRemoved(sender)) return reply('I cannot take this code from you. Please ask the person who gave it to you.')
    if (ports.links.ofAccount(waiting.account.pk) !== undefined)
      return reply('This account belongs to another Matrix user already. Please ask the person who gave you the code.')
    ports.database.transaction(() => {
      ports.links.set(sender, waiting.account, `code of ${waiting.askedBy}`)
      ports.pending.remove(waiting.account.pk)
      ports.scheduler.add({
        kind: 'arrival',
        uniqueKey: sender,
        payload: { userId: sender, wish: waiting.wish, askedBy: waiting.askedBy },
        createdBy: `code ${eventId}`,
      })
      reply(`Thank you, ${waiting.name}! Your account ${waiting.account.username} and this chat belong together now. Your welcome follows.`)
    })
    return true
  }
}
