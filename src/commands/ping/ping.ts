import { paragraph } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import { durationWords } from '../../operations/durations.ts'
import type { EventId, Timestamp } from '../../types.ts'
import { pingDeclaration } from './declaration.ts'

export interface PingPorts {
  /** When the sender's server says the command was sent; undefined = not known any more. */
  readonly sentAt: (eventId: EventId) => Timestamp | undefined
}

/** More than this says something about clocks, not about the way of a message (milliseconds). */
const longestSane = 10 * 60_000

/** `!ping`: am I awake, and how long did the message take to me? The time is the sender's server's claim, so it is only told while it is sane. */
export const createPingCommand = (ports: PingPorts): ReadCommand => ({
  declaration: pingDeclaration,
  answer: (request) => {
    const sentAt = ports.sentAt(request.eventId)
    const age = sentAt === undefined ? undefined : request.now - sentAt
    const sane = age !== undefined && age >= 0 && age <= longestSane
    const words = sane ? ` I read your message ${age < 2000 ? `${age} ms` : durationWords(age)} after it was sent.` : ''
    return { blocks: [paragraph(`Pong!${words}`)], code: 'ok' }
  },
})
