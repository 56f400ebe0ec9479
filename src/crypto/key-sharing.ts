import type { Config } from '../config/schema.ts'
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
