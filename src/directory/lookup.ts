import type { Selectable } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Membership, RoomTable } from '../database/schema.ts'
import { parsePowerLevels } from '../matrix/power-levels.ts'
import type { RoomPower } from '../matrix/power-levels.ts'
import type { EventId, JsonObject, RoomId, Timestamp, UserId } from '../types.ts'
import { Bridged } from './bridged.ts'
import { lookupQueries } from './lookup-queries.ts'
import type { BridgePattern } from './bridged.ts'
import { fold } from './fold.ts'

/** How old an answer of the directory is. */
export interface Freshness {
  /** When it was last known to equal the server; null = it was never complete. */
  readonly asOf: Timestamp | null
  /** Something was missed since; it will be fetched again. */
  readonly dirty: boolean
}

/** A room as the directory knows it. Texts come from the room's members: escape them where they are shown. */
export interface DirectoryRoom {
  readonly roomId: RoomId
  /** The bot's own membership. */
  readonly ownMembership: Membership
  readonly name: string | null
  readonly topic: string | null
  readonly canonicalAlias: string | null
  readonly space: boolean
  readonly version: string | null
  readonly joinRule: string | null
  readonly historyVisibility: string | null
  /** Where the room went after an upgrade. */
  readonly replacementRoom: RoomId | null
  readonly joinedCount: number | null
  readonly invitedCount: number | null
  readonly freshness: Freshness
}

/** One person in one room. */
export interface Member {
  readonly userId: UserId
  readonly membership: Membership
  readonly displayName: string | null
  readonly eventId: EventId | null
  readonly updatedAt: Timestamp
}

/** How a search hit matched: best first. */
export type Match = 'exact' | 'prefix' | 'contains'

/** A person found by text. */
export interface Person {
  readonly userId: UserId
  readonly displayName: string | null
  /** In how many of the bot's rooms the person is. */
  readonly rooms: number
  readonly bridged: boolean
  readonly match: Match
}

const ranks: Readonly<Record<Match, number>> = { exact: 0, prefix: 1, contains: 2 }

/** How the folded text matches any of these names; undefined = not at all. A prefix may also begin a later word. */
export const matchNames = (folded: string, names: readonly (string | null)[]): Match | undefined => {
  let best: Match | undefined
  for (const name of names) {
    if (name === null) continue
    const known = fold(name)
    if (known === folded) return 'exact'
    if (known.startsWith(folded) || known.includes(` ${folded}`)) best = 'prefix'
    else if (best === undefined && known.includes(folded)) best = 'contains'
  }
  return best
}

/** `@ada:example.org` → `ada`. The localpart of a user id ends at its first colon (spec, "User identifiers"). */
const localpart = (userId: UserId): string => userId.slice(1).split(':', 1)[0] ?? ''

/** The reading half of the directory: only SQLite is asked, never the server. */
export class DirectoryLookup {
  protected readonly database: Database
  readonly ownUserId: UserId
  readonly bridged: Bridged
  readonly #queries

  /**
   * @param database migrated
   * @param ownUserId the bot
   * @param bridges whose people get a badge
   */
  constructor(database: Database, ownUserId: UserId, bridges: readonly BridgePattern[] = []) {
    this.database = database
    this.ownUserId = ownUserId
    this.bridged = new Bridged(bridges)
    this.#queries = lookupQueries(database)
  }

  /** When a sync was last applied; null = never. */
  syncedAt(): Timestamp | null {
    const value = this.database.meta('directory_synced_at')
    return value === undefined ? null : Number(value)
  }

  #view(row: Selectable<RoomTable>, syncedAt: Timestamp | null): DirectoryRoom {
    const dirty = row.dirty === 1
    return {
      roomId: row.room_id,
      ownMembership: row.own_membership,
      name: row.name,
      topic: row.topic,
      canonicalAlias: row.canonical_alias,
      space: row.room_type === 'm.space',
      version: row.room_version,
      joinRule: row.join_rule,
      historyVisibility: row.history_visibility,
      replacementRoom: row.replacement_room as RoomId | null,
      joinedCount: row.joined_count,
      invitedCount: row.invited_count,
      // A clean room follows the sync stream; a dirty one is as old as its list.
      freshness: { asOf: row.baseline_at === null ? null : dirty ? row.baseline_at : Math.max(row.baseline_at, syncedAt ?? 0), dirty },
    }
  }

  /** A room as it is stored. */
  protected roomRow(roomId: RoomId): Selectable<RoomTable> | undefined {
    return this.database.first(this.#queries.room.of({ roomId }))
  }

  /** A room, whatever the bot's membership in it. */
  room(roomId: RoomId): DirectoryRoom | undefined {
    const row = this.roomRow(roomId)
    return row && this.#view(row, this.syncedAt())
  }

  /** The rooms the bot is in, by id. */
  joinedRooms(): readonly DirectoryRoom[] {
    const syncedAt = this.syncedAt()
    const rows = this.database.all(
      this.database.query.selectFrom('room').selectAll().where('own_membership', '=', 'join').orderBy('room_id'),
    )
    return rows.map((row) => this.#view(row, syncedAt))
  }

  /** Joined rooms whose member list has to be fetched. */
  dirtyRooms(): readonly RoomId[] {
    return this.database
      .all(
        this.database.query
          .selectFrom('room')
          .select('room_id')
          .where('own_membership', '=', 'join')
          .where('dirty', '=', 1)
          .orderBy('room_id'),
      )
      .map((row) => row.room_id)
  }

  /** Milliseconds since the member list of a room was last fetched whole; Infinity = never. */
  baselineAge(roomId: RoomId, now: Timestamp): number {
    const at = this.database.first(this.database.query.selectFrom('room').select('baseline_at').where('room_id', '=', roomId))?.baseline_at
    return at === null || at === undefined ? Infinity : now - at
  }

  /** What decides who may do what in a room; undefined = unknown room. */
  power(roomId: RoomId): RoomPower | undefined {
    const row = this.database.first(
      this.database.query.selectFrom('room').select(['room_version', 'creators', 'power_levels']).where('room_id', '=', roomId),
    )
    return (
      row && {
        version: row.room_version,
        creators: JSON.parse(row.creators) as UserId[],
        levels: row.power_levels === null ? null : parsePowerLevels(JSON.parse(row.power_levels) as JsonObject),
      }
    )
  }

  /** The people of a room with one of these memberships, by user id. */
  members(roomId: RoomId, memberships: readonly Membership[] = ['join']): readonly Member[] {
    return this.database
      .all(
        this.database.query
          .selectFrom('member')
          .select(['user_id', 'membership', 'display_name', 'event_id', 'updated_at'])
          .where('room_id', '=', roomId)
          .where('membership', 'in', memberships)
          .orderBy('user_id'),
      )
      .map((row) => ({
        userId: row.user_id,
        membership: row.membership,
        displayName: row.display_name,
        eventId: row.event_id,
        updatedAt: row.updated_at,
      }))
  }

  /** As `members`, ids only: whom to encrypt for. */
  memberIds(roomId: RoomId, memberships: readonly Membership[] = ['join']): readonly UserId[] {
    const [first, ...others] = memberships
    if (first === undefined || others.length > 1) {
      const { query } = this.database
      const those = query.selectFrom('member').select('user_id').where('room_id', '=', roomId).where('membership', 'in', memberships)
      return this.database.all(those).map((row) => row.user_id)
    }
    return this.database.all(this.#queries.memberIds.of({ roomId, first, second: others[0] ?? first })).map((row) => row.user_id)
  }

  /** The membership of a person in a room; undefined = none known. */
  membership(roomId: RoomId, userId: UserId): Membership | undefined {
    return this.database.first(
      this.database.query.selectFrom('member').select('membership').where('room_id', '=', roomId).where('user_id', '=', userId),
    )?.membership
  }

  /** The rooms of the bot where a person has one of these memberships. */
  roomsOf(
    userId: UserId,
    memberships: readonly Membership[] = ['join', 'invite', 'knock'],
  ): readonly { roomId: RoomId; membership: Membership }[] {
    return this.database
      .all(
        this.database.query
          .selectFrom('member')
          .innerJoin('room', 'room.room_id', 'member.room_id')
          .select(['member.room_id', 'member.membership'])
          .where('member.user_id', '=', userId)
          .where('member.membership', 'in', memberships)
          .where('room.own_membership', '=', 'join')
          .orderBy('member.room_id'),
      )
      .map((row) => ({ roomId: row.room_id, membership: row.membership }))
  }

  /** The display name of a person: in that room, else the newest known. null = none. */
  displayName(userId: UserId, roomId?: RoomId): string | null {
    const here = roomId === undefined ? undefined : this.database.first(this.#queries.nameHere.of({ userId, roomId }))
    const found = here ?? this.database.first(this.#queries.newestName.of({ userId }))
    return found?.display_name ?? null
  }

  /** How a person is named in an answer; see `Bridged.label`. */
  label(userId: UserId, roomId?: RoomId): string {
    return this.bridged.label(userId, this.displayName(userId, roomId))
  }

  /**
   * People by user id, localpart or display name; case and accents do not count. Best match first, then who is in most rooms.
   * @param text what somebody typed, plain text and never a pattern
   */
  findPeople(text: string, limit = 20): readonly Person[] {
    const folded = fold(text)
    if (folded === '') return []
    const rows = this.database.all(
      this.database.query.selectFrom('member').select(['user_id', 'display_name']).where('membership', 'in', ['join', 'invite', 'knock']),
    )
    const people = new Map<UserId, { rooms: number; names: Set<string> }>()
    for (const row of rows) {
      const known = people.get(row.user_id) ?? { rooms: 0, names: new Set() }
      known.rooms += 1
      if (row.display_name !== null) known.names.add(row.display_name)
      people.set(row.user_id, known)
    }
    const found: Omit<Person, 'displayName'>[] = []
    for (const [userId, { rooms, names }] of people) {
      const match = matchNames(folded, [userId, localpart(userId), ...names])
      if (match !== undefined) found.push({ userId, rooms, bridged: this.bridged.bridgeOf(userId) !== undefined, match })
    }
    return found
      .sort((a, b) => ranks[a.match] - ranks[b.match] || b.rooms - a.rooms || (a.userId < b.userId ? -1 : 1))
      .slice(0, limit)
      .map((person) => ({ ...person, displayName: this.displayName(person.userId) }))
  }

  /** Joined rooms by id, alias or name, as `findPeople`; ties by members. */
  findRooms(text: string, limit = 20): readonly (DirectoryRoom & { readonly match: Match })[] {
    const folded = fold(text)
    if (folded === '') return []
    return this.joinedRooms()
      .flatMap((room) => {
        const match = matchNames(folded, [room.roomId, room.canonicalAlias, room.name])
        return match === undefined ? [] : [{ ...room, match }]
      })
      .sort((a, b) => ranks[a.match] - ranks[b.match] || (b.joinedCount ?? 0) - (a.joinedCount ?? 0) || (a.roomId < b.roomId ? -1 : 1))
      .slice(0, limit)
  }
}
