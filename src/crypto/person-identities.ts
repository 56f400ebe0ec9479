import type { Database } from '../database/database.ts'
import type { PersonIdentityTable } from '../database/schema.ts'
import type { Clock } from '../operations/clock.ts'
import type { Timestamp, UserId } from '../types.ts'

/** The identity of a person as it is remembered. */
export interface PersonIdentity {
  readonly userId: UserId
  /** Public master key under which commands are taken. */
  readonly masterKey: string
  /** Another key that was seen since; commands that change something are refused until somebody has decided. */
  readonly otherKey: string | undefined
  readonly otherSeenAt: Timestamp | undefined
  /** `first-use`, the admin who approved it, or `operator`. */
  readonly acceptedBy: string
  readonly acceptedAt: Timestamp
}

/** What seeing a key says about the person who has it. */
export type Sighting = 'first' | 'same' | 'changed'

/**
 * A public key in a form that people can compare: its first sixteen characters in groups of four. 96 bits, far more than anybody can search for.
 */
export const fingerprint = (masterKey: string): string => masterKey.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ')

/**
 * The identities of the people who may command: remembered at first sight, kept over restarts and over a new crypto store. A homeserver can show
 * another identity for anybody at any time; it cannot make this table forget the first one.
 */
export class PersonIdentities {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** What is remembered of a person. */
  of(userId: UserId): PersonIdentity | undefined {
    const row = this.#database.first(this.#database.query.selectFrom('person_identity').selectAll().where('user_id', '=', userId))
    return row === undefined ? undefined : toIdentity(row)
  }

  /** Everybody of whom an identity is remembered. */
  all(): readonly PersonIdentity[] {
    return this.#database.all(this.#database.query.selectFrom('person_identity').selectAll()).map(toIdentity)
  }

  /** People whose identity has changed and waits for somebody's decision, oldest first. */
  changed(): readonly PersonIdentity[] {
    return this.#database
      .all(this.#database.query.selectFrom('person_identity').selectAll().where('other_key', 'is not', null).orderBy('other_seen_at'))
      .map(toIdentity)
  }

  /**
   * Takes note of the key that the server shows for a person. A change stays noted although the first key may come back: an identity that goes to
   * and fro is nothing that people do.
   */
  see(userId: UserId, masterKey: string): Sighting {
    const known = this.of(userId)
    if (known === undefined) {
      this.#write(userId, masterKey, 'first-use')
      return 'first'
    }
    if (known.masterKey === masterKey) return known.otherKey === undefined ? 'same' : 'changed'
    if (known.otherKey !== masterKey) {
      this.#database.run(
        this.#database.query
          .updateTable('person_identity')
          .set({ other_key: masterKey, other_seen_at: this.#clock.now() })
          .where('user_id', '=', userId),
      )
    }
    return 'changed'
  }

  /**
   * Runs `tell` unless it was run for this key before, and remembers that in the same transaction.
   * @returns whether it was run
   */
  tellOnce(userId: UserId, tell: (identity: PersonIdentity & { readonly otherKey: string }) => void): boolean {
    return this.#database.transaction(() => {
      const row = this.#database.first(this.#database.query.selectFrom('person_identity').selectAll().where('user_id', '=', userId))
      if (row === undefined || row.other_key === null || row.told_key === row.other_key) return false
      tell({ ...toIdentity(row), otherKey: row.other_key })
      this.#database.run(this.#database.query.updateTable('person_identity').set({ told_key: row.other_key }).where('user_id', '=', userId))
      return true
    })
  }

  /**
   * Takes a key as the person's own from now on.
   * @param by the admin, or `operator` for somebody at the machine
   */
  accept(userId: UserId, masterKey: string, by: string): void {
    this.#write(userId, masterKey, by)
  }

  #write(userId: UserId, masterKey: string, by: string): void {
    const row = {
      master_key: masterKey,
      other_key: null,
      other_seen_at: null,
      told_key: null,
      accepted_by: by,
      accepted_at: this.#clock.now(),
    }
    this.#database.run(
      this.#database.query
        .insertInto('person_identity')
        .values({ user_id: userId, ...row })
        .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row)),
    )
  }
}

const toIdentity = (row: PersonIdentityTable): PersonIdentity => ({
  userId: row.user_id,
  masterKey: row.master_key,
  otherKey: row.other_key ?? undefined,
  otherSeenAt: row.other_seen_at ?? undefined,
  acceptedBy: row.accepted_by,
  acceptedAt: row.accepted_at,
})
