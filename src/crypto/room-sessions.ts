import type { Clock } from '../operations/clock.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import type { KeySharing, RoomEncryption } from './port.ts'

interface RoomSession {
  messages: number
  /** undefined = there is none that may carry another message. */
  startedAt: Timestamp | undefined
  generation: number
  /** Who had the key when it was last shared; undefined = it has to be checked. */
  sharedWith: ReadonlySet<UserId> | undefined
  sharedAt: Timestamp
  /** What the session began with. */
  visibility: string | undefined
  sharing: KeySharing | undefined
  tail: Promise<unknown>
}

/** A device that could not get the key (its server was down, it had no one-time keys left) is tried again with the first message after this. */
const cleanForMs = 10 * 60_000

/**
 * Which rooms' keys are certainly shared with all recipients, and how much the session in use has carried. Asking the engine costs one store
 * read per member and message (243 ms at 500 members): a clean room skips it.
 *
 * Nothing of it is on disk: after each start a room's first message begins a new session. The store that was found may be older than what was sent
 * (a disk that lost its last commits, a copy of the data directory put back), and nothing in it could say so; the next place in an old session may
 * then have carried another message already, and two messages under one key can be read. A new session costs one more to-device message for each
 * device, once per room and start. Who left, or what the policy was, before a crash needs no memory then either.
 */
export class RoomSessions {
  readonly #clock: Clock
  readonly #rooms = new Map<RoomId, RoomSession>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  #room(roomId: RoomId): RoomSession {
    const known = this.#rooms.get(roomId)
    if (known !== undefined) return known
    const room: RoomSession = {
      messages: 0,
      startedAt: undefined,
      generation: 0,
      sharedWith: undefined,
      sharedAt: 0,
      visibility: undefined,
      sharing: undefined,
      tail: Promise.resolve(),
    }
    this.#rooms.set(roomId, room)
    return room
  }

  /** Runs work of one room after the room's earlier work. */
  exclusive<T>(roomId: RoomId, work: () => Promise<T>): Promise<T> {
    const room = this.#room(roomId)
    const next = room.tail.then(work, work)
    room.tail = next
    return next
  }

  /** Must the room get a new session: by count, age, leave, or a changed visibility or policy? Also for the first message since the start. */
  due(encryption: RoomEncryption): boolean {
    const room = this.#room(encryption.roomId)
    if (room.startedAt === undefined) return true
    if (room.visibility !== undefined && room.visibility !== encryption.historyVisibility) return true
    if (room.sharing !== undefined && room.sharing !== encryption.sharing) return true
    return room.messages >= encryption.rotationMessages || this.#clock.now() - room.startedAt >= encryption.rotationPeriodMs
  }

  /** A new session begins. */
  begin(encryption: RoomEncryption): void {
    const { roomId } = encryption
    const room = this.#room(roomId)
    room.messages = 0
    room.startedAt = this.#clock.now()
    room.visibility = encryption.historyVisibility
    room.sharing = encryption.sharing
    room.sharedWith = undefined
  }

  /** Counts a message, before it is encrypted. */
  count(roomId: RoomId): void {
    this.#room(roomId).messages += 1
  }

  /** Changes whenever the room's recipients may have changed. */
  generation(roomId: RoomId): number {
    return this.#room(roomId).generation
  }

  /** Does everybody who should have the key have it? */
  clean(encryption: RoomEncryption): boolean {
    const { sharedWith: shared, sharedAt } = this.#room(encryption.roomId)
    if (Math.abs(this.#clock.now() - sharedAt) > cleanForMs) return false
    return shared !== undefined && shared.size === encryption.recipients.length && encryption.recipients.every((user) => shared.has(user))
  }

  /** The key was shared; counts only if nothing has changed since `generation`. */
  shared(encryption: RoomEncryption, generation: number): void {
    const room = this.#room(encryption.roomId)
    room.visibility = encryption.historyVisibility
    room.sharing = encryption.sharing
    if (room.generation !== generation) return
    room.sharedWith = new Set(encryption.recipients)
    room.sharedAt = this.#clock.now()
  }

  /** Recipients of this room may have changed. */
  touch(roomId: RoomId): void {
    const room = this.#room(roomId)
    room.generation += 1
    room.sharedWith = undefined
  }

  /** Devices of these people have changed: all rooms that they share a key of. */
  touchUsers(userIds: readonly UserId[]): void {
    for (const [roomId, room] of this.#rooms) {
      if (room.sharedWith === undefined) room.generation += 1
      else if (userIds.some((userId) => room.sharedWith?.has(userId) === true)) this.touch(roomId)
    }
  }

  /** The session in use must not carry another message. */
  expire(roomId: RoomId): void {
    this.#room(roomId).startedAt = undefined
    this.touch(roomId)
  }
}
