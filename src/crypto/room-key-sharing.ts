import type { RoomId, UserId } from '../types.ts'
import type { ChangedIdentities } from './changed-identities.ts'
import type { EngineBinding } from './engine-binding.ts'
import type { EngineCalls } from './engine-calls.ts'
import type { EngineStore } from './engine-store.ts'
import type { CryptoHttp } from './http.ts'
import type { KeyRequests } from './key-requests.ts'
import type { RoomEncryption } from './port.ts'
import { longestRotation } from './room-encryption.ts'
import type { RoomSessions } from './room-sessions.ts'

/**
 * The engine's own limits lie above the longest that a room may have, so that it never finds a session expired that we still use: it panics
 * then. They are the same for every room, because a session keeps the limits that it began with, also when the room's become longer.
 */
const engineLimits = { messages: longestRotation.messages + 50, periodMs: longestRotation.periodMs + 24 * 3_600_000 }
/** How often a key is shared again because the room changed while it was on its way. */
const mostShares = 3

/** Brings a room's key to everybody who is to have it, before a message is encrypted with it. */
export class RoomKeySharing {
  readonly #binding: EngineBinding
  readonly #calls: EngineCalls
  readonly #requests: KeyRequests
  readonly #rooms: RoomSessions
  readonly #store: EngineStore
  readonly #http: CryptoHttp
  readonly #changed: ChangedIdentities
  #claim: Promise<unknown> = Promise.resolve()

  constructor(options: {
    readonly binding: EngineBinding
    readonly calls: EngineCalls
    readonly requests: KeyRequests
    readonly rooms: RoomSessions
    readonly store: EngineStore
    readonly http: CryptoHttp
    readonly changed: ChangedIdentities
  }) {
    this.#binding = options.binding
    this.#calls = options.calls
    this.#requests = options.requests
    this.#rooms = options.rooms
    this.#store = options.store
    this.#http = options.http
    this.#changed = options.changed
  }

  /** Rotates and shares as needed, until everybody who is in the room now has the key. Returns why it could not, in words. */
  async prepare(roomId: RoomId, current: () => RoomEncryption | undefined): Promise<string | undefined> {
    for (let shares = 0; shares < mostShares; shares += 1) {
      // Looked up at every try: people come and go while a message waits for its turn, and while the key is on its way.
      const room = current()
      if (room === undefined) return 'it is not known at the moment who is in the room'
      if (this.#rooms.due(room)) {
        await this.#calls.run('invalidateGroupSession', () => this.#binding.endSession(roomId))
        this.#rooms.begin(room)
      }
      if (this.#rooms.clean(room) && !(await this.#changed.accepted(roomId, room.recipients))) return undefined
      const generation = this.#rooms.generation(roomId)
      const failure = await this.#share(room)
      if (failure !== undefined) return failure
      this.#rooms.shared(room, generation)
      if (this.#rooms.generation(roomId) === generation) return undefined
    }
    return 'the room changes faster than its key can be shared'
  }

  /** Brings the room key to every device of the recipients. Returns why it could not, in words. */
  async #share(room: RoomEncryption): Promise<string | undefined> {
    const { roomId, historyVisibility, sharing } = room
    await this.#calls.run('updateTrackedUsers', () => this.#binding.track(room.recipients))
    const unknown = await this.#requests.queryTracked()
    if (unknown !== undefined) return unknown
    const recipients = sharing === 'signed-devices' ? await this.#trusted(room) : room.recipients
    if (sharing !== 'signed-devices') this.#changed.clear(roomId)
    const claimed = await this.claimSessions(recipients)
    if (typeof claimed === 'object') return claimed.words
    // Who gets no key is told so (`m.room_key.withheld`, `m.unverified`): those requests are among the ones below.
    const settings = { historyVisibility, sharing, ...engineLimits }
    const requests = await this.#calls.run('shareRoomKey', () => this.#binding.share(roomId, recipients, settings))
    if (requests.length > 0) await this.#store.durable()
    for (const request of requests) {
      const result = await this.#http.sendToDevice(request.eventType ?? '', request.txnId ?? '', JSON.parse(request.body))
      if (!result.ok) return `the room key could not be sent to everybody (${result.code})`
      await this.#requests.markSent(request, result.body)
    }
    return undefined
  }

  /** The recipients without those whose identity has changed. Whoever had the key of the session in use must not read on. */
  async #trusted(room: RoomEncryption): Promise<readonly UserId[]> {
    const { roomId, recipients } = room
    const { withheld, newly } = await this.#changed.look(roomId, recipients)
    if (newly) {
      await this.#calls.run('invalidateGroupSession', () => this.#binding.endSession(roomId))
      this.#rooms.begin(room)
    }
    return recipients.filter((userId) => !withheld.has(userId))
  }

  /** Opens Olm sessions where they are missing. One claim at a time, as the engine wants it. */
  claimSessions(users: readonly UserId[]): Promise<'opened' | 'not-needed' | { readonly words: string }> {
    const run = async (): Promise<'opened' | 'not-needed' | { readonly words: string }> => {
      const request = await this.#calls.run('getMissingSessions', () => this.#binding.missingSessions(users))
      if (request === undefined) return 'not-needed'
      await this.#store.durable()
      const result = await this.#http.keysClaim(JSON.parse(request.body))
      if (!result.ok) return { words: `one-time keys could not be claimed (${result.code})` }
      await this.#requests.markSent(request, result.body)
      return 'opened'
    }
    const next = this.#claim.then(run, run)
    this.#claim = next
    return next
  }
}
