import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { JsonObject, RoomId, Timestamp } from '../types.ts'
import type { KeySharing, RoomEncryption } from './port.ts'

/**
 * Whether messages to a room are encrypted. `unknown` = its state has not been seen: nothing may be sent. `members-unknown` = it is encrypted,
 * and its member list has to be fetched before a key can be shared.
 */
export type EncryptionState =
  | { readonly state: 'encrypted'; readonly room: RoomEncryption }
  | { readonly state: 'members-unknown' }
  | { readonly state: 'clear' }
  | { readonly state: 'unknown' }

interface Settings {
  readonly rotationPeriodMs: number
  readonly rotationMessages: number
}

const week = 7 * 24 * 3_600_000
/** No room keeps a session longer than this (spec: the defaults of `m.room.encryption`); its own settings may only be shorter. */
export const longestRotation = { periodMs: week, messages: 100 } as const
const positive = (value: unknown, otherwise: number, most: number): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? Math.min(value, most) : otherwise

/**
 * One-way memory: a room that was encrypted once stays so for this bot, whatever the server says later. Settings follow the event within
 * sane bounds (spec defaults: one week, 100 messages; a server may only shorten them).
 */
export class RoomEncryptions {
  readonly #database: Database
  readonly #directory: Directory
  readonly #sharingOf: (roomId: RoomId, secret: boolean) => KeySharing
  readonly #known = new Map<RoomId, Settings>()

  /** @param sharingOf the policy: which devices get the key of a room, for what everybody there may know or for a secret */
  constructor(database: Database, directory: Directory, sharingOf: (roomId: RoomId, secret: boolean) => KeySharing) {
    this.#database = database
    this.#directory = directory
    this.#sharingOf = sharingOf
    directory.onEncryption((roomId, content, now) => this.remember(roomId, content, now))
    for (const row of database.all(database.query.selectFrom('encrypted_room').selectAll())) {
      this.#known.set(row.room_id, { rotationPeriodMs: row.rotation_period_ms ?? week, rotationMessages: row.rotation_messages ?? 100 })
    }
  }

  /** Remembers that a room is encrypted. Call inside the transaction of the sync token. Any `m.room.encryption` event counts, whatever it holds. */
  remember(roomId: RoomId, content: JsonObject, now: Timestamp): void {
    const settings: Settings = {
      rotationPeriodMs: positive(content['rotation_period_ms'], week, longestRotation.periodMs),
      rotationMessages: positive(content['rotation_period_msgs'], longestRotation.messages, longestRotation.messages),
    }
    const row = {
      algorithm: 'm.megolm.v1.aes-sha2',
      rotation_period_ms: settings.rotationPeriodMs,
      rotation_messages: settings.rotationMessages,
    }
    this.#database.run(
      this.#database.query
        .insertInto('encrypted_room')
        .values({ room_id: roomId, ...row, seen_at: now })
        .onConflict((conflict) => conflict.column('room_id').doUpdateSet(row)),
    )
    this.#known.set(roomId, settings)
  }

  /** Is (or was) the room encrypted? */
  has(roomId: RoomId): boolean {
    return this.#known.has(roomId)
  }

  /**
   * How to send to a room now. Recipients come from the directory: no request.
   * @param secret what is sent is meant for one person only. Default false
   */
  of(roomId: RoomId, secret = false): EncryptionState {
    const settings = this.#known.get(roomId)
    const room = this.#directory.room(roomId)
    if (settings === undefined) {
      // A room without a version is one whose state has not been seen: it may well be encrypted.
      return room?.ownMembership === 'join' && room.version !== null ? { state: 'clear' } : { state: 'unknown' }
    }
    if (room?.ownMembership !== 'join') return { state: 'unknown' }
    // With a list that has a gap somebody would be left without the key, and somebody who has gone would get it.
    if (room.freshness.asOf === null || room.freshness.dirty) return { state: 'members-unknown' }
    const historyVisibility = room.historyVisibility ?? 'shared'
    const memberships = historyVisibility === 'joined' ? (['join'] as const) : (['join', 'invite'] as const)
    const recipients = this.#directory.memberIds(roomId, memberships)
    return { state: 'encrypted', room: { roomId, historyVisibility, recipients, sharing: this.#sharingOf(roomId, secret), ...settings } }
  }
}
