import type { JournalEntry } from '../matrix/journal.ts'
import type { Clock } from '../operations/clock.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'

/** One answer per person and room in this time: a missing key usually hits many messages (milliseconds). */
const quietMs = 10 * 60_000

/** What is said about a message that stayed unreadable, by its cause. undefined = nothing. */
export const unreadableAnswer = (
  clock: Clock,
): ((entry: JournalEntry, cause: { readonly code: string; readonly withheld: string | undefined }) => Answer | undefined) => {
  const told = new Map<string, number>()
  return (entry, cause) => {
    const key = `${entry.roomId} ${entry.sender}`
    const now = clock.now()
    if (now - (told.get(key) ?? 0) < quietMs) return undefined
    told.set(key, now)
    for (const [old, at] of told) if (now - at > quietMs) told.delete(old)
    const words =
      cause.withheld === 'm.unverified'
        ? 'I could not read your message: your app does not share its keys with my device because it is not verified for you. Tell an operator; nothing was done.'
        : 'I could not read your message, because its key did not reach me. Please send it again; nothing was done. If it happens again: in Element, type /discardsession, then send it once more.'
    return { mark: '❔', blocks: [paragraph(words)], code: `unreadable-${cause.code}` }
  }
}
