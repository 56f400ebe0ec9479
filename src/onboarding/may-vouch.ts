import type { Community } from '../chat/community.ts'
import type { Roles } from '../chat/roles.ts'
import type { Links } from '../directory/links.ts'
import type { UserId } from '../types.ts'
import type { Newcomers } from './newcomers.ts'

/** What is asked about somebody who may be named as an inviter. */
export interface VoucherSources {
  readonly roles: Pick<Roles, 'of'>
  readonly community: Pick<Community, 'isMember'>
  readonly newcomers: Pick<Newcomers, 'of'>
  readonly links: Pick<Links, 'of'>
}

/**
 * Who may vouch for a newcomer: whoever has a role, and members of the community. Newcomers who wait for an answer or were declined are in INDOC too,
 * but do not count before they have an account: two of them may be one person.
 */
export const createMayVouch =
  ({ roles, community, newcomers, links }: VoucherSources) =>
  (userId: UserId): boolean => {
    if (roles.of(userId) !== 'everyone') return true
    const state = newcomers.of(userId)?.state
    const waits = (state === 'waiting' || state === 'declined') && links.of(userId) === undefined
    return community.isMember(userId) && !waits
  }
