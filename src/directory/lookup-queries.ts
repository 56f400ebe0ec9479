import type { Database } from '../database/database.ts'
import { prepare } from '../database/prepared.ts'
import type { Membership } from '../database/schema.ts'
import type { RoomId, UserId } from '../types.ts'

/** What is asked of the directory for every message. */
export const lookupQueries = ({ query }: Database) => {
  const named = (userId: UserId) =>
    query.selectFrom('member').select('display_name').where('user_id', '=', userId).where('display_name', 'is not', null)
  return {
    room: prepare(({ roomId }: { readonly roomId: RoomId }) => query.selectFrom('room').selectAll().where('room_id', '=', roomId)),
    memberIds: prepare(({ roomId, first, second }: { readonly roomId: RoomId; readonly first: Membership; readonly second: Membership }) =>
      query.selectFrom('member').select('user_id').where('room_id', '=', roomId).where('membership', 'in', [first, second]),
    ),
    nameHere: prepare(({ userId, roomId }: { readonly userId: UserId; readonly roomId: RoomId }) =>
      named(userId).where('room_id', '=', roomId),
    ),
    newestName: prepare(({ userId }: { readonly userId: UserId }) =>
      named(userId).orderBy('updated_at', 'desc').orderBy('room_id').limit(1),
    ),
  }
}
