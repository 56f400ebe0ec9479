import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { RoomId, UserId } from '../types.ts'
import type { DurableStore } from './durable-store.ts'
import type { UndecidedKeys } from './undecided-keys.ts'
import type { IdbDatabase } from './indexeddb-types.ts'

/** A room key that somebody sent. */
export interface ReceivedKey {
  readonly roomId: RoomId
  readonly sessionId: string
  readonly sender: UserId
}

/** Is this person's key of this room worth keeping? `undecided` = for now: what the room is will be known later. */
export type KeepsKeys = (roomId: RoomId, sender: UserId) => boolean | 'undecided'

/** Where the engine keeps room keys (`matrix-sdk-indexeddb`); the key of a row is made of two hashes. */
const objectStore = 'inbound_group_sessions3'
const separator = '\x1d'

const roomKey = z.object({
  type: z.literal('m.room_key'),
  sender: z.string(),
  content: z.object({ room_id: z.string(), session_id: z.string() }),
})

/** The room keys among decrypted to-device events (JSON). Keys that come another way (from a backup, second-hand) are not looked at. */
export const receivedKeys = (events: readonly string[]): readonly ReceivedKey[] =>
  events.flatMap((event) => {
    const { data } = roomKey.safeParse(JSON.parse(event))
    if (data === undefined) return []
    return [{ roomId: data.content.room_id as RoomId, sessionId: data.content.session_id, sender: data.sender as UserId }]
  })

/** A message that only has the form of one (Megolm: version 3, index 0, 16 bytes of ciphertext, 8 of MAC, 64 of signature). */
const nothing = Buffer.concat([Uint8Array.of(3, 8, 0, 0x12, 16), Buffer.alloc(16 + 8 + 64)])
const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** An event that makes the engine look for a session. It takes it for a message of that session, and asks nobody for the key. */
export const questionFor = (roomId: RoomId, sessionId: string): string =>
  JSON.stringify({
    type: 'm.room.encrypted',
    event_id: '$question:gatehouse.invalid',
    room_id: roomId,
    sender: '@question:gatehouse.invalid',
    origin_server_ts: 0,
    content: {
      algorithm: 'm.megolm.v1.aes-sha2',
      ciphertext: unpadded(nothing),
      session_id: sessionId,
      sender_key: unpadded(Buffer.alloc(32)),
      device_id: 'QUESTION',
    },
  })

/**
 * Drops room keys that the bot does not need, in the same transaction that would have stored them: they are never on disk.
 *
 * The engine has no call for that, and its rows are found under hashes that only it can make (a secret of its own encrypted store). So it is
 * watched: asked for a message of a room and session, it looks the row up, and the first half of what it looks up is the room's hash, the second the
 * session's. To be sure which look-up is meant although others go on at the same time, a room is always asked for with a session id that nobody else
 * can know, and a session with such a room id; their hashes are learned first. What cannot be told for sure is kept.
 */
export class UnneededKeys {
  readonly #store: DurableStore
  readonly #database: string
  readonly #ask: (roomId: RoomId, sessionId: string) => Promise<void>
  readonly #secret = randomBytes(16).toString('hex')
  readonly #rooms = new Map<RoomId, string>()
  #own: { readonly room: string; readonly session: string } | undefined
  #opened: Promise<IdbDatabase> | undefined
  readonly #undecided: Pick<UndecidedKeys, 'sort'>
  #keeps: KeepsKeys = () => true

  /**
   * @param database name of the engine's IndexedDB
   * @param ask asks the engine for a message of this session, which need not exist; whatever comes of it
   */
  constructor(options: {
    readonly store: DurableStore
    readonly database: string
    readonly ask: (roomId: RoomId, sessionId: string) => Promise<void>
    readonly undecided: Pick<UndecidedKeys, 'sort'>
  }) {
    this.#undecided = options.undecided
    this.#store = options.store
    this.#database = options.database
    this.#ask = options.ask
  }

  /** Until this is called everything is kept. */
  keepOnly(keeps: KeepsKeys): void {
    this.#keeps = keeps
  }

  /**
   * Deletes those of the keys that are not needed, and earlier ones of which that is known by now. Call between `begin` and `flush` of the store.
   * @returns how many were to be dropped but could not be found
   */
  async drop(keys: readonly ReceivedKey[]): Promise<number> {
    const now = keys.filter(({ roomId, sender }) => this.#keeps(roomId, sender) === false)
    const unneeded = [...now, ...this.#undecided.sort(keys, this.#keeps)]
    if (unneeded.length === 0) return 0
    const rows: string[] = []
    for (const { roomId, sessionId } of unneeded) {
      const row = await this.#rowOf(roomId, sessionId)
      if (row !== undefined) rows.push(row)
    }
    if (rows.length > 0) await this.#delete(rows)
    return unneeded.length - rows.length
  }

  async #rowOf(roomId: RoomId, sessionId: string): Promise<string | undefined> {
    this.#own ??= await this.#learnOwn()
    const own = this.#own
    if (own === undefined) return undefined
    const room =
      this.#rooms.get(roomId) ?? one((await this.#lookUps(roomId, this.#ownSession)).filter(({ session }) => session === own.session))?.room
    if (room === undefined) return undefined
    this.#rooms.set(roomId, room)
    const found = one((await this.#lookUps(this.#ownRoom, sessionId)).filter((place) => place.room === own.room))
    return found && `${room}${separator}${found.session}`
  }

  get #ownRoom(): RoomId {
    return `!${this.#secret}:gatehouse.invalid` as RoomId
  }

  get #ownSession(): string {
    return `session-${this.#secret}`
  }

  /** The hashes of our own room and session: the pair whose halves come back with another session and with another room. */
  async #learnOwn(): Promise<{ readonly room: string; readonly session: string } | undefined> {
    const both = await this.#lookUps(this.#ownRoom, this.#ownSession)
    const sameRoom = await this.#lookUps(this.#ownRoom, `${this.#ownSession}-other`)
    const sameSession = await this.#lookUps(`${this.#ownRoom}-other` as RoomId, this.#ownSession)
    return one(
      both.filter(
        ({ room, session }) =>
          sameRoom.some((other) => other.room === room && other.session !== session) &&
          sameSession.some((other) => other.session === session && other.room !== room),
      ),
    )
  }

  /** What was looked up while the engine was asked. */
  async #lookUps(roomId: RoomId, sessionId: string): Promise<readonly { readonly room: string; readonly session: string }[]> {
    const seen = new Set<string>()
    const stop = this.#store.watch(objectStore, (key) => {
      if (typeof key === 'string') seen.add(key)
    })
    try {
      await this.#ask(roomId, sessionId)
    } finally {
      stop()
    }
    return [...seen].flatMap((key) => {
      const [room, session, ...more] = key.split(separator)
      return room === undefined || session === undefined || more.length > 0 ? [] : [{ room, session }]
    })
  }

  /** Through IndexedDB, so that the engine's own transactions and the indexes agree with it. */
  async #delete(rows: readonly string[]): Promise<void> {
    this.#opened ??= this.#store.connect(this.#database)
    const transaction = (await this.#opened).transaction([objectStore], 'readwrite')
    const store = transaction.objectStore(objectStore)
    for (const row of rows) store.delete(row)
    await new Promise<void>((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve())
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('room keys could not be dropped')))
    })
  }
}

const one = <T>(found: readonly T[]): T | undefined => (found.length === 1 ? found[0] : undefined)
