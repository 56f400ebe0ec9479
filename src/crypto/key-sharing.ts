import type { Config } from '../config/schema.ts'
import type { RoomKind, UserId } from '../types.ts'
import type { PersonIdentities } from './person-identities.ts'
import type { KeySharing } from './port.ts'

/** Which devices get the keys, by kind of room. */
export type SharingPolicy = Config['crypto']['shareKeysWith']

/**
 * The policy for a kind of room. Newcomers have signed nothing yet, so INDOC and direct chats have a rule of their own.
 * @param kind undefined = a room where the bot does not listen
 */
export const sharingFor = (policy: SharingPolicy, kind: RoomKind | undefined): KeySharing =>
  kind === 'indoc' ? policy.indoc : kind === 'dm' ? policy.direct : policy.others

/**
 * Which devices may read a secret (a link, a code, a password) in a direct chat. Whoever may command has an identity that is remembered, and a device
 * that somebody else has added to their account has no signature of it: such people get secrets on signed devices alone, whatever the policy is.
 * @param person whose direct chat it is; undefined = nobody's
 */
export const sharingOfSecret = (identities: Pick<PersonIdentities, 'of'>, person: UserId | undefined, otherwise: KeySharing): KeySharing =>
  person !== undefined && identities.of(person) !== undefined ? 'signed-devices' : otherwise
