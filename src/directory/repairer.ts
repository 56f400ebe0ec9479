import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId } from '../types.ts'
import type { DirectoryChanges } from './changes.ts'
import type { Directory } from './directory.ts'
import { reconcileDirectory, repairDirectory, repairRoom } from './load.ts'
import type { DirectorySource, Reconciliation } from './load.ts'

const retryMs = 30_000

/** Keeps the directory whole: fetches lists that are dirty, one round at a time, and compares with the server when asked. */
export class Repairer {
  readonly #directory: Directory
  readonly #source: DirectorySource
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onChanges: (changes: DirectoryChanges) => void
  readonly #stop = new AbortController()
  #round: Promise<void> | undefined
  #again = false

  constructor(options: {
    readonly directory: Directory
    readonly source: DirectorySource
    readonly clock: Clock
    readonly logger: Logger
    readonly onChanges: (changes: DirectoryChanges) => void
  }) {
    this.#directory = options.directory
    this.#source = options.source
    this.#clock = options.clock
    this.#logger = options.logger
    this.#onChanges = options.onChanges
  }

  get #options() {
    return {
      directory: this.#directory,
      source: this.#source,
      clock: this.#clock,
      log: this.#logger,
      signal: this.#stop.signal,
      onChanges: this.#onChanges,
    }
  }

  /** Fetches what is dirty, soon. Returns at once; no request if nothing is. */
  soon(): void {
    if (this.#stop.signal.aborted) return
    if (this.#round !== undefined) {
      this.#again = true
      return
    }
    this.#round = this.#repair()
      .catch((error: unknown) => this.#logger.error({ err: error }, 'the directory could not be repaired'))
      .finally(() => {
        this.#round = undefined
        if (this.#again) {
          this.#again = false
          this.soon()
        }
      })
  }

  async #repair(): Promise<void> {
    const { failed } = await repairDirectory(this.#options)
    if (failed.length === 0 || this.#stop.signal.aborted) return
    this.#logger.warn({ rooms: failed.length, reason: failed[0]?.text }, 'some member lists could not be fetched; they are tried again')
    await this.#clock.sleep(retryMs, this.#stop.signal).catch(() => undefined)
    this.#again = true
  }

  /** Fetches one room's list anew. Resolves when it is there, or when the time is over. */
  async refresh(roomIds: readonly Parameters<Directory['markDirty']>[0][], limitMs: number): Promise<void> {
    for (const roomId of roomIds) this.#directory.markDirty(roomId)
    this.soon()
    await Promise.race([this.#round, this.#clock.sleep(limitMs, this.#stop.signal).catch(() => undefined)])
  }

  /** Fetches the list of one room now, if it is dirty: somebody needs all of it. Resolves when that is done or came to nothing. */
  async whole(roomId: RoomId): Promise<void> {
    const room = this.#directory.room(roomId)
    if (room?.ownMembership !== 'join' || (room.freshness.asOf !== null && !room.freshness.dirty) || this.#stop.signal.aborted) return
    const problem = await repairRoom(roomId, this.#options)
    if (problem !== undefined && problem.code !== 'cancelled')
      this.#logger.warn({ roomId, ...problem }, 'the member list of a room that is written to could not be fetched')
  }

  /** Compares with the server: rooms and lists. */
  reconcile(): Promise<Reconciliation> {
    return reconcileDirectory(this.#options)
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the bot is shutting down'))
    await this.#round
  }
}
