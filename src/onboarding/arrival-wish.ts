import type { Authentik } from '../authentik/client.ts'
import type { ResolvedPerson, ResolvedRoom } from '../chat/command.ts'
import type { Role, RoomKind } from '../chat/declaration.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { Catalogue } from '../directory/catalogue.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import type { ListedRoom } from '../directory/listing.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { Clock } from '../operations/clock.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import type { EarlierAccount, Identity } from './earlier-account.ts'
import type { RandomInt } from './username.ts'

/** An arrival as a moderator asks for it (`!adduser`; later `!approve` with what an introduction says). */
export interface ArrivalWish {
  readonly first: string
  readonly last?: string | undefined
  readonly email?: string | undefined
  /** The address is what the newcomer wrote, and no moderator has said that it is theirs: it gives nobody an account that waits for its person. */
  readonly emailOnlyClaimed?: boolean
  readonly person?: ResolvedPerson | undefined
  readonly username?: string | undefined
  readonly invitedBy?: string | undefined
  /** What the inviter answered when the bot asked; undefined = nothing (yet). */
  readonly invitedByConfirmed?: boolean | undefined
  /** LinkedIn profile. */
  readonly linkedin?: string | undefined
  /** What the newcomer wrote about themselves. */
  readonly intro?: string | undefined
  readonly organization?: string | undefined
  readonly interests: readonly string[]
  readonly groups: readonly string[]
  /** Invite to these (and the always-rooms) instead of recommended ones. */
  readonly rooms?: readonly ResolvedRoom[] | undefined
  readonly noRooms: boolean
  readonly keepInIndoc: boolean
  readonly noWelcome: boolean
  /** The person has their credentials already, by another way: the welcome brings none. */
  readonly credentialsGiven?: boolean
  readonly asker: { readonly userId: UserId; readonly role: Role }
  /** Where the answer will stand. */
  readonly place: RoomKind
  readonly now: Timestamp
  /** The plan is only shown: what is drawn by lot will be drawn anew. */
  readonly dryRun?: boolean
}

/** What the configuration says about arrivals. */
export interface ArrivalSettings {
  readonly maxInvites: number
  readonly autoRemoveFromIndoc: boolean
  /** `arrival.groups` */
  readonly groups: readonly string[]
  /** `graduation.grace`, milliseconds. */
  readonly grace: number
}

/** What the planner of arrivals may look at. It changes nothing. */
export interface ArrivalPorts {
  readonly authentik: Pick<Authentik, 'findUserByUsername' | 'findUsersByEmail' | 'getUser' | 'listGroups'>
  readonly accounts: Pick<Accounts, 'byUsername' | 'groups'>
  readonly links: Pick<Links, 'of' | 'ofAccount'>
  /** `createEarlierAccounts(database)` */
  readonly earlier: (wish: Identity, now: Timestamp) => EarlierAccount | undefined
  readonly scheduler: Pick<Scheduler, 'latest'>
  readonly directory: Pick<Directory, 'ownUserId' | 'membership' | 'room' | 'power' | 'memberIds' | 'bridged'>
  /** All rooms of the community, whoever may know them: what the answer names is decided by where it stands. */
  readonly listed: () => readonly ListedRoom[]
  readonly catalogue: () => Pick<Catalogue, 'categories' | 'synonyms'>
  readonly indoc: () => RoomId | undefined
  /** INDOC, the admin room and DMs: nobody is invited there on arrival. */
  readonly isOwnRoom: (roomId: RoomId) => boolean
  readonly roleOf: (userId: UserId) => Role
  readonly isRoleGroup: (name: string) => boolean
  /** May the bot put this person into rooms without an invitation? Absent = no. */
  readonly mayJoin?: (userId: UserId) => boolean
  /** Is the bot exempt from the server's rate limits? Absent = yes: no time is estimated. */
  readonly exempt?: () => boolean
  readonly nameOf: (userId: UserId) => string
  readonly clock: Pick<Clock, 'sleep'>
  readonly random: RandomInt
  readonly settings: ArrivalSettings
}

/** First and last name as they stand in the account. */
export const fullName = (wish: Pick<ArrivalWish, 'first' | 'last'>): string => [wish.first, wish.last ?? ''].join(' ').trim()
