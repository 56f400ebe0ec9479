import { randomUUID } from 'node:crypto'
import { rest, type Json, type Request } from '../homeserver/rest.ts'
import { Watchers } from '../watchers.ts'
import { textContent, type TextOptions } from './content.ts'
import type { HostProcess } from './host-process.ts'
import type { ClientAccount, Content, DeviceTrust, IdentityTrust } from './protocol.ts'
import { View, type SeenMembership, type SeenMessage, type SeenReaction } from './view.ts'

/** Which message is meant; all that is given must fit. */
export interface MessageMatch {
  readonly sender?: string
  readonly body?: RegExp | string
  /** The event that it replies to. */
  readonly replyTo?: string
  readonly threadRoot?: string
  readonly msgtype?: string
  /** Only what this client received after that event. */
  readonly after?: string
  /** Default false: only what can be read. */
  readonly undecryptable?: boolean
  readonly fits?: (message: SeenMessage) => boolean
}

export interface SendOptions extends TextOptions {
  /** In clear although the room is encrypted. */
  readonly plain?: boolean
  /** An m.relates_to put outside the ciphertext only: what a hostile homeserver could forge. */
  readonly outerRelation?: Content
  readonly transactionId?: string
}

export interface CreateRoomOptions {
  readonly name?: string
  readonly encrypted?: boolean
  readonly invite?: readonly string[]
  readonly version?: string
  readonly public?: boolean
  readonly direct?: boolean
  /** Further fields of the request, for example `power_level_content_override`. */
  readonly more?: Content
}

const defaultTimeout = 20_000

/** A person with a real encrypted client. Everything waited for is an event of that client; nothing is polled. */
export class Person {
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
  /** Plain requests with this person's token. */
  readonly request: Request
  readonly #host: HostProcess
  readonly #number: number
  readonly #view = new View()
  readonly #watchers = new Watchers()

  /** Made by `People.join`. */
  constructor(host: HostProcess, number: number, account: ClientAccount) {
    this.#host = host
    this.#number = number
    this.userId = account.userId
    this.deviceId = account.deviceId
    this.accessToken = account.accessToken
    this.request = rest(account.baseUrl, account.accessToken)
    host.listen(number, (notice) => {
      this.#view.take(notice)
      this.#watchers.changed()
    })
  }

  /** Resolves when this client has the room. */
  async createRoom(options: CreateRoomOptions = {}): Promise<string> {
    const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
    const { room_id } = await this.request('POST', '/_matrix/client/v3/createRoom', {
      preset: options.public === true ? 'public_chat' : 'private_chat',
      initial_state: options.encrypted === true ? [encryption] : [],
      is_direct: options.direct === true,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.invite === undefined ? {} : { invite: options.invite }),
      ...(options.version === undefined ? {} : { room_version: options.version }),
      ...options.more,
    })
    const roomId = String(room_id)
    await this.waitForMembership(roomId, this.userId, 'join')
    return roomId
  }

  /** Resolves when this client has the room. */
  async joinRoom(roomIdOrAlias: string): Promise<string> {
    const { room_id } = await this.request('POST', `/_matrix/client/v3/join/${encodeURIComponent(roomIdOrAlias)}`, {})
    await this.waitForMembership(String(room_id), this.userId, 'join')
    return String(room_id)
  }

  async knock(roomIdOrAlias: string, reason?: string): Promise<void> {
    await this.request('POST', `/_matrix/client/v3/knock/${encodeURIComponent(roomIdOrAlias)}`, reason === undefined ? {} : { reason })
  }

  async leave(roomId: string): Promise<void> {
    await this.#act(roomId, 'leave', {})
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.#act(roomId, 'invite', { user_id: userId })
  }

  async kick(roomId: string, userId: string, reason?: string): Promise<void> {
    await this.#act(roomId, 'kick', { user_id: userId, ...(reason === undefined ? {} : { reason }) })
  }

  async ban(roomId: string, userId: string): Promise<void> {
    await this.#act(roomId, 'ban', { user_id: userId })
  }

  /** Changes levels of people in the room's power level event. */
  async setPower(roomId: string, levels: Readonly<Record<string, number>>): Promise<void> {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels/`
    const content = await this.request('GET', path)
    await this.request('PUT', path, { ...content, users: { ...(content.users as Json | undefined), ...levels } })
  }

  /** Sends a text, encrypted where the room is. Answers with its event id. */
  async sendText(roomId: string, body: string, options: SendOptions = {}): Promise<string> {
    return await this.send(roomId, 'm.room.message', textContent(body, options), options)
  }

  /** Sends any event, encrypted where the room is. */
  async send(
    roomId: string,
    type: string,
    content: Content,
    options: Pick<SendOptions, 'plain' | 'outerRelation' | 'transactionId'> = {},
  ): Promise<string> {
    const how = {
      transactionId: options.transactionId ?? randomUUID(),
      ...(options.plain === true ? { plain: true } : {}),
      ...(options.outerRelation === undefined ? {} : { outer: { 'm.relates_to': options.outerRelation } }),
    }
    return (await this.#host.call(this.#number, { kind: 'send', roomId, type, content, how })) as string
  }

  /** In clear, as Element does. */
  async react(roomId: string, eventId: string, key: string): Promise<string> {
    const relation = { rel_type: 'm.annotation', event_id: eventId, key }
    return await this.send(roomId, 'm.reaction', { 'm.relates_to': relation }, { plain: true })
  }

  async redact(roomId: string, eventId: string): Promise<void> {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/redact/${encodeURIComponent(eventId)}/${randomUUID()}`
    await this.request('PUT', path, {})
  }

  /** The messages of a room (of all rooms when none is named), oldest first, edits applied. */
  timeline(roomId?: string): SeenMessage[] {
    return this.#view.messages(roomId)
  }

  message(eventId: string): SeenMessage | undefined {
    return this.#view.messages().find((message) => message.eventId === eventId)
  }

  reactions(eventId: string): SeenReaction[] {
    return this.#view.reactions(eventId)
  }

  /** Rooms in which this person has the membership. */
  rooms(membership = 'join'): string[] {
    return this.#view.roomsOf(this.userId, membership)
  }

  room(roomId: string): { readonly name: string; readonly encrypted: boolean } | undefined {
    return this.#view.room(roomId)
  }

  membership(roomId: string, userId = this.userId): SeenMembership | undefined {
    return this.#view.membership(roomId, userId)
  }

  members(roomId: string): ReadonlyMap<string, SeenMembership> {
    return this.#view.members(roomId)
  }

  /**
   * Waits for a message; one that is already there counts (narrow with `replyTo` or `after`).
   * @param roomId undefined for any room
   * @param timeoutMs default 20 s
   */
  async waitForMessage(roomId: string | undefined, match: MessageMatch = {}, timeoutMs = defaultTimeout): Promise<SeenMessage> {
    return await this.waitFor(() => this.#find(roomId, match), { timeoutMs, what: `a message ${JSON.stringify(match, showExpressions)}` })
  }

  async waitForReaction(eventId: string, key: string | RegExp, sender?: string, timeoutMs = defaultTimeout): Promise<SeenReaction> {
    const fits = (reaction: SeenReaction): boolean => textFits(reaction.key, key) && (sender === undefined || sender === reaction.sender)
    return await this.waitFor(() => this.reactions(eventId).find(fits), { timeoutMs, what: `the reaction ${String(key)} to ${eventId}` })
  }

  /** Waits for an invitation (from a certain person, if named); answers with the room's id. */
  async waitForInvite(from?: string, timeoutMs = defaultTimeout): Promise<string> {
    const find = (): string | undefined =>
      this.rooms('invite').find((roomId) => from === undefined || this.membership(roomId)?.sender === from)
    return await this.waitFor(find, { timeoutMs, what: `an invitation from ${from ?? 'anybody'}` })
  }

  async waitForMembership(roomId: string, userId: string, membership: string, timeoutMs = defaultTimeout): Promise<SeenMembership> {
    const find = (): SeenMembership | undefined => {
      const found = this.#view.membership(roomId, userId)
      return found?.membership === membership ? found : undefined
    }
    return await this.waitFor(find, { timeoutMs, what: `${userId} to be "${membership}" in ${roomId}` })
  }

  /**
   * Waits until the function answers with something; it is asked again whenever this client has seen something new.
   * @throws Error at the deadline, showing the last messages
   */
  async waitFor<Found>(find: () => Found | undefined, { timeoutMs = defaultTimeout, what = 'a condition' } = {}): Promise<Found> {
    return await this.#watchers.until(
      find,
      timeoutMs,
      () => `${this.userId} waited ${timeoutMs} ms for ${what}. Last seen:\n${this.#lastSeen()}`,
    )
  }

  /** How this person's client judges a device; asks the server for its newest keys first. */
  async deviceTrust(userId: string, deviceId: string): Promise<DeviceTrust> {
    return (await this.#host.call(this.#number, { kind: 'trust', userId, deviceId })) as DeviceTrust
  }

  /** How this person's client judges somebody's identity; asks the server for it first. */
  async identityOf(userId: string): Promise<IdentityTrust> {
    return (await this.#host.call(this.#number, { kind: 'identity', userId })) as IdentityTrust
  }

  /** Verifies somebody, as after comparing emojis: signs their identity with this person's own. */
  async verify(userId: string): Promise<void> {
    await this.#host.call(this.#number, { kind: 'verify', userId })
  }

  /** Encrypts now, to be sent later with `send(roomId, 'm.room.encrypted', …, { plain: true })`. */
  async encrypt(roomId: string, type: string, content: Content): Promise<Content> {
    return (await this.#host.call(this.#number, { kind: 'encrypt', roomId, type, content })) as Content
  }

  /** The ids of somebody's devices that have keys. */
  async devicesOf(userId: string): Promise<string[]> {
    return (await this.#host.call(this.#number, { kind: 'devices', userId })) as string[]
  }

  /** Ends the client; its device stays. */
  async stop(): Promise<void> {
    await this.#host.call(this.#number, { kind: 'stop' })
  }

  /** Ends the client and deletes its device. */
  async logout(): Promise<void> {
    await this.stop()
    await this.request('POST', '/_matrix/client/v3/logout', {})
  }

  async #act(roomId: string, action: string, body: Json): Promise<void> {
    await this.request('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${action}`, body)
  }

  #find(roomId: string | undefined, match: MessageMatch): SeenMessage | undefined {
    const messages = this.#view.messages(roomId)
    const from = match.after === undefined ? 0 : messages.findIndex((message) => message.eventId === match.after) + 1
    if (match.after !== undefined && from === 0) return undefined
    return messages.slice(from).find((message) => messageFits(message, match))
  }

  #lastSeen(): string {
    const lines = this.#view
      .messages()
      .slice(-12)
      .map(
        (message) =>
          `  ${message.roomId} ${message.sender}: ${message.undecryptable ? '(cannot be decrypted)' : message.body.slice(0, 200)}`,
      )
    return lines.length > 0 ? lines.join('\n') : '  (no message)'
  }
}

const messageFits = (message: SeenMessage, match: MessageMatch): boolean =>
  message.undecryptable === (match.undecryptable ?? false) &&
  (match.sender === undefined || match.sender === message.sender) &&
  (match.body === undefined || textFits(message.body, match.body)) &&
  (match.replyTo === undefined || match.replyTo === message.replyTo) &&
  (match.threadRoot === undefined || match.threadRoot === message.threadRoot) &&
  (match.msgtype === undefined || match.msgtype === message.msgtype) &&
  (match.fits === undefined || match.fits(message))

/** A string must be the whole text, an expression must be found in it. */
const textFits = (text: string, wanted: string | RegExp): boolean =>
  typeof wanted === 'string' ? text === wanted : text.search(wanted) >= 0

const showExpressions = (_key: string, value: unknown): unknown => (value instanceof RegExp ? String(value) : value)
