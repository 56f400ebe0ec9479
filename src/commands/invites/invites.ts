import type { Authentik } from '../../authentik/client.ts'
import type { Invitation } from '../../authentik/schemas.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import { paragraph } from '../../chat/answer.ts'
import type { CommandRequest, ReadCommand } from '../../chat/command.ts'
import { failedRead, refusal, withinPatience } from '../../onboarding/authentik-reads.ts'
import type { Clock } from '../../operations/clock.ts'
import { invitesDeclaration } from './declaration.ts'
import { authorOf, expiryWords, isOpen, shortId } from './list.ts'

/** What `!invites` may look at. */
export interface InvitesPorts {
  readonly authentik: Pick<Authentik, 'listInvitations'>
  readonly clock: Pick<Clock, 'sleep'>
}

const pageSize = 20

const row = (invitation: Invitation): readonly Inline[] => [
  { bold: invitation.name },
  ', ',
  { code: shortId(invitation) },
  `: ${expiryWords(invitation)}, ${invitation.single_use ? 'works once' : 'works any number of times'}, by ${authorOf(invitation)}`,
]

const answer = async (ports: InvitesPorts, request: CommandRequest): Promise<Answer> => {
  const found = await withinPatience(ports.authentik.listInvitations(), ports.clock)
  const failure = 'unavailable' in found ? found : found.ok ? undefined : failedRead(found)
  if (failure !== undefined) return 'blocks' in failure ? failure : refusal('unavailable', `${failure.words}. Ask again in a moment.`)
  if ('unavailable' in found || !found.ok) throw new Error('a list without a failure is a list')
  const open = found.value.filter((invitation) => isOpen(invitation, request.now))
  if (open.length === 0) return { blocks: [paragraph('There are no open invitations. ', { code: '!invite' }, ' makes one.')], code: 'ok' }
  const pages = Math.ceil(open.length / pageSize)
  const page = request.arguments.number('page') ?? 1
  if (page > pages) return refusal('no-such-page', `There are only ${pages} pages.`)
  const start = (page - 1) * pageSize
  const more = pages > 1 ? `, page ${page} of ${pages}` : ''
  return {
    blocks: [
      paragraph({ bold: `${open.length} open invitation${open.length === 1 ? '' : 's'}${more}` }),
      { list: open.slice(start, start + pageSize).map(row) },
      paragraph({ italic: 'Used invitations are gone from this list. ' }, { code: '!revoke <id>' }, { italic: ' takes one back.' }),
      ...(page < pages ? [paragraph('More: ', { code: `!invites --page ${page + 1}` })] : []),
    ],
    code: 'ok',
  }
}

/** `!invites`: the open invitations, never their links. */
export const createInvitesCommand = (ports: InvitesPorts): ReadCommand => ({
  declaration: invitesDeclaration,
  answer: (request) => answer(ports, request),
})
