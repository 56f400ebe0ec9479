import type { Membership, RoomTable } from '../database/schema.ts'
import { creatorsOf } from '../matrix/power-levels.ts'
import type { StrippedStateEvent } from '../matrix/sync-types.ts'
import type { JsonObject, RoomId } from '../types.ts'

/** What the state events of a room say about it; a column each in `room`. */
export type RoomFacts = Pick<
  RoomTable,
  | 'name'
  | 'topic'
  | 'canonical_alias'
  | 'room_type'
  | 'room_version'
  | 'join_rule'
  | 'history_visibility'
  | 'power_levels'
  | 'replacement_room'
> & { readonly creators: string }

/** A room of which nothing is known. */
export const noFacts: RoomFacts = {
  name: null,
  topic: null,
  canonical_alias: null,
  room_type: null,
  room_version: null,
  creators: '[]',
  join_rule: null,
  history_visibility: null,
  power_levels: null,
  replacement_room: null,
}

/** Nobody needs more of a name or a topic, and strangers write them. */
const longest = { name: 255, topic: 2000, word: 255 }

/** A text of a remote object: own property, not blank, cut to a sane length at a whole character. */
export const ownText = (content: JsonObject, name: string, limit: number = longest.word): string | null => {
  const value = Object.hasOwn(content, name) ? content[name] : undefined
  if (typeof value !== 'string') return null
  const text = value.trim()
  if (text === '') return null
  return text.length <= limit ? text : Array.from(text.slice(0, limit)).slice(0, -1).join('') + '…'
}

const memberships: ReadonlySet<string> = new Set<Membership>(['join', 'invite', 'knock', 'leave', 'ban'])

/** The membership that an `m.room.member` content states; null = none that the spec knows. */
export const ownMembership = (content: JsonObject): Membership | null => {
  const value = ownText(content, 'membership')
  return value !== null && memberships.has(value) ? (value as Membership) : null
}

/**
 * What one state event says about its room.
 * @returns the facts it sets (null where it takes one back), or undefined for an event that does not matter here
 */
export const readFacts = (event: StrippedStateEvent): Partial<RoomFacts> | undefined => {
  if (event.state_key !== '') return undefined
  const { content } = event
  switch (event.type) {
    case 'm.room.create':
      return {
        room_type: ownText(content, 'type'),
        // A create event without a version means version 1 (spec, m.room.create).
        room_version: ownText(content, 'room_version') ?? '1',
        creators: JSON.stringify(creatorsOf(event)),
      }
    case 'm.room.name':
      return { name: ownText(content, 'name', longest.name) }
    case 'm.room.topic':
      return { topic: ownText(content, 'topic', longest.topic) }
    case 'm.room.canonical_alias':
      return { canonical_alias: ownText(content, 'alias') }
    case 'm.room.join_rules':
      return { join_rule: ownText(content, 'join_rule') }
    case 'm.room.history_visibility':
      return { history_visibility: ownText(content, 'history_visibility') }
    case 'm.room.power_levels':
      return { power_levels: JSON.stringify(content) }
    case 'm.room.tombstone':
      return { replacement_room: ownText(content, 'replacement_room') as RoomId | null }
    default:
      return undefined
  }
}
