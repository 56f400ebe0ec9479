import type { KeySharing } from '../crypto/port.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import { deviceLabel } from './authorise.ts'
import type { IncomingMessage, Transport } from './incoming.ts'

const hourMs = 3_600_000

export interface DeviceHintOptions {
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly directRoom: (userId: UserId) => Promise<RoomId | undefined>
  /** Asks the server for the sender's devices anew and looks at the message again. undefined = it could not be asked. */
  readonly freshTrust: (message: IncomingMessage) => Promise<Transport | undefined>
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
  look(message: IncomingMessage): void {
    const { entry, transport } = message
    if (!isDoubtful(transport)) return
    if (this.#options.sharing(entry.roomId) !== 'signed-devices') return
    const now = this.#options.clock.now()
    for (const [key, at] of this.#told) if (now - at >= hourMs) this.#told.delete(key)
    const key = `${entry.sender} ${transport.device ?? ''}`
    if (this.#told.has(key)) return
    this.#told.set(key, now)
    this.#tell(message, key).catch((error: unknown) =>
      this.#options.logger.warn({ err: error }, 'somebody could not be told that their device reads no answers'),
    )
  }

  async #tell(message: IncomingMessage, key: string): Promise<void> {
    const { sender, roomId, eventId } = message.entry
    // Somebody who has just signed in is ahead of what the server told us.
    const transport = await this.#options.freshTrust(message)
    if (transport === undefined || !isDoubtful(transport)) {
      this.#told.delete(key)
      return
    }
    const body =
      `You have given me a command in ${this.#options.roomName(roomId)}. There my answers can be read on verified devices only, and ` +
      `${deviceLabel(transport)} is not one. Open Settings → Sessions in your app and verify this session with another device or your recovery key.`
    const room = await this.#options.directRoom(sender)
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

type Doubtful = Extract<Transport, { readonly encrypted: true }>

const isDoubtful = (transport: Transport): transport is Doubtful =>
  transport.encrypted && (transport.trust === 'unsigned' || transport.trust === 'unknown-device')
