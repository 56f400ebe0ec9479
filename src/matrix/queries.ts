import { z } from 'zod'
import type { Membership } from '../database/schema.ts'
import type { Fetched, DirectorySource } from '../directory/load.ts'
import { ownMembership, ownText } from '../directory/room-state.ts'
import type { GateFailure, GateResult } from '../http/contract.ts'
import type { JsonObject, RoomAlias, RoomId, UserId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import { isRoomId } from './ids.ts'
import { errcode } from './session.ts'
import { isStateEvent } from './sync-types.ts'

/** As `Fetched`, and the server may not know the question at all. */
export type Asked<T> = Fetched<T> | { readonly ok: false; readonly code: 'unsupported'; readonly text: string }

/** Live look-ups: the server's word of this moment, where the directory's is not enough. Failures are values. */
export interface Queries {
  /** The membership of a person now; `leave` = there is none. undefined = the server did not say. */
  liveMembership(roomId: RoomId, userId: UserId, signal?: AbortSignal): Promise<Membership | undefined>
  /** The rooms where the bot and the person both are joined (spec v1.19, `GET /v1/mutual_rooms`). */
  mutualRooms(userId: UserId, signal?: AbortSignal): Promise<Asked<readonly RoomId[]>>
  /** Does the user exist? undefined = the server would not say. */
  profileExists(userId: UserId, signal?: AbortSignal): Promise<boolean | undefined>
  /** The room behind an alias, and servers to join through. */
  resolveAlias(alias: RoomAlias, signal?: AbortSignal): Promise<Fetched<{ readonly roomId: RoomId; readonly via: readonly string[] }>>
}

type Asker = Pick<Homeserver, 'request'>

/** Somebody waits for the answer of a command, so one question has not got forever (milliseconds). */
const deadlineMs = 10_000
/** 100 rooms a page: nobody shares more than this with the bot. */
const mostPages = 200

const strange: Extract<Fetched<never>, { ok: false }> = { ok: false, code: 'unavailable', text: 'the server answered something strange' }

/** A failed look-up in one of the few ways that matter to those who ask. */
export const failedLookUp = (failure: GateFailure): Extract<Fetched<never>, { ok: false }> => {
  const text = describeFailure(failure)
  if (failure.code === 'cancelled') return { ok: false, code: 'cancelled', text }
  if (failure.code === 'status' && (failure.status === 401 || failure.status === 403)) return { ok: false, code: 'forbidden', text }
  if (failure.code === 'status' && failure.status === 404) return { ok: false, code: 'not-found', text }
  return { ok: false, code: 'unavailable', text }
}

/**
 * Does the server not know this path? Old servers and proxies answer 404 without an error code, newer ones `M_UNRECOGNIZED` (spec,
 * "Common error codes").
 */
export const isUnrecognised = (failure: GateFailure): boolean =>
  failure.code === 'status' &&
  (failure.status === 404 || failure.status === 405 || failure.status === 400) &&
  (errcode(failure) === 'M_UNRECOGNIZED' || (failure.status !== 400 && errcode(failure) === undefined))

const mutualPage = z.object({ joined: z.array(z.string()), next_batch: z.string().min(1).optional() })
const aliasAnswer = z.object({ room_id: z.string().refine(isRoomId), servers: z.array(z.string()).default([]) })
const joinedRoomsAnswer = z.object({ joined_rooms: z.array(z.string()) })
const membersAnswer = z.object({ chunk: z.array(z.unknown()) })
const stateAnswer = z.array(z.unknown())

const get = (
  homeserver: Asker,
  path: string,
  route: string,
  options: { readonly query?: Record<string, string | undefined>; readonly signal?: AbortSignal | undefined; readonly deadlineMs?: number },
): Promise<GateResult> =>
  homeserver.request('GET', path, {
    route,
    repeatable: true,
    ...(options.query === undefined ? {} : { query: options.query }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs, timeoutMs: options.deadlineMs }),
  })

/** Makes the live look-ups of a homeserver client. */
export const createQueries = (homeserver: Asker): Queries => ({
  liveMembership: async (roomId, userId, signal) => {
    const path = `/_matrix/client/v3/rooms/${segment(roomId)}/state/m.room.member/${segment(userId)}`
    const result = await get(homeserver, path, 'state', { signal, deadlineMs })
    if (result.ok) return ownMembership(asObject(result.body)) ?? undefined
    return result.code === 'status' && result.status === 404 && errcode(result) === 'M_NOT_FOUND' ? 'leave' : undefined
  },

  mutualRooms: async (userId, signal) => {
    const rooms = new Set<RoomId>()
    let from: string | undefined
    for (let page = 0; page < mostPages; page += 1) {
      const query = { user_id: userId, from }
      const result = await get(homeserver, '/_matrix/client/v1/mutual_rooms', 'mutual_rooms', { query, signal, deadlineMs })
      if (!result.ok) {
        return isUnrecognised(result)
          ? { ok: false, code: 'unsupported', text: 'this server does not tell which rooms two people share' }
          : failedLookUp(result)
      }
      const parsed = mutualPage.safeParse(result.body)
      if (!parsed.success) return strange
      for (const roomId of parsed.data.joined) if (isRoomId(roomId)) rooms.add(roomId)
      from = parsed.data.next_batch
      if (from === undefined) break
    }
    return { ok: true, value: [...rooms] }
  },

  profileExists: async (userId, signal) => {
    const profile = `/_matrix/client/v3/profile/${segment(userId)}`
    const whole = await get(homeserver, profile, 'profile', { signal, deadlineMs })
    if (whole.ok) return true
    if (!isMissing(whole)) return undefined
    // Synapse 1.163 says 404 of people without name and picture too; asked for the name alone, it tells them from those who do not exist.
    const name = await get(homeserver, `${profile}/displayname`, 'profile/displayname', { signal, deadlineMs })
    if (name.ok) return true
    return isMissing(name) ? false : undefined
  },

  resolveAlias: async (alias, signal) => {
    const path = `/_matrix/client/v3/directory/room/${segment(alias)}`
    const result = await get(homeserver, path, 'directory/room', { signal, deadlineMs })
    if (!result.ok) return failedLookUp(result)
    const parsed = aliasAnswer.safeParse(result.body)
    return parsed.success ? { ok: true, value: { roomId: parsed.data.room_id, via: parsed.data.servers } } : strange
  },
})

/** There is no such thing, in any of the ways in which servers say so; an unknown path is something else. */
const isMissing = (failure: GateFailure): boolean =>
  failure.code === 'status' && failure.status === 404 && (errcode(failure) === 'M_NOT_FOUND' || errcode(failure) === 'M_UNKNOWN')

const asObject = (body: unknown): JsonObject =>
  typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as JsonObject) : {}

/** Member events that make sense. One bad event does not spoil the list. */
const toMembers = (chunk: readonly unknown[]) =>
  chunk.filter(isStateEvent).flatMap((event) => {
    const membership = ownMembership(event.content)
    if (event.type !== 'm.room.member' || membership === null || !event.state_key.startsWith('@')) return []
    const displayName = ownText(event.content, 'displayname')
    return [{ userId: event.state_key as UserId, membership, displayName, eventId: event.event_id }]
  })

/**
 * What the directory's loader asks.
 * @param joinedCounts how many people each room has, where the server tells of all rooms at once (`SynapseAdmin.joinedCounts`)
 */
export const createDirectorySource = (homeserver: Asker, joinedCounts?: NonNullable<DirectorySource['joinedCounts']>): DirectorySource => ({
  joinedRooms: async (signal) => {
    const result = await get(homeserver, '/_matrix/client/v3/joined_rooms', 'joined_rooms', { signal })
    if (!result.ok) return failedLookUp(result)
    const parsed = joinedRoomsAnswer.safeParse(result.body)
    return parsed.success ? { ok: true, value: parsed.data.joined_rooms.filter(isRoomId) } : strange
  },

  members: async (roomId, signal) => {
    const query = { not_membership: 'leave' }
    const result = await get(homeserver, `/_matrix/client/v3/rooms/${segment(roomId)}/members`, 'members', { query, signal })
    if (!result.ok) return failedLookUp(result)
    const parsed = membersAnswer.safeParse(result.body)
    return parsed.success ? { ok: true, value: { covers: 'all', members: toMembers(parsed.data.chunk) } } : strange
  },

  state: async (roomId, signal) => {
    const result = await get(homeserver, `/_matrix/client/v3/rooms/${segment(roomId)}/state`, 'state', { signal })
    if (!result.ok) return failedLookUp(result)
    const parsed = stateAnswer.safeParse(result.body)
    return parsed.success ? { ok: true, value: parsed.data.filter(isStateEvent) } : strange
  },

  ...(joinedCounts === undefined ? {} : { joinedCounts }),
})
