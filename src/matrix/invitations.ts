import type { Directory } from '../directory/directory.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { Role, RoomId, UserId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import type { DirectRooms } from './direct-rooms.ts'
import type { JournalEntry } from './journal.ts'

export interface InvitationRules {
  readonly homeserver: Homeserver
  readonly directory: Directory
  readonly directRooms: DirectRooms
  readonly clock: Clock
  readonly logger: Logger
  readonly roleOf: (userId: UserId) => Role
  /** INDOC or the admin room: joined whoever invites. */
  readonly isNamed: (roomId: RoomId) => boolean
  /** Is the person in INDOC or in a room of the catalogue? */
  readonly isMember: (userId: UserId) => boolean
}

export type InvitationVerdict = 'join' | 'join-direct' | 'decline'

/**
 * The rule for invitations to the bot: a moderator's is accepted, a direct chat from somebody of the community too, anything else is declined.
 */
export const judgeInvitation = (
  rules: Pick<InvitationRules, 'roleOf' | 'isNamed' | 'isMember'>,
  roomId: RoomId,
  sender: UserId,
  isDirect: boolean,
): InvitationVerdict => {
  if (rules.isNamed(roomId)) return 'join'
  const moderator = rules.roleOf(sender) !== 'everyone'
  if (isDirect) return moderator || rules.isMember(sender) ? 'join-direct' : 'decline'
  return moderator ? 'join' : 'decline'
}

/** At most this many declined invitations are logged in an hour: a flood must not fill the disk. */
const logLimit = 20
const hourMs = 3_600_000

/** Answers invitations to the bot. */
export const createInvitationHandler = (rules: InvitationRules): ((entry: JournalEntry) => Promise<void>) => {
  let window = { startedAt: 0, declined: 0 }
  const noteDecline = (entry: JournalEntry): void => {
    const now = rules.clock.now()
    if (now - window.startedAt > hourMs) window = { startedAt: now, declined: 0 }
    window.declined += 1
    if (window.declined <= logLimit) rules.logger.info({ room: entry.roomId, sender: entry.sender }, 'an invitation was declined')
    if (window.declined === logLimit) rules.logger.warn('many invitations: further declines of this hour are not logged')
  }
  return async (entry) => {
    const { roomId, sender } = entry
    // The invitation may have been taken back, or answered by an earlier run.
    if (rules.directory.room(roomId)?.ownMembership !== 'invite') return
    const isDirect = (entry.event as Record<string, unknown>)['is_direct'] === true
    const verdict = judgeInvitation(rules, roomId, sender, isDirect)
    if (verdict === 'decline') {
      noteDecline(entry)
      const left = await rules.homeserver.request('POST', `/_matrix/client/v3/rooms/${segment(roomId)}/leave`, {
        route: 'leave',
        body: {},
        repeatable: true,
      })
      if (!left.ok) rules.logger.warn({ reason: describeFailure(left) }, 'an invitation could not be declined')
      return
    }
    if (verdict === 'join-direct') rules.directRooms.adopt(roomId, sender)
    const joined = await rules.homeserver.request('POST', `/_matrix/client/v3/rooms/${segment(roomId)}/join`, {
      route: 'join',
      body: {},
      repeatable: true,
    })
    if (joined.ok) rules.logger.info({ room: roomId, sender, verdict }, 'an invitation was accepted')
    else rules.logger.warn({ room: roomId, reason: describeFailure(joined) }, 'an invitation could not be accepted')
  }
}
