import type { Database } from '../database/database.ts'
import { prepare } from '../database/prepared.ts'
import type { EventId, RoomId } from '../types.ts'

/** What the outbox asks and writes for every message. */
export const outboxQueries = ({ query }: Database) => ({
  add: prepare(
    (message: {
      readonly txnId: string
      readonly sequence: number
      readonly roomId: RoomId
      readonly type: string
      readonly content: string
      readonly now: number
    }) =>
      query
        .insertInto('outbox')
        .values({
          txn_id: message.txnId,
          sequence: message.sequence,
          room_id: message.roomId,
          type: message.type,
          content: message.content,
          state: 'queued',
          event_id: null,
          error: null,
          created_at: message.now,
          updated_at: message.now,
        })
        .onConflict((conflict) => conflict.column('txn_id').doNothing()),
  ),
  state: prepare(({ txnId }: { readonly txnId: string }) =>
    query.selectFrom('outbox').select(['state', 'event_id']).where('txn_id', '=', txnId),
  ),
  next: prepare(({ roomId }: { readonly roomId: RoomId }) =>
    query.selectFrom('outbox').selectAll().where('room_id', '=', roomId).where('state', '=', 'queued').orderBy('sequence').limit(1),
  ),
  finish: prepare(
    (now: {
      readonly txnId: string
      readonly state: 'sent' | 'failed'
      readonly eventId: EventId | null
      readonly error: string | null
      readonly now: number
    }) =>
      query
        .updateTable('outbox')
        // The text is not needed any more, so it is not kept.
        .set({ state: now.state, event_id: now.eventId, error: now.error, content: '{}', updated_at: now.now })
        .where('txn_id', '=', now.txnId),
  ),
})
