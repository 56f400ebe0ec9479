import type { ChangeCommand } from '../../chat/command.ts'
import type { Accounts } from '../../directory/accounts.ts'
import type { Directory } from '../../directory/directory.ts'
import type { Links } from '../../directory/links.ts'
import type { PendingLinks } from '../../onboarding/pending-links.ts'
import { refusal } from '../words.ts'
import { resetDeclaration } from './declaration.ts'

/** What `!reset` may look at. */
export interface ResetPorts {
  readonly links: Pick<Links, 'of'>
  readonly accounts: Pick<Accounts, 'get'>
  readonly directory: Pick<Directory, 'bridged' | 'displayName'>
  readonly pending: Pick<PendingLinks, 'of'>
  readonly kind: 'recovery-link' | 'passphrase'
  readonly protectedAccount: (pk: number) => string | undefined
}

/** `!reset`: new credentials for somebody who cannot sign in. */
export const createResetCommand = (ports: ResetPorts): ChangeCommand => ({
  declaration: resetDeclaration,
  plan: ({ arguments: given, asker }) => {
    const person = given.user('user')
    if (person === undefined) throw new Error('the declaration requires a user')
    const { userId } = person
    const link = userId === undefined ? undefined : ports.links.of(userId)
    const waiting = userId === undefined && person.account !== undefined ? ports.pending.of(person.account.pk) : undefined
    if (waiting !== undefined) {
      const { account, name, wish } = waiting
      const effect = { kind: 'account.hand-over' as const, account, name, deliverTo: asker.userId, wish, again: true as const }
      return {
        summary: `hand the account ${account.username} over again`,
        steps: [{ effect, text: `send you a new link and a new code for ${name}, by DM, to hand over` }],
        notes: ['The code that was handed over before stops working.'],
        targets: [],
      }
    }
    if (userId === undefined) {
      return refusal(
        'no-matrix-user',
        'Nothing was done: ',
        { code: person.account?.username ?? person.raw },
        ' is linked to no Matrix user, so I cannot send them anything. They can choose a new password on the sign-in page.',
      )
    }
    if (link === undefined)
      return refusal('no-account', `Nothing was done: ${person.name} has no account that I know of. `, { code: '!adduser' }, ' makes one.')
    const account = { pk: link.pk, username: link.username }
    if (ports.accounts.get(link.pk)?.active === false)
      return refusal(
        'account-inactive',
        'Nothing was done: the account ',
        { code: link.username },
        ' is disabled. Ask an admin to switch it on first.',
      )
    const guarded = asker.role === 'admin' ? undefined : ports.protectedAccount(link.pk)
    if (guarded !== undefined)
      return refusal('protected-account', 'Nothing was done: the account ', { code: link.username }, ` ${guarded}. Ask an admin.`)
    if (ports.directory.bridged.bridgeOf(userId) !== undefined) {
      return refusal(
        'bridged',
        `Nothing was done: ${person.name} is behind a bridge and cannot be reached by encrypted DM. They can choose a new password on the sign-in page.`,
      )
    }
    const effect = {
      kind: 'account.credentials' as const,
      account,
      userId,
      name: ports.directory.displayName(userId) ?? link.username,
      askedBy: asker.userId,
    }
    const what = ports.kind === 'passphrase' ? 'a new passphrase' : 'a link to choose a new password'
    return {
      summary: `reset the credentials of ${person.name}`,
      steps: [{ effect, text: `send ${what} for the account ${link.username} by encrypted DM` }],
      notes: [
        ports.kind === 'passphrase'
          ? 'Their password of today stops working at once.'
          : 'Their password of today works until they choose a new one.',
      ],
      targets: [userId],
    }
  },
})
