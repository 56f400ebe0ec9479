import type { JournalEntry } from '../matrix/journal.ts'
import type { DeviceId, JsonObject, RoomId } from '../types.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import type { RoomKind } from './declaration.ts'
import { Reply } from './reply.ts'
import type { ReplyPorts } from './reply.ts'

/** Why a message stayed unreadable. `withheld` is the code that the sender's app gave for keeping its key back (spec, `m.room_key.withheld`). */
export interface UnreadableCause {
  readonly code: string
  readonly withheld: string | undefined
}

export interface UnreadablePorts extends ReplyPorts {
  /** The bot's own device, named so that people find it in their app. */
  readonly deviceId: DeviceId
  readonly roomKind: (roomId: RoomId) => RoomKind | undefined
  /** One stayed unreadable in INDOC: it may be an introduction. */
  readonly onIndoc: (entry: JournalEntry) => void
}

/** One answer per person and room in this time: a missing key usually hits many messages (milliseconds). */
const quietMs = 10 * 60_000
/** What was sent longer ago than this is forgotten, and nobody wants an answer to it (milliseconds). */
const forgottenMs = 3_600_000

/**
 * What becomes of messages that stayed unreadable: silence where they were not meant for the bot, else one answer by cause. One in INDOC
 * may be an introduction, which is looked after elsewhere.
 */
export class Unreadable {
  readonly #ports: UnreadablePorts
  readonly #told = new Map<string, number>()

  constructor(ports: UnreadablePorts) {
    this.#ports = ports
  }

  /** Closes the entry. Never runs anything. */
  async close(entry: JournalEntry, cause: UnreadableCause): Promise<void> {
    const { journal, clock, roomKind } = this.#ports
    const kind = roomKind(entry.roomId)
    const code = `unreadable-${cause.withheld ?? cause.code}`
    if (kind === undefined || !wasThere(entry)) {
      journal.mark(entry.eventId, 'done', clock.now(), kind === undefined ? 'not-watched' : 'before-join')
      return
    }
    if (kind === 'indoc') this.#ports.onIndoc(entry)
    if (this.#isForgotten(entry) || !this.#mayAnswer(entry)) {
      journal.mark(entry.eventId, 'done', clock.now(), code)
      return
    }
    const answer: Answer = { mark: '❔', blocks: [paragraph(wordsFor(cause, this.#ports.deviceId))], code }
    const reply = new Reply(this.#ports, entry, { eventId: entry.eventId }, kind)
    await reply.finish(answer, { command: '', arguments: {}, outcome: 'refused', code })
  }

  /** The server's time is only a hint, which is enough to keep quiet. */
  #isForgotten(entry: JournalEntry): boolean {
    const sentAt = (entry.event as JsonObject)['origin_server_ts']
    return entry.late && (typeof sentAt !== 'number' || this.#ports.clock.now() - sentAt > forgottenMs)
  }

  #mayAnswer(entry: JournalEntry): boolean {
    const key = `${entry.roomId} ${entry.sender}`
    const now = this.#ports.clock.now()
    for (const [old, at] of this.#told) if (now - at >= quietMs) this.#told.delete(old)
    if (this.#told.has(key)) return false
    this.#told.set(key, now)
    return true
  }
}

/**
 * Was the bot in the room when the event was sent? The server tells (spec v1.11, `unsigned.membership`); it may lie, which costs an answer that it
 * could as well keep from us. Where nothing is told, the bot was there.
 */
const wasThere = (entry: JournalEntry): boolean => {
  const { unsigned } = entry.event as { readonly unsigned?: JsonObject }
  const then = unsigned !== undefined && Object.hasOwn(unsigned, 'membership') ? unsigned['membership'] : 'join'
  return then === 'join'
}

const again = 'Nothing was done.'

const wordsFor = ({ code, withheld }: UnreadableCause, deviceId: DeviceId): string => {
  switch (withheld) {
    case 'm.unverified':
      return `I could not read your message: your app keeps its keys from my device ${deviceId}, because it does not count it as verified. My device is signed by its owner (!status shows it). Restart your app so that it looks again, or switch off “only send messages to verified users” in its encryption settings; then send the message again. ${again}`
    case 'm.blacklisted':
      return `I could not read your message: your app has blocked my device ${deviceId}. Unblock it in my profile there, then send the message again. ${again}`
    case undefined:
      break
    default:
      return `I could not read your message: your app did not give its key to my device ${deviceId} (${withheld}). In Element, type /discardsession, then send the message again. ${again}`
  }
  return code === 'forged'
    ? `I did not read a message that came under your name: its key belongs to somebody else. If you wrote it, send it again. ${again}`
    : `I could not read your message, because its key did not reach me. Please send it again. If it happens again: in Element, type /discardsession, then send it once more. ${again}`
}
