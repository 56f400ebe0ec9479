import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { RoomKind } from '../types.ts'
import type { KeySharing } from './port.ts'

/** Which devices get the keys, by kind of room. */
export type SharingPolicy = Config['crypto']['shareKeysWith']

/**
 * The policy for a kind of room. Newcomers have signed nothing yet, so INDOC and direct chats have a rule of their own.
 * @param kind undefined = a room where the bot does not listen
 */
export const sharingFor = (policy: SharingPolicy, kind: RoomKind | undefined): KeySharing =>
  kind === 'indoc' ? policy.indoc : kind === 'dm' ? policy.direct : policy.others

const name = 'crypto.sharing'

/**
 * Ends all sessions when the policy, or the room that a part of it is about, is another one than at the last start: a session that went to devices
 * which get no keys any more must not carry another message. Call before anything is encrypted.
 * @param rooms the rooms that the configuration names
 * @returns whether there was a change
 */
export const applyPolicy = (database: Database, policy: SharingPolicy, rooms: Config['rooms']): boolean => {
  const now = JSON.stringify([policy.indoc, policy.direct, policy.others, rooms.indoc])
  const before = database.meta(name)
  if (before === now) return false
  database.transaction(() => {
    database.run(database.query.updateTable('encrypted_room').set({ session_started_at: null }))
    database.setMeta(name, now)
  })
  return before !== undefined
}
