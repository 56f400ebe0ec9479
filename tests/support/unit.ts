import { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { Membership } from '../../src/database/schema.ts'
import type { Directory } from '../../src/directory/directory.ts'
import type { GateFailure, GateResult } from '../../src/http/contract.ts'
import type { RoomPower } from '../../src/matrix/power-levels.ts'
import type { Clock } from '../../src/operations/clock.ts'

/** A migrated database that exists in memory only. */
export const memoryDatabase = (): Database => {
  const database = Database.open(':memory:')
  const result = migrate(database)
  if (result.state !== 'migrated') throw new Error(`the database was not migrated: ${result.state}`)
  return database
}

/** A clock that stands still until the test moves it; who sleeps is woken in order. */
export class TestClock implements Clock {
  #now: number
  #sleepers: { readonly at: number; readonly wake: () => void }[] = []

  constructor(now = 1_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      const sleeper = { at: this.#now + Math.max(0, milliseconds), wake: resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
          reject(signal.reason as Error)
        },
        { once: true },
      )
    })
  }

  /** How many sleep now, and until when (milliseconds from now, shortest first). */
  get sleeping(): readonly number[] {
    return this.#sleepers.map(({ at }) => at - this.#now).sort((one, other) => one - other)
  }

  /** Moves the time on and lets those run who wake by then. */
  async advance(milliseconds: number): Promise<void> {
    this.#now += milliseconds
    const due = this.#sleepers.filter(({ at }) => at <= this.#now)
    this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#now)
    for (const { wake } of due) wake()
    await turns()
  }
}

/** Lets everything go on that waits for nothing but its turn. */
export const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** An answer of a server. */
export const answered = (body: unknown, status = 200): GateResult => ({ ok: true, status, body, headers: {}, ms: 1 })

const untouched = { ok: false, untouched: true, method: 'POST', route: 'test', ms: 1 } as const

/** An error answer of a Matrix server. A 5xx may have had its effect. */
export const refused = (status: number, errcode?: string): GateFailure => ({
  ...untouched,
  untouched: status < 500,
  code: 'status',
  status,
  body: errcode === undefined ? undefined : { errcode },
  headers: {},
})

export const limited = (retryAfterMs: number): GateFailure => ({ ...untouched, code: 'limited', retryAfterMs })
/** No answer; the request may have had its effect. */
export const timedOut: GateFailure = { ...untouched, untouched: false, code: 'timeout' }
/** No connection: certainly without an effect. */
export const unconnected: GateFailure = { ...untouched, code: 'network', reason: 'connection refused', tls: false }
export const cancelled: GateFailure = { ...untouched, code: 'cancelled' }

/** A room as a fake directory knows it. */
export interface FakeRoom {
  ownMembership?: Membership
  members?: Record<string, Membership>
  /** null = the member list is not known. Default 1. */
  asOf?: number | null
  /** The member list may have changed unseen. */
  dirty?: boolean
  name?: string
  joinedCount?: number
  historyVisibility?: string
  /** null = the room's state was not seen. Default 12. */
  version?: string | null
  power?: RoomPower
}

/** A directory that knows what the test says, and can be changed while the test runs. */
export const fakeDirectory = (ownUserId: string, rooms: Record<string, FakeRoom> = {}) => {
  const membership = (roomId: string, userId: string): Membership | undefined => rooms[roomId]?.members?.[userId]
  const memberIds = (roomId: string, memberships: readonly Membership[] = ['join']): readonly string[] =>
    Object.entries(rooms[roomId]?.members ?? {})
      .filter(([, membership]) => memberships.includes(membership))
      .map(([userId]) => userId)
  const directory = {
    ownUserId,
    bridged: { bridgeOf: (userId: string) => (userId.startsWith('@signal_') ? { bot: '@signalbot:x' } : undefined) },
    room: (roomId: string) => {
      const room = rooms[roomId]
      if (room === undefined) return undefined
      const {
        ownMembership = 'join',
        asOf = 1,
        dirty = false,
        joinedCount = memberIds(roomId).length,
        name = null,
        historyVisibility = null,
        version = '12',
      } = room
      return { roomId, ownMembership, name, joinedCount, historyVisibility, version, freshness: { asOf, dirty } }
    },
    membership,
    memberIds,
    power: (roomId: string) => rooms[roomId]?.power,
    onEncryption: () => undefined,
  }
  return { rooms, directory: directory as unknown as Directory }
}
