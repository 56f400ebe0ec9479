import { describe, expect, test } from 'vitest'
import { planOf, refusalOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import type { Account } from '../../directory/accounts.ts'
import { Bridged } from '../../directory/bridged.ts'
import type { UserId } from '../../types.ts'
import type { PendingLink } from '../../onboarding/pending-links.ts'
import { createResetCommand } from './reset.ts'
import type { ResetPorts } from './reset.ts'

const waiting: PendingLink = {
  account: { pk: 4, username: 'eve' },
  name: 'Eve',
  wish: { first: 'Eve', interests: [], noRooms: false, keepInIndoc: false },
  askedBy: '@mod:example.org' as UserId,
  handedOver: false,
  since: 0,
  expiresAt: 0,
}
const ada = '@ada:example.org' as UserId

const commandWith = (more: Partial<ResetPorts> = {}) =>
  createResetCommand({
    links: { of: (userId) => (userId === '@none:example.org' ? undefined : { userId, pk: 12, username: 'ada-maple42', proven: false }) },
    accounts: { get: () => ({ active: true }) as Account },
    directory: { bridged: new Bridged([{ users: '^@signal_' }]), displayName: () => 'Ada' },
    pending: { of: (pk) => (pk === 4 ? waiting : undefined) },
    kind: 'recovery-link',
    protectedAccount: () => undefined,
    ...more,
  })
const refused = async (line: string, more: Partial<ResetPorts> = {}, options: RequestOptions = {}) =>
  (await refusalOf(commandWith(more), await requestOf(line, options))).code

describe('reset', () => {
  test('one step, to the person, whose role the pipeline checks', async () => {
    const plan = await planOf(commandWith(), await requestOf('reset @ada:example.org'))
    expect(plan.steps.map(({ effect }) => effect)).toEqual([
      {
        kind: 'account.credentials',
        account: { pk: 12, username: 'ada-maple42' },
        userId: ada,
        name: 'Ada',
        askedBy: '@mod:example.org',
      },
    ])
    expect(plan.targets).toEqual([ada])
    expect(plan.notes).toEqual(['Their password of today works until they choose a new one.'])
    expect((await planOf(commandWith({ kind: 'passphrase' }), await requestOf('reset @ada:example.org'))).notes).toEqual([
      'Their password of today stops working at once.',
    ])
  })

  test.each([
    ['@none:example.org', {}, 'no-account'],
    ['@signal_1:example.org', {}, 'bridged'],
    ['@ada:example.org', { accounts: { get: () => ({ active: false }) as Account } }, 'account-inactive'],
    ['@ada:example.org', { protectedAccount: () => 'is a superuser of Authentik' }, 'protected-account'],
  ])('%s: %s', async (who, more, code) => {
    expect(await refused(`reset ${who}`, more)).toBe(code)
  })

  test('an account that waits for its Matrix user: handed over to the moderator again', async () => {
    const plan = await planOf(commandWith(), await requestOf('reset eve', { accounts: [{ pk: 4, username: 'eve' }] }))
    expect(plan.steps.map(({ effect }) => effect)).toEqual([
      { kind: 'account.hand-over', account: waiting.account, name: 'Eve', deliverTo: '@mod:example.org', wish: waiting.wish, again: true },
    ])
  })

  test('an account without a Matrix user; and an admin may what a moderator may not', async () => {
    expect(await refused('reset ada', {}, { accounts: [{ pk: 3, username: 'ada' }] })).toBe('no-matrix-user')
    const guarded = commandWith({ protectedAccount: () => 'is in a group that gives a role' })
    expect((await planOf(guarded, await requestOf('reset @ada:example.org', { role: 'admin' }))).steps).toHaveLength(1)
  })
})
