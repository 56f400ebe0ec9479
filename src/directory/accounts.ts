import { z } from 'zod'
import type { Group, User } from '../authentik/schemas.ts'
import type { Database } from '../database/database.ts'
import type { AccountTable } from '../database/schema.ts'
import type { Clock } from '../operations/clock.ts'
import type { Timestamp } from '../types.ts'
import { fold } from './fold.ts'

/** An account of the mirror. */
export interface Account {
  readonly pk: number
  readonly username: string
  readonly name: string
  readonly email: string
  readonly type: string
  readonly active: boolean
  readonly superuser: boolean
  /** UUIDs. */
  readonly groups: readonly string[]
  /** Has anybody ever signed in with it? */
  readonly used: boolean
  readonly seenAt: Timestamp
}

/** A group of the mirror. */
export interface GroupEntry {
  readonly pk: string
  readonly name: string
  readonly superuser: boolean
}

const groupList = z.array(z.object({ pk: z.string(), name: z.string(), superuser: z.boolean() }))

/** The mirror of Authentik's accounts and groups, for names and lists. What changes something asks Authentik itself. */
export class Accounts {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** Writes what an answer of Authentik showed. */
  keep(user: User): void {
    const matrixId = Object.hasOwn(user.attributes, 'matrix_id') ? user.attributes['matrix_id'] : undefined
    const row = {
      username: user.username,
      username_folded: fold(user.username),
      name: user.name,
      email: user.email,
      email_folded: user.email.toLowerCase(),
      type: user.type,
      is_active: user.is_active ? (1 as const) : (0 as const),
      is_superuser: user.is_superuser ? (1 as const) : (0 as const),
      groups: JSON.stringify(user.groups),
      last_login: user.last_login ?? null,
      matrix_id: typeof matrixId === 'string' ? matrixId : null,
      seen_at: this.#clock.now(),
    }
    this.#database.run(
      this.#database.query
        .insertInto('account')
        .values({ pk: user.pk, ...row })
        .onConflict((conflict) => conflict.column('pk').doUpdateSet(row)),
    )
  }

  /**
   * Replaces the mirror by a whole list: rows are written by key, and only those that the list lacks are dropped.
   * @returns how many were dropped
   */
  replaceAll(users: readonly User[], startedAt: Timestamp): number {
    return this.#database.transaction(() => {
      for (const user of users) this.keep(user)
      this.#database.setMeta('accounts_mirrored_at', String(this.#clock.now()))
      const kept = new Set(users.map((user) => user.pk))
      const gone = this.#database
        .all(this.#database.query.selectFrom('account').select(['pk', 'seen_at']))
        // An account that was made while the list was read is not in it.
        .filter((row) => !kept.has(row.pk) && row.seen_at < startedAt)
      for (const { pk } of gone) this.#database.run(this.#database.query.deleteFrom('account').where('pk', '=', pk))
      return gone.length
    })
  }

  /** When the mirror was last whole. */
  mirroredAt(): Timestamp | undefined {
    const value = this.#database.meta('accounts_mirrored_at')
    return value === undefined ? undefined : Number(value)
  }

  #select() {
    return this.#database.query.selectFrom('account').selectAll()
  }

  get(pk: number): Account | undefined {
    const row = this.#database.first(this.#select().where('pk', '=', pk))
    return row === undefined ? undefined : toAccount(row)
  }

  /** Accounts of that username; letter case and accents do not count. */
  byUsername(username: string): readonly Account[] {
    return this.#database.all(this.#select().where('username_folded', '=', fold(username)).limit(10)).map(toAccount)
  }

  /** Accounts whose username or name begins or holds the text, at most `limit`. */
  similar(text: string, limit: number): readonly Account[] {
    const folded = fold(text)
    if (folded.length < 2) return []
    return this.#database
      .all(this.#select().orderBy('username_folded'))
      .filter((row) => row.username_folded.includes(folded) || fold(row.name).includes(folded))
      .slice(0, limit)
      .map(toAccount)
  }

  count(): number {
    return (
      this.#database.first(this.#database.query.selectFrom('account').select((build) => build.fn.countAll<number>().as('number')))
        ?.number ?? 0
    )
  }

  /** Keeps the list of groups. */
  keepGroups(groups: readonly Group[]): void {
    const list = groups.map((group) => ({ pk: group.pk, name: group.name, superuser: group.is_superuser }))
    this.#database.setMeta('authentik_groups', JSON.stringify(list))
  }

  /** All groups as last seen. */
  groups(): readonly GroupEntry[] {
    const value = this.#database.meta('authentik_groups')
    return value === undefined ? [] : groupList.parse(JSON.parse(value))
  }

  /** Names of the groups of an account, as last seen. */
  groupNames(pk: number): readonly string[] {
    const account = this.get(pk)
    if (account === undefined || !account.active) return []
    return this.groups().flatMap((group) => (account.groups.includes(group.pk) ? [group.name] : []))
  }
}

const toAccount = (row: AccountTable | (Omit<AccountTable, 'groups'> & { readonly groups: string })): Account => ({
  pk: row.pk,
  username: row.username,
  name: row.name,
  email: row.email,
  type: row.type,
  active: row.is_active === 1,
  superuser: row.is_superuser === 1,
  groups: JSON.parse(row.groups as string) as string[],
  used: row.last_login !== null,
  seenAt: row.seen_at,
})
