import { z } from 'zod'
import type { Fetched } from '../directory/load.ts'
import type { GateFailure } from '../http/contract.ts'
import { describeFailure, segment } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import { isRoomId } from '../matrix/ids.ts'
import { failedLookUp, isUnrecognised } from '../matrix/queries.ts'
import { errcode } from '../matrix/session.ts'
import type { RoomId, UserId } from '../types.ts'
import { probeServer } from './probe.ts'
import type { ServerRights } from './probe.ts'

/** What came of a change by the admin API. */
export type AdminChange =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly code: 'not-admin' | 'not-found' | 'not-local' | 'not-supported' | 'failed' | 'unknown'
      /** May it have happened all the same? */
      readonly changed: 'no' | 'maybe'
      readonly text: string
    }

const memberships = z.object({ memberships: z.record(z.string(), z.string()) })
const joinedRooms = z.object({ joined_rooms: z.array(z.string()) })
const roomPage = z.object({
  rooms: z.array(z.object({ room_id: z.string(), joined_members: z.number() })),
  next_batch: z.union([z.number(), z.string()]).optional(),
})
const there: ReadonlySet<string> = new Set(['join', 'invite', 'knock'])
const strange: Extract<Fetched<never>, { ok: false }> = { ok: false, code: 'unavailable', text: 'the admin API answered something strange' }
const mostPages = 1000
const deadlineMs = 15_000

const failedChange = (failure: GateFailure): AdminChange => {
  const no = (code: 'not-admin' | 'not-found' | 'not-local' | 'not-supported' | 'failed', text: string): AdminChange => ({
    ok: false,
    code,
    changed: 'no',
    text,
  })
  if (isUnrecognised(failure)) return no('not-supported', 'this server cannot suspend people')
  if (failure.code === 'status') {
    if (failure.status === 401 || failure.status === 403) return no('not-admin', 'the bot is not an admin of its server')
    if (failure.status === 404) return no('not-found', 'the server does not know that person')
    if (failure.status === 400 && errcode(failure) !== 'M_UNRECOGNIZED')
      return no('not-local', 'only people of this server can be suspended: ask the admins of theirs')
  }
  return failure.untouched
    ? no('failed', describeFailure(failure))
    : { ok: false, code: 'unknown', changed: 'maybe', text: `${describeFailure(failure)}; whether it happened could not be found out` }
}

const joinFailure = (failure: GateFailure): AdminChange => {
  const no = (code: 'not-admin' | 'not-found' | 'not-local' | 'failed', text: string): AdminChange => ({
    ok: false,
    code,
    changed: 'no',
    text,
  })
  if (failure.code === 'status' && failure.status === 403) return no('not-admin', 'the bot may not put people into this room')
  if (failure.code === 'status' && failure.status === 404) return no('not-found', 'the server does not know that room or person')
  if (failure.code === 'status' && failure.status === 400) return no('not-local', 'only people of this server can be put into rooms')
  return failure.untouched
    ? no('failed', describeFailure(failure))
    : { ok: false, code: 'unknown', changed: 'maybe', text: `${describeFailure(failure)}; whether it happened could not be found out` }
}

/**
 * The Synapse admin API, for the profile `own-server` only. `homeserver` speaks to the address of the admin API, which may differ from that of
 * the client API (`homeserver.adminUrl`).
 */
export class SynapseAdmin {
  readonly #homeserver: Pick<Homeserver, 'request' | 'userId'>

  constructor(homeserver: Pick<Homeserver, 'request' | 'userId'>) {
    this.#homeserver = homeserver
  }

  /** What the bot may do; one request. */
  probe(): Promise<ServerRights> {
    return probeServer(this.#homeserver)
  }

  /** Suspends a local user, or takes it back: they can read and leave, nothing else (MSC3823). Twice is the same as once. */
  async suspend(userId: UserId, suspend: boolean): Promise<AdminChange> {
    const result = await this.#homeserver.request('PUT', `/_synapse/admin/v1/suspend/${segment(userId)}`, {
      route: 'admin/suspend',
      body: { suspend },
      repeatable: true,
      deadlineMs,
    })
    return result.ok ? { ok: true } : failedChange(result)
  }

  /** Puts a local user into a room where the bot may invite. Twice is the same as once. */
  async join(roomId: RoomId, userId: UserId): Promise<AdminChange> {
    const result = await this.#homeserver.request('POST', `/_synapse/admin/v1/join/${segment(roomId)}`, {
      route: 'admin/join',
      body: { user_id: userId },
      repeatable: true,
      deadlineMs,
    })
    return result.ok ? { ok: true } : joinFailure(result)
  }

  /** The rooms where a person is joined, invited or knocking, as far as this server knows; also those without the bot. */
  async roomsOf(userId: UserId, signal?: AbortSignal): Promise<Fetched<readonly RoomId[]>> {
    const ask = (what: string) =>
      this.#homeserver.request('GET', `/_synapse/admin/v1/users/${segment(userId)}/${what}`, {
        route: `admin/${what}`,
        repeatable: true,
        deadlineMs,
        ...(signal === undefined ? {} : { signal }),
      })
    const result = await ask('memberships')
    if (result.ok) {
      const parsed = memberships.safeParse(result.body)
      if (!parsed.success) return strange
      return {
        ok: true,
        value: Object.entries(parsed.data.memberships).flatMap(([room, state]) => (there.has(state) && isRoomId(room) ? [room] : [])),
      }
    }
    if (!isUnrecognised(result)) return failedLookUp(result)
    // Synapse before 1.145 tells the joined rooms only.
    const older = await ask('joined_rooms')
    if (!older.ok) return failedLookUp(older)
    const parsed = joinedRooms.safeParse(older.body)
    return parsed.success ? { ok: true, value: parsed.data.joined_rooms.filter(isRoomId) } : strange
  }

  /** How many people each room of the server has: one request for 500 rooms instead of one a room. */
  async joinedCounts(signal?: AbortSignal): Promise<Fetched<ReadonlyMap<RoomId, number>>> {
    const counts = new Map<RoomId, number>()
    let from: string | number | undefined
    for (let page = 0; page < mostPages; page += 1) {
      const result = await this.#homeserver.request('GET', '/_synapse/admin/v1/rooms', {
        route: 'admin/rooms',
        query: { limit: 500, order_by: 'name', from },
        repeatable: true,
        ...(signal === undefined ? {} : { signal }),
      })
      if (!result.ok) return failedLookUp(result)
      const parsed = roomPage.safeParse(result.body)
      if (!parsed.success) return strange
      for (const room of parsed.data.rooms) if (isRoomId(room.room_id)) counts.set(room.room_id, room.joined_members)
      from = parsed.data.next_batch
      if (from === undefined) break
    }
    return { ok: true, value: counts }
  }
}
