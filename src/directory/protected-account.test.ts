import { expect, test } from 'vitest'
import type { Account, GroupEntry } from './accounts.ts'
import { protectedAccount } from './protected-account.ts'

const groups: readonly GroupEntry[] = [
  { pk: 'g1', name: 'Members', superuser: false },
  { pk: 'g2', name: 'Moderators', superuser: false },
  { pk: 'g3', name: 'Rulers', superuser: true },
]
const account = (more: Partial<Account>): Account => ({
  pk: 1,
  username: 'ada',
  name: 'Ada',
  email: '',
  used: false,
  type: 'internal',
  active: true,
  superuser: false,
  groups: ['g1'],
  seenAt: 0,
  ...more,
})

test.each<[string, Account | undefined, string | undefined]>([
  ['anybody', account({}), undefined],
  ['an account that was never read', undefined, 'is not in my copy of Authentik yet'],
  ['a superuser', account({ superuser: true }), 'is a superuser of Authentik'],
  ['a service account', account({ type: 'internal_service_account' }), 'is a service account'],
  ['in a role group', account({ groups: ['g1', 'g2'] }), 'is in a group that gives a role'],
  ['in a role group, deactivated', account({ groups: ['g2'], active: false }), 'is in a group that gives a role'],
  ['in a superuser group that the account does not show yet', account({ groups: ['g3'] }), 'is in a group that gives a role'],
  ['in a group that was never read', account({ groups: ['g9'] }), 'is in a group that I have not read yet'],
])('%s', (_, found, words) => {
  expect(protectedAccount({ get: () => found, groups: () => groups }, (name) => name === 'Moderators', 1)).toBe(words)
})
