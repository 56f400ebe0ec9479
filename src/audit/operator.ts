import type { Database } from '../database/database.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'
import { Audit } from './audit.ts'

/** Writes down what somebody at the machine did with the bot's data: it has no room and no event. */
export const auditOperator = (
  database: Database,
  entry: { readonly at: Timestamp; readonly command: string; readonly arguments: Readonly<Record<string, unknown>> },
): void =>
  new Audit(database).add({
    ...entry,
    actor: 'operator' as UserId,
    roomId: '' as RoomId,
    eventId: `operator-${entry.at}` as EventId,
    outcome: 'ran',
    code: 'ok',
    durationMs: 0,
  })
