import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { Timestamp, UserId } from '../types.ts'

/** What the arrival of somebody without a Matrix user is to do once they have one: the options of the command. */
export const pendingWish = z.object({
  first: z.string(),
  last: z.string().optional(),
  email: z.string().optional(),
  invitedBy: z.string().optional(),
  organization: z.string().optional(),
  interests: z.array(z.string()),
  rooms: z.array(z.object({ roomId: z.string(), name: z.string() })).optional(),
  noRooms: z.boolean(),
  keepInIndoc: z.boolean(),
})
export type PendingWish = z.infer<typeof pendingWish>

/** An account that waits for the Matrix user of its person. */
export interface PendingLink {
  readonly account: { readonly pk: number; readonly username: string }
  readonly name: string
  readonly wish: PendingWish
  readonly askedBy: UserId
  /** A code was given to the moderator. */
  readonly handedOver: boolean
  readonly since: Timestamp
  readonly expiresAt: Timestamp
}

/** How long a code can be used (milliseconds). */
export const codeLifetimeMs = 30 * 24 * 3_600_000

/** Letters and digits that are not mistaken for one another on paper: 10 of them are 49 bits. */
const alphabet = 'abcdefghkmnpqrstuvwxyz23456789'

/** A new code, such as `k7wqp-3xm9d`. @param random uniform whole number in [0, below), from a cryptographic generator */
export const newLinkCode = (random: (below: number) => number): string => {
  const part = (): string => Array.from({ length: 5 }, () => alphabet[random(alphabet.length)]).join('')
  return `${part()}-${part()}`
}

/** The code in a message, without what people write around it; undefined = it holds none. */
export const codeIn = (body: string): { readonly code: string; readonly certain: boolean } | undefined => {
  const match = /^[\s"'`“”*]*(link\s+)?([a-hkmnp-z2-9]{5})([-\u2010-\u2014 ]?)([a-hkmnp-z2-9]{5})[\s"'`“”*.!]*$/iu.exec(body)
  const [, word, first = '', dash = '', second = ''] = match ?? []
  if (match === null) return undefined
  // "understand" is ten letters too: without a dash or the word it is only taken for a code if it is one.
  return { code: `${first}-${second}`.toLowerCase(), certain: word !== undefined || (dash !== '' && dash !== ' ') }
}

const hashOf = (code: string): string => createHash('sha256').update(code).digest('hex')

/** The table of accounts whose people have no Matrix user yet. Codes stand in it as hashes only. */
export class PendingLinks {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /**
   * Keeps an account with a new code; an earlier code of it is void. Joins the caller's transaction.
   * @param code undefined = none could be handed over yet
   */
  keep(link: Omit<PendingLink, 'expiresAt' | 'handedOver' | 'since'>, code: string | undefined): void {
    const now = this.#clock.now()
    const values = {
      username: link.account.username,
      name: link.name,
      wish: JSON.stringify(link.wish),
      code_hash: code === undefined ? null : hashOf(code),
      asked_by: link.askedBy,
      created_at: now,
      expires_at: now + codeLifetimeMs,
    }
    this.#database.run(
      this.#database.query
        .insertInto('pending_link')
        .values({ account_pk: link.account.pk, ...values })
        .onConflict((conflict) => conflict.column('account_pk').doUpdateSet(values)),
    )
  }

  /** The account that waits, unless its time is over. */
  of(pk: number): PendingLink | undefined {
    return this.#read(this.#database.first(this.#database.query.selectFrom('pending_link').selectAll().where('account_pk', '=', pk)))
  }

  /** All that wait, longest first. */
  list(): readonly PendingLink[] {
    return this.#database
      .all(this.#database.query.selectFrom('pending_link').selectAll().orderBy('created_at').orderBy('account_pk'))
      .flatMap((row) => this.#read(row) ?? [])
  }

  /** The account of a code, unless its time is over. */
  byCode(code: string): PendingLink | undefined {
    return this.#read(
      this.#database.first(this.#database.query.selectFrom('pending_link').selectAll().where('code_hash', '=', hashOf(code))),
    )
  }

  /** The person is known now, or is not awaited any more. Joins the caller's transaction. */
  remove(pk: number): void {
    this.#database.run(this.#database.query.deleteFrom('pending_link').where('account_pk', '=', pk))
  }

  #read(
    row:
      | {
          readonly account_pk: number
          readonly username: string
          readonly name: string
          readonly wish: string
          readonly asked_by: UserId
          readonly code_hash: string | null
          readonly created_at: Timestamp
          readonly expires_at: Timestamp
        }
      | undefined,
  ): PendingLink | undefined {
    if (row === undefined || row.expires_at <= this.#clock.now()) return undefined
    return {
      account: { pk: row.account_pk, username: row.username },
      name: row.name,
      wish: pendingWish.parse(JSON.parse(row.wish)),
      askedBy: row.asked_by,
      handedOver: row.code_hash !== null,
      since: row.created_at,
      expiresAt: row.expires_at,
    }
  }
}
