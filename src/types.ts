/**
 * Branded identifiers. Matrix ids are opaque strings: never split one at ":" (room v12 ids have no server part).
 * A brand only stops arguments from being swapped; `src/matrix/ids.ts` holds the functions that check and make them.
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A Matrix user id such as `@ada:example.org`. */
export type UserId = Branded<'UserId'>
/** A Matrix room id such as `!abc:example.org` or, since room version 12, `!abc`. */
export type RoomId = Branded<'RoomId'>
/** A Matrix event id such as `$abc`. */
export type EventId = Branded<'EventId'>
/** A Matrix device id such as `ABCDEFGH`. */
export type DeviceId = Branded<'DeviceId'>
/** A room alias such as `#indoc:example.org`. */
export type RoomAlias = Branded<'RoomAlias'>

/** A point in time: milliseconds since the Unix epoch. */
export type Timestamp = number

/** Anything that JSON can carry. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
/** A JSON object of unknown content. Read its own properties only. */
export type JsonObject = { [key: string]: Json }

/** Who may use a command. */
export type Role = 'everyone' | 'moderator' | 'admin'
/** Where a command is accepted. */
export type RoomKind = 'indoc' | 'admin' | 'dm'
