import type { PlannedStep } from '../chat/effects.ts'
import type { ListedRoom } from '../directory/listing.ts'
import { fold } from '../directory/fold.ts'
import { recommend } from '../directory/recommend.ts'
import { canInvite, whoCan } from '../matrix/power-levels.ts'
import { roomLink } from '../matrix/links.ts'
import type { RoomAlias, RoomId, UserId } from '../types.ts'
import type { ArrivalPorts, ArrivalWish } from './arrival-wish.ts'

/** A room of an arrival. */
export interface RoomChoice {
  readonly roomId: RoomId
  /** For the person's own welcome. */
  readonly name: string
  /** For the answer: in INDOC everybody reads along, so only public rooms are named there. */
  readonly shown: string
  /** They are put into it: no invitation. */
  readonly join?: boolean
  /** For people whom an invitation did not reach. */
  readonly url?: string | undefined
  readonly blocked?: PlannedStep['blocked']
}

const enumerate = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`

/** What an arrival does about rooms. */
export interface RoomPlan {
  readonly invites: readonly RoomChoice[]
  /** Rooms that the welcome names with their links. */
  readonly links: readonly { readonly name: string; readonly url: string }[]
  /** How many rooms were left over because `arrival.maxInvites` are enough at once. */
  readonly left: number
  readonly notes: readonly string[]
}

type RoomPorts = Pick<ArrivalPorts, 'mayJoin' | 'directory' | 'listed' | 'catalogue' | 'isOwnRoom' | 'nameOf' | 'settings'>

interface Wanted {
  readonly roomId: RoomId | undefined
  readonly alias: string | null
  readonly name: string
  readonly space: boolean
  readonly public: boolean
  readonly linkOnly: boolean
  readonly adminJoin: boolean
  readonly openTo: string | undefined
  /** The interests that led here. */
  readonly because: readonly string[]
  readonly replaced: boolean
}

const fromListed = (room: ListedRoom): Wanted => ({
  roomId: room.roomId,
  alias: room.alias,
  name: room.name,
  space: room.space,
  public: room.visibility === 'public',
  linkOnly: room.access === 'link',
  adminJoin: room.access === 'admin-join',
  openTo: room.openTo,
  because: [],
  replaced: room.replacementRoom !== null,
})

const none: RoomPlan = { invites: [], links: [], left: 0, notes: [] }

/**
 * Chooses the rooms of an arrival: the always-rooms and, after them, the ones that were named or else recommended from the interests; spaces first,
 * every room once, none where the person is already. At most `arrival.maxInvites` become invitations, the rest links.
 */
export const chooseRooms = (ports: RoomPorts, wish: ArrivalWish, userId: UserId): RoomPlan => {
  if (wish.noRooms) return none
  const notes: string[] = []
  const wanted = wantedRooms(ports, wish, userId).filter((room) => {
    const own = room.roomId !== undefined && ports.isOwnRoom(room.roomId)
    if (own) notes.push(`${room.public || wish.place !== 'indoc' ? room.name : 'One room'} is not for arrivals and was left out.`)
    return !own
  })
  const invites: RoomChoice[] = []
  const links: { name: string; url: string }[] = []
  let left = 0
  let open = ports.settings.maxInvites
  /** Spaces that the person is in, or is invited to now, by folded name. */
  const entered = new Set<string>()
  const enter = (room: Wanted): void => void (room.space && entered.add(fold(room.name)))
  let byThemselves = 0
  const reasons: string[] = []
  for (const room of wanted) {
    const { roomId } = room
    const shown = room.public || wish.place !== 'indoc' ? room.name : 'a room that is not named here'
    if (roomId === undefined || room.linkOnly) {
      const url = linkOf(ports, room)
      if (url !== undefined) links.push({ name: room.name, url })
      if (roomId === undefined) notes.push(`Nobody could be invited to ${shown}: I am not in it, or its alias is wrong in the catalogue.`)
      continue
    }
    const membership = ports.directory.membership(roomId, userId)
    if (membership === 'join' || membership === 'invite') {
      enter(room)
      continue
    }
    const url = linkOf(ports, room)
    if (room.because.length > 0 && (room.public || wish.place !== 'indoc'))
      reasons.push(`${room.name} because of ${enumerate(room.because)}`)
    // One invitation to the space is enough for the rooms that are open to its people.
    if (room.openTo !== undefined && entered.has(fold(room.openTo)) && membership !== 'ban' && url !== undefined) {
      byThemselves += 1
      links.push({ name: room.name, url })
      continue
    }
    const blocked = obstacle(ports, room, roomId, membership)
    if (blocked !== undefined) {
      invites.push({ roomId, name: room.name, shown, blocked })
    } else if (room.adminJoin && ports.mayJoin?.(userId) === true) {
      enter(room)
      invites.push({ roomId, name: room.name, shown, url, join: true })
    } else if (open > 0) {
      open -= 1
      enter(room)
      invites.push({ roomId, name: room.name, shown, url })
    } else {
      left += 1
      if (url !== undefined) links.push({ name: room.name, url })
    }
  }
  if (reasons.length > 0) notes.push(`Recommended: ${reasons.join('; ')}.`)
  if (byThemselves > 0) {
    const what = byThemselves === 1 ? 'One room is' : `${byThemselves} rooms are`
    notes.push(`${what} open to the people of the space, so one invitation to it replaces theirs; the welcome names them with their links.`)
  }
  return { invites, links, left, notes }
}

const wantedRooms = (ports: RoomPorts, wish: ArrivalWish, userId: UserId): readonly Wanted[] => {
  const listed = ports.listed()
  const always = listed.filter((room) => room.configured && room.always)
  const named = wish.rooms === undefined ? recommended(ports, wish, userId, listed) : explicit(wish.rooms, listed)
  const seen = new Set<string>()
  return [...always.map(fromListed), ...named]
    .filter((room) => {
      const key = room.roomId ?? room.alias ?? room.name
      return seen.has(key) ? false : seen.add(key)
    })
    .sort((one, other) => Number(other.space) - Number(one.space))
}

/** Catalogue rooms that fit the interests. What only moderators may know is nothing for newcomers. */
const recommended = (ports: RoomPorts, wish: ArrivalWish, userId: UserId, listed: readonly ListedRoom[]): readonly Wanted[] => {
  const inRooms = new Set(
    listed.flatMap(({ roomId }) => {
      const membership = roomId === undefined ? undefined : ports.directory.membership(roomId, userId)
      return roomId !== undefined && (membership === 'join' || membership === 'invite') ? [roomId] : []
    }),
  )
  const open = listed.filter((room) => room.configured && room.visibility !== 'moderators')
  const fitting = (...accesses: readonly ListedRoom['access'][]): readonly Wanted[] =>
    recommend(
      wish.interests,
      open.filter((room) => accesses.includes(room.access)),
      ports.catalogue(),
      inRooms,
    ).map(({ room, because }) => ({ ...fromListed(room), because }))
  return [...fitting('invite', 'admin-join'), ...fitting('link')]
}

const explicit = (rooms: NonNullable<ArrivalWish['rooms']>, listed: readonly ListedRoom[]): readonly Wanted[] =>
  rooms.map(({ roomId, name }) => {
    const known = listed.find((room) => room.roomId === roomId)
    return known === undefined
      ? {
          roomId,
          alias: null,
          name,
          space: false,
          public: false,
          linkOnly: false,
          adminJoin: false,
          openTo: undefined,
          because: [],
          replaced: false,
        }
      : fromListed(known)
  })

/** Why an invitation cannot work, with who could help. */
const obstacle = (ports: RoomPorts, room: Wanted, roomId: RoomId, membership: string | undefined): PlannedStep['blocked'] => {
  const { directory } = ports
  const failed = (code: string, text: string): PlannedStep['blocked'] => ({ state: 'failed', code, text })
  if (membership === 'ban')
    return failed('banned', 'is banned there; a ban is never lifted by an invitation. Lift it first if that is meant')
  if (room.replaced) return failed('room-replaced', 'was replaced by a newer room. Ask an admin to correct the catalogue')
  if (directory.room(roomId)?.ownMembership !== 'join') {
    return failed(
      'bot-not-in-room',
      `I am not in it. Somebody who is there can invite me (\`/invite ${directory.ownUserId}\`); then use \`!addto\``,
    )
  }
  const power = directory.power(roomId)
  const decision = power === undefined ? undefined : canInvite(power, directory.ownUserId)
  if (power === undefined || decision === undefined || decision.allowed) return undefined
  const able = whoCan(power, 'invite', undefined, new Set(directory.memberIds(roomId))).people.filter((one) => one !== directory.ownUserId)
  const helpers =
    able.length === 0 ? 'Nobody in the room has that power' : `These have it: ${able.slice(0, 5).map(ports.nameOf).join(', ')}`
  return failed('no-power', `${decision.text}. ${helpers}`)
}

/** A link that works for rooms without an alias too: room ids say nothing about where a room is. */
const linkOf = (ports: RoomPorts, room: Wanted): string | undefined => {
  if (room.roomId !== undefined) return roomLink(room.roomId, serversOf(ports.directory.memberIds(room.roomId), ports.directory.ownUserId))
  return room.alias === null ? undefined : roomLink(room.alias as RoomAlias)
}

/** The servers with most people of a room, the bot's own first: the server name of a user id is all after its first colon. */
const serversOf = (members: readonly UserId[], own: UserId): readonly string[] => {
  const counts = new Map<string, number>()
  for (const member of members) {
    const server = member.slice(member.indexOf(':') + 1)
    counts.set(server, (counts.get(server) ?? 0) + (member === own ? Infinity : 1))
  }
  return [...counts].sort(([a, one], [b, other]) => (one === other ? (a < b ? -1 : 1) : other - one)).map(([server]) => server)
}
