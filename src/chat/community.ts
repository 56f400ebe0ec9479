import type { Config } from '../config/schema.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { CatalogueFile } from '../directory/catalogue.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import { categoriesOf, findCategory, findRoom, isMember, listRooms, visibleTo } from '../directory/listing.ts'
import type { ListedRoom } from '../directory/listing.ts'
import type { RoomAlias, RoomId, UserId } from '../types.ts'
import type { ResolvedRoom } from './command.ts'
import type { Role, RoomKind, RoomReference } from './declaration.ts'
import type { Lists } from './lists.ts'
import type { AccountName, Acquaintance, ResolverPorts, RoomMeaning } from './resolve.ts'
import { suggest } from './suggest.ts'

/** The rooms that are no community rooms, and the people's DMs. */
export interface Places {
  readonly indoc: RoomId | undefined
  readonly admin: RoomId | undefined
  kindOf(roomId: RoomId): RoomKind | undefined
}

/** Look-ups on the server that a name may need. */
export interface NameQueries {
  /** Does the user exist? undefined = the server would not say. */
  profileExists(userId: UserId, signal?: AbortSignal): Promise<boolean | undefined>
}

/** Who asks, and where the answer will stand. */
export interface Viewer {
  readonly userId: UserId
  readonly role: Role
  readonly place: RoomKind
}

const candidatesShown = 5
/** Somebody waits for the answer, and another server may be slow or gone (milliseconds). */
const remotePatienceMs = 4000

/** People and rooms of the community by the names that moderators use: directory, catalogue, accounts and links together. */
export class Community {
  readonly #config: Pick<Config, 'directory' | 'homeserver'>
  readonly #directory: Directory
  readonly #catalogue: CatalogueFile
  readonly #places: Places
  readonly #accounts: Accounts
  readonly #links: Links
  readonly #lists: Lists
  readonly #queries: NameQueries

  constructor(options: {
    readonly config: Pick<Config, 'directory' | 'homeserver'>
    readonly directory: Directory
    readonly catalogue: CatalogueFile
    readonly places: Places
    readonly accounts: Accounts
    readonly links: Links
    readonly lists: Lists
    readonly queries: NameQueries
  }) {
    this.#config = options.config
    this.#directory = options.directory
    this.#catalogue = options.catalogue
    this.#places = options.places
    this.#accounts = options.accounts
    this.#links = options.links
    this.#lists = options.lists
    this.#queries = options.queries
  }

  /** How a person is named in answers: display name and id, a bridged one with a badge and never by id. */
  readonly nameOf = (userId: UserId): string => this.#directory.label(userId)

  /** All rooms of the community: INDOC, the admin room and DMs are none. */
  listed(): readonly ListedRoom[] {
    const rooms = this.#directory.joinedRooms()
    const exclude = new Set(rooms.map((room) => room.roomId).filter((roomId) => this.#places.kindOf(roomId) !== undefined))
    return listRooms({
      catalogue: this.#catalogue.current,
      rooms,
      minMembers: this.#config.directory.minMembers,
      exclude,
      resolve: (alias) => this.#byAlias(alias),
    })
  }

  #byAlias(alias: RoomAlias): RoomId | undefined {
    return this.#directory.joinedRooms().find((room) => room.canonicalAlias === alias)?.roomId
  }

  /** Rooms that a person is in or invited to. */
  roomsOf(userId: UserId): ReadonlySet<RoomId> {
    return new Set(this.#directory.roomsOf(userId, ['join', 'invite']).map(({ roomId }) => roomId))
  }

  /** The rooms that somebody may know in the place where they ask. */
  visibleTo(viewer: Viewer): readonly ListedRoom[] {
    return visibleTo(this.listed(), { role: viewer.role, place: viewer.place, rooms: this.roomsOf(viewer.userId) })
  }

  /** Is the person in INDOC or in a room of the catalogue? */
  isMember(userId: UserId): boolean {
    const { indoc } = this.#places
    if (indoc !== undefined && this.#directory.membership(indoc, userId) === 'join') return true
    return isMember(this.listed(), new Set(this.#directory.roomsOf(userId, ['join']).map(({ roomId }) => roomId)))
  }

  /** What rooms a written name stands for, as far as the viewer may know them. */
  meaningOf(reference: RoomReference, viewer: Viewer): RoomMeaning {
    const listed = this.visibleTo(viewer)
    const given = (room: ListedRoom): ResolvedRoom[] =>
      room.roomId === undefined
        ? []
        : [{ roomId: room.roomId, name: room.name, ...(room.category === undefined ? {} : { category: room.category }) }]
    if (reference.as === 'id' || reference.as === 'alias') return this.#byAddress(reference, listed, viewer)
    const found = findRoom(listed, reference.value)
    if (found.found !== undefined && found.match === 'exact') return { kind: 'rooms', rooms: given(found.found) }
    const category = findCategory(this.#catalogue.current, reference.value)
    if (category !== undefined) {
      const rooms = listed.filter((room) => room.category === category).flatMap((room) => given(room).map((one) => ({ ...one, category })))
      if (rooms.length > 0) return { kind: 'rooms', rooms }
    }
    if (found.found !== undefined) return { kind: 'none', candidates: [found.found.name] }
    if (found.candidates.length > 0)
      return { kind: found.reason, candidates: found.candidates.slice(0, candidatesShown).map((room) => room.name) }
    const names = [...listed.map((room) => room.name), ...categoriesOf(listed, this.#catalogue.current).map((one) => one.key)]
    return { kind: 'none', candidates: suggest(reference.value, names).slice(0, candidatesShown) }
  }

  #byAddress(reference: RoomReference, listed: readonly ListedRoom[], viewer: Viewer): RoomMeaning {
    const room = listed.find((one) => one.roomId === reference.value || one.alias === reference.value)
    if (room?.roomId !== undefined) return { kind: 'rooms', rooms: [{ roomId: room.roomId, name: room.name }] }
    // Small rooms and the bot's own are not listed, but moderators may name them by address.
    const roomId = reference.as === 'id' ? (reference.value as RoomId) : this.#byAlias(reference.value as RoomAlias)
    const known = roomId === undefined ? undefined : this.#directory.room(roomId)
    if (viewer.role !== 'everyone' && known?.ownMembership === 'join') {
      // In INDOC it is called as it was written: its name is nothing for newcomers.
      const name = viewer.place === 'indoc' ? reference.value : (known.name ?? known.roomId)
      return { kind: 'rooms', rooms: [{ roomId: known.roomId, name }] }
    }
    return { kind: 'none', candidates: [] }
  }

  #account(pk: number, username: string): AccountName {
    return { pk, username, userId: this.#links.ofAccount(pk)?.userId }
  }

  /** Where names in arguments are looked up. */
  readonly resolverFor = (viewer: Viewer): ResolverPorts => ({
    lists: this.#lists,
    nameOf: this.nameOf,
    isBridged: (userId) => this.#directory.bridged.bridgeOf(userId) !== undefined,
    isKnown: (userId) => this.#isKnown(userId, viewer.role),
    accountOf: (userId) => {
      const link = this.#links.of(userId)
      return link === undefined ? undefined : { pk: link.pk, username: link.username, userId }
    },
    accountsNamed: (name) => ({
      exact: this.#accounts.byUsername(name).map(({ pk, username }) => this.#account(pk, username)),
      similar: this.#accounts.similar(name, candidatesShown).map(({ username }) => username),
    }),
    peopleNamed: (name) => {
      const people = this.#directory.findPeople(name, 10)
      return {
        exact: people.filter((person) => person.match === 'exact').map(({ userId }) => userId),
        similar:
          people.length === 0 ? this.#misspelt(name) : people.filter((person) => person.match !== 'exact').map(({ userId }) => userId),
      }
    },
    roomsNamed: (reference) => this.meaningOf(reference, viewer),
  })

  /** People whose name a mistyped one may have meant. */
  #misspelt(name: string): readonly UserId[] {
    const people = new Map(
      this.#neighbours().flatMap((userId) => {
        const shown = this.#directory.displayName(userId)
        return shown === null ? [] : [[shown, userId] as const]
      }),
    )
    return suggest(name, people.keys(), candidatesShown).flatMap((shown) => people.get(shown) ?? [])
  }

  /** Ids of people on this server, for "did you mean". */
  #neighbours(): readonly UserId[] {
    const { indoc } = this.#places
    const rooms = this.#directory.joinedRooms().map((room) => room.roomId)
    return (indoc === undefined ? rooms : [indoc, ...rooms])
      .slice(0, 50)
      .flatMap((roomId) => this.#directory.memberIds(roomId, ['join', 'invite']))
  }

  async #isKnown(userId: UserId, asker: Role): Promise<Acquaintance> {
    if (
      this.#directory.displayName(userId) !== null ||
      this.#directory.roomsOf(userId).length > 0 ||
      this.#links.of(userId) !== undefined
    ) {
      return { known: true, near: [] }
    }
    const server = userId.slice(userId.indexOf(':') + 1)
    const own = this.#config.homeserver.userId
    const remote = server !== own.slice(own.indexOf(':') + 1)
    // Not everybody may send our server to any other.
    if (remote && asker === 'everyone') return { known: undefined, near: [] }
    const exists = await this.#queries.profileExists(userId, ...(remote ? [AbortSignal.timeout(remotePatienceMs)] : []))
    if (exists !== false) return { known: exists, near: [] }
    const near = this.#directory.findPeople(userId.slice(1, userId.indexOf(':')), candidatesShown).map((person) => person.userId)
    return { known: false, remote, near: near.length > 0 ? near : suggest(userId, this.#neighbours(), candidatesShown) }
  }
}
