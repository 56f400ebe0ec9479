import { isIPv6 } from 'node:net'
import type { EventId, RoomAlias, RoomId, UserId } from '../types.ts'

/**
 * Checks that turn strings into branded ids (Matrix specification, appendix "Identifier Grammar"). They are deliberately as wide as the
 * specification for *received* ids: what an old server once allowed is still a person.
 */

/** Longest id in bytes of UTF-8, sigil and server name included. */
const maxIdBytes = 255

const fits = (value: string): boolean => value.length <= maxIdBytes && Buffer.byteLength(value) <= maxIdBytes
// A lone surrogate has no UTF-8 form; such a string can name nothing.
const isOpaque = (value: string): boolean => value.isWellFormed() && !value.includes('\0')

/**
 * Is it a server name: host name, IPv4 or bracketed IPv6 address, each with an optional port?
 * @param value for example `example.org:8448`
 */
export const isServerName = (value: string): boolean => {
  const parts = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z.-]{1,230}))(?::[0-9]{1,5})?$/.exec(value)
  if (!parts) return false
  return parts[1] === undefined || isIPv6(parts[1])
}

/** Splits `<sigil><local>:<server>`; the first colon ends the local part, all later ones belong to the server (port, IPv6). */
const hasServer = (value: string): boolean => {
  const colon = value.indexOf(':')
  return colon !== -1 && isServerName(value.slice(colon + 1))
}

/**
 * Is it a user id? Historical local parts count: any character except `:` and NUL, also none at all.
 * @param value for example `@ada:example.org`
 */
export const isUserId = (value: string): value is UserId => value.startsWith('@') && fits(value) && isOpaque(value) && hasServer(value)

/**
 * Is it a room id? Since room version 12 it has no server part, so nothing after `!` is interpreted.
 * @param value for example `!abc:example.org` or `!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM`
 */
export const isRoomId = (value: string): value is RoomId => /^![^\s\p{Cc}]+$/u.test(value) && fits(value) && isOpaque(value)

/**
 * Is it a room alias?
 * @param value for example `#indoc:example.org`
 */
export const isRoomAlias = (value: string): value is RoomAlias =>
  value.startsWith('#') && fits(value) && isOpaque(value) && hasServer(value)

/**
 * Is it an event id?
 * @param value for example `$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg`
 */
export const isEventId = (value: string): value is EventId => /^\$[^\s\p{Cc}]+$/u.test(value) && fits(value) && isOpaque(value)

const checked =
  <Id extends string>(kind: string, check: (value: string) => value is Id) =>
  (value: string): Id => {
    if (check(value)) return value
    throw new TypeError(`invalid ${kind}: ${JSON.stringify(value.slice(0, maxIdBytes))}`)
  }

/** Makes a branded id of a string that must be one. @throws TypeError when it is not: use `isUserId` for what people or servers send. */
export const toUserId = checked('user id', isUserId)
/** As `toUserId`, for room ids. @throws TypeError */
export const toRoomId = checked('room id', isRoomId)
/** As `toUserId`, for room aliases. @throws TypeError */
export const toRoomAlias = checked('room alias', isRoomAlias)
/** As `toUserId`, for event ids. @throws TypeError */
export const toEventId = checked('event id', isEventId)
