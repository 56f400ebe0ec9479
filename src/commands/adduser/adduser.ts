import { paragraph } from '../../chat/answer.ts'
import type { Answer, Block } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest } from '../../chat/command.ts'
import type { Outcome, Plan } from '../../chat/effects.ts'
import { renderOutcomes } from '../../chat/outcomes.ts'
import { planArrival } from '../../onboarding/arrival.ts'
import { fullName } from '../../onboarding/arrival-wish.ts'
import type { ArrivalPorts, ArrivalWish } from '../../onboarding/arrival-wish.ts'
import { misplacedIn } from '../misplaced.ts'
import { arrivalChoices } from '../arrival-options.ts'
import { adduserDeclaration } from './declaration.ts'

/** What `!adduser` may look at: all that an arrival needs. */
export type AdduserPorts = ArrivalPorts

const wishOf = (request: CommandRequest): ArrivalWish => {
  const given = request.arguments
  const text = (name: string): string | undefined => given.text(name)?.trim() || undefined
  return {
    first: text('first') ?? '',
    last: text('last'),
    email: text('email'),
    person: given.user('matrix'),
    invitedBy: text('invited-by'),
    organization: text('organization'),
    interests: given.list('interests') ?? [],
    ...arrivalChoices(request),
  }
}

/** What is said about credentials: how they travel, never what they are. */
const credentialWords = (plan: Plan, outcomes: readonly Outcome[]): readonly Block[] => {
  const index = plan.steps.findIndex(({ effect }) => effect.kind === 'job.schedule' && effect.job === 'welcome')
  return outcomes[index]?.state === 'done'
    ? [paragraph('Credentials are delivered by DM only, as soon as the direct chat has been joined.')]
    : []
}

/** `!adduser`: the whole arrival of one person in one plan. */
export const createAdduserCommand = (ports: AdduserPorts): ChangeCommand => ({
  declaration: adduserDeclaration,
  plan: (request) => {
    const wish = wishOf(request)
    return misplacedIn(fullName(wish), '--matrix') ?? planArrival(ports, wish)
  },
  render: (plan, outcomes): Answer => {
    const answer = renderOutcomes(plan, outcomes)
    const open = outcomes.some(({ state }) => state === 'failed' || state === 'unknown')
    const again = open ? [paragraph('What did not work can be mended and the same command given again: it makes no second account.')] : []
    return { ...answer, blocks: [...answer.blocks, ...credentialWords(plan, outcomes), ...again] }
  },
})
