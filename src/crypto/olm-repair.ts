import { z } from 'zod'
import type { Logger } from '../operations/logger.ts'
import type { UserId } from '../types.ts'

/** A device whose messages cannot be decrypted. */
export interface BrokenDevice {
  readonly sender: UserId
  /** Its Curve25519 key, as the message states it. */
  readonly senderKey: string
}

/** What a repair needs of the engine. */
export interface OlmRepairPorts {
  /**
   * Opens a new Olm session with a device where the engine wants one: there is none, or the newest is older than an hour and failed. The engine's
   * limit keeps a sender of nonsense from using up one-time keys.
   */
  readonly openSession: (device: BrokenDevice) => Promise<'opened' | 'not-needed' | 'failed'>
  /** Sends an empty message through the newest session, from which the other side learns of it. */
  readonly sendDummy: (device: BrokenDevice) => Promise<boolean>
  readonly logger: Logger
}

const undecrypted = z.object({ sender: z.string().startsWith('@'), content: z.object({ sender_key: z.string().max(64) }) })
const dummy = z.object({
  sender: z.custom<UserId>((value) => typeof value === 'string' && value.startsWith('@')),
  type: z.literal('m.dummy'),
})

/** More at once are nonsense; who is left out is met again with their next message. */
const most = 50

/** The senders of `m.dummy` among decrypted events: they have opened a new session because they could not read what we sent. */
export const sendersOfDummies = (rawEvents: readonly string[]): readonly UserId[] =>
  rawEvents.flatMap((raw) => {
    const parsed = dummy.safeParse(JSON.parse(raw))
    return parsed.success ? [parsed.data.sender] : []
  })

/**
 * Gets a wedged pair of devices to understand each other again (spec, "Recovering from undecryptable messages"): a new session, and an `m.dummy` in it.
 * The engine marks a session as wedged, but sends its `m.dummy` at best through the old one, and nothing at all when our sessions are lost. The other
 * engine then shares its current room keys again with its next message.
 */
export class OlmRepair {
  readonly #ports: OlmRepairPorts
  readonly #broken = new Map<string, BrokenDevice>()
  /** Those that have a new session and were not told yet. */
  readonly #opened = new Set<string>()

  constructor(ports: OlmRepairPorts) {
    this.#ports = ports
  }

  /** Takes note of events that could not be decrypted. */
  note(rawEvents: readonly string[]): void {
    for (const raw of rawEvents) {
      const parsed = undecrypted.safeParse(JSON.parse(raw))
      if (!parsed.success || this.#broken.size >= most) continue
      const senderKey = parsed.data.content.sender_key
      this.#broken.set(senderKey, { sender: parsed.data.sender as UserId, senderKey })
    }
  }

  /** Repairs what was noted. What fails is tried again with the next call. */
  async run(): Promise<void> {
    for (const [key, device] of this.#broken) {
      if (!this.#opened.has(key)) {
        const opened = await this.#ports.openSession(device)
        if (opened === 'not-needed') this.#broken.delete(key)
        if (opened !== 'opened') continue
        this.#opened.add(key)
      }
      if (!(await this.#ports.sendDummy(device))) continue
      this.#opened.delete(key)
      this.#broken.delete(key)
      this.#ports.logger.info({ sender: device.sender }, 'an encrypted session that had broken was opened anew')
    }
  }
}
