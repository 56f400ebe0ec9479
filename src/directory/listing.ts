import type { RoomAlias, RoomId } from '../types.ts'
import type { Access, Catalogue, CatalogueRoom, Visibility } from './catalogue.ts'
import { fold } from './fold.ts'
import { matchNames } from './lookup.ts'
import type { DirectoryRoom, Freshness } from './lookup.ts'

/** A room as people see it: catalogue and directory merged. */
export interface ListedRoom {
  /** undefined = an alias of the catalogue that could not be resolved yet. */
  readonly roomId: RoomId | undefined
  readonly alias: string | null
  readonly name: string
  readonly topic: string | null
  /** Key of the category. */
  readonly category: string | undefined
  readonly keywords: readonly string[]
  readonly visibility: Visibility
  readonly access: Access
  /** Everybody who arrives is invited. */
  readonly always: boolean
  /** Name of the space whose people may join this room by themselves; only where the room's own join rule says so too. */
  readonly openTo?: string | undefined
  /** In the catalogue (⚙) or only cached (💾). */
  readonly configured: boolean
  readonly mark: '⚙' | '💾'
  readonly space: boolean
  /** The bot is in it. */
  readonly joined: boolean
  readonly joinedCount: number | null
  readonly replacementRoom: RoomId | null
  readonly freshness: Freshness
}

/** Who asks, and where. */
export interface Asker {
  readonly role: 'everyone' | 'moderator' | 'admin'
  /** Where the answer will stand: in INDOC only public rooms are named, whoever asks. */
  readonly place: 'indoc' | 'admin' | 'dm'
  /** Rooms the person is in. */
  readonly rooms: ReadonlySet<RoomId>
}

const unknown: Freshness = { asOf: null, dirty: true }

const restricted: ReadonlySet<string | null> = new Set(['restricted', 'knock_restricted'])

const configuredRoom = (entry: CatalogueRoom, roomId: RoomId | undefined, room: DirectoryRoom | undefined): ListedRoom => ({
  roomId,
  alias: entry.alias ?? room?.canonicalAlias ?? null,
  name: entry.name,
  topic: room?.topic ?? null,
  category: entry.category,
  keywords: entry.keywords,
  visibility: entry.visibility,
  access: entry.access,
  always: entry.always,
  // The server decides who gets in: without its rule nobody would be let in from the space.
  openTo: restricted.has(room?.joinRule ?? null) ? entry.space : undefined,
  configured: true,
  mark: '⚙',
  space: room?.space ?? false,
  joined: room !== undefined,
  joinedCount: room?.joinedCount ?? null,
  replacementRoom: room?.replacementRoom ?? null,
  freshness: room?.freshness ?? unknown,
})

/** Join rules under which a room is no secret to the people of its server. */
const open: ReadonlySet<string | null> = new Set(['public', 'knock', 'restricted', 'knock_restricted'])

/**
 * A room that the catalogue does not name, as the server describes it. Nobody decided that it may be told about.
 * @param visibility who may be told
 */
export const uncataloguedRoom = (room: DirectoryRoom, visibility: ListedRoom['visibility']): ListedRoom => ({
  roomId: room.roomId,
  alias: room.canonicalAlias,
  name: room.name ?? room.canonicalAlias ?? room.roomId,
  topic: room.topic,
  category: undefined,
  keywords: [],
  visibility,
  access: 'moderator',
  always: false,
  configured: false,
  mark: '💾',
  space: room.space,
  joined: room.ownMembership === 'join',
  joinedCount: room.joinedCount,
  replacementRoom: room.replacementRoom,
  freshness: room.freshness,
})

/** What `listRooms` merges. */
export interface Sources {
  readonly catalogue: Catalogue
  /** `Directory.joinedRooms()` */
  readonly rooms: readonly DirectoryRoom[]
  /** `directory.minMembers`: smaller rooms that are not in the catalogue are not listed. */
  readonly minMembers: number
  /** INDOC, the admin room, DMs: never listed, also when the catalogue names them. */
  readonly exclude: ReadonlySet<RoomId>
  /** The room behind an alias that no known room has as its canonical one. */
  readonly resolve?: (alias: RoomAlias) => RoomId | undefined
}

/**
 * Merges catalogue and directory: configured rooms in the order of the file, then the others by members. Says nothing yet about who may
 * know them: see `visibleTo`.
 */
export const listRooms = ({ catalogue, rooms, minMembers, exclude, resolve }: Sources): readonly ListedRoom[] => {
  const byId = new Map(rooms.map((room) => [room.roomId, room]))
  const byAlias = new Map(rooms.flatMap((room) => (room.canonicalAlias === null ? [] : [[room.canonicalAlias, room.roomId] as const])))
  const configured: ListedRoom[] = []
  const taken = new Set<RoomId>()
  for (const entry of catalogue.rooms) {
    const roomId = entry.id ?? (entry.alias === undefined ? undefined : (resolve?.(entry.alias) ?? byAlias.get(entry.alias)))
    if (roomId !== undefined) {
      if (exclude.has(roomId) || taken.has(roomId)) continue
      taken.add(roomId)
    }
    configured.push(configuredRoom(entry, roomId, roomId === undefined ? undefined : byId.get(roomId)))
  }
  const cached = rooms
    .filter((room) => !taken.has(room.roomId) && !exclude.has(room.roomId))
    .filter((room) => (room.joinedCount ?? 0) >= minMembers && room.replacementRoom === null)
    // If one needs an invitation to enter, it takes a moderator to know it.
    .map((room) => uncataloguedRoom(room, open.has(room.joinRule) ? 'members' : 'moderators'))
    .sort((a, b) => (b.joinedCount ?? 0) - (a.joinedCount ?? 0) || (a.name < b.name ? -1 : 1))
  return [...configured, ...cached]
}

/**
 * May the asker know this room, where the answer will stand?
 * In INDOC newcomers read along, so only public rooms are named there. Elsewhere: moderators know all; who is in a room knows it; rooms for
 * `members` are known to who is in at least one room of the catalogue.
 * @param member see `isMember`
 */
export const mayKnow = (room: ListedRoom, asker: Asker, member: boolean): boolean => {
  if (room.visibility === 'public') return true
  if (asker.place === 'indoc') return false
  if (asker.role !== 'everyone') return true
  if (room.roomId !== undefined && asker.rooms.has(room.roomId)) return true
  return room.visibility === 'members' && member
}

/** Is the person in at least one room of the catalogue? (`listed` never holds INDOC.) */
export const isMember = (listed: readonly ListedRoom[], rooms: ReadonlySet<RoomId>): boolean =>
  listed.some((room) => room.configured && room.roomId !== undefined && rooms.has(room.roomId))

/** The rooms that the asker may know. */
export const visibleTo = (listed: readonly ListedRoom[], asker: Asker): readonly ListedRoom[] => {
  const member = isMember(listed, asker.rooms)
  return listed.filter((room) => mayKnow(room, asker, member))
}

/** What a name came to. Commands that change something should take `exact` only or say what they took. */
export type RoomSearch =
  | { readonly found: ListedRoom; readonly match: 'exact' | 'prefix' }
  | { readonly found: undefined; readonly reason: 'none' | 'several'; readonly candidates: readonly ListedRoom[] }

/**
 * Finds a room by name, alias or id: the exact one, else the only one that begins so, else the candidates.
 * @param listed what the asker may know: a hidden room must not show as a candidate either
 */
export const findRoom = (listed: readonly ListedRoom[], text: string): RoomSearch => {
  const folded = fold(text)
  const names = (room: ListedRoom): readonly (string | null)[] => [room.name, room.alias, room.roomId ?? null]
  const exact = folded === '' ? [] : listed.filter((room) => names(room).some((name) => name !== null && fold(name) === folded))
  if (exact[0] !== undefined && exact.length === 1) return { found: exact[0], match: 'exact' }
  if (exact.length > 1) return { found: undefined, reason: 'several', candidates: exact }
  const prefixed = folded === '' ? [] : listed.filter((room) => fold(room.name).startsWith(folded))
  if (prefixed[0] !== undefined && prefixed.length === 1) return { found: prefixed[0], match: 'prefix' }
  if (prefixed.length > 1) return { found: undefined, reason: 'several', candidates: prefixed }
  const similar = folded === '' ? [] : listed.filter((room) => matchNames(folded, names(room)) !== undefined)
  return { found: undefined, reason: 'none', candidates: similar }
}

/** Searches the list for words anywhere in name, alias, topic, category and keywords (`!rooms hiking`). */
export const searchRooms = (listed: readonly ListedRoom[], catalogue: Catalogue, text: string): readonly ListedRoom[] => {
  const wanted = fold(text)
    .split(' ')
    .filter((word) => word !== '')
  return listed.filter((room) => {
    const category = room.category === undefined ? '' : categoryName(catalogue, room.category)
    const shown = fold([room.name, room.alias ?? '', room.topic ?? '', room.category ?? '', category, ...room.keywords].join(' '))
    return wanted.every((word) => shown.includes(word))
  })
}

/** How a category is shown. */
export const categoryName = (catalogue: Pick<Catalogue, 'categories'>, key: string): string =>
  (Object.hasOwn(catalogue.categories, key) ? catalogue.categories[key]?.name : undefined) ?? key

/** The categories that have rooms in this list, in the order of the file. */
export const categoriesOf = (
  listed: readonly ListedRoom[],
  catalogue: Catalogue,
): readonly { readonly key: string; readonly name: string; readonly rooms: number }[] =>
  Object.keys(catalogue.categories)
    .map((key) => ({ key, name: categoryName(catalogue, key), rooms: listed.filter((room) => room.category === key).length }))
    .filter((category) => category.rooms > 0)

/** The category that this text names (by key or shown name), whether or not it has rooms. */
export const findCategory = (catalogue: Catalogue, text: string): string | undefined =>
  Object.keys(catalogue.categories).find((key) => [key, categoryName(catalogue, key)].some((name) => fold(name) === fold(text)))
