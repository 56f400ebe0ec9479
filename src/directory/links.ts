import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { UserId } from '../types.ts'

/** An account that belongs to a Matrix user. */
export interface Link {
  readonly userId: UserId
  readonly pk: number
  readonly username: string
  /** The person has proven it; only then may the account give a role. */
  readonly proven: boolean
}

/** Which account belongs to which Matrix user. This table is the truth; `attributes.matrix_id` in Authentik is a copy that gives nothing. */
export class Links {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** Links an account, replacing what was linked to either side. A new link is not proven. Joins the caller's transaction. */
  set(userId: UserId, account: { readonly pk: number; readonly username: string }, createdBy: string): void {
    this.#database.transaction(() => {
      const known = this.of(userId)
      if (known?.pk === account.pk) return
      this.#database.run(
        this.#database.query.deleteFrom('link').where((or) => or.or([or('user_id', '=', userId), or('account_pk', '=', account.pk)])),
      )
      this.#database.run(
        this.#database.query.insertInto('link').values({
          user_id: userId,
          account_pk: account.pk,
          username: account.username,
          created_by: createdBy,
          created_at: this.#clock.now(),
        }),
      )
    })
  }

  /** Takes a link back. One of the same person to another account stays. Joins the caller's transaction. */
  remove(userId: UserId, pk: number): void {
    this.#database.run(this.#database.query.deleteFrom('link').where('user_id', '=', userId).where('account_pk', '=', pk))
  }

  #select() {
    return this.#database.query.selectFrom('link').select(['user_id', 'account_pk', 'username', 'proven'])
  }

  /** The account of a person. */
  of(userId: UserId): Link | undefined {
    return toLink(this.#database.first(this.#select().where('user_id', '=', userId)))
  }

  /** The person of an account. */
  ofAccount(pk: number): Link | undefined {
    return toLink(this.#database.first(this.#select().where('account_pk', '=', pk)))
  }

  /** How many links there are. */
  count(): number {
    return (
      this.#database.first(this.#database.query.selectFrom('link').select((build) => build.fn.countAll<number>().as('number')))?.number ?? 0
    )
  }
}

const toLink = (
  row: { readonly user_id: UserId; readonly account_pk: number; readonly username: string; readonly proven: number } | undefined,
): Link | undefined =>
  row === undefined ? undefined : { userId: row.user_id, pk: row.account_pk, username: row.username, proven: row.proven === 1 }
