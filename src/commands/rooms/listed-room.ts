import type { Inline } from '../../chat/answer.ts'
import type { Role, RoomKind } from '../../chat/declaration.ts'
import type { Catalogue } from '../../directory/catalogue.ts'
import { categoryName } from '../../directory/listing.ts'
import type { ListedRoom } from '../../directory/listing.ts'
import type { RoomId, UserId } from '../../types.ts'
import { count } from '../words.ts'

/** What the commands about rooms read: the cache only, never the server. */
export interface RoomListPorts {
  /** The rooms that somebody may know in the place where they ask (`Community.visibleTo`). */
  readonly visibleTo: (viewer: { readonly userId: UserId; readonly role: Role; readonly place: RoomKind }) => readonly ListedRoom[]
  readonly catalogue: () => Catalogue
  /** Servers to join a room through, best first. */
  readonly via: (roomId: RoomId) => readonly string[]
}

/** Name of a room, linked where its id is known. */
export const roomInline = (room: ListedRoom, via: RoomListPorts['via']): Inline =>
  room.roomId === undefined ? { bold: room.name } : { room: room.roomId, name: room.name, via: via(room.roomId) }

/** `12 people`, or that nobody has counted. */
export const memberWords = ({ joinedCount }: Pick<ListedRoom, 'joinedCount'>): string =>
  joinedCount === null ? 'members not counted yet' : count(joinedCount, 'person', 'people')

/** `Outdoor` */
export const categoryWords = (room: ListedRoom, catalogue: Catalogue): string | undefined =>
  room.category === undefined ? undefined : categoryName(catalogue, room.category)

/** Long topics are for `!room`. */
const longestTopic = 80

/** The topic in one short line. */
export const shortTopic = (topic: string | null): string | undefined => {
  const line = topic?.split('\n', 1)[0]?.trim()
  if (line === undefined || line === '') return undefined
  const letters = Array.from(line)
  return letters.length <= longestTopic ? line : `${letters.slice(0, longestTopic - 1).join('')}…`
}
