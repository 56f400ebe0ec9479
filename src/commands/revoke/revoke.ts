import type { Authentik } from '../../authentik/client.ts'
import type { Invitation } from '../../authentik/schemas.ts'
import { fingerprintOf } from '../../authentik/invitations.ts'
import { invitationName } from '../../authentik/text.ts'
import type { Answer } from '../../chat/answer.ts'
import { bullets, paragraph } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest, Unavailable } from '../../chat/command.ts'
import type { Plan } from '../../chat/effects.ts'
import { suggest } from '../../chat/suggest.ts'
import { failedRead, named, refusal, withinPatience } from '../../onboarding/authentik-reads.ts'
import type { Clock } from '../../operations/clock.ts'
import { expiryWords, shortId } from '../invites/list.ts'
import { revokeDeclaration } from './declaration.ts'

/** What `!revoke` may look at. */
export interface RevokePorts {
  readonly authentik: Pick<Authentik, 'listInvitations'>
  readonly clock: Pick<Clock, 'sleep'>
}

/** Ids are given as `!invites` shows them, or longer; fewer signs could be meant as a name. */
const idPattern = /^[0-9a-f]{8,32}$/

/** The invitations that a text names: by name (as written or as Authentik keeps it), else by the beginning of the id. */
const matching = (invitations: readonly Invitation[], text: string): readonly Invitation[] => {
  const byName = invitations.filter(({ name }) => name === text || name === invitationName(text))
  if (byName.length > 0) return byName
  const id = text.toLowerCase().replaceAll('-', '')
  return idPattern.test(id) ? invitations.filter(({ pk }) => pk.replaceAll('-', '').startsWith(id)) : []
}

const plan = async (ports: RevokePorts, request: CommandRequest): Promise<Plan | Answer | Unavailable> => {
  const text = request.arguments.text('id')?.trim() ?? ''
  const found = await withinPatience(ports.authentik.listInvitations(), ports.clock)
  if ('unavailable' in found) return found
  if (!found.ok) return failedRead(found)
  const matches = matching(found.value, text)
  const [invitation, other] = matches
  if (invitation === undefined) {
    const near = suggest(
      text,
      found.value.map(({ name }) => name),
    )
    return refusal(
      'unknown-invitation',
      'Nothing was done: there is no invitation with that name or id. ',
      ...(near.length === 0 ? ['', { code: '!invites' }, ' lists them.'] : ['Did you mean ', ...named(near), '?']),
    )
  }
  if (other !== undefined) {
    return {
      mark: '❌',
      code: 'ambiguous-invitation',
      blocks: [
        paragraph('Nothing was done: several invitations are meant by that. Give the id of one:'),
        bullets(...matches.slice(0, 10).map((one) => [{ code: shortId(one) }, ` ${one.name}, ${expiryWords(one)}`])),
      ],
    }
  }
  return {
    summary: `Invitation ${invitation.name}`,
    steps: [
      {
        effect: { kind: 'invitation.delete', fingerprint: fingerprintOf(invitation.pk), name: invitation.name },
        text: `take back the invitation ${invitation.name} (${shortId(invitation)})`,
      },
    ],
    targets: [],
  }
}

/** `!revoke`: deletes one invitation, and only when the text names exactly one. */
export const createRevokeCommand = (ports: RevokePorts): ChangeCommand => ({
  declaration: revokeDeclaration,
  plan: (request) => plan(ports, request),
})
