import type { Authentik } from '../../authentik/client.ts'
import { invitationName } from '../../authentik/text.ts'
import type { Answer } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest } from '../../chat/command.ts'
import type { Plan } from '../../chat/effects.ts'
import { durationWords } from '../../operations/durations.ts'
import type { Directory } from '../../directory/directory.ts'
import { failedRead, refusal, withinPatience } from '../../onboarding/authentik-reads.ts'
import type { Clock } from '../../operations/clock.ts'
import type { UserId } from '../../types.ts'
import { misplacedIn } from '../misplaced.ts'
import { inviteDeclaration } from './declaration.ts'

/** What `!invite` may look at. */
export interface InvitePorts {
  readonly authentik: Pick<Authentik, 'getEnrollmentFlow' | 'getInvitationStages'>
  readonly directory: Pick<Directory, 'ownUserId' | 'bridged'>
  readonly clock: Pick<Clock, 'sleep'>
  /** A new random text, from a cryptographic generator: by it the invitation is found again. */
  readonly newNonce: () => string
  /** `invitations` of the configuration; `expires` in milliseconds. */
  readonly settings: { readonly flow: string; readonly expires: number }
}

/** Who gets the link, or why nobody can. */
const recipient = (ports: InvitePorts, request: CommandRequest): { readonly userId: UserId; readonly name: string } | Answer => {
  const { userId, name } = request.asker
  const person = request.arguments.user('to')
  if (person === undefined) return { userId, name }
  if (person.userId === undefined) {
    return refusal('no-matrix-user', 'Nothing was done: ', { code: person.raw }, ' has no Matrix user to send the link to.')
  }
  if (person.userId === ports.directory.ownUserId) return refusal('target-bot', 'Nothing was done: that is me, and I need no invitation.')
  if (ports.directory.bridged.bridgeOf(person.userId) !== undefined) {
    return refusal(
      'bridged',
      `Nothing was done: ${person.name} is behind a bridge, where an encrypted DM does not reach. Leave --to out: you get the link and hand it over.`,
    )
  }
  return { userId: person.userId, name: person.name }
}

const plan = async (ports: InvitePorts, request: CommandRequest) => {
  const given = request.arguments
  const misplaced = misplacedIn(given.text('name') ?? '', '--to')
  if (misplaced !== undefined) return misplaced
  if (given.flag('qr')) return refusal('not-available', 'Nothing was done: QR codes are not part of this version yet. Leave --qr out.')
  const to = recipient(ports, request)
  if ('blocks' in to) return to
  const slug = given.text('flow') ?? ports.settings.flow
  const reads = await withinPatience(
    Promise.all([ports.authentik.getEnrollmentFlow(slug), ports.authentik.getInvitationStages(slug)]),
    ports.clock,
  )
  if ('unavailable' in reads) return reads
  const [flow, stages] = reads
  if (!flow.ok) {
    if (flow.code === 'not-found') {
      return refusal('flow-not-found', 'Nothing was done: Authentik has no flow ', { code: slug }, ', or the bot may not see it.')
    }
    if (flow.code === 'invalid') return refusal('not-enrollment', `Nothing was done: ${flow.text}. Name one with --flow.`)
    return failedRead(flow)
  }
  if (!stages.ok) return failedRead(stages)
  if (!stages.value.bound) {
    return refusal(
      'stage-not-bound',
      'Nothing was done: no invitation stage is bound to the flow ',
      { code: slug },
      ', so an invitation would mean nothing. An admin can bind one in Authentik (Flows → Stage Bindings).',
    )
  }
  const label = given.text('name')?.trim() ?? ''
  const email = given.text('email')
  const lifetime = given.number('expires') ?? ports.settings.expires
  const expires = new Date(request.now + lifetime).toISOString()
  const singleUse = !given.flag('multi-use')
  const made: Plan = {
    summary: `Invitation for ${label}`,
    steps: [
      {
        effect: {
          kind: 'invitation.create',
          // As Authentik keeps it, so that `!revoke` finds it by the name that the answer shows.
          name: invitationName(label),
          nonce: ports.newNonce(),
          flow: { pk: flow.value.pk, slug: flow.value.slug },
          expires,
          singleUse,
          fixedData: { ...(email === undefined ? {} : { email }), attributes: { created_by: `gatehouse:${request.asker.userId}` } },
          deliverTo: to.userId,
        },
        text: `make the invitation ${invitationName(label)} (works ${singleUse ? 'once' : 'any number of times'}, for ${durationWords(lifetime)}) and send its link to ${to.name} by DM only`,
      },
    ],
    ...(stages.value.openToAll
      ? {
          notes: [`Warning: the flow ${flow.value.slug} lets people sign up without an invitation too (continue_flow_without_invitation).`],
        }
      : {}),
    targets: [],
  }
  return made
}

/** `!invite`: an Authentik invitation whose link goes by encrypted DM to one person. */
export const createInviteCommand = (ports: InvitePorts): ChangeCommand => ({
  declaration: inviteDeclaration,
  plan: (request) => plan(ports, request),
})
