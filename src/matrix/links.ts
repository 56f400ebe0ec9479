import type { EventId, RoomAlias, RoomId, UserId } from '../types.ts'
import { isEventId, isRoomAlias, isRoomId, isServerName, isUserId } from './ids.ts'

/** What a matrix.to link or a `matrix:` URI points at. `via` = servers to join through. */
export type LinkTarget =
  | { readonly kind: 'user'; readonly userId: UserId }
  | { readonly kind: 'room'; readonly roomId: RoomId; readonly via: readonly string[] }
  | { readonly kind: 'alias'; readonly alias: RoomAlias; readonly via: readonly string[] }
  | { readonly kind: 'event'; readonly room: RoomId | RoomAlias; readonly eventId: EventId; readonly via: readonly string[] }

/** Ids have at most 255 bytes, each up to three characters when encoded; the rest is room for the `via` servers. */
const maxLinkLength = 2048
const maxVia = 10

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    // A broken percent sequence is not an error of ours: such a link points nowhere.
    return undefined
  }
}

/** The `via` parameters of a query; those that are no server names are left out. */
const viaOf = (query: string): readonly string[] =>
  query
    .split('&')
    .filter((pair) => pair.startsWith('via='))
    .map((pair) => decode(pair.slice('via='.length)) ?? '')
    .filter(isServerName)
    .slice(0, maxVia)

/** Puts decoded ids together, whatever the kind of link they stood in. */
const targetOf = (id: string | undefined, event: string | undefined, query: string): LinkTarget | undefined => {
  if (id === undefined) return undefined
  const via = viaOf(query)
  if (event !== undefined)
    return (isRoomId(id) || isRoomAlias(id)) && isEventId(event) ? { kind: 'event', room: id, eventId: event, via } : undefined
  if (isUserId(id)) return { kind: 'user', userId: id }
  if (isRoomId(id)) return { kind: 'room', roomId: id, via }
  return isRoomAlias(id) ? { kind: 'alias', alias: id, via } : undefined
}

const splitQuery = (text: string): readonly [path: string, query: string] => {
  const mark = text.indexOf('?')
  return mark === -1 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)]
}

const matrixToStart = /^https?:\/\/(?:www\.)?matrix\.to\/#\/?/i

const parseMatrixTo = (rest: string): LinkTarget | undefined => {
  const [path, query] = splitQuery(rest)
  // Encoded slashes belong to an id, bare ones separate room and event. Event ids of old rooms may hold a bare slash.
  const slash = path.indexOf('/')
  const id = decode(slash === -1 ? path : path.slice(0, slash))
  const event = slash === -1 || slash === path.length - 1 ? undefined : (decode(path.slice(slash + 1)) ?? '')
  return targetOf(id, event, query)
}

/** Sigils of the path words of `matrix:` URIs; the long words are the aliases that the specification still lets in. */
const sigils: ReadonlyMap<string, string> = new Map([
  ['u', '@'],
  ['user', '@'],
  ['r', '#'],
  ['room', '#'],
  ['roomid', '!'],
])

const parseMatrixUri = (rest: string): LinkTarget | undefined => {
  const [whole, query] = splitQuery(rest.replace(/#.*$/s, ''))
  const parts = (whole.startsWith('//') ? whole.slice(2).split('/').slice(1) : whole.split('/')).map(decode)
  const [type, id, eventType, event] = parts
  const sigil = type === undefined ? undefined : sigils.get(type.toLowerCase())
  if (sigil === undefined || id === undefined || id === '') return undefined
  if (parts.length === 2) return targetOf(sigil + id, undefined, query)
  if (parts.length !== 4 || event === undefined || (eventType !== 'e' && eventType !== 'event')) return undefined
  return targetOf(sigil + id, `$${event}`, query)
}

/**
 * Reads a matrix.to link or a `matrix:` URI (Matrix specification, appendix "URIs"). Encoded and bare ids are taken.
 * @param link the whole link and nothing around it
 * @returns undefined when it is no such link, points at no valid id, or its encoding is broken
 */
export const parseMatrixLink = (link: string): LinkTarget | undefined => {
  if (link.length > maxLinkLength) return undefined
  const start = matrixToStart.exec(link)
  if (start) return parseMatrixTo(link.slice(start[0].length))
  return /^matrix:/i.test(link) ? parseMatrixUri(link.slice('matrix:'.length)) : undefined
}

/** `encodeURIComponent` leaves `!'()*` alone; some clients end a link at one of them. */
const encode = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * The matrix.to link of a person.
 * @example userLink(toUserId('@ada:example.org')) // https://matrix.to/#/%40ada%3Aexample.org
 */
export const userLink = (userId: UserId): string => `https://matrix.to/#/${encode(userId)}`

/**
 * The matrix.to link of a room. Give servers for a room id: it says nothing about where the room is (room version 12 ids have no server part).
 * @param via servers to join through, best first; at most three are used, as the specification advises
 */
export const roomLink = (room: RoomId | RoomAlias, via: readonly string[] = []): string => {
  const query = via
    .slice(0, 3)
    .map((server) => `via=${encode(server)}`)
    .join('&')
  return `https://matrix.to/#/${encode(room)}${query && `?${query}`}`
}
