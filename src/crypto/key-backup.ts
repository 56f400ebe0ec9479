import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { GateFailure } from '../http/contract.ts'
import { describeFailure } from '../matrix/client.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { DeviceId, RoomId } from '../types.ts'
import type { BackupEngine } from './backup-engine.ts'
import { isWrongVersion } from './backup-http.ts'
import type { BackupHttp } from './backup-http.ts'
import { settleVersion } from './backup-version.ts'
import type { SettledVersion } from './backup-version.ts'
import type { SecretHttp } from './secret-store.ts'

/** How the backup is, in words for `!status` and `/readyz`. */
export interface BackupState {
  readonly ok: boolean
  readonly words: string
}

export interface KeyBackupOptions {
  /** `crypto.backup`; when it is off, nothing is asked or sent. */
  readonly enabled: boolean
  readonly deviceId: DeviceId
  readonly database: Database
  readonly engine: BackupEngine
  readonly http: BackupHttp
  readonly secretHttp: SecretHttp
  readonly clock: Clock
  readonly logger: Logger
  /** The rooms whose keys are backed up (INDOC and the admin room); undefined while one of them is not known yet. */
  readonly rooms: () => readonly RoomId[] | undefined
  readonly recoveryKeyFile: string
  readonly onSecret: (secret: string) => void
}

type Usable = Extract<SettledVersion, { ok: true }>
/** What a round came to. */
type Round = 'done' | 'refused' | { readonly failure: GateFailure } | 'again'

/** How long new keys are gathered before a round (milliseconds). */
const gatherMs = 2000
/** Waits after failed rounds: from this, doubled up to the second. */
const firstWaitMs = 5000
const longestWaitMs = 900_000
/** A backup that may not be used is looked at again this often. */
const refusedMs = 3_600_000
/** The rooms are looked up at the start, so what is missing then comes soon. */
const roomsMs = 10_000
/** Encrypting a batch of 100 keys takes the processor for a tenth of a second: commands get their turn before the next one (milliseconds). */
const batchPauseMs = 250
/** Keys that are taken over at once: others get their turn in between. */
const restoreChunk = 50
/** In `meta`: what the marks in the encryption store are about, and which rooms' keys were fetched. */
const marker = 'backup.state'
const storedState = z.object({
  device: z.string(),
  version: z.string(),
  publicKey: z.string(),
  covered: z.array(z.string()),
  restored: z.array(z.string()),
})
type StoredState = z.infer<typeof storedState>

/**
 * Backs the room keys of INDOC and the admin room up on the homeserver, encrypted, and reads them back on a new device (spec: "Server-side key
 * backups"). Works beside everything else: nothing waits for it, and what fails is tried again.
 */
export class KeyBackup {
  readonly #options: KeyBackupOptions
  readonly #stop = new AbortController()
  #state: BackupState
  #running: Promise<void> | undefined
  #settled: Usable | undefined
  #woken = false
  #wake: () => void = () => undefined

  constructor(options: KeyBackupOptions) {
    this.#options = options
    this.#state = { ok: true, words: options.enabled ? 'Key backup: not looked at yet' : 'No key backup (crypto.backup is off)' }
  }

  get state(): BackupState {
    return this.#state
  }

  /** Begins to work, with whatever is not in the backup yet. */
  start(): void {
    if (this.#options.enabled) this.#running ??= this.#loop()
  }

  /** Room keys have come or were made. Returns at once. */
  wake(): void {
    this.#woken = true
    this.#wake()
  }

  /**
   * Ends after the step in work; the next start goes on from there.
   * @param graceMs how long to wait for it
   */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort(new Error('the bot is shutting down'))
    this.#wake()
    const grace = new AbortController()
    await Promise.race([this.#running, this.#options.clock.sleep(graceMs, grace.signal).catch(() => undefined)])
    grace.abort()
  }

  /** Never rejects. */
  async #loop(): Promise<void> {
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted;) {
      this.#woken = false
      const round = await this.#guarded()
      if (signal.aborted) return
      failures = typeof round === 'object' ? failures + 1 : 0
      await this.#rest(round, failures)
    }
  }

  /** A bug in here must not take the bot along: keys that are not backed up yet are no reason to stop. */
  async #guarded(): Promise<Round> {
    try {
      return await this.#round()
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#options.logger.error({ err: error }, 'room keys could not be backed up')
        this.#state = { ok: false, words: 'Key backup: an internal error, see the log' }
      }
      return 'refused'
    }
  }

  async #rest(round: Round, failures: number): Promise<void> {
    if (round === 'done') {
      await this.#untilWoken()
      // A device that comes brings several keys, and a message in a new session is followed by others.
      await this.#sleep(gatherMs)
    } else if (round === 'again') {
      await this.#sleep(roomsMs)
    } else if (round === 'refused') {
      await this.#sleep(refusedMs)
    } else {
      const wait = Math.min(firstWaitMs * 2 ** Math.min(failures - 1, 20), longestWaitMs)
      await this.#sleep(round.failure.code === 'limited' ? Math.max(round.failure.retryAfterMs, wait) : wait)
    }
  }

  #sleep(milliseconds: number): Promise<void> {
    return this.#options.clock.sleep(milliseconds, this.#stop.signal).catch(() => undefined)
  }

  async #untilWoken(): Promise<void> {
    if (this.#woken || this.#stop.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
  }

  async #round(): Promise<Round> {
    const rooms = this.#options.rooms()
    if (rooms === undefined) return 'again'
    const settled = this.#settled ?? (await this.#settle())
    if (!('key' in settled)) return settled.round
    const failure = await this.#work(settled, rooms)
    if (failure === undefined) {
      this.#state = {
        ok: settled.warning === undefined,
        words: `Key backup: version ${settled.version}${settled.warning === undefined ? '' : `, but ${settled.warning}`}`,
      }
      return 'done'
    }
    if (isWrongVersion(failure)) this.#settled = undefined
    return this.#failed(failure)
  }

  #failed(failure: GateFailure): Round {
    const reason = describeFailure(failure)
    this.#options.logger.warn({ reason }, 'room keys could not be backed up; it is tried again')
    this.#state = { ok: false, words: `Key backup: ${reason}; it is tried again` }
    return { failure }
  }

  async #settle(): Promise<Usable | { readonly round: Round }> {
    const { engine, logger } = this.#options
    const found = await settleVersion({ ...this.#options, signal: this.#stop.signal })
    if (!found.ok && found.code === 'unreachable') return { round: this.#failed(found.failure) }
    if (!found.ok) {
      logger.warn({ reason: found.code }, `room keys are not backed up: ${found.words}`)
      this.#state = { ok: false, words: `Room keys are not backed up: ${found.words}` }
      return { round: 'refused' }
    }
    if (found.made !== 'known') logger.info({ version: found.version }, `a key backup was ${found.made}`)
    if (found.warning !== undefined) logger.warn({ version: found.version }, found.warning)
    const before = this.#stored()
    if (before !== undefined && (before.version !== found.version || before.publicKey !== found.key.publicKey)) await engine.reset()
    if (before?.version !== found.version || before.publicKey !== found.key.publicKey)
      this.#store({ version: found.version, publicKey: found.key.publicKey, covered: [], restored: [] })
    await engine.use(found.key, found.version)
    this.#settled = found
    return found
  }

  /** Returns the failure, if any. */
  async #work(settled: Usable, rooms: readonly RoomId[]): Promise<GateFailure | undefined> {
    await this.#cover(settled, rooms)
    for (const roomId of rooms) {
      const failure = await this.#restore(settled, roomId)
      if (failure !== undefined) return failure
    }
    return await this.#upload(settled, rooms)
  }

  /** Keys of other rooms are marked as done without being uploaded. A room that is new among ours has such marks: they are taken off. */
  async #cover(settled: Usable, rooms: readonly RoomId[]): Promise<void> {
    const state = this.#stored()
    if (state === undefined || rooms.every((roomId) => state.covered.includes(roomId))) return
    if (state.covered.length > 0) {
      await this.#options.engine.reset()
      await this.#options.engine.use(settled.key, settled.version)
    }
    this.#store({ ...state, covered: [...rooms] })
  }

  async #restore({ key, version }: Usable, roomId: RoomId): Promise<GateFailure | undefined> {
    const { engine, http, logger } = this.#options
    const { signal } = this.#stop
    const state = this.#stored()
    if (state === undefined || state.restored.includes(roomId)) return undefined
    const found = await http.fetch(version, roomId, signal)
    if (!found.ok) return found.failure
    let imported = 0
    let unreadable = 0
    for (let start = 0; start < found.value.length; start += restoreChunk) {
      if (signal.aborted) return undefined
      const result = await engine.restore(key, version, roomId, found.value.slice(start, start + restoreChunk))
      imported += result.imported
      unreadable += result.unreadable
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#store({ ...state, restored: [...state.restored, roomId] })
    if (found.value.length > 0) logger.info({ roomId, imported, unreadable }, 'room keys were read from the backup')
    return undefined
  }

  async #upload({ version }: Usable, rooms: readonly RoomId[]): Promise<GateFailure | undefined> {
    const { engine, http, logger } = this.#options
    const { signal } = this.#stop
    let uploaded = 0
    for (;;) {
      if (signal.aborted) return undefined
      const batch = await engine.nextBatch()
      if (batch === undefined) break
      const ours = Object.fromEntries(Object.entries(batch.rooms).filter(([roomId]) => rooms.includes(roomId as RoomId)))
      if (Object.keys(ours).length > 0) {
        const stored = await http.store(version, ours, signal)
        if (!stored.ok) return stored.failure
        uploaded += Object.values(ours).reduce((sum, { sessions }) => sum + Object.keys(sessions).length, 0)
      }
      await engine.stored(batch)
      await this.#sleep(batchPauseMs)
    }
    if (uploaded > 0) logger.debug({ uploaded, version }, 'room keys were backed up')
    return undefined
  }

  /** undefined = nothing that holds for this device's store. */
  #stored(): StoredState | undefined {
    const text = this.#options.database.meta(marker)
    const state = text === undefined ? undefined : storedState.parse(JSON.parse(text))
    return state?.device === this.#options.deviceId ? state : undefined
  }

  #store(state: Omit<StoredState, 'device'>): void {
    this.#options.database.setMeta(marker, JSON.stringify({ ...state, device: this.#options.deviceId }))
  }
}
