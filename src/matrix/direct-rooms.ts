import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { GateFailure } from '../http/contract.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId, UserId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import { errcode } from './session.ts'

/** The encrypted direct room with a person, or why there is none. */
export type DirectRoomResult =
  | { readonly ok: true; readonly roomId: RoomId; readonly made: boolean }
  | { readonly ok: false; readonly code: 'refused' | 'retry' | 'unknown'; readonly words: string; readonly retryAfterMs?: number }

/** How long to wait until the sync stream tells about a room that was just made (milliseconds). */
const noticeMs = 15_000

/** `untold`: we made it, and the directory does not know yet what became of the invitation. Only the server can tell. */
type Standing = 'usable' | 'untold' | 'unusable'

const memberSchema = z.object({ membership: z.string() })
const created = z.object({ room_id: z.string() })
/** Stands in the creation content of every DM that the bot makes: by it, a room is found again that was made just before a crash. */
const markerKey = 'org.gatehouse.direct'

/**
 * The bot's direct rooms. The own table is the truth; `m.direct` is a copy, merged under a lock. There is at most one creation at a time for a
 * person, and its intent is written first.
 */
export class DirectRooms {
  readonly #database: Database
  readonly #directory: Directory
  readonly #homeserver: Homeserver
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #isEncrypted: (roomId: RoomId) => boolean
  readonly #newMarker: () => string
  readonly #locks = new Map<UserId, Promise<DirectRoomResult>>()
  readonly #awaited = new Map<RoomId, (() => void)[]>()
  #directEvent: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly database: Database
    readonly directory: Directory
    readonly homeserver: Homeserver
    readonly clock: Clock
    readonly logger: Logger
    /** Is (or was) the room encrypted? */
    readonly isEncrypted: (roomId: RoomId) => boolean
    /** A new unguessable text. */
    readonly newMarker: () => string
  }) {
    this.#database = options.database
    this.#directory = options.directory
    this.#homeserver = options.homeserver
    this.#clock = options.clock
    this.#logger = options.logger
    this.#isEncrypted = options.isEncrypted
    this.#newMarker = options.newMarker
  }

  /** Whose DM is this room? undefined = it is none. Membership is never guessed from the number of members. */
  personOf(roomId: RoomId): UserId | undefined {
    return this.#database.first(this.#database.query.selectFrom('direct_room').select('user_id').where('room_id', '=', roomId))?.user_id
  }

  /** The usable DM with a person: the bot is in it, the person is or is invited, and nobody else. */
  roomOf(userId: UserId): RoomId | undefined {
    return this.#roomsOf(userId, 'usable')[0]
  }

  #roomsOf(userId: UserId, standing: Standing): readonly RoomId[] {
    return this.#database
      .all(
        this.#database.query
          .selectFrom('direct_room')
          .select(['room_id', 'origin'])
          .where('user_id', '=', userId)
          .orderBy('created_at', 'desc'),
      )
      .filter((row) => this.#standing(row.room_id, row.origin === 'made', userId) === standing)
      .map((row) => row.room_id)
  }

  #standing(roomId: RoomId, made: boolean, userId: UserId): Standing {
    const room = this.#directory.room(roomId)
    // Just made: the sync stream has not told yet.
    if (room === undefined) return 'usable'
    if (room.ownMembership !== 'join') return 'unusable'
    const membership = this.#directory.membership(roomId, userId)
    const others = this.#directory
      .memberIds(roomId, ['join', 'invite'])
      .filter((member) => member !== userId && member !== this.#directory.ownUserId)
    if (others.length > 0) return 'unusable'
    if (room.freshness.asOf === null) return 'usable'
    // A server may tell about a new room in pieces, and the bot may have been stopped between them.
    if (made && membership === undefined) return 'untold'
    // A chat that somebody else made in clear is no place for a welcome or for personal data.
    if (!this.#isEncrypted(roomId)) return 'unusable'
    return membership === 'join' || membership === 'invite' ? 'usable' : 'unusable'
  }

  /** Remembers a direct room that somebody else made and invited the bot to. Call inside the transaction that notes the join. */
  adopt(roomId: RoomId, userId: UserId): void {
    this.#database.run(
      this.#database.query
        .insertInto('direct_room')
        .values({ room_id: roomId, user_id: userId, origin: 'adopted', created_at: this.#clock.now() })
        .onConflict((conflict) => conflict.column('room_id').doNothing()),
    )
  }

  /** The sync stream has told about rooms or their members: who waits for them looks again. */
  noticed(roomIds: readonly RoomId[]): void {
    for (const roomId of roomIds) {
      const waiting = this.#awaited.get(roomId) ?? []
      this.#awaited.delete(roomId)
      for (const resolve of waiting) resolve()
    }
  }

  /**
   * Waits until the sync stream has told everything about a room that was just made, or until patience ends. A server may tell about it in
   * pieces, in the order of its events: the invitation is the last one. Before it is known, the room's key would not reach the person.
   */
  async #known(roomId: RoomId, userId: UserId): Promise<boolean> {
    const complete = (): boolean => {
      const room = this.#directory.room(roomId)
      return room?.ownMembership === 'join' && room.freshness.asOf !== null && this.#directory.membership(roomId, userId) !== undefined
    }
    if (complete()) return true
    const patience = new AbortController()
    const over = this.#clock.sleep(noticeMs, patience.signal).catch(() => undefined)
    let waiting = true
    while (waiting && !complete()) {
      const told = new Promise<true>((resolve) => {
        this.#awaited.set(roomId, [...(this.#awaited.get(roomId) ?? []), () => resolve(true)])
      })
      waiting = (await Promise.race([told, over])) === true
    }
    patience.abort()
    this.#awaited.delete(roomId)
    return complete()
  }

  /** The DM with a person, made if there is none. */
  open(userId: UserId): Promise<DirectRoomResult> {
    const before = this.#locks.get(userId)
    if (before !== undefined) return before
    const work = this.#open(userId).finally(() => this.#locks.delete(userId))
    this.#locks.set(userId, work)
    return work
  }

  async #open(userId: UserId): Promise<DirectRoomResult> {
    const known = this.roomOf(userId)
    if (known !== undefined) return this.#whenKnown({ ok: true, roomId: known, made: false }, userId)
    for (const roomId of this.#roomsOf(userId, 'untold')) {
      const asked = await this.#homeserver.state(roomId, 'm.room.member', userId)
      if (!asked.ok) return { ok: false, code: 'retry', words: describeFailure(asked) }
      const member = memberSchema.safeParse(asked.content)
      if (member.success && (member.data.membership === 'invite' || member.data.membership === 'join')) {
        return this.#whenKnown(this.#keep(roomId, userId), userId)
      }
    }
    const intent = this.#database.first(this.#database.query.selectFrom('direct_intent').selectAll().where('user_id', '=', userId))
    if (intent !== undefined) {
      const found = await this.#findByMarker(intent.marker)
      if (found === 'failed') return { ok: false, code: 'retry', words: 'the rooms of the bot could not be read' }
      if (found !== undefined) return this.#whenKnown(this.#keep(found, userId), userId)
    }
    const marker = this.#newMarker()
    this.#intend(userId, marker)
    const result = await this.#homeserver.request('POST', '/_matrix/client/v3/createRoom', {
      route: 'createRoom',
      repeatable: false,
      body: {
        preset: 'private_chat',
        is_direct: true,
        invite: [userId],
        creation_content: { [markerKey]: marker },
        initial_state: [
          { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
          { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'invited' } },
        ],
      },
    })
    if (result.ok) {
      const body = created.safeParse(result.body)
      if (body.success) return this.#whenKnown(this.#keep(body.data.room_id as RoomId, userId), userId)
      return { ok: false, code: 'unknown', words: 'the server answered something that is no room' }
    }
    return this.#failed(result, userId)
  }

  async #whenKnown(result: DirectRoomResult & { readonly ok: true }, userId: UserId): Promise<DirectRoomResult> {
    if (await this.#known(result.roomId, userId)) return result
    return { ok: false, code: 'retry', words: 'the homeserver has not told yet about the direct chat that was made' }
  }

  #failed(failure: GateFailure, userId: UserId): DirectRoomResult {
    // Certainly not made: the intent is void. Otherwise (a 502 of a proxy too) it stays, and the next try looks for the marker first.
    if (failure.untouched) this.#forgetIntent(userId)
    if (failure.code === 'limited' || failure.code === 'down')
      return { ok: false, code: 'retry', words: describeFailure(failure), retryAfterMs: failure.retryAfterMs }
    if (failure.code === 'status' && failure.status < 500) {
      const blocked = errcode(failure) === 'M_INVITE_BLOCKED' ? `${userId} blocks invitations` : describeFailure(failure)
      return { ok: false, code: 'refused', words: blocked }
    }
    return { ok: false, code: 'retry', words: describeFailure(failure) }
  }

  #intend(userId: UserId, marker: string): void {
    const values = { marker, intended_at: this.#clock.now() }
    this.#database.run(
      this.#database.query
        .insertInto('direct_intent')
        .values({ user_id: userId, ...values })
        .onConflict((conflict) => conflict.column('user_id').doUpdateSet(values)),
    )
  }

  #forgetIntent(userId: UserId): void {
    this.#database.run(this.#database.query.deleteFrom('direct_intent').where('user_id', '=', userId))
  }

  #keep(roomId: RoomId, userId: UserId): DirectRoomResult & { readonly ok: true } {
    this.#database.transaction(() => {
      this.#database.run(
        this.#database.query
          .insertInto('direct_room')
          .values({ room_id: roomId, user_id: userId, origin: 'made', created_at: this.#clock.now() })
          .onConflict((conflict) => conflict.column('room_id').doNothing()),
      )
      this.#forgetIntent(userId)
    })
    this.#publish(roomId, userId)
    return { ok: true, roomId, made: true }
  }

  /** A room that an earlier run made and did not note: looked for among the rooms that no one knows a purpose of. */
  async #findByMarker(marker: string): Promise<RoomId | undefined | 'failed'> {
    const sdk = await this.#homeserver.sdk()
    let rooms: readonly string[]
    try {
      rooms = await sdk.getJoinedRooms()
    } catch (error) {
      this.#logger.warn({ err: error }, 'the joined rooms could not be read')
      return 'failed'
    }
    const known = new Set(
      this.#database.all(this.#database.query.selectFrom('direct_room').select('room_id')).map((row) => row.room_id as string),
    )
    for (const roomId of rooms.toReversed()) {
      const room = this.#directory.room(roomId as RoomId)
      if (known.has(roomId) || (room !== undefined && (room.joinedCount ?? 0) > 2)) continue
      const state = await this.#homeserver.state(roomId as RoomId, 'm.room.create')
      if (!state.ok) return 'failed'
      const content = state.content as Record<string, unknown> | undefined
      if (content !== undefined && Object.hasOwn(content, markerKey) && content[markerKey] === marker) return roomId as RoomId
    }
    return undefined
  }

  /** Copies the room into `m.direct`, for the bot's other clients. Read, merge, write; one after another; a failed read writes nothing. */
  #publish(roomId: RoomId, userId: UserId): void {
    const path = `/_matrix/client/v3/user/${segment(this.#homeserver.userId)}/account_data/m.direct`
    this.#directEvent = this.#directEvent.then(async () => {
      const read = await this.#homeserver.request('GET', path, { route: 'account_data', repeatable: true })
      const none = !read.ok && read.code === 'status' && read.status === 404 && errcode(read) === 'M_NOT_FOUND'
      if (!read.ok && !none) {
        this.#logger.warn({ code: read.code }, 'm.direct could not be read, so it is left as it is')
        return
      }
      const content = (read.ok && typeof read.body === 'object' && read.body !== null ? read.body : {}) as Record<string, unknown>
      const before = Object.hasOwn(content, userId) && Array.isArray(content[userId]) ? (content[userId] as unknown[]) : []
      if (before.includes(roomId)) return
      const written = await this.#homeserver.request('PUT', path, {
        route: 'account_data',
        repeatable: true,
        body: { ...content, [userId]: [roomId, ...before] },
      })
      if (!written.ok) this.#logger.warn({ code: written.code }, 'm.direct could not be written')
    })
  }

  /** Waits until copies of earlier rooms are written. */
  settle(): Promise<void> {
    return this.#directEvent
  }
}
