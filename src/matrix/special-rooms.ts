import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { RoomAlias, RoomId, RoomKind, UserId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import type { DirectRooms } from './direct-rooms.ts'

/** The rooms that the configuration names. */
export interface NamedRooms {
  readonly indoc: RoomId | RoomAlias
  readonly admin: RoomId | RoomAlias
}

type Name = keyof NamedRooms

const resolved = z.object({ room_id: z.string() })

/** INDOC, the admin room and the DMs: the rooms where the bot listens. */
export class SpecialRooms {
  readonly #database: Database
  readonly #directory: Directory
  readonly #homeserver: Homeserver
  readonly #directRooms: DirectRooms
  readonly #named: NamedRooms
  readonly #ids = new Map<Name, RoomId>()
  readonly #problems = new Map<Name, string>()

  constructor(options: {
    readonly database: Database
    readonly directory: Directory
    readonly homeserver: Homeserver
    readonly directRooms: DirectRooms
    readonly named: NamedRooms
  }) {
    this.#database = options.database
    this.#directory = options.directory
    this.#homeserver = options.homeserver
    this.#directRooms = options.directRooms
    this.#named = options.named
    for (const name of ['indoc', 'admin'] as const) {
      const given = options.named[name]
      const known = given.startsWith('!') ? given : this.#remembered(name)
      if (known !== undefined) this.#ids.set(name, known as RoomId)
    }
  }

  /** An alias that was looked up before stays what it was, until the configuration names another one. */
  #remembered(name: Name): string | undefined {
    const value = this.#database.meta(`room.${name}`)
    const [alias, roomId] = value?.split(' ') ?? []
    return alias === this.#named[name] ? roomId : undefined
  }

  /** Looks up what is not known yet, and joins what the bot is not in. Makes no request when all is well. */
  async settle(): Promise<void> {
    for (const name of ['indoc', 'admin'] as const) {
      this.#problems.delete(name)
      const roomId = this.#ids.get(name) ?? (await this.#lookUp(name))
      if (roomId !== undefined && this.#directory.room(roomId)?.ownMembership !== 'join') await this.#join(name, roomId)
    }
  }

  async #lookUp(name: Name): Promise<RoomId | undefined> {
    const alias = this.#named[name]
    const result = await this.#homeserver.request('GET', `/_matrix/client/v3/directory/room/${segment(alias)}`, {
      route: 'directory/room',
      repeatable: true,
    })
    const body = resolved.safeParse(result.ok ? result.body : undefined)
    if (!body.success) {
      this.#problems.set(name, `rooms.${name} (${alias}) could not be found: ${result.ok ? 'a strange answer' : describeFailure(result)}`)
      return undefined
    }
    const roomId = body.data.room_id as RoomId
    this.#database.setMeta(`room.${name}`, `${alias} ${roomId}`)
    this.#ids.set(name, roomId)
    return roomId
  }

  async #join(name: Name, roomId: RoomId): Promise<void> {
    const result = await this.#homeserver.request('POST', `/_matrix/client/v3/join/${segment(this.#named[name])}`, {
      route: 'join',
      body: {},
      repeatable: true,
    })
    if (!result.ok)
      this.#problems.set(name, `I am not in rooms.${name} (${roomId}) and could not join it: ${describeFailure(result)}. Invite me there`)
  }

  /** What keeps the bot out of its rooms, in words; empty = nothing. For `/readyz` and the log. */
  problems(): readonly string[] {
    return [...this.#problems.entries()]
      .filter(([name]) => {
        const roomId = this.#ids.get(name)
        return roomId === undefined || this.#directory.room(roomId)?.ownMembership !== 'join'
      })
      .map(([, problem]) => problem)
  }

  get indoc(): RoomId | undefined {
    return this.#ids.get('indoc')
  }

  get admin(): RoomId | undefined {
    return this.#ids.get('admin')
  }

  /** Is it one of the rooms that the configuration names? */
  isNamed(roomId: RoomId): boolean {
    return roomId === this.indoc || roomId === this.admin
  }

  /** What kind of room it is for commands; undefined = the bot does not listen there. */
  kindOf(roomId: RoomId): RoomKind | undefined {
    if (roomId === this.admin) return 'admin'
    if (roomId === this.indoc) return 'indoc'
    return this.#directRooms.personOf(roomId) === undefined ? undefined : 'dm'
  }

  /**
   * What kind of room it is for what this person says. A direct chat is one for its own person only: anybody can make a chat with the bot and bring a
   * moderator into it, and would read the answers.
   */
  kindFor(roomId: RoomId, sender: UserId): RoomKind | undefined {
    const kind = this.kindOf(roomId)
    return kind === 'dm' && this.#directRooms.personOf(roomId) !== sender ? undefined : kind
  }
}
