import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { StateEvent } from '../matrix/sync-types.ts'
import type { RoomId } from '../types.ts'
import type { DirectoryChanges } from './changes.ts'
import type { Baseline, Directory } from './directory.ts'

/** What a question to the server came to. `text` is fit for people. */
export type Fetched<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: 'forbidden' | 'not-found' | 'unavailable' | 'cancelled'; readonly text: string }

/** The questions that the loader asks the homeserver; the client answers them through its gate. */
export interface DirectorySource {
  /** `GET /joined_rooms` */
  joinedRooms(signal?: AbortSignal): Promise<Fetched<readonly RoomId[]>>
  /** `GET /rooms/{id}/members?not_membership=leave` (covers `all`) or `GET /rooms/{id}/joined_members` (covers `joined`) */
  members(roomId: RoomId, signal?: AbortSignal): Promise<Fetched<Pick<Baseline, 'members' | 'covers'>>>
  /** `GET /rooms/{id}/state` */
  state(roomId: RoomId, signal?: AbortSignal): Promise<Fetched<readonly StateEvent[]>>
  /** How many people each room has, where the server tells of all rooms at once (Synapse admin API). */
  joinedCounts?(signal?: AbortSignal): Promise<Fetched<ReadonlyMap<RoomId, number>>>
}

export interface LoadOptions {
  readonly directory: Directory
  readonly source: DirectorySource
  readonly clock: Clock
  readonly log: Logger
  /** Rooms fetched at the same time; default 6. */
  readonly concurrency?: number
  readonly signal?: AbortSignal
  /** Told after each room, for crypto and onboarding. */
  readonly onChanges?: (changes: DirectoryChanges) => void
}

/** What a repair did. */
export interface Repair {
  /** Rooms that are clean now. */
  readonly repaired: readonly RoomId[]
  /** Rooms that are still dirty; the next repair tries them again. */
  readonly failed: readonly { readonly roomId: RoomId; readonly code: string; readonly text: string }[]
}

/** What a comparison with the server did. */
export type Reconciliation =
  | (Repair & { readonly ok: true; readonly added: readonly RoomId[]; readonly left: readonly RoomId[] })
  | { readonly ok: false; readonly code: string; readonly text: string }

/** Runs `work` for each item, at most `limit` at the same time, in order of the list. Stops taking new items once the signal aborts. */
const forEach = async <T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<void>,
): Promise<void> => {
  const waiting = items.values()
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      if (signal?.aborted === true) return
      await work(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}

interface Problem {
  readonly code: string
  readonly text: string
}

/** Fetches under way: who needs the same list waits for the same request. */
const underway = new WeakMap<Directory, Map<RoomId, Promise<Problem | undefined>>>()

/**
 * Fetches the member list of one room and applies it.
 * @returns why the room is still dirty, if so
 */
export const repairRoom = (roomId: RoomId, options: LoadOptions): Promise<Problem | undefined> => {
  const rooms = underway.get(options.directory) ?? new Map<RoomId, Promise<Problem | undefined>>()
  underway.set(options.directory, rooms)
  const running = rooms.get(roomId)
  if (running !== undefined) return running
  const repair = fetchRoom(roomId, options).finally(() => rooms.delete(roomId))
  rooms.set(roomId, repair)
  return repair
}

/** A gap that opens meanwhile means once more, but not for ever. */
const fetchRoom = async (roomId: RoomId, options: LoadOptions): Promise<Problem | undefined> => {
  const { directory, source, clock, signal, onChanges } = options
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const open = directory.beginBaseline(roomId)
    // A sync brings the state of a room with its first news; only rooms found by comparison lack it.
    const withState = directory.room(roomId)?.version === null
    const [members, state] = await Promise.all([source.members(roomId, signal), withState ? source.state(roomId, signal) : undefined])
    if (!members.ok || state?.ok === false) {
      directory.dropBaseline(open)
      const { code, text } = (members.ok ? state : members) as Exclude<Fetched<unknown>, { ok: true }>
      return { code, text }
    }
    const changes = directory.applyBaseline(
      open,
      state === undefined ? members.value : { ...members.value, state: state.value },
      clock.now(),
    )
    onChanges?.(changes)
    if (changes.dirtyRooms.length === 0) return undefined
    if (!open.gap) return { code: 'inconsistent', text: 'the server sent a member list without the bot' }
  }
  return { code: 'busy', text: 'the room changed faster than its member list could be fetched' }
}

/**
 * Fetches the member lists of all dirty rooms. With none it makes no request: a warm start costs nothing.
 * A room that fails stays dirty and never hinders the others.
 */
export const repairDirectory = async (options: LoadOptions): Promise<Repair> => {
  const { directory, log, signal, concurrency = 6 } = options
  const repaired: RoomId[] = []
  const failed: { roomId: RoomId; code: string; text: string }[] = []
  await forEach(directory.dirtyRooms(), concurrency, signal, async (roomId) => {
    const problem = await repairRoom(roomId, options)
    if (problem === undefined) repaired.push(roomId)
    else {
      failed.push({ roomId, ...problem })
      if (problem.code !== 'cancelled') log.warn({ roomId, ...problem }, 'the member list of a room could not be fetched')
    }
  })
  return { repaired, failed }
}

/**
 * Compares the directory with the server (nightly, and for `!sync full`): rooms that a sync never told about are added, rooms that the bot
 * is not in are left, and the lists are checked: by the server's counts where it gives them for all rooms at once, else by fetching
 * every list that is older than `olderThan`.
 * @param olderThan milliseconds; lists younger than this are taken as right when the server gives no counts (default 20 hours)
 */
export const reconcileDirectory = async (options: LoadOptions, olderThan = 20 * 3_600_000): Promise<Reconciliation> => {
  const { directory, source, clock, log, signal } = options
  // Before asking: a room that the bot joins while the answer is under way is not in it and must not be dropped for that.
  const before = new Set(directory.joinedRooms().map((room) => room.roomId))
  const joined = await source.joinedRooms(signal)
  if (!joined.ok) return joined
  const there = new Set(joined.value)
  const left = [...before].filter((roomId) => !there.has(roomId))
  for (const roomId of left) directory.markLeft(roomId, 'leave', clock.now())
  const added = joined.value.filter((roomId) => directory.room(roomId)?.ownMembership !== 'join' && !before.has(roomId))
  for (const roomId of added) directory.addJoinedRoom(roomId, clock.now())
  if (left.length + added.length > 0)
    log.warn({ left: left.length, added: added.length }, 'the directory had missed joins or departures of the bot')

  const counts = await source.joinedCounts?.(signal)
  for (const room of directory.joinedRooms()) {
    const count = counts?.ok === true ? counts.value.get(room.roomId) : undefined
    const doubtful = count === undefined ? directory.baselineAge(room.roomId, clock.now()) > olderThan : count !== room.joinedCount
    if (doubtful) directory.markDirty(room.roomId)
  }
  return { ok: true, added, left, ...(await repairDirectory(options)) }
}
