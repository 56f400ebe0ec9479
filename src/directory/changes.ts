import type { Membership } from '../database/schema.ts'
import type { EventId, JsonObject, RoomId, UserId } from '../types.ts'

/** Somebody's membership became another one. */
export interface MemberChange {
  readonly roomId: RoomId
  readonly userId: UserId
  /** null = the directory did not know the person in this room. */
  readonly from: Membership | null
  readonly to: Membership
  /** null where the source does not tell (`joined_members`). */
  readonly eventId: EventId | null
  /** Who did it: the person, or whoever invited, kicked or banned. null as above. */
  readonly sender: UserId | null
  readonly displayName: string | null
  /** `timeline` = seen happening; `state` and `baseline` = found out after a gap. */
  readonly source: 'timeline' | 'state' | 'baseline'
}

/** Somebody invites the bot. All of it is a hint by the server. */
export interface Invitation {
  readonly roomId: RoomId
  readonly sender: UserId | null
  readonly isDirect: boolean
}

/** The bot is out of a room. */
export interface Departure {
  readonly roomId: RoomId
  readonly to: 'leave' | 'ban'
  /** Who did it; null = found out by comparison. */
  readonly sender: UserId | null
}

/** What one sync or one baseline changed: for crypto (members, encryption, visibility), onboarding and the loader. */
export interface DirectoryChanges {
  /** Rooms the bot is in since this sync. */
  readonly newRooms: RoomId[]
  readonly leftRooms: Departure[]
  readonly invitations: Invitation[]
  /** In order. Not those of the first sync, nor what had happened in a room before the bot joined it. */
  readonly memberChanges: MemberChange[]
  /** Every `m.room.encryption` seen, changed or not; the crypto port remembers. */
  readonly encryption: { readonly roomId: RoomId; readonly content: JsonObject }[]
  /** Rooms whose member list has to be fetched again since this sync. */
  readonly dirtyRooms: RoomId[]
  /** Of rooms known before. */
  readonly visibilityChanges: { readonly roomId: RoomId; readonly from: string | null; readonly to: string | null }[]
  /** Of rooms known before: power levels or creators. */
  readonly powerChanges: RoomId[]
  /** Rooms whose whole member list became known (again): track their devices. */
  readonly baselines: RoomId[]
}

export const noChanges = (): DirectoryChanges => ({
  newRooms: [],
  leftRooms: [],
  invitations: [],
  memberChanges: [],
  encryption: [],
  dirtyRooms: [],
  visibilityChanges: [],
  powerChanges: [],
  baselines: [],
})
