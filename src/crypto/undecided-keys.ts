import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { RoomId, UserId } from '../types.ts'
import type { KeepsKeys, ReceivedKey } from './unneeded-keys.ts'

const metaName = 'crypto_undecided_keys'
/** A room that the bot has not joined in this time is none of its rooms (milliseconds). */
const patienceMs = 24 * 3_600_000
/** No more than this are waited for: the oldest go first. */
const most = 2000

const stored = z.array(z.object({ roomId: z.string(), sessionId: z.string(), sender: z.string(), at: z.number() }))
type Undecided = ReceivedKey & { readonly at: number }

/**
 * Room keys that were kept because it was not known yet what their room is: the bot may be about to join it. Which these are stands in the database, so
 * that they go once the room turns out not to be one where the bot reads, also after a restart.
 */
export class UndecidedKeys {
  readonly #database: Pick<Database, 'meta' | 'setMeta'>
  readonly #clock: Pick<Clock, 'now'>
  /** Deleted in a transaction that may not have been committed yet. */
  #going: ReadonlySet<string> = new Set()

  constructor(database: Pick<Database, 'meta' | 'setMeta'>, clock: Pick<Clock, 'now'>) {
    this.#database = database
    this.#clock = clock
  }

  /**
   * Takes in the keys that have come, and looks again at those that wait. Call before each commit of the store at most once.
   * @returns those that are to be dropped in this commit
   */
  sort(come: readonly ReceivedKey[], keeps: KeepsKeys): readonly ReceivedKey[] {
    const now = this.#clock.now()
    const before = this.#read()
    // What was to go with the last commit is gone now.
    const known = before.filter((key) => !this.#going.has(key.sessionId))
    const fresh = come.filter(({ roomId, sender }) => keeps(roomId, sender) === 'undecided').map((key) => ({ ...key, at: now }))
    const all = [...known, ...fresh]
    const verdicts = all.map((key, index) => {
      const verdict = keeps(key.roomId, key.sender)
      return verdict === 'undecided' && (now - key.at > patienceMs || index < all.length - most) ? false : verdict
    })
    const going = all.filter((_, index) => verdicts[index] === false)
    this.#going = new Set(going.map(({ sessionId }) => sessionId))
    const kept = all.filter((_, index) => verdicts[index] !== true)
    if (before.length !== kept.length || fresh.length > 0) this.#database.setMeta(metaName, JSON.stringify(kept))
    return going
  }

  #read(): readonly Undecided[] {
    const value = this.#database.meta(metaName)
    return value === undefined ? [] : (stored.parse(JSON.parse(value)) as (Undecided & { roomId: RoomId; sender: UserId })[])
  }
}
