import type { EventId, JsonObject, RoomId, UserId } from '../types.ts'

/**
 * What a `/sync` answer holds, as far as this program reads it (spec v1.19, client-server API, "Syncing"). Names are the spec's.
 * The guards are written by hand: they run on every sync, over up to thousands of events, and keep the server's own objects without
 * copying them. Read remote content through own properties only.
 */

/** An event without a place in a room: account data. */
export interface PlainEvent {
  readonly type: string
  readonly content: JsonObject
}

/** An event from another device to this one. */
export interface ToDeviceEvent extends PlainEvent {
  readonly sender: UserId
}

/** State as shown to somebody who is not in the room: a hint by the server, proven by nothing. */
export interface StrippedStateEvent extends ToDeviceEvent {
  readonly state_key: string
}

/** An event of a timeline; a state event when it has a `state_key`. */
export interface RoomEvent extends ToDeviceEvent {
  readonly event_id: EventId
  /** Milliseconds since the Unix epoch, as the sender's server claims. A hint only. */
  readonly origin_server_ts: number
  readonly state_key?: string
  readonly unsigned?: JsonObject
}

/** A state event. */
export interface StateEvent extends RoomEvent {
  readonly state_key: string
}

export interface Timeline {
  readonly events: readonly RoomEvent[]
  /** There are events between the last sync and these that were left out. */
  readonly limited: boolean
  readonly prev_batch: string | undefined
}

/** Comes only when members are lazy-loaded, and only when it changed. */
export interface RoomSummary {
  readonly joinedCount: number | undefined
  readonly invitedCount: number | undefined
}

export interface JoinedRoom {
  readonly timeline: Timeline
  /** State between the last sync and the begin of the timeline. */
  readonly state: readonly StateEvent[]
  readonly account_data: readonly PlainEvent[]
  readonly summary: RoomSummary
}

export type LeftRoom = Omit<JoinedRoom, 'summary'>

export interface InvitedRoom {
  readonly invite_state: readonly StrippedStateEvent[]
}

export interface KnockedRoom {
  readonly knock_state: readonly StrippedStateEvent[]
}

export interface SyncResponse {
  readonly next_batch: string
  readonly rooms: {
    readonly join: ReadonlyMap<RoomId, JoinedRoom>
    readonly invite: ReadonlyMap<RoomId, InvitedRoom>
    readonly leave: ReadonlyMap<RoomId, LeftRoom>
    readonly knock: ReadonlyMap<RoomId, KnockedRoom>
  }
  readonly to_device: readonly ToDeviceEvent[]
  readonly account_data: readonly PlainEvent[]
  readonly device_lists: { readonly changed: readonly UserId[]; readonly left: readonly UserId[] }
  readonly device_one_time_keys_count: Readonly<Record<string, number>>
  /** Absent = the server does not know fallback keys; empty = all used up. */
  readonly device_unused_fallback_key_types: readonly string[] | undefined
  /** Parts that were not what the spec promises and were left out; the rest of the answer stands. */
  readonly dropped: number
}

/** The answer as a whole cannot be used; `problem` is fit for a log. */
export interface SyncProblem {
  readonly problem: string
}

type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string'
const isUserId = (value: unknown): value is UserId => typeof value === 'string' && value.startsWith('@') && value.length <= 255

/** An own property, so that `constructor` and its kin are never found on the prototype. */
const own = (value: Fields, name: string): unknown => (Object.hasOwn(value, name) ? value[name] : undefined)

const isPlainEvent = (value: unknown): value is PlainEvent & Fields =>
  isObject(value) && isText(own(value, 'type')) && isObject(own(value, 'content'))
const isToDeviceEvent = (value: unknown): value is ToDeviceEvent & Fields => isPlainEvent(value) && isUserId(own(value, 'sender'))
const isStripped = (value: unknown): value is StrippedStateEvent => isToDeviceEvent(value) && isText(own(value, 'state_key'))

/** True for a well-formed room event, state or not. For single events too (`/messages`, `/context`). */
export const isRoomEvent = (value: unknown): value is RoomEvent => {
  if (!isToDeviceEvent(value)) return false
  const eventId = own(value, 'event_id')
  if (!isText(eventId) || !eventId.startsWith('$')) return false
  if (typeof own(value, 'origin_server_ts') !== 'number') return false
  const stateKey = own(value, 'state_key')
  if (stateKey !== undefined && !isText(stateKey)) return false
  const unsigned = own(value, 'unsigned')
  return unsigned === undefined || isObject(unsigned)
}

/** True for a well-formed state event. For the answers of `/state` and `/members` too. */
export const isStateEvent = (value: unknown): value is StateEvent =>
  isRoomEvent(value) && isText(own(value as unknown as Fields, 'state_key'))

/** Reads one answer and counts what it has to leave out. */
class Reader {
  dropped = 0

  object(parent: Fields, name: string): Fields {
    const value = own(parent, name)
    if (value === undefined || value === null) return {}
    if (isObject(value)) return value
    this.dropped += 1
    return {}
  }

  list<T>(parent: Fields, name: string, isItem: (value: unknown) => value is T): readonly T[] {
    const value = own(parent, name)
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) {
      this.dropped += 1
      return []
    }
    if (value.every(isItem)) return value
    const good = (value as unknown[]).filter(isItem)
    this.dropped += value.length - good.length
    return good
  }

  /** `{[name]: {events: […]}}` */
  events<T>(parent: Fields, name: string, isItem: (value: unknown) => value is T): readonly T[] {
    return this.list(this.object(parent, name), 'events', isItem)
  }

  text(parent: Fields, name: string): string | undefined {
    const value = own(parent, name)
    return isText(value) ? value : undefined
  }

  count(parent: Fields, name: string): number | undefined {
    const value = own(parent, name)
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
  }

  rooms<T>(parent: Fields, name: string, read: (room: Fields) => T): ReadonlyMap<RoomId, T> {
    const rooms = new Map<RoomId, T>()
    for (const [roomId, room] of Object.entries(this.object(parent, name))) {
      if (roomId.startsWith('!') && isObject(room)) rooms.set(roomId as RoomId, read(room))
      else this.dropped += 1
    }
    return rooms
  }

  leftRoom(room: Fields): LeftRoom {
    const timeline = this.object(room, 'timeline')
    return {
      timeline: {
        events: this.list(timeline, 'events', isRoomEvent),
        limited: own(timeline, 'limited') === true,
        prev_batch: this.text(timeline, 'prev_batch'),
      },
      state: this.events(room, 'state', isStateEvent),
      account_data: this.events(room, 'account_data', isPlainEvent),
    }
  }

  joinedRoom(room: Fields): JoinedRoom {
    const summary = this.object(room, 'summary')
    return {
      ...this.leftRoom(room),
      summary: { joinedCount: this.count(summary, 'm.joined_member_count'), invitedCount: this.count(summary, 'm.invited_member_count') },
    }
  }

  counts(parent: Fields, name: string): Record<string, number> {
    const counts: Record<string, number> = Object.create(null) as Record<string, number>
    const given = this.object(parent, name)
    for (const key of Object.keys(given)) {
      const value = this.count(given, key)
      if (value === undefined) this.dropped += 1
      else counts[key] = value
    }
    return counts
  }
}

/**
 * Checks the answer of `GET /_matrix/client/v3/sync`. One bad event, list or room is dropped and counted, never the whole answer:
 * a server (or somebody in a room) that sends nonsense must not stop the bot.
 * @param value the decoded JSON
 */
export const parseSync = (value: unknown): SyncResponse | SyncProblem => {
  if (!isObject(value)) return { problem: 'the sync answer is not a JSON object' }
  const nextBatch = own(value, 'next_batch')
  if (!isText(nextBatch) || nextBatch === '') return { problem: 'the sync answer has no next_batch' }
  const reader = new Reader()
  const rooms = reader.object(value, 'rooms')
  const deviceLists = reader.object(value, 'device_lists')
  const response = {
    next_batch: nextBatch,
    rooms: {
      join: reader.rooms(rooms, 'join', (room) => reader.joinedRoom(room)),
      invite: reader.rooms(rooms, 'invite', (room) => ({ invite_state: reader.events(room, 'invite_state', isStripped) })),
      leave: reader.rooms(rooms, 'leave', (room) => reader.leftRoom(room)),
      knock: reader.rooms(rooms, 'knock', (room) => ({ knock_state: reader.events(room, 'knock_state', isStripped) })),
    },
    to_device: reader.events(value, 'to_device', isToDeviceEvent),
    account_data: reader.events(value, 'account_data', isPlainEvent),
    device_lists: { changed: reader.list(deviceLists, 'changed', isUserId), left: reader.list(deviceLists, 'left', isUserId) },
    device_one_time_keys_count: reader.counts(value, 'device_one_time_keys_count'),
    device_unused_fallback_key_types: Object.hasOwn(value, 'device_unused_fallback_key_types')
      ? reader.list(value, 'device_unused_fallback_key_types', isText)
      : undefined,
  }
  return { ...response, dropped: reader.dropped }
}
