import { expect, test } from 'vitest'
import type { Role, UserId } from '../types.ts'
import { createMayVouch } from './may-vouch.ts'
import type { Newcomer } from './newcomers.ts'

const ada = '@ada:example.org' as UserId

const may = (who: { role?: Role; member?: boolean; state?: Newcomer['state']; account?: boolean }): boolean =>
  createMayVouch({
    roles: { of: () => who.role ?? 'everyone' },
    community: { isMember: () => who.member ?? false },
    newcomers: { of: () => (who.state === undefined ? undefined : ({ userId: ada, state: who.state } as Newcomer)) },
    links: { of: () => (who.account === true ? ({ userId: ada } as never) : undefined) },
  })(ada)

test.each([
  ['a stranger', {}, false],
  ['a member of the community', { member: true }, true],
  ['a moderator who is in none of its rooms', { role: 'moderator' }, true],
  ['a moderator who once introduced themselves', { role: 'moderator', state: 'waiting' }, true],
  ['a newcomer who waits: INDOC is a room of the community as well', { member: true, state: 'waiting' }, false],
  ['a newcomer who was declined and has stayed', { member: true, state: 'declined' }, false],
  ['a newcomer who was let in', { member: true, state: 'approved' }, true],
  ['who has an account and came back to INDOC', { member: true, state: 'waiting', account: true }, true],
  ['who has an account and is in no room any more', { account: true }, false],
] as const)('may %s vouch for a newcomer?', (_who, who, expected) => {
  expect(may(who)).toBe(expected)
})
