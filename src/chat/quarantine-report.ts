import type { Quarantine } from '../crypto/quarantine.ts'
import type { Database } from '../database/database.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Checks } from '../operations/health.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { RoomId } from '../types.ts'

/** Shows events over which the encryption engine broke: on `/readyz`, as a metric, and once each in the admin room. Call at each start. */
export const reportQuarantine = (options: {
  readonly quarantine: Quarantine
  readonly database: Database
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly adminRoom: RoomId | undefined
  readonly checks: Pick<Checks, 'register'>
  readonly metrics: Pick<Metrics, 'collect'>
}): void => {
  const { quarantine, database, outbox, adminRoom, checks, metrics } = options
  // The bot works without them, so it is ready all the same.
  checks.register('engine', () => ({
    ok: true,
    words: `events set aside because the encryption engine broke over them: ${quarantine.size}`,
  }))
  metrics.collect('gatehouse_events_set_aside', () => [{ labels: {}, value: quarantine.size }])
  if (adminRoom === undefined) return
  for (const { hash, kind, sender } of quarantine.untold()) {
    const what = kind === 'room' ? `A message of ${sender}` : `An encryption message from a device of ${sender}`
    const body = `⚠️ ${what} broke the encryption engine, and I had to start again. I have set it aside, so it cannot do that any more; if it held a key, some messages of theirs stay unreadable for me. If it comes again and again, look at what they are doing. Operators: the log names it as ${hash.slice(0, 16)}`
    database.transaction(() => {
      outbox.add({
        txnId: transactionId(hash, 'set-aside'),
        roomId: adminRoom,
        type: 'm.room.message',
        content: messageContent({ body, mentions: [] }, 'm.notice'),
      })
      quarantine.markTold(hash)
    })
    outbox.kick(adminRoom)
  }
}
