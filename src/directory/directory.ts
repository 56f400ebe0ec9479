import type { Insertable, Selectable } from 'kysely'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from '../database/database.ts'
import type { MemberTable, Membership, RoomTable } from '../database/schema.ts'
import type { InvitedRoom, JoinedRoom, KnockedRoom, LeftRoom, StateEvent, StrippedStateEvent, SyncResponse } from '../matrix/sync-types.ts'
import type { EventId, JsonObject, RoomId, Timestamp, UserId } from '../types.ts'
import type { BridgePattern } from './bridged.ts'
import { noChanges } from './changes.ts'
import type { DirectoryChanges, MemberChange } from './changes.ts'
import { DirectoryLookup } from './lookup.ts'
import { noFacts, ownMembership, ownText, readFacts } from './room-state.ts'
import type { RoomFacts } from './room-state.ts'

/** What kind of sync answer it is. */
export interface SyncKind {
  /** The first sync of all, or one without a token: state, not news. */
  readonly initial: boolean
  /**
   * The filter did not lazy-load members, so the state of a room that is new to us holds all of them and needs no baseline.
   * Default false: a new room is dirty.
   */
  readonly membersComplete?: boolean
}

/** A member list from the server. */
export interface Baseline {
  readonly members: readonly BaselineMember[]
  /** `joined` = `/joined_members`; `all` = `/members?not_membership=leave`: who is not in it has left. */
  readonly covers: 'joined' | 'all'
  /** The whole state, where it was asked for. */
  readonly state?: readonly StateEvent[]
}

export interface BaselineMember {
  readonly userId: UserId
  readonly membership: Membership
  readonly displayName: string | null
  readonly eventId: EventId | null
}

/** Marks a fetch under way: what the sync stream says meanwhile is newer than what the fetch will bring. */
export interface OpenBaseline {
  readonly roomId: RoomId
  /** User ids and state types that the sync stream told about since. */
  readonly touched: Set<string>
  /** A gap opened since. */
  gap: boolean
}

type RoomRow = Selectable<RoomTable>
type MemberWrite = Pick<MemberTable, 'room_id' | 'user_id' | 'membership' | 'display_name' | 'event_id' | 'updated_at'>

/**
 * Cached rooms and who is in them, fed by the sync stream in the transaction of the sync token (so the cache and the token can never
 * disagree) and by member lists. Differences are written by user id; nothing is deleted but the members of a room that the bot left.
 */
export class Directory extends DirectoryLookup {
  readonly #open = new Set<OpenBaseline>()
  #onEncryption: ((roomId: RoomId, content: JsonObject, now: Timestamp) => void) | undefined
  readonly #readMember: BetterSqlite3.Statement<[string, string], Pick<MemberTable, 'membership' | 'display_name' | 'event_id'>>
  readonly #writeMember: BetterSqlite3.Statement<MemberWrite>

  constructor(database: Database, ownUserId: UserId, bridges: readonly BridgePattern[] = []) {
    super(database, ownUserId, bridges)
    // Prepared once by hand: these two run for each of thousands of members, and building the query would cost more than running it.
    this.#readMember = database.connection.prepare(
      'SELECT membership, display_name, event_id FROM member WHERE room_id = ? AND user_id = ?',
    )
    this.#writeMember = database.connection.prepare(
      `INSERT INTO member (room_id, user_id, membership, display_name, event_id, updated_at)
       VALUES (@room_id, @user_id, @membership, @display_name, @event_id, @updated_at)
       ON CONFLICT (room_id, user_id) DO UPDATE SET
         membership = excluded.membership, display_name = excluded.display_name, event_id = excluded.event_id, updated_at = excluded.updated_at
       WHERE membership <> excluded.membership OR display_name IS NOT excluded.display_name OR event_id IS NOT excluded.event_id`,
    )
  }

  /**
   * Applies a sync answer. Call it in the transaction that stores the sync token.
   * @param now milliseconds since the Unix epoch
   * @returns what changed, for those who have to react
   */
  applySync(response: SyncResponse, now: Timestamp, kind: SyncKind): DirectoryChanges {
    return this.database.transaction(() => {
      const changes = noChanges()
      for (const [roomId, room] of response.rooms.join) this.#applyJoined(roomId, room, now, kind, changes)
      for (const [roomId, room] of response.rooms.leave) this.#applyLeft(roomId, room, now, changes)
      for (const [roomId, room] of response.rooms.invite) this.#applyInvited(roomId, room, now, changes)
      for (const [roomId, room] of response.rooms.knock) this.#applyKnocked(roomId, room, now, changes)
      if (kind.initial) this.#forgetUnmentioned(response, now, changes)
      this.database.setMeta('directory_synced_at', String(now))
      return changes
    })
  }

  /** Names who remembers that a room is encrypted. Called inside the transaction that makes a fetched state known: no crash may part the two. */
  onEncryption(remember: (roomId: RoomId, content: JsonObject, now: Timestamp) => void): void {
    this.#onEncryption = remember
  }

  /** Call before a member list is asked for, and hand the result to `applyBaseline` or `dropBaseline`. */
  beginBaseline(roomId: RoomId): OpenBaseline {
    const open: OpenBaseline = { roomId, touched: new Set(), gap: false }
    this.#open.add(open)
    return open
  }

  /** The fetch came to nothing. */
  dropBaseline(open: OpenBaseline): void {
    this.#open.delete(open)
  }

  /**
   * Applies a member list in one transaction. What the sync stream told since `beginBaseline` stands. A list without the bot itself is
   * not believed: it would empty the room; the room stays dirty.
   */
  applyBaseline(open: OpenBaseline, baseline: Baseline, now: Timestamp): DirectoryChanges {
    this.#open.delete(open)
    const { roomId } = open
    return this.database.transaction(() => {
      const changes = noChanges()
      const row = this.roomRow(roomId)
      if (row?.own_membership !== 'join') return changes
      if (!baseline.members.some((member) => member.userId === this.ownUserId && member.membership === 'join')) {
        changes.dirtyRooms.push(roomId)
        return changes
      }
      const facts: { -readonly [Fact in keyof RoomFacts]?: RoomFacts[Fact] } = {}
      for (const event of baseline.state ?? []) {
        if (event.type === 'm.room.encryption' && event.state_key === '') changes.encryption.push({ roomId, content: event.content })
        if (!open.touched.has(event.type)) Object.assign(facts, readFacts(event))
      }
      const known = new Map(this.members(roomId, ['join', 'invite', 'knock', 'ban']).map((member) => [member.userId, member]))
      for (const member of baseline.members) {
        known.delete(member.userId)
        if (!open.touched.has(member.userId)) this.#setMember(roomId, member, now, 'baseline', null, changes)
      }
      for (const member of known.values()) {
        if (open.touched.has(member.userId) || (baseline.covers === 'joined' && member.membership !== 'join')) continue
        this.#setMember(roomId, { ...member, membership: 'leave', eventId: null }, now, 'baseline', null, changes)
      }
      // The first list of a room is how things are, not something that happened.
      if (row.baseline_at === null) changes.memberChanges.length = 0
      this.#reportFacts(row, facts, changes)
      this.#update(roomId, { ...facts, ...this.#counts(roomId), dirty: open.gap ? 1 : 0, baseline_at: now, updated_at: now })
      for (const { content } of changes.encryption) this.#onEncryption?.(roomId, content, now)
      changes.baselines.push(roomId)
      if (open.gap) changes.dirtyRooms.push(roomId)
      return changes
    })
  }

  /** The member list of a room cannot be trusted any more: fetch it again. */
  markDirty(roomId: RoomId): void {
    this.#update(roomId, { dirty: 1 })
  }

  /** The server says that the bot is in this room, and no sync did. Dirty until its state and members are fetched. */
  addJoinedRoom(roomId: RoomId, now: Timestamp): void {
    this.database.transaction(() => this.#enter(roomId, 'join', now, {}))
  }

  /** The bot is not in this room any more: its members are dropped. */
  markLeft(roomId: RoomId, to: 'leave' | 'ban', now: Timestamp): void {
    this.database.transaction(() => {
      this.database.run(this.database.query.deleteFrom('member').where('room_id', '=', roomId))
      this.#update(roomId, { own_membership: to, joined_count: null, invited_count: null, dirty: 0, baseline_at: null, updated_at: now })
    })
  }

  #update(roomId: RoomId, values: Partial<Insertable<RoomTable>>): void {
    this.database.run(this.database.query.updateTable('room').set(values).where('room_id', '=', roomId))
  }

  /** Begins a room afresh: nothing that an invitation claimed or that was known before a departure stays. */
  #enter(roomId: RoomId, membership: Membership, now: Timestamp, facts: Partial<RoomFacts>): void {
    const values = {
      ...noFacts,
      ...facts,
      own_membership: membership,
      joined_count: null,
      invited_count: null,
      dirty: membership === 'join' ? (1 as const) : (0 as const),
      baseline_at: null,
      updated_at: now,
    }
    this.database.run(this.database.query.deleteFrom('member').where('room_id', '=', roomId))
    this.database.run(
      this.database.query
        .insertInto('room')
        .values({ room_id: roomId, ...values })
        .onConflict((conflict) => conflict.column('room_id').doUpdateSet(values)),
    )
  }

  #counts(roomId: RoomId): Pick<RoomRow, 'joined_count' | 'invited_count'> {
    const rows = this.database.all(
      this.database.query
        .selectFrom('member')
        .select(['membership', (build) => build.fn.countAll<number>().as('people')])
        .where('room_id', '=', roomId)
        .where('membership', 'in', ['join', 'invite'])
        .groupBy('membership'),
    )
    const of = (membership: Membership): number => rows.find((row) => row.membership === membership)?.people ?? 0
    return { joined_count: of('join'), invited_count: of('invite') }
  }

  #setMember(
    roomId: RoomId,
    member: BaselineMember,
    now: Timestamp,
    source: MemberChange['source'],
    sender: UserId | null,
    changes: DirectoryChanges | undefined,
  ): boolean {
    const { userId, membership, eventId } = member
    const before = this.#readMember.get(roomId, userId)
    // Thousands may have left a room long ago; only departures from what we know matter.
    if (before === undefined && membership === 'leave') return false
    const gone = membership === 'leave' || membership === 'ban'
    const displayName = member.displayName ?? (gone ? (before?.display_name ?? null) : null)
    // `joined_members` gives no event ids: keep the one that made the membership what it still is.
    const keptEventId = eventId ?? (before?.membership === membership ? before.event_id : null)
    this.#writeMember.run({
      room_id: roomId,
      user_id: userId,
      membership,
      display_name: displayName,
      event_id: keptEventId,
      updated_at: now,
    })
    if (before?.membership === membership) return false
    changes?.memberChanges.push({ roomId, userId, from: before?.membership ?? null, to: membership, eventId, sender, displayName, source })
    return true
  }

  #touch(roomId: RoomId, what: string): void {
    for (const open of this.#open) if (open.roomId === roomId) open.touched.add(what)
  }

  #reportFacts(row: RoomRow, facts: Partial<RoomFacts>, changes: DirectoryChanges): void {
    const { history_visibility: to, power_levels: levels, creators } = facts
    if (to !== undefined && to !== row.history_visibility)
      changes.visibilityChanges.push({ roomId: row.room_id, from: row.history_visibility, to })
    if ((levels !== undefined && levels !== row.power_levels) || (creators !== undefined && creators !== row.creators)) {
      changes.powerChanges.push(row.room_id)
    }
  }

  #applyJoined(roomId: RoomId, room: JoinedRoom, now: Timestamp, kind: SyncKind, changes: DirectoryChanges): void {
    const before = this.roomRow(roomId)
    const known = before?.own_membership === 'join' ? before : undefined
    if (known === undefined) {
      this.#enter(roomId, 'join', now, {})
      changes.newRooms.push(roomId)
    }
    const facts: { -readonly [Fact in keyof RoomFacts]?: RoomFacts[Fact] } = {}
    // In a room that is new to us, news begins with our own join: what was before it had happened without us.
    let news = known !== undefined && !kind.initial
    let membersMoved = known === undefined
    const apply = (event: StateEvent, source: 'timeline' | 'state'): void => {
      if (event.type === 'm.room.member') {
        const membership = ownMembership(event.content)
        if (membership === null || !event.state_key.startsWith('@')) return
        const userId = event.state_key as UserId
        const member = { userId, membership, displayName: ownText(event.content, 'displayname'), eventId: event.event_id }
        this.#touch(roomId, userId)
        if (this.#setMember(roomId, member, now, source, event.sender, news ? changes : undefined)) membersMoved = true
        if (userId === this.ownUserId && membership === 'join' && source === 'timeline' && !kind.initial) news = true
        return
      }
      if (event.type === 'm.room.encryption' && event.state_key === '') changes.encryption.push({ roomId, content: event.content })
      const told = readFacts(event)
      if (told === undefined) return
      this.#touch(roomId, event.type)
      Object.assign(facts, told)
    }
    for (const event of room.state) apply(event, 'state')
    for (const event of room.timeline.events) if (event.state_key !== undefined) apply(event as StateEvent, 'timeline')
    if (known !== undefined) this.#reportFacts(known, facts, changes)
    const complete = known === undefined && kind.membersComplete === true && this.membership(roomId, this.ownUserId) === 'join'
    const gap = known !== undefined && (room.timeline.limited || kind.initial)
    if (gap) for (const open of this.#open) if (open.roomId === roomId) open.gap = true
    this.#settle(roomId, room, now, { known, facts, membersMoved, complete, gap }, changes)
  }

  /** Writes what became of a joined room: facts, counts, and whether its member list is still whole. */
  #settle(
    roomId: RoomId,
    { summary }: JoinedRoom,
    now: Timestamp,
    found: {
      readonly known: RoomRow | undefined
      readonly facts: Partial<RoomFacts>
      readonly membersMoved: boolean
      readonly complete: boolean
      readonly gap: boolean
    },
    changes: DirectoryChanges,
  ): void {
    const { known, facts, membersMoved, complete, gap } = found
    const listed = complete || (known !== undefined && known.baseline_at !== null)
    const before: Partial<RoomRow> = known ?? {}
    const counted = membersMoved
      ? this.#counts(roomId)
      : { joined_count: before.joined_count ?? null, invited_count: before.invited_count ?? null }
    // The server's own count: it shows a list that went wrong, and stands in while there is none.
    const wrong = listed && !gap && known?.dirty !== 1 && summary.joinedCount !== undefined && summary.joinedCount !== counted.joined_count
    const counts = listed
      ? counted
      : { joined_count: summary.joinedCount ?? counted.joined_count, invited_count: summary.invitedCount ?? counted.invited_count }
    const summarised = summary.joinedCount !== undefined || summary.invitedCount !== undefined
    const dirty = gap || wrong || known?.dirty === 1 || (known === undefined && !complete)
    if (dirty && known?.dirty !== 1) changes.dirtyRooms.push(roomId)
    if (complete) changes.baselines.push(roomId)
    // Most syncs bring messages only: nothing to write then.
    const settled = known !== undefined && !membersMoved && !summarised && (known.dirty === 1) === dirty && Object.keys(facts).length === 0
    if (!settled)
      this.#update(roomId, { ...facts, ...counts, dirty: dirty ? 1 : 0, ...(complete ? { baseline_at: now } : {}), updated_at: now })
  }

  #ownEvent(events: readonly StrippedStateEvent[]): StrippedStateEvent | undefined {
    return events.findLast((event) => event.type === 'm.room.member' && event.state_key === this.ownUserId)
  }

  #applyLeft(roomId: RoomId, room: LeftRoom, now: Timestamp, changes: DirectoryChanges): void {
    const before = this.roomRow(roomId)
    if (before === undefined || before.own_membership === 'leave') return
    const own = this.#ownEvent([...room.state, ...room.timeline.events.filter((event) => event.state_key !== undefined)] as StateEvent[])
    const to = own !== undefined && ownMembership(own.content) === 'ban' ? 'ban' : 'leave'
    if (before.own_membership === to) return
    if (before.own_membership === 'join') changes.leftRooms.push({ roomId, to, sender: own?.sender ?? null })
    this.markLeft(roomId, to, now)
  }

  #hints(events: readonly StrippedStateEvent[]): Partial<RoomFacts> {
    const facts: Partial<RoomFacts> = {}
    for (const event of events) Object.assign(facts, readFacts(event))
    return facts
  }

  #applyInvited(roomId: RoomId, room: InvitedRoom, now: Timestamp, changes: DirectoryChanges): void {
    const own = this.#ownEvent(room.invite_state)
    if (this.roomRow(roomId)?.own_membership === 'join') changes.leftRooms.push({ roomId, to: 'leave', sender: null })
    this.#enter(roomId, 'invite', now, this.#hints(room.invite_state))
    const isDirect = own !== undefined && Object.hasOwn(own.content, 'is_direct') && own.content['is_direct'] === true
    changes.invitations.push({ roomId, sender: own?.sender ?? null, isDirect })
  }

  #applyKnocked(roomId: RoomId, room: KnockedRoom, now: Timestamp, changes: DirectoryChanges): void {
    if (this.roomRow(roomId)?.own_membership === 'join') changes.leftRooms.push({ roomId, to: 'leave', sender: null })
    this.#enter(roomId, 'knock', now, this.#hints(room.knock_state))
  }

  /** A sync without a token names every room: what it does not name is over. */
  #forgetUnmentioned(response: SyncResponse, now: Timestamp, changes: DirectoryChanges): void {
    const { join, invite, knock } = response.rooms
    const rows = this.database.all(
      this.database.query
        .selectFrom('room')
        .select(['room_id', 'own_membership'])
        .where('own_membership', 'in', ['join', 'invite', 'knock']),
    )
    for (const { room_id: roomId, own_membership: membership } of rows) {
      if (join.has(roomId) || invite.has(roomId) || knock.has(roomId)) continue
      if (membership === 'join') changes.leftRooms.push({ roomId, to: 'leave', sender: null })
      this.markLeft(roomId, 'leave', now)
    }
  }
}
