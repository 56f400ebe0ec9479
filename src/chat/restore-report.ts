import { z } from 'zod'
import type { Database } from '../database/database.ts'
import { restoredMark } from '../database/restore.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { RoomId } from '../types.ts'

const stored = z.object({ at: z.number(), stateOf: z.number().nullable(), jobs: z.number(), plans: z.number() })

const many = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`

/** Tells the admin room once that the bot was restored from a backup, and what waits for somebody to look. Call at each start. */
export const reportRestore = (options: {
  readonly database: Database
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly adminRoom: RoomId | undefined
}): void => {
  const { database, outbox, adminRoom } = options
  const raw = database.meta(restoredMark)
  if (raw === undefined || adminRoom === undefined) return
  const { at, stateOf, jobs, plans } = stored.parse(JSON.parse(raw))
  const asOf = stateOf === null ? '' : ` What I remember ends on ${new Date(stateOf).toISOString().slice(0, 16).replace('T', ' ')} UTC.`
  const held =
    jobs === 0
      ? ''
      : ` ${many(jobs, 'job was', 'jobs were')} open then and ${jobs === 1 ? 'waits' : 'wait'} for you, because I may have done ${jobs === 1 ? 'it' : 'them'} since: !jobs lists them, look first, then !retry or !cancel.`
  const open = plans === 0 ? '' : ` ${many(plans, 'command was', 'commands were')} in the middle of it; I do not go on with them.`
  const body = `ℹ️ I was restored from a backup.${asOf}${held}${open} Commands, links and codes since then are forgotten: give them again where they are missing, and look at who was unlinked since.`
  database.transaction(() => {
    outbox.add({
      txnId: transactionId(`restored-${at}`, 'report'),
      roomId: adminRoom,
      type: 'm.room.message',
      content: messageContent({ body, mentions: [] }, 'm.notice'),
    })
    database.deleteMeta(restoredMark)
  })
  outbox.kick(adminRoom)
}
