import type { Membership } from '../../database/schema.ts'
import type { DirectoryLookup } from '../../directory/lookup.ts'
import type { Fetched } from '../../directory/load.ts'
import type { Asked } from '../../matrix/queries.ts'
import type { RoomId, Timestamp, UserId } from '../../types.ts'
import { ago, count } from '../words.ts'

/** Where the rooms of a person are found and checked. All of it only reads. */
export interface WherePorts {
  readonly directory: Pick<DirectoryLookup, 'room' | 'roomsOf' | 'syncedAt'>
  /** Is it a direct chat of the bot? */
  readonly isDirect: (roomId: RoomId) => boolean
  readonly mutualRooms: (userId: UserId, signal: AbortSignal) => Promise<Asked<readonly RoomId[]>>
  /** All rooms of a person, by the admin API of the own server; absent = the bot has no such right. */
  readonly adminRooms?: (userId: UserId, signal: AbortSignal) => Promise<Fetched<readonly RoomId[]>>
  /** The membership now; undefined = the server does not say. */
  readonly liveMembership: (roomId: RoomId, userId: UserId, signal: AbortSignal) => Promise<Membership | undefined>
}

/** The rooms to look at. */
export interface Candidates {
  readonly rooms: readonly RoomId[]
  /** Those in which the server says that bot and person both are. */
  readonly shared: ReadonlySet<RoomId>
  readonly notes: readonly string[]
}

/** What was found out about a person in a room. */
export interface Place {
  readonly userId: UserId
  readonly roomId: RoomId
  readonly found:
    | { readonly state: 'there'; readonly membership: 'join' | 'invite' | 'knock' }
    | /** The server did not say: the attempt decides. */ { readonly state: 'unverified'; readonly words: string }
    | { readonly state: 'bot-absent' }
    | { readonly state: 'gone' }
    | { readonly state: 'banned' }
}

/** The union of directory, mutual rooms and admin API. None of them is believed yet. */
export const findRooms = async (ports: WherePorts, userId: UserId, now: Timestamp, signal: AbortSignal): Promise<Candidates> => {
  const [mutual, admin] = await Promise.all([ports.mutualRooms(userId, signal), ports.adminRooms?.(userId, signal)])
  const rooms = new Set<RoomId>(ports.directory.roomsOf(userId, ['join', 'invite', 'knock']).map(({ roomId }) => roomId))
  const notes: string[] = []
  if (mutual.ok) for (const roomId of mutual.value) rooms.add(roomId)
  else {
    const syncedAt = ports.directory.syncedAt()
    const age = syncedAt === null ? 'never synced' : `as of ${ago(syncedAt, now)}`
    notes.push(`The rooms come from my directory (${age}): ${mutual.text}.`)
  }
  let elsewhere = 0
  if (admin?.ok === true) {
    for (const roomId of admin.value) {
      // Rooms that the bot never saw are private matters of the person, and out of its reach.
      if (ports.directory.room(roomId) === undefined) elsewhere += rooms.has(roomId) ? 0 : 1
      else rooms.add(roomId)
    }
  } else if (admin?.ok === false) notes.push(`The admin API of the server could not be asked for more rooms: ${admin.text}.`)
  if (elsewhere > 0)
    notes.push(
      `${count(elsewhere, 'further room')} of this server, private chats among them, ${elsewhere === 1 ? 'is' : 'are'} out of my reach: I am not there.`,
    )
  return { rooms: [...rooms], shared: new Set(mutual.ok ? mutual.value : []), notes }
}

/** Questions at the same time. */
const width = 8
/** After so many questions in a row without an answer the rest is not asked: somebody waits for the plan. */
const patience = 16

const ageWords = (ports: WherePorts, roomId: RoomId, now: Timestamp): string => {
  const asOf = ports.directory.room(roomId)?.freshness.asOf ?? null
  return asOf === null ? 'unverified, not in the cache' : `unverified, cache ${ago(asOf, now).replace(/ ago$/, ' old')}`
}

const judge = (live: Membership | undefined, unverified: () => string): Place['found'] => {
  if (live === undefined) return { state: 'unverified', words: unverified() }
  if (live === 'leave') return { state: 'gone' }
  return live === 'ban' ? { state: 'banned' } : { state: 'there', membership: live }
}

interface Pair {
  readonly userId: UserId
  readonly roomId: RoomId
  /** The server says that the bot is there, whatever the directory knows. */
  readonly shared: boolean
}

/** Asks the server where the people really are, a few rooms at a time. */
export const verify = async (ports: WherePorts, pairs: readonly Pair[], now: Timestamp, signal: AbortSignal): Promise<readonly Place[]> => {
  const places: Place[] = []
  const waiting = pairs.entries()
  let silent = 0
  const worker = async (): Promise<void> => {
    for (const [index, { userId, roomId, shared }] of waiting) {
      if (!shared && ports.directory.room(roomId)?.ownMembership !== 'join') {
        places[index] = { userId, roomId, found: { state: 'bot-absent' } }
        continue
      }
      const live = silent >= patience ? undefined : await ports.liveMembership(roomId, userId, signal)
      silent = live === undefined ? silent + 1 : 0
      places[index] = { userId, roomId, found: judge(live, () => ageWords(ports, roomId, now)) }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, pairs.length) }, worker))
  return places
}
