import type { RoomId, UserId } from '../types.ts'
import type { ResolvedArguments, ResolvedPerson, ResolvedRoom } from './command.ts'
import type { Arguments, CommandDeclaration, ParameterType, RoomReference, UserReference } from './declaration.ts'
import type { Lists } from './lists.ts'

/** An account as the resolver needs it. */
export interface AccountName {
  readonly pk: number
  readonly username: string
  readonly userId?: UserId | undefined
}

/** What a room name stands for. */
export type RoomMeaning =
  | { readonly kind: 'rooms'; readonly rooms: readonly ResolvedRoom[] }
  | { readonly kind: 'none'; readonly candidates: readonly string[] }
  | { readonly kind: 'several'; readonly candidates: readonly string[] }

/** Is a person known from a room, a link or their server? */
export interface Acquaintance {
  /** `undefined` = nobody could tell. */
  readonly known: boolean | undefined
  /** Known people with similar ids. */
  readonly near: readonly string[]
  /** Somebody else's server said so. Some say it of people too who have given themselves no name. */
  readonly remote?: boolean
}

/** Where names are looked up. None of these may act. */
export interface ResolverPorts {
  readonly lists: Lists
  /** Display name with badge. */
  readonly nameOf: (userId: UserId) => string
  readonly isBridged: (userId: UserId) => boolean
  readonly isKnown: (userId: UserId) => Promise<Acquaintance>
  readonly accountOf: (userId: UserId) => AccountName | undefined
  /** Accounts of that username, letter case folded, and display names that match exactly. */
  readonly accountsNamed: (name: string) => { readonly exact: readonly AccountName[]; readonly similar: readonly string[] }
  /** People whose display name or localpart is exactly this. */
  readonly peopleNamed: (name: string) => { readonly exact: readonly UserId[]; readonly similar: readonly string[] }
  /** Rooms by id, alias, catalogue name or category, as far as the asker may know them. */
  readonly roomsNamed: (reference: RoomReference) => Promise<RoomMeaning> | RoomMeaning
}

/** A name that means nothing, or several things. */
export interface ResolveProblem {
  readonly ok: false
  readonly code: 'unknown-user' | 'ambiguous-user' | 'unknown-room' | 'ambiguous-room' | 'unknown-row' | 'one-room-only'
  readonly words: string
  readonly suggestions: readonly string[]
}

type Resolved<T> = { readonly ok: true; readonly value: T } | ResolveProblem

const problem = (code: ResolveProblem['code'], words: string, suggestions: readonly string[] = []): ResolveProblem => ({
  ok: false,
  code,
  words,
  suggestions,
})

/** Arguments with everything looked up. */
export interface Resolution {
  readonly ok: true
  readonly arguments: ResolvedArguments
  /** Ids that were written out, were never seen, and whose server did not say whether they exist. */
  readonly unchecked: readonly UserId[]
}

/**
 * Looks up every person and room that the arguments name. Nothing is guessed: a name that fits nothing or several things is a problem that
 * lists the candidates.
 */
export const resolveArguments = async (
  declaration: CommandDeclaration,
  parsed: Arguments,
  asker: UserId,
  here: ResolvedRoom,
  ports: ResolverPorts,
): Promise<Resolution | ResolveProblem> => {
  const people = new Map<string, readonly ResolvedPerson[]>()
  const rooms = new Map<string, readonly ResolvedRoom[]>()
  const unchecked: UserId[] = []
  for (const { name, type } of [...declaration.positionals, ...declaration.options]) {
    const value = parsed[name]
    if (value === undefined || type === undefined) continue
    if (type.kind === 'user' || type.kind === 'users') {
      const found = await resolvePeople(asUsers(value), asker, ports, unchecked)
      if (!found.ok) return found
      people.set(name, found.value)
    } else if (type.kind === 'room' || type.kind === 'rooms') {
      const found = await resolveRooms(asRooms(value), type, here, ports)
      if (!found.ok) return found
      rooms.set(name, found.value)
    }
  }
  return { ok: true, arguments: new Values(declaration, parsed, people, rooms), unchecked }
}

const asUsers = (value: unknown): readonly UserReference[] => (Array.isArray(value) ? value : [value]) as readonly UserReference[]
const asRooms = (value: unknown): readonly RoomReference[] => (Array.isArray(value) ? value : [value]) as readonly RoomReference[]

const resolvePeople = async (
  references: readonly UserReference[],
  asker: UserId,
  ports: ResolverPorts,
  unchecked: UserId[],
): Promise<Resolved<readonly ResolvedPerson[]>> => {
  const found: ResolvedPerson[] = []
  for (const reference of references) {
    const one = await resolvePerson(reference, asker, ports, unchecked)
    if (!one.ok) return one
    for (const person of one.value) {
      if (!found.some((other) => (person.userId === undefined ? other.account?.pk === person.account?.pk : other.userId === person.userId)))
        found.push(person)
    }
  }
  return { ok: true, value: found }
}

const resolvePerson = async (
  reference: UserReference,
  asker: UserId,
  ports: ResolverPorts,
  unchecked: UserId[],
): Promise<Resolved<readonly ResolvedPerson[]>> => {
  const byId = (userId: UserId): ResolvedPerson => {
    const account = ports.accountOf(userId)
    return {
      raw: reference.raw,
      userId,
      name: ports.nameOf(userId),
      ...(account === undefined ? {} : { account: { pk: account.pk, username: account.username } }),
    }
  }
  switch (reference.as) {
    case 'mxid': {
      const userId = reference.value as UserId
      const { known, near, remote = false } = await ports.isKnown(userId)
      // Over a bridge nothing is sent to an id that is made up.
      if (known === undefined && !ports.isBridged(userId)) unchecked.push(userId)
      if (known === false)
        return problem(
          'unknown-user',
          remote
            ? `nobody is called ${userId}, says their server. If the id is right, let them give themselves a display name, or join a room where I am, and give the command again`
            : `nobody is called ${userId}`,
          near.map((one) => shownId(one, ports)),
        )
      return { ok: true, value: [byId(userId)] }
    }
    case 'row': {
      const userId = ports.lists.row(asker, Number(reference.value))
      if (userId === undefined)
        return problem('unknown-row', `there is no row ${reference.value}: rows count in the last list that I showed you, for 15 minutes`)
      return { ok: true, value: [byId(userId)] }
    }
    case 'handle': {
      const users = ports.lists.byHandle(asker, reference.value)
      if (users === undefined) return problem('unknown-row', `#${reference.value} is not a list that I showed you in the last 15 minutes`)
      return { ok: true, value: users.map(byId) }
    }
    case 'username':
      return byName(reference, ports, byId)
  }
}

/** How a candidate is written. The id of a bridged person holds a telephone number or an internal one: they are shown by name. */
const shownId = (userId: string, ports: Pick<ResolverPorts, 'isBridged' | 'nameOf'>): string =>
  ports.isBridged(userId as UserId) ? ports.nameOf(userId as UserId) : userId

const byName = (
  reference: UserReference,
  ports: ResolverPorts,
  byId: (userId: UserId) => ResolvedPerson,
): Resolved<readonly ResolvedPerson[]> => {
  const accounts = ports.accountsNamed(reference.value)
  const people = ports.peopleNamed(reference.value)
  const [account] = accounts.exact
  if (accounts.exact.length === 1 && account !== undefined) {
    const person = account.userId === undefined ? { raw: reference.raw, name: account.username } : byId(account.userId)
    return { ok: true, value: [{ ...person, account: { pk: account.pk, username: account.username } }] }
  }
  if (accounts.exact.length > 1) {
    return problem(
      'ambiguous-user',
      `“${reference.raw}” is several accounts`,
      accounts.exact.map((one) => (one.userId === undefined ? one.username : shownId(one.userId, ports))),
    )
  }
  const [person] = people.exact
  if (people.exact.length === 1 && person !== undefined) {
    // A display name can be chosen by anybody, so it is offered and never taken.
    return problem('ambiguous-user', `“${reference.raw}” is a display name, which anybody can choose; write the id or mention them`, [
      shownId(person, ports),
    ])
  }
  if (people.exact.length > 1)
    return problem(
      'ambiguous-user',
      `“${reference.raw}” is the display name of several people; write the id or mention them`,
      people.exact.map((userId) => shownId(userId, ports)),
    )
  return problem(
    'unknown-user',
    `I know nobody called “${reference.raw}”`,
    [...accounts.similar, ...people.similar.map((userId) => shownId(userId, ports))].slice(0, 5),
  )
}

const resolveRooms = async (
  references: readonly RoomReference[],
  type: ParameterType,
  here: ResolvedRoom,
  ports: ResolverPorts,
): Promise<Resolved<readonly ResolvedRoom[]>> => {
  const found = new Map<RoomId, ResolvedRoom>()
  for (const reference of references) {
    const meaning: RoomMeaning = reference.as === 'here' ? { kind: 'rooms', rooms: [here] } : await ports.roomsNamed(reference)
    if (meaning.kind === 'several') return problem('ambiguous-room', `“${reference.raw}” can be several rooms`, meaning.candidates)
    if (meaning.kind === 'none') return problem('unknown-room', `I know no room “${reference.raw}”`, meaning.candidates)
    if (type.kind === 'room' && meaning.rooms.length !== 1) {
      return problem(
        'one-room-only',
        `“${reference.raw}” is a category; name one room`,
        meaning.rooms.map((room) => room.name),
      )
    }
    for (const room of meaning.rooms) if (!found.has(room.roomId)) found.set(room.roomId, room)
  }
  return { ok: true, value: [...found.values()] }
}

/** Arguments after the look-up. */
class Values implements ResolvedArguments {
  readonly #types: ReadonlyMap<string, ParameterType | undefined>
  readonly #parsed: Arguments
  readonly #people: ReadonlyMap<string, readonly ResolvedPerson[]>
  readonly #rooms: ReadonlyMap<string, readonly ResolvedRoom[]>

  constructor(
    declaration: CommandDeclaration,
    parsed: Arguments,
    people: ReadonlyMap<string, readonly ResolvedPerson[]>,
    rooms: ReadonlyMap<string, readonly ResolvedRoom[]>,
  ) {
    this.#types = new Map([...declaration.positionals, ...declaration.options].map(({ name, type }) => [name, type]))
    this.#parsed = parsed
    this.#people = people
    this.#rooms = rooms
  }

  #declared(name: string, ...kinds: readonly (ParameterType['kind'] | 'flag')[]): void {
    if (!this.#types.has(name)) throw new Error(`the command declares no argument ${name}`)
    const kind = this.#types.get(name)?.kind ?? 'flag'
    if (!kinds.includes(kind)) throw new Error(`the argument ${name} is ${kind}, not ${kinds.join(' or ')}`)
  }

  text(name: string): string | undefined {
    this.#declared(name, 'text', 'email', 'choice')
    return this.#parsed[name] as string | undefined
  }

  number(name: string): number | undefined {
    this.#declared(name, 'integer', 'duration')
    const value = this.#parsed[name]
    return value === undefined ? undefined : Number(value)
  }

  flag(name: string): boolean {
    this.#declared(name, 'flag')
    return this.#parsed[name] === true
  }

  list(name: string): readonly string[] | undefined {
    this.#declared(name, 'list')
    return this.#parsed[name] as readonly string[] | undefined
  }

  user(name: string): ResolvedPerson | undefined {
    this.#declared(name, 'user')
    return this.#people.get(name)?.[0]
  }

  users(name: string): readonly ResolvedPerson[] {
    this.#declared(name, 'users')
    return this.#people.get(name) ?? []
  }

  room(name: string): ResolvedRoom | undefined {
    this.#declared(name, 'room')
    return this.#rooms.get(name)?.[0]
  }

  rooms(name: string): readonly ResolvedRoom[] | undefined {
    this.#declared(name, 'rooms')
    return this.#rooms.get(name)
  }

  raw(): Arguments {
    return this.#parsed
  }
}
