import type { Directory } from '../directory/directory.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { GateFailure } from '../http/contract.ts'
import type { Role, RoomId, UserId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import type { DirectRooms } from './direct-rooms.ts'

export interface InvitationRules {
  readonly homeserver: Homeserver
  readonly directory: Directory
  readonly directRooms: DirectRooms
  readonly clock: Clock
  readonly logger: Logger
  readonly roleOf: (userId: UserId) => Role
  /** INDOC or the admin room: joined whoever invites. */
  readonly isNamed: (roomId: RoomId) => boolean
  /** Is it the bot of a configured bridge, or one of its ghosts? Their chats are how bridged people are reached. */
  readonly isBridge: (userId: UserId) => boolean
  /** Is the person in INDOC or in a room of the catalogue? */
  readonly isMember: (userId: UserId) => boolean
}

/** An invitation to the bot. */
export interface PendingInvitation {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly isDirect: boolean
  readonly receivedAt: number
}

/** Why an invitation could not be answered now, although it may be later. */
export interface Unanswered {
  readonly words: string
  readonly retryAfterMs?: number
}

export type InvitationVerdict = 'join' | 'join-direct' | 'decline'

/**
 * The rule for invitations to the bot: a moderator's and a bridge's are accepted, a direct chat from somebody of the community too, anything else is declined.
 */
export const judgeInvitation = (
  rules: Pick<InvitationRules, 'roleOf' | 'isNamed' | 'isBridge' | 'isMember'>,
  roomId: RoomId,
  sender: UserId,
  isDirect: boolean,
): InvitationVerdict => {
  if (rules.isNamed(roomId) || rules.isBridge(sender)) return 'join'
  const moderator = rules.roleOf(sender) !== 'everyone'
  if (isDirect) return moderator || rules.isMember(sender) ? 'join-direct' : 'decline'
  return moderator ? 'join' : 'decline'
}

/** At most this many declined invitations are logged in an hour: a flood must not fill the disk. */
const logLimit = 20
const hourMs = 3_600_000
/** Right after the first sync the bot does not know yet who is in its rooms: nobody is declined for that (milliseconds). */
const listsWithinMs = 5 * 60_000

/** A refusal is the server's last word; anything else (an outage, a limit, the shutdown) passes. */
const passing = (failure: GateFailure): Unanswered | undefined => {
  const words = describeFailure(failure)
  if (failure.code === 'limited' || failure.code === 'down') return { words, retryAfterMs: failure.retryAfterMs }
  return failure.code === 'status' && [400, 403, 404, 410].includes(failure.status) ? undefined : { words }
}

/**
 * Answers invitations to the bot.
 * @returns a function that gives undefined when the invitation is answered or void, and why it is not yet otherwise
 */
export const createInvitationHandler = (rules: InvitationRules): ((invitation: PendingInvitation) => Promise<Unanswered | undefined>) => {
  let window = { startedAt: 0, declined: 0 }
  const noteDecline = ({ roomId, sender }: PendingInvitation): void => {
    const now = rules.clock.now()
    if (now - window.startedAt > hourMs) window = { startedAt: now, declined: 0 }
    window.declined += 1
    if (window.declined <= logLimit) rules.logger.info({ room: roomId, sender }, 'an invitation was declined')
    if (window.declined === logLimit) rules.logger.warn('many invitations: further declines of this hour are not logged')
  }
  return async (invitation) => {
    const { roomId, sender, isDirect, receivedAt } = invitation
    // The invitation may have been taken back, or answered by an earlier run.
    if (rules.directory.room(roomId)?.ownMembership !== 'invite') return undefined
    const verdict = judgeInvitation(rules, roomId, sender, isDirect)
    if (verdict === 'decline') {
      const unlisted = rules.directory.joinedRooms().some((room) => room.freshness.asOf === null)
      if (unlisted && rules.clock.now() - receivedAt < listsWithinMs) return { words: 'it is not known yet who is in the rooms' }
      noteDecline(invitation)
    }
    if (verdict === 'join-direct') rules.directRooms.adopt(roomId, sender)
    const action = verdict === 'decline' ? 'leave' : 'join'
    const result = await rules.homeserver.request('POST', `/_matrix/client/v3/rooms/${segment(roomId)}/${action}`, {
      route: action,
      body: {},
      repeatable: true,
      // Whoever invites the bot waits for it.
      urgent: verdict !== 'decline',
    })
    if (result.ok) {
      if (verdict !== 'decline') rules.logger.info({ room: roomId, sender, verdict }, 'an invitation was accepted')
      return undefined
    }
    rules.logger.warn(
      { room: roomId, reason: describeFailure(result) },
      `an invitation could not be ${action === 'join' ? 'accepted' : 'declined'}`,
    )
    return passing(result)
  }
}
