import { followMembers } from '../crypto/follow-members.ts'
import type { CryptoPort } from '../crypto/port.ts'
import type { RoomEncryptions } from '../crypto/room-encryption.ts'
import type { Database } from '../database/database.ts'
import type { DirectoryChanges } from '../directory/changes.ts'
import type { Directory } from '../directory/directory.ts'
import type { GateFailure } from '../http/contract.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { JsonObject, RoomId, Timestamp, UserId } from '../types.ts'
import { backfill } from './backfill.ts'
import { describeFailure } from './client.ts'
import type { Homeserver } from './client.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { parseSync } from './sync-types.ts'
import type { RoomEvent, SyncResponse } from './sync-types.ts'

/** What a sync brought, after it is on disk. */
export interface SyncBatch {
  readonly initial: boolean
  /** The answer brings what happened while the bot was away. */
  readonly late: boolean
  readonly entries: readonly JournalEntry[]
  readonly changes: DirectoryChanges
}

export interface SyncOptions {
  readonly homeserver: Homeserver
  readonly crypto: CryptoPort
  readonly encryptions: RoomEncryptions
  readonly database: Database
  readonly directory: Directory
  readonly journal: Journal
  readonly clock: Clock
  readonly logger: Logger
  /** Is this a room whose messages may need an answer (INDOC, admin room, a DM)? */
  readonly watches: (roomId: RoomId) => boolean
  /** Is this event of another room worth looking at: a command that has to be refused there? */
  readonly overhears: (event: RoomEvent) => boolean
  /** Called inside the transaction that stores what changed. */
  readonly inCommit?: (changes: DirectoryChanges) => void
  /** Called after the commit. Must return at once; its work is journaled. */
  readonly onBatch: (batch: SyncBatch) => void
}

const pollMs = 30_000
/**
 * How much longer than it was asked to wait a server may take for its answer (milliseconds). Without news it answers at once then, and a
 * connection that died unseen (a router that forgot it, a server that hangs) keeps the bot deaf for so long: a whole poll more, no longer. A busy
 * server loses nothing by it: asked again with the same token, Synapse goes on with the answer it is working at.
 */
const slackMs = 30_000
/** The same for the first request of a start, which asks for all that happened meanwhile, perhaps in hundreds of rooms. */
const catchUpMs = 120_000
/** And for the very first of a new device, which asks for everything. */
const initialMs = 600_000
/** After a silence this long, what comes first had piled up: it is catch-up, not news. */
const awayAfterMs = 120_000
/** A server or proxy that does not wait for news, and has none, is not asked more often than this. */
const leastMs = 1000
/** How long requests for keys are gathered. */
const gatherMs = 500
const events = ['m.room.encrypted', 'm.room.message']
const tokenName = 'since'

const filter = (initial: boolean): string =>
  JSON.stringify({
    presence: { types: [] },
    account_data: { types: ['m.direct'] },
    room: {
      ephemeral: { types: [] },
      account_data: { types: [] },
      // The first sync takes state only: no history is ever executed. Members then come by one list per room; later, a room that
      // is new brings its members along.
      timeline: { limit: initial ? 1 : 50, lazy_load_members: initial },
      state: { lazy_load_members: initial },
    },
  })

const isOwnJoin = (event: RoomEvent, userId: UserId): boolean =>
  event.type === 'm.room.member' && event.state_key === userId && event.content['membership'] === 'join'

/** Older servers do not say that the bot was not in the room yet (spec v1.11, `unsigned.membership`): the order of the events does. */
const beforeJoin = (event: RoomEvent): RoomEvent => ({ ...event, unsigned: { membership: 'leave', ...event.unsigned } })

/**
 * The bot's own sync loop. The gaps of an answer in watched rooms are filled, it is fed to the crypto engine, then keys, directory, journal and
 * sync token are stored in one SQLite transaction; only then is anything acted upon. The first sync of all executes no message.
 */
export class SyncLoop {
  readonly #options: SyncOptions
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #lastAt: Timestamp | undefined
  #failing: string | undefined
  #flush: NodeJS.Timeout | undefined

  constructor(options: SyncOptions) {
    this.#options = options
  }

  /** Why the loop cannot reach the server at the moment; undefined = it can. For `/readyz`. */
  get failing(): string | undefined {
    return this.#failing
  }

  /** When the last answer was stored. */
  get lastAt(): Timestamp | undefined {
    return this.#lastAt
  }

  /** Starts the loop. The returned promise ends with `stop`, and rejects when an answer could not be stored: the process must end then. */
  run(): Promise<void> {
    this.#running ??= this.#loop()
    return this.#running
  }

  /** Ends the loop after the batch in work. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the bot is shutting down'))
    // What was not sent is asked for again at the next start.
    clearTimeout(this.#flush)
    await this.#running?.catch(() => undefined)
  }

  async #loop(): Promise<void> {
    const { clock, logger } = this.#options
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted;) {
      const since = this.#options.database.meta(tokenName)
      // The first request does not wait for news: it shows at once that the present is reached.
      const timeout = this.#lastAt === undefined ? 0 : pollMs
      const asked = clock.now()
      const failure = await this.#once(since, timeout)
      if (failure === undefined) {
        failures = 0
        this.#failing = undefined
        const idle = timeout > 0 && clock.now() - asked < leastMs && this.#options.database.meta(tokenName) === since
        if (idle) await clock.sleep(leastMs, signal).catch(() => undefined)
        continue
      }
      if (signal.aborted) return
      this.#failing = describeFailure(failure)
      const wait = failure.code === 'limited' ? failure.retryAfterMs : Math.min(500 * 2 ** Math.min(failures, 6), 30_000)
      failures += 1
      logger.warn({ reason: this.#failing, wait }, 'sync failed; it is tried again')
      await clock.sleep(wait, signal).catch(() => undefined)
    }
  }

  async #once(since: string | undefined, timeout: number): Promise<GateFailure | undefined> {
    const { homeserver, clock, logger } = this.#options
    const initial = since === undefined
    const patience = initial ? initialMs : timeout === 0 ? catchUpMs : timeout + slackMs
    const result = await homeserver.request('GET', '/_matrix/client/v3/sync', {
      route: 'sync',
      query: { filter: filter(initial), timeout, set_presence: 'online', ...(initial ? {} : { since }) },
      repeatable: false,
      timeoutMs: patience,
      deadlineMs: patience,
      maxBytes: 512 * 1024 * 1024,
      signal: this.#stop.signal,
    })
    if (!result.ok) return result
    const response = parseSync(result.body)
    if ('problem' in response) {
      logger.warn({ problem: response.problem }, 'the server answered a sync that cannot be read')
      return { ok: false, code: 'malformed', status: result.status, untouched: true, method: 'GET', route: 'sync', ms: result.ms }
    }
    if (response.dropped > 0)
      logger.warn({ dropped: response.dropped }, 'parts of a sync were not what the specification promises and were left out')
    await this.#store(response, since, clock.now())
    return undefined
  }

  async #store(response: SyncResponse, since: string | undefined, now: Timestamp): Promise<void> {
    const { crypto, database, directory, encryptions, onBatch } = this.#options
    const initial = since === undefined
    const late = this.#lastAt === undefined || now - this.#lastAt > awayAfterMs
    const missed = initial ? new Map<RoomId, readonly RoomEvent[]>() : await this.#fillGaps(response, since)
    // A gap that the shutdown cut short is not filled: without the token the next start gets all of it again.
    if (this.#stop.signal.aborted) return
    await crypto.feed({
      toDevice: response.to_device,
      changedDevices: response.device_lists.changed,
      leftDevices: response.device_lists.left,
      oneTimeKeyCounts: response.device_one_time_keys_count,
      unusedFallbackKeys: response.device_unused_fallback_key_types,
    })
    let batch: SyncBatch | undefined
    crypto.commit(() => {
      // In a room that is new to us, what was said before we came is not for us.
      const overheard = [...response.rooms.join.keys()].filter(
        (roomId) => !this.#options.watches(roomId) && directory.room(roomId)?.ownMembership === 'join',
      )
      const changes = directory.applySync(response, now, { initial, membersComplete: !initial })
      for (const { roomId, content } of changes.encryption) encryptions.remember(roomId, content, now)
      // Who writes encrypted there knows that the room is, whatever the server shows of its state: nothing goes there in clear any more.
      for (const [roomId, room] of response.rooms.join) {
        const spoken = room.timeline.events.some((event) => event.type === 'm.room.encrypted' && event.state_key === undefined)
        if (spoken && !encryptions.has(roomId)) encryptions.remember(roomId, {}, now)
      }
      // In the same transaction: after a crash nobody who has gone may read on.
      followMembers(crypto, encryptions, changes)
      // History is never executed, but an invitation from before the first start still waits for its answer.
      const entries = [
        ...(initial ? [] : this.#journalMessages(response, missed, overheard, new Set(changes.newRooms), late, now)),
        ...this.#journalInvitations(response, changes, late, now),
      ]
      this.#options.inCommit?.(changes)
      database.setMeta(tokenName, response.next_batch)
      batch = { initial, late, entries, changes }
    })
    this.#lastAt = now
    if (batch === undefined) return
    this.#flushSoon()
    onBatch(batch)
  }

  /**
   * Sends what the engine wants to send, gathered over several answers: a server names the same person again for each room that they are invited
   * to. Nothing waits for this: who encrypts or judges a device asks for what is missing first.
   */
  #flushSoon(): void {
    const { crypto, logger } = this.#options
    if (this.#stop.signal.aborted) return
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined
      crypto.flushOutgoing().catch((error: unknown) => logger.error({ err: error }, 'key requests could not be sent'))
    }, gatherMs)
  }

  async #fillGaps(response: SyncResponse, since: string): Promise<ReadonlyMap<RoomId, readonly RoomEvent[]>> {
    const { homeserver, journal, logger, clock, watches } = this.#options
    const missed = new Map<RoomId, readonly RoomEvent[]>()
    for (const [roomId, room] of response.rooms.join) {
      if (!room.timeline.limited || room.timeline.prev_batch === undefined || !watches(roomId)) continue
      // A room that is new to us has no gap: what was said before we came is not for us.
      if (this.#options.directory.room(roomId)?.ownMembership !== 'join') continue
      const found = await backfill({
        homeserver,
        journal,
        roomId,
        from: room.timeline.prev_batch,
        to: since,
        clock,
        signal: this.#stop.signal,
      })
      if (!found.complete) logger.warn({ roomId, reason: found.reason }, 'messages of a gap could not all be fetched')
      missed.set(roomId, found.events)
    }
    return missed
  }

  #journalMessages(
    response: SyncResponse,
    missed: ReadonlyMap<RoomId, readonly RoomEvent[]>,
    overheard: readonly RoomId[],
    newRooms: ReadonlySet<RoomId>,
    late: boolean,
    now: Timestamp,
  ): JournalEntry[] {
    const { homeserver, journal, watches, overhears } = this.#options
    const entries: JournalEntry[] = []
    const add = (roomId: RoomId, event: RoomEvent): void => {
      if (event.sender === homeserver.userId || event.state_key !== undefined || !events.includes(event.type)) return
      if (event.unsigned !== undefined && Object.hasOwn(event.unsigned, 'redacted_because')) return
      const entry = journal.add({ eventId: event.event_id, roomId, sender: event.sender, kind: 'message', event, late, receivedAt: now })
      if (entry !== undefined) entries.push(entry)
    }
    for (const [roomId, room] of response.rooms.join) {
      if (!watches(roomId)) continue
      for (const event of missed.get(roomId) ?? []) add(roomId, event)
      const joinedAt = newRooms.has(roomId) ? room.timeline.events.findIndex((event) => isOwnJoin(event, homeserver.userId)) : -1
      for (const [index, event] of room.timeline.events.entries()) add(roomId, index < joinedAt ? beforeJoin(event) : event)
    }
    for (const roomId of overheard) {
      for (const event of response.rooms.join.get(roomId)?.timeline.events ?? []) if (overhears(event)) add(roomId, event)
    }
    return entries
  }

  #journalInvitations(response: SyncResponse, changes: DirectoryChanges, late: boolean, now: Timestamp): JournalEntry[] {
    return changes.invitations.flatMap(({ roomId, sender, isDirect }) => {
      if (sender === null) return []
      // An invitation has no event id that the bot could trust: room, sender and sync position are its identity.
      const eventId = `$invite:${roomId}:${response.next_batch}` as JournalEntry['eventId']
      const event: JsonObject = { is_direct: isDirect }
      const entry = this.#options.journal.add({ eventId, roomId, sender, kind: 'invite', event, late, receivedAt: now })
      return entry === undefined ? [] : [entry]
    })
  }
}
