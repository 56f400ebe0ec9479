import type { KeySharing } from '../crypto/port.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import { deviceLabel } from './authorise.ts'
import type { IncomingMessage } from './incoming.ts'

const hourMs = 3_600_000

export interface DeviceHintOptions {
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly directRoom: (userId: UserId) => Promise<RoomId | undefined>
  readonly sharing: (roomId: RoomId) => KeySharing
  readonly roomName: (roomId: RoomId) => string
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/**
 * Somebody commands from a device that is not signed, in a room whose keys go to signed devices only: they could not read what they are answered
 * there. They are told by direct chat, where every device can read, once for each device and hour.
 */
export class DeviceHint {
  readonly #options: DeviceHintOptions
  readonly #told = new Map<string, Timestamp>()

  constructor(options: DeviceHintOptions) {
    this.#options = options
  }

  /** Looks at a command. Returns at once. */
  look({ entry, transport }: IncomingMessage): void {
    if (!transport.encrypted || (transport.trust !== 'unsigned' && transport.trust !== 'unknown-device')) return
    if (this.#options.sharing(entry.roomId) !== 'signed-devices') return
    const now = this.#options.clock.now()
    for (const [key, at] of this.#told) if (now - at >= hourMs) this.#told.delete(key)
    const key = `${entry.sender} ${transport.device ?? ''}`
    if (this.#told.has(key)) return
    this.#told.set(key, now)
    const words =
      `You have given me a command in ${this.#options.roomName(entry.roomId)}. There my answers can be read on verified devices only, and ` +
      `${deviceLabel(transport)} is not one. Open Settings → Sessions in your app and verify this session with another device or your recovery key.`
    this.#tell(entry.sender, entry.eventId, words).catch((error: unknown) =>
      this.#options.logger.warn({ err: error }, 'somebody could not be told that their device reads no answers'),
    )
  }

  async #tell(userId: UserId, eventId: IncomingMessage['entry']['eventId'], body: string): Promise<void> {
    const room = await this.#options.directRoom(userId)
    if (room === undefined) return
    this.#options.outbox.add({
      txnId: transactionId(eventId, 'device-hint'),
      roomId: room,
      type: 'm.room.message',
      content: messageContent({ body }, 'm.notice'),
    })
    this.#options.outbox.kick(room)
  }
}
