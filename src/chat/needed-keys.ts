import type { KeepsKeys } from '../crypto/unneeded-keys.ts'
import type { DirectoryRoom } from '../directory/lookup.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Role } from './declaration.ts'

/** What decides whether a room key is kept. */
export interface NeededKeysPorts {
  /** Are INDOC and the admin room known? Until then any room may be one of them. */
  readonly namedRoomsKnown: () => boolean
  /** Does the bot read everybody's messages there (INDOC, admin room, DM, a bridge's management room)? */
  readonly watches: (roomId: RoomId) => boolean
  readonly roleOf: (userId: UserId) => Role
  readonly room: (roomId: RoomId) => DirectoryRoom | undefined
}

/**
 * Which room keys the bot keeps: of rooms where it reads, and of people with a role anywhere, whose commands it reads in order to refuse them
 * (`elsewhere.ts`). Elsewhere it keeps them only while it is not certain what the room is: not joined, or its members not known yet; they go when that is certain. Somebody who gets a
 * role later is read from their next session on.
 */
export const neededKeys =
  ({ namedRoomsKnown, watches, roleOf, room }: NeededKeysPorts): KeepsKeys =>
  (roomId, sender) => {
    if (watches(roomId) || roleOf(sender) !== 'everyone') return true
    if (!namedRoomsKnown()) return 'undecided'
    const known = room(roomId)
    return known?.ownMembership !== 'join' || known.freshness.asOf === null ? 'undecided' : false
  }
