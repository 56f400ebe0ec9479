import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import { powerOf } from '../matrix/power-levels.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Role } from './declaration.ts'

/** Who has which role, by configuration. */
export interface RoleConfiguration {
  readonly admins: readonly UserId[]
  readonly moderators: readonly UserId[]
  readonly powerLevels: { readonly moderator?: number | undefined }
  /** Names of Authentik groups. */
  readonly groups: { readonly moderators: readonly string[]; readonly admins: readonly string[] }
}

/** Groups of an account, by name, from the mirror. */
export type GroupNames = (accountPk: number) => readonly string[]

/**
 * The role of a person: by configuration, by Authentik group through a link that the person has proven, and (moderator only) by power level
 * in the admin room if that is configured. Nobody has a role unless somebody gave it.
 */
export class Roles {
  readonly #database: Database
  readonly #directory: Directory
  readonly #configuration: RoleConfiguration
  readonly #adminRoom: () => RoomId | undefined
  readonly #groupsOf: GroupNames

  constructor(options: {
    readonly database: Database
    readonly directory: Directory
    readonly configuration: RoleConfiguration
    readonly adminRoom: () => RoomId | undefined
    readonly groupsOf: GroupNames
  }) {
    this.#database = options.database
    this.#directory = options.directory
    this.#configuration = options.configuration
    this.#adminRoom = options.adminRoom
    this.#groupsOf = options.groupsOf
  }

  /** The role a person has now. A bridged person never has one: the bridge's bot could speak for them. */
  of(userId: UserId): Role {
    if (this.#directory.bridged.bridgeOf(userId) !== undefined) return 'everyone'
    const { admins, moderators, powerLevels, groups } = this.#configuration
    if (admins.includes(userId)) return 'admin'
    const names = this.#provenGroups(userId)
    if (names.some((name) => groups.admins.includes(name))) return 'admin'
    if (moderators.includes(userId) || names.some((name) => groups.moderators.includes(name))) return 'moderator'
    return this.#hasPower(userId, powerLevels.moderator) ? 'moderator' : 'everyone'
  }

  /** Does this Authentik group give a role? Such groups are for admins to hand out. */
  isRoleGroup(name: string): boolean {
    const { groups } = this.#configuration
    return groups.admins.includes(name) || groups.moderators.includes(name)
  }

  /** Everybody whom the configuration names as moderator or admin. */
  named(): readonly UserId[] {
    return [...new Set([...this.#configuration.admins, ...this.#configuration.moderators])]
  }

  #provenGroups(userId: UserId): readonly string[] {
    const { groups } = this.#configuration
    if (groups.admins.length === 0 && groups.moderators.length === 0) return []
    const link = this.#database.first(
      this.#database.query.selectFrom('link').select('account_pk').where('user_id', '=', userId).where('proven', '=', 1),
    )
    return link === undefined ? [] : this.#groupsOf(link.account_pk)
  }

  #hasPower(userId: UserId, needed: number | undefined): boolean {
    const room = this.#adminRoom()
    if (needed === undefined || room === undefined) return false
    const power = this.#directory.power(room)
    return power !== undefined && this.#directory.membership(room, userId) === 'join' && powerOf(power, userId) >= needed
  }
}
