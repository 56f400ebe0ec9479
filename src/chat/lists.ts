import type { Clock } from '../operations/clock.ts'
import type { Timestamp, UserId } from '../types.ts'

interface List {
  readonly handle: string
  readonly rows: readonly UserId[]
  readonly expiresAt: Timestamp
}

const lifetimeMs = 15 * 60_000
/** Per person; older ones are forgotten first. */
const most = 20

/** The numbered lists that people were shown: rows and handles mean something only to whom they were shown, for 15 minutes. */
export class Lists {
  readonly #clock: Clock
  readonly #lists = new Map<UserId, List[]>()
  #next = 1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Remembers a list for a person. Returns its handle without `#`. */
  add(asker: UserId, rows: readonly UserId[]): string {
    const handle = `k${this.#next}`
    this.#next += 1
    const lists = [{ handle, rows, expiresAt: this.#clock.now() + lifetimeMs }, ...(this.#lists.get(asker) ?? [])]
    this.#lists.set(asker, lists.slice(0, most))
    return handle
  }

  #valid(asker: UserId): readonly List[] {
    return (this.#lists.get(asker) ?? []).filter((list) => list.expiresAt > this.#clock.now())
  }

  /** The person in that row (from 1) of the asker's last list. */
  row(asker: UserId, number: number): UserId | undefined {
    return this.#valid(asker)[0]?.rows[number - 1]
  }

  /** Everybody in the list of that handle. */
  byHandle(asker: UserId, handle: string): readonly UserId[] | undefined {
    return this.#valid(asker).find((list) => list.handle === handle)?.rows
  }
}
