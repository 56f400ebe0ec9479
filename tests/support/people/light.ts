import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import { logIn } from '../homeserver/admin.ts'
import { HomeserverAnswerError } from '../homeserver/rest.ts'
import { textContent, type TextOptions } from './content.ts'
import { Watchers } from '../watchers.ts'
import { LightCrypto, type CryptoSync } from './light-crypto.ts'
import type { Content } from './protocol.ts'

/** A message as a light user has received it. */
export interface LightMessage {
  readonly eventId: string
  readonly roomId: string
  readonly sender: string
  readonly encrypted: boolean
  readonly content: Content
  readonly body: string
  readonly replyTo: string | undefined
  /** The event that this one edits. */
  readonly replaces: string | undefined
}

export interface LightOptions {
  readonly user: { readonly localpart: string; readonly password: string }
  /** Makes a cross-signing identity. Default false: a newcomer has none. */
  readonly crossSign?: boolean
  readonly deviceId?: string
}

/**
 * A simulated user in this process: the Rust engine in memory and raw requests, nothing more. Cheap enough for hundreds, and the floor of what a client
 * can cost (`npm run bench` measures the bot against it).
 */
export interface LightUser {
  readonly userId: string
  readonly deviceId: string
  /** Calls the function for every message of others that comes after the first sync. Messages wait for nothing: it is called in order. */
  onMessage(listener: (message: LightMessage) => void): void
  join(roomIdOrAlias: string): Promise<string>
  /** Encrypted where the room is. Answers with the event id. */
  sendText(roomId: string, body: string, options?: TextOptions): Promise<string>
  /** As a bridge does for its ghosts: encrypted with this user's own device, and sent by somebody else. */
  sendTextAs(other: { readonly accessToken: string }, roomId: string, body: string, options?: TextOptions): Promise<string>
  /** What was read so far, oldest first. */
  messages(roomId?: string): readonly LightMessage[]
  waitForMessage(fits: (message: LightMessage) => boolean, timeoutMs?: number): Promise<LightMessage>
  /** Ids of the rooms that it is invited to. */
  invites(): readonly string[]
  waitForInvite(timeoutMs?: number): Promise<string>
  /** Resolves after the next answer of the sync, or when it ends. */
  nextSync(): Promise<void>
  /** Ends the sync; the device stays. */
  stop(): Promise<void>
}

interface RawEvent {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly state_key?: string
  readonly content: Content
}

interface SyncAnswer extends CryptoSync {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<
      Record<
        string,
        { readonly state?: { readonly events?: readonly RawEvent[] }; readonly timeline?: { readonly events?: readonly RawEvent[] } }
      >
    >
    readonly invite?: Readonly<Record<string, unknown>>
    readonly leave?: Readonly<Record<string, unknown>>
  }
}

interface Room {
  encrypted: boolean
  readonly members: Set<string>
}

const filter = encodeURIComponent(
  JSON.stringify({ presence: { not_types: ['*'] }, account_data: { not_types: ['*'] }, room: { timeline: { limit: 100 } } }),
)

/**
 * Logs a light user in, makes its keys and takes its first sync.
 * @param homeserver the server's base URL
 * @throws HomeserverAnswerError when the server refuses
 */
export const startLightUser = async (homeserver: { readonly url: string }, options: LightOptions): Promise<LightUser> => {
  const device = options.deviceId === undefined ? {} : { deviceId: options.deviceId }
  const login = await logIn(homeserver.url, options.user.localpart, options.user.password, device)
  const pool = new Pool(homeserver.url, { connections: 8, headersTimeout: 60_000 })
  const call = caller(pool, login.accessToken)
  const crypto = await LightCrypto.open(login.userId, login.deviceId, call)
  if (options.crossSign === true) await crypto.crossSign()
  const session = new Session(login.userId, login.deviceId, call, crypto, pool)
  await session.start()
  return session
}

const caller =
  (pool: Pool, accessToken: string) =>
  async (method: string, path: string, body?: string, signal?: AbortSignal): Promise<string> => {
    const answer = await pool.request({
      method,
      path,
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new HomeserverAnswerError(method, path, answer.statusCode, parseOrEmpty(text))
    return text
  }

const parseOrEmpty = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return {}
  }
}

class Session implements LightUser {
  readonly userId: string
  readonly deviceId: string
  readonly #call: ReturnType<typeof caller>
  readonly #crypto: LightCrypto
  readonly #pool: Pool
  readonly #rooms = new Map<string, Room>()
  readonly #invites = new Set<string>()
  readonly #messages: LightMessage[] = []
  readonly #listeners: ((message: LightMessage) => void)[] = []
  readonly #watchers = new Watchers()
  readonly #halt = new AbortController()
  #unread: { readonly roomId: string; readonly event: RawEvent }[] = []
  #since: string | undefined
  #loop: Promise<void> = Promise.resolve()

  constructor(userId: string, deviceId: string, call: ReturnType<typeof caller>, crypto: LightCrypto, pool: Pool) {
    this.userId = userId
    this.deviceId = deviceId
    this.#call = call
    this.#crypto = crypto
    this.#pool = pool
  }

  async start(): Promise<void> {
    await this.#sync(0)
    this.#loop = this.#run()
  }

  onMessage(listener: (message: LightMessage) => void): void {
    this.#listeners.push(listener)
  }

  async join(roomIdOrAlias: string): Promise<string> {
    const { room_id } = JSON.parse(await this.#call('POST', `/_matrix/client/v3/join/${encodeURIComponent(roomIdOrAlias)}`, '{}')) as {
      room_id: string
    }
    await this.#waitFor(() => this.#rooms.get(room_id), 20_000, `joining ${room_id}`)
    return room_id
  }

  async sendText(roomId: string, body: string, options: TextOptions = {}): Promise<string> {
    return await this.#send(this.#call, roomId, body, options)
  }

  async sendTextAs(
    { accessToken }: { readonly accessToken: string },
    roomId: string,
    body: string,
    options: TextOptions = {},
  ): Promise<string> {
    return await this.#send(caller(this.#pool, accessToken), roomId, body, options)
  }

  async #send(call: ReturnType<typeof caller>, roomId: string, body: string, options: TextOptions): Promise<string> {
    const room = this.#rooms.get(roomId)
    if (!room) throw new Error(`${this.userId} is not in ${roomId}`)
    const content = textContent(body, options)
    const [type, text] = room.encrypted
      ? ['m.room.encrypted', await this.#crypto.encrypt(roomId, [...room.members], 'm.room.message', content)]
      : ['m.room.message', JSON.stringify(content)]
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/${type}/${randomUUID()}`
    const { event_id } = JSON.parse(await call('PUT', path, text)) as { event_id: string }
    return event_id
  }

  messages(roomId?: string): readonly LightMessage[] {
    return roomId === undefined ? this.#messages : this.#messages.filter((message) => message.roomId === roomId)
  }

  async waitForMessage(fits: (message: LightMessage) => boolean, timeoutMs = 20_000): Promise<LightMessage> {
    return await this.#waitFor(() => this.#messages.find(fits), timeoutMs, 'a message')
  }

  invites(): readonly string[] {
    return [...this.#invites]
  }

  async waitForInvite(timeoutMs = 20_000): Promise<string> {
    return await this.#waitFor(() => this.invites()[0], timeoutMs, 'an invitation')
  }

  async nextSync(): Promise<void> {
    if (this.#halt.signal.aborted) return
    await this.#watchers.next()
  }

  async stop(): Promise<void> {
    this.#halt.abort()
    // There will be no next sync to wait for.
    this.#watchers.changed()
    await this.#loop
    this.#crypto.close()
    await this.#pool.close()
  }

  async #run(): Promise<void> {
    while (!this.#halt.signal.aborted) {
      try {
        await this.#sync(30_000)
      } catch (error) {
        if (this.#halt.signal.aborted) return
        throw error
      }
    }
  }

  async #sync(timeoutMs: number): Promise<void> {
    const since = this.#since === undefined ? '' : `&since=${encodeURIComponent(this.#since)}`
    const path = `/_matrix/client/v3/sync?timeout=${timeoutMs}&filter=${filter}${since}`
    const answer = JSON.parse(await this.#call('GET', path, undefined, this.#halt.signal)) as SyncAnswer
    const keysCame = await this.#crypto.feed(answer)
    if (keysCame && this.#unread.length > 0) {
      const again = this.#unread
      this.#unread = []
      for (const { roomId, event } of again) await this.#read(roomId, event)
    }
    for (const roomId of Object.keys(answer.rooms?.invite ?? {})) this.#invites.add(roomId)
    for (const roomId of Object.keys(answer.rooms?.leave ?? {})) {
      this.#rooms.delete(roomId)
      this.#invites.delete(roomId)
    }
    for (const [roomId, room] of Object.entries(answer.rooms?.join ?? {})) {
      this.#invites.delete(roomId)
      for (const event of room.state?.events ?? []) this.#applyState(roomId, event)
      for (const event of room.timeline?.events ?? []) {
        if (event.state_key === undefined) await this.#read(roomId, event)
        else this.#applyState(roomId, event)
      }
    }
    this.#since = answer.next_batch
    this.#watchers.changed()
  }

  #applyState(roomId: string, event: RawEvent): void {
    const room = this.#rooms.get(roomId) ?? { encrypted: false, members: new Set() }
    this.#rooms.set(roomId, room)
    if (event.type === 'm.room.encryption') room.encrypted = true
    if (event.type !== 'm.room.member' || event.state_key === undefined) return
    if (event.content.membership === 'join' || event.content.membership === 'invite') room.members.add(event.state_key)
    else room.members.delete(event.state_key)
    this.#crypto.forgetShare(roomId)
  }

  async #read(roomId: string, event: RawEvent): Promise<void> {
    if (event.sender === this.userId) return
    const encrypted = event.type === 'm.room.encrypted'
    const clear = encrypted ? await this.#crypto.decrypt(roomId, event) : event
    if (!clear) this.#unread.push({ roomId, event })
    if (clear?.type !== 'm.room.message') return
    const { content } = clear
    const relation = content['m.relates_to'] as
      | { rel_type?: string; event_id?: string; 'm.in_reply_to'?: { event_id?: string } }
      | undefined
    const message: LightMessage = {
      eventId: event.event_id,
      roomId,
      sender: event.sender,
      encrypted,
      content,
      body: typeof content.body === 'string' ? content.body : '',
      replyTo: relation?.['m.in_reply_to']?.event_id,
      replaces: relation?.rel_type === 'm.replace' ? relation.event_id : undefined,
    }
    this.#messages.push(message)
    if (this.#since !== undefined) for (const listener of this.#listeners) listener(message)
  }

  async #waitFor<Found>(find: () => Found | undefined, timeoutMs: number, what: string): Promise<Found> {
    const words = (): string =>
      `${this.userId} waited ${timeoutMs} ms for ${what}; it has read ${this.#messages.length}, ${this.#unread.length} cannot be read`
    return await this.#watchers.until(find, timeoutMs, words)
  }
}
