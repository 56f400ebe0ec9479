import type { Answer } from '../chat/answer.ts'
import type { CommandRequest } from '../chat/command.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { refusal } from './words.ts'

/** Whom a command about a person in INDOC means. */
export interface SubjectPorts {
  /** Who sent a message that we have seen in that room; undefined = we do not know it. */
  readonly senderOf: (eventId: EventId, roomId: RoomId) => UserId | undefined
  readonly isOwnMessage: (eventId: EventId) => boolean
  /** The bot: it waits for nobody in INDOC, and must not put itself out. */
  readonly ownUserId: UserId
  readonly nameOf: (userId: UserId) => string
}

/** A person, by argument or by reply. */
export interface Subject {
  readonly userId: UserId
  /** For answers: display name and id. */
  readonly name: string
  readonly raw: string
  readonly account?: { readonly pk: number; readonly username: string }
}

/** Is it a person, and not the reason why there is none? */
export const isSubject = (found: Subject | Answer): found is Subject => 'userId' in found

/**
 * The person whom a command is about: the sender of the message that it replies to, or the one who is named. Both at once must be the same.
 * @param argument name of the positional
 */
export const subjectOf = (ports: SubjectPorts, request: CommandRequest, argument = 'user'): Subject | Answer => {
  const named = request.arguments.user(argument)
  const { replyTo } = request
  const sender = replyTo === undefined ? undefined : ports.senderOf(replyTo, request.roomId)
  if (named !== undefined) {
    const { userId } = named
    if (userId === undefined) {
      return refusal(
        'no-matrix-user',
        'Nothing was done: ',
        { code: named.raw },
        ' is an account without a Matrix user. Name the Matrix user.',
      )
    }
    if (sender !== undefined && sender !== userId) {
      return refusal(
        'two-subjects',
        `Nothing was done: you reply to ${ports.nameOf(sender)} and name ${ports.nameOf(userId)}. Do one of the two.`,
      )
    }
    if (userId === ports.ownUserId) return refusal('target-bot', 'That is me: I am here to stay.')
    return { userId, name: ports.nameOf(userId), raw: named.raw, ...(named.account === undefined ? {} : { account: named.account }) }
  }
  if (sender !== undefined) return { userId: sender, name: ports.nameOf(sender), raw: sender }
  if (replyTo === undefined) {
    return refusal(
      'no-subject',
      'Whom do you mean? Reply to their message, or name the person: a Matrix id or a row of ',
      { code: '!pending' },
      '.',
    )
  }
  return ports.isOwnMessage(replyTo)
    ? refusal('own-message', 'Nothing was done: you reply to a message of mine. Reply to theirs, or name the person.')
    : refusal('unknown-message', 'Nothing was done: I do not know the message that you reply to. Name the person instead.')
}
