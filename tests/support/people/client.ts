import { randomUUID } from 'node:crypto'
import {
  ClientEvent,
  createClient,
  Filter,
  KnownMembership,
  MatrixEvent,
  MatrixEventEvent,
  RoomEvent,
  RoomStateEvent,
  type AuthDict,
  type MatrixClient,
  type Room,
  type RoomMember,
} from 'matrix-js-sdk'
import type { CryptoBackend } from 'matrix-js-sdk/lib/common-crypto/CryptoBackend.js'
import { EventShieldColour, EventShieldReason, OnlySignedDevicesIsolationMode, type CryptoApi } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { SyncState } from 'matrix-js-sdk/lib/sync.js'
import { judgeIdentity, verifyIdentity } from './identity.ts'
import type { ClientAccount, Content, DeviceTrust, IdentityTrust, Notice, SeenEvent, SendHow } from './protocol.ts'

// Synapse gives at most 100 events of a room in one sync.
const timelineLimit = 100

/** A real encrypted client of one person: matrix-js-sdk with its Rust crypto, everything in memory. Runs in the hosting process. */
export class Client {
  readonly #account: ClientAccount
  readonly #tell: (notice: Notice) => void
  readonly #sdk: MatrixClient
  #received = 0

  constructor(account: ClientAccount, tell: (notice: Notice) => void) {
    this.#account = account
    this.#tell = tell
    const { baseUrl, userId, deviceId, accessToken } = account
    this.#sdk = createClient({ baseUrl, userId, deviceId, accessToken, useAuthorizationHeader: true })
  }

  /** Makes the keys, signs the device if wanted, and resolves after the first sync. */
  async start(): Promise<void> {
    const sdk = this.#sdk
    await sdk.initRustCrypto({ useIndexedDB: false })
    if (this.#account.strict) this.#crypto.setDeviceIsolationMode(new OnlySignedDevicesIsolationMode())
    if (this.#account.crossSign) await this.#crossSign()
    this.#listen()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    sdk.on(ClientEvent.Sync, (state, _previous, data) => {
      if (state === SyncState.Prepared) resolve()
      if (state === SyncState.Error && data?.error && 'errcode' in data.error) reject(data.error)
    })
    // For every sync: without it a burst of more than ten messages between two of them would be a gap that nobody fills.
    const filter = new Filter(this.#account.userId)
    filter.setTimelineLimit(timelineLimit)
    await sdk.startClient({ initialSyncLimit: timelineLimit, filter, lazyLoadMembers: false, disablePresence: true })
    await promise
  }

  async send(roomId: string, type: string, content: Content, how: SendHow): Promise<string> {
    const room = this.#sdk.getRoom(roomId)
    if (!room) throw new Error(`The client does not know the room ${roomId}`)
    let wire = { type, content: content as Record<string, unknown> }
    if (how.plain !== true && room.hasEncryptionStateEvent())
      wire = { type: 'm.room.encrypted', content: { ...(await this.encrypt(roomId, type, content)) } }
    if (how.outer) wire.content = { ...wire.content, ...how.outer }
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/${encodeURIComponent(wire.type)}/${encodeURIComponent(how.transactionId)}`
    const response = await fetch(`${this.#account.baseUrl}${path}`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${this.#account.accessToken}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(wire.content),
    })
    const answer = (await response.json()) as { event_id?: string; errcode?: string; error?: string }
    if (!response.ok || answer.event_id === undefined)
      throw new Error(`Sending failed: ${response.status} ${answer.errcode ?? ''} ${answer.error ?? ''}`)
    return answer.event_id
  }

  /** Shares the key with whom the client knows now, and encrypts. */
  async encrypt(roomId: string, type: string, content: Content): Promise<Content> {
    const room = this.#sdk.getRoom(roomId)
    if (!room) throw new Error(`The client does not know the room ${roomId}`)
    await this.#untilEncryptionReady(roomId)
    const event = new MatrixEvent({ type, content, room_id: roomId, sender: this.#account.userId, event_id: `$${randomUUID()}` })
    await this.#crypto.encryptEvent(event, room)
    return event.getWireContent()
  }

  async verify(userId: string): Promise<void> {
    await verifyIdentity(this.#crypto, this.#account, userId)
  }

  async identity(userId: string): Promise<IdentityTrust> {
    return await judgeIdentity(this.#crypto, userId)
  }

  async trust(userId: string, deviceId: string): Promise<DeviceTrust> {
    await this.#crypto.getUserDeviceInfo([userId], true)
    const status = await this.#crypto.getDeviceVerificationStatus(userId, deviceId)
    return { known: status !== null, signedByOwner: status?.signedByOwner ?? false, ownerVerified: status?.crossSigningVerified ?? false }
  }

  async devices(userId: string): Promise<string[]> {
    const devices = await this.#crypto.getUserDeviceInfo([userId], true)
    return [...(devices.get(userId)?.keys() ?? [])]
  }

  stop(): void {
    this.#sdk.stopClient()
  }

  get #crypto(): CryptoApi & CryptoBackend {
    const crypto = this.#sdk.getCrypto()
    if (!crypto) throw new Error('The client has no encryption')
    // The SDK's own engine is both; only the first is in the type that it gives away.
    return crypto as CryptoApi & CryptoBackend
  }

  async #crossSign(): Promise<void> {
    const { userId, password } = this.#account
    await this.#crypto.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: async (upload) => {
        try {
          return await upload(null)
        } catch (error) {
          const session = (error as { data?: { session?: string } }).data?.session
          if (session === undefined) throw error
          const auth: AuthDict = { type: 'm.login.password', identifier: { type: 'm.id.user', user: userId }, password, session }
          return await upload(auth)
        }
      },
    })
  }

  #listen(): void {
    const sdk = this.#sdk
    sdk.on(RoomEvent.Timeline, (event, room, toStart) => {
      if (room && toStart !== true) this.#see(event).catch((error: unknown) => console.error('see', error))
    })
    sdk.on(RoomEvent.Redaction, (event, room) => {
      const target = event.getAssociatedId()
      if (target !== undefined) this.#tell({ kind: 'redaction', roomId: room.roomId, target, sender: event.getSender() ?? '' })
    })
    sdk.on(RoomEvent.MyMembership, (room, membership) => {
      this.#tellRoom(room)
      const own = room.getMember(this.#account.userId)?.events.member
      this.#tellMembership(room.roomId, this.#account.userId, membership, own)
    })
    sdk.on(RoomEvent.Name, (room) => this.#tellRoom(room))
    sdk.on(RoomStateEvent.Events, (event) => {
      const room = sdk.getRoom(event.getRoomId())
      if (room && event.getType() === 'm.room.encryption') this.#tellRoom(room)
    })
    sdk.on(RoomStateEvent.Members, (event, _state, member: RoomMember) => {
      // Our own is told by MyMembership, which comes when the whole room has been taken in.
      if (member.userId !== this.#account.userId) this.#tellMembership(member.roomId, member.userId, member.membership ?? 'leave', event)
    })
  }

  #tellMembership(roomId: string, userId: string, membership: string, event: MatrixEvent | undefined): void {
    const reason: unknown = event?.getContent().reason
    const sender = event?.getSender() ?? ''
    this.#tell({ kind: 'membership', roomId, userId, membership, sender, ...(typeof reason === 'string' ? { reason } : {}) })
  }

  #tellRoom(room: Room): void {
    this.#tell({ kind: 'room', roomId: room.roomId, name: room.name, encrypted: room.hasEncryptionStateEvent() })
  }

  async #see(event: MatrixEvent): Promise<void> {
    const order = this.#received++
    if (event.isEncrypted()) {
      event.on(MatrixEventEvent.Decrypted, () => {
        this.#report(event, order).catch((error: unknown) => console.error('report', error))
      })
      await this.#sdk.decryptEventIfNeeded(event)
    }
    await this.#report(event, order)
  }

  async #report(event: MatrixEvent, order: number): Promise<void> {
    const [eventId, roomId, sender] = [event.getId(), event.getRoomId(), event.getSender()]
    if (eventId === undefined || roomId === undefined || sender === undefined) return
    const relation = event.getRelation()
    if (event.getType() === 'm.reaction') {
      const { event_id: target, key } = relation ?? {}
      if (target !== undefined && typeof key === 'string') this.#tell({ kind: 'reaction', roomId, eventId, target, key, sender })
      return
    }
    const undecryptable = event.isDecryptionFailure()
    if (event.getType() !== 'm.room.message' && !undecryptable) return
    const edits = relation?.rel_type === 'm.replace' ? relation.event_id : undefined
    const failure = event.decryptionFailureReason
    const seen: SeenEvent = {
      eventId,
      roomId,
      sender,
      order,
      at: event.getTs(),
      encrypted: event.isEncrypted(),
      undecryptable,
      ...(failure === null ? {} : { failure }),
      ...(await this.#shield(event)),
      content: event.getContent(),
      ...(edits === undefined ? {} : { edits }),
    }
    this.#tell({ kind: 'event', event: seen })
  }

  async #shield(event: MatrixEvent): Promise<Pick<SeenEvent, 'shield' | 'shieldReason'>> {
    const info = event.isEncrypted() && !event.isDecryptionFailure() ? await this.#crypto.getEncryptionInfoForEvent(event) : null
    if (info === null || info.shieldColour === EventShieldColour.NONE) return { shield: 'none' }
    const shield = info.shieldColour === EventShieldColour.RED ? 'red' : 'grey'
    return { shield, ...(info.shieldReason === null ? {} : { shieldReason: EventShieldReason[info.shieldReason] }) }
  }

  /** The room's state may have arrived a moment before the engine has taken it in. */
  async #untilEncryptionReady(roomId: string): Promise<void> {
    while (
      !(await this.#crypto.isEncryptionEnabledInRoom(roomId)) ||
      this.#sdk.getRoom(roomId)?.getMyMembership() !== KnownMembership.Join
    ) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#sdk.once(ClientEvent.Sync, () => resolve())
      await promise
    }
  }
}
