import { paragraph } from '../../chat/answer.ts'
import type { Answer } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest, Unavailable } from '../../chat/command.ts'
import type { Effect, Outcome, Plan, PlannedStep } from '../../chat/effects.ts'
import { durationWords } from '../../operations/durations.ts'
import { planArrival } from '../../onboarding/arrival.ts'
import type { ArrivalPorts, ArrivalWish } from '../../onboarding/arrival-wish.ts'
import { otherInviter } from '../../onboarding/asked-inviter.ts'
import type { Newcomer, Newcomers } from '../../onboarding/newcomers.ts'
import type { EventId, RoomId, UserId } from '../../types.ts'
import { createAdduserCommand } from '../adduser/adduser.ts'
import { isSubject, subjectOf } from '../subject.ts'
import type { Subject, SubjectPorts } from '../subject.ts'
import { enumerate, refusal } from '../words.ts'
import { arrivalChoices } from '../arrival-options.ts'
import { approveDeclaration } from './declaration.ts'
import { understand, understoodWords } from './understood.ts'
import type { Understood } from './understood.ts'

/** What `!approve` may look at. */
export interface ApprovePorts extends ArrivalPorts, SubjectPorts {
  readonly newcomers: Pick<Newcomers, 'of' | 'messages' | 'planState'>
  readonly displayName: (userId: UserId) => string | null
  /** Has somebody said something about themselves that the writer of an event may not have seen? */
  readonly introducedAfter: (userId: UserId, eventId: EventId) => boolean
  /** Whom a newcomer means by the name of their inviter. */
  readonly inviterOf: (name: string, newcomer: UserId) => UserId | undefined
}

/** Longest text that goes into the account's attribute `intro`. */
const longestIntro = 4000

/**
 * `!approve`, `!gtg`: the arrival of somebody who waits in INDOC, with what they wrote about themselves. The decision is the first step of the plan
 * and everything else waits for it: of two moderators who approve at the same moment, the second one is told.
 */
export const createApproveCommand = (ports: ApprovePorts): ChangeCommand => {
  const arrival = createAdduserCommand(ports)
  return {
    declaration: approveDeclaration,
    plan: (request) => plan(ports, request),
    render: (whole, outcomes) => {
      const [first, ...rest] = outcomes
      const decided = whole.steps[0]?.effect.kind === 'newcomer.decide'
      if (!decided || first === undefined) return arrival.render?.(whole, outcomes) ?? { blocks: [], code: 'ok' }
      if (first.state === 'failed' || first.state === 'unknown') return beaten(whole, first)
      return arrival.render?.({ ...whole, steps: whole.steps.slice(1) }, rest) ?? { blocks: [], code: 'ok' }
    },
  }
}

const beaten = (whole: Plan, outcome: Outcome): Answer => ({
  mark: '⚠️',
  blocks: [paragraph({ bold: whole.summary }, `: ${outcome.text}. I did nothing a second time.`)],
  code: outcome.code,
})

const plan = async (ports: ApprovePorts, request: CommandRequest): Promise<Plan | Answer | Unavailable> => {
  const subject = subjectOf(ports, request)
  if (!isSubject(subject)) return subject
  const { userId } = subject
  const indoc = ports.indoc()
  const newcomer = ports.newcomers.of(userId)
  const membership = indoc === undefined ? undefined : ports.directory.membership(indoc, userId)
  if (ports.roleOf(userId) !== 'everyone')
    return refusal('target-role', `${subject.name} has a role already and does not have to be let in.`)
  if (indoc !== undefined && membership === 'knock') return admit(request, subject, indoc)
  if (newcomer?.state === 'approved' && newcomer.decidedPlan !== null) {
    const told = alreadyApproved(ports, request, subject, newcomer)
    if (told !== undefined) return told
  }
  const known = understand(request, newcomer, ports.displayName(userId) ?? undefined)
  // A command that could not run at once (an outage, a late key, the bot away) approves what stood there when it was given.
  const unseen = (newcomer?.introduction ?? null) !== null && ports.introducedAfter(userId, request.writtenIn ?? request.eventId)
  const understood = unseen ? { ...known, doubts: [...known.doubts, unseenWords] } : known
  if (understood.name === undefined && (newcomer?.state === 'left' || membership === 'leave' || membership === 'ban')) {
    return refusal(
      'has-left',
      `${subject.name} is not in INDOC any more, and what they wrote there is forgotten. Nothing was done. They can come back and introduce themselves; with `,
      { code: '--name' },
      ' (and ',
      { code: '--email' },
      ') you can say it for them.',
    )
  }
  if (understood.name === undefined) {
    return refusal(
      'no-introduction',
      `${subject.name} has not introduced themselves${newcomer?.unreadableAt === null ? '' : ' in a way that I could read'}. `,
      { code: `!request ${userId}` },
      ' asks again; with ',
      { code: '--name' },
      ' (and ',
      { code: '--email' },
      ') you can say it for them.',
    )
  }
  const made = await planArrival(ports, wishOf(ports, request, subject, understood, newcomer))
  if (!('steps' in made)) return 'blocks' in made ? named(made, subject) : made
  return decidedFirst(ports, made, request, subject, newcomer, understood)
}

/** Why somebody is not let in by an approval of something else. */
const unseenWords = 'they wrote or changed this after your command was sent, so please read it in INDOC again'

/** A refusal names the person first, too. */
const named = (answer: Answer, { name }: Subject): Answer => {
  const first = paragraph({ bold: name }, ':')
  return {
    ...answer,
    blocks: [first, ...answer.blocks],
    ...(answer.inPublic === undefined ? {} : { inPublic: [first, ...answer.inPublic] }),
  }
}

/** A knock: the person is let into INDOC, where they are asked for their introduction. */
const admit = (request: CommandRequest, { userId, name }: Subject, indoc: RoomId): Plan | Answer => {
  const given = approveDeclaration.options.filter(({ name: option }) => request.arguments.raw()[option] !== undefined)
  if (given.length > 0) {
    return refusal(
      'still-knocking',
      `${name} still knocks. `,
      { code: `!gtg ${userId}` },
      ' without options lets them into INDOC, where I ask for an introduction; ',
      { code: '!adduser' },
      ' makes an account right away.',
    )
  }
  return {
    summary: name,
    steps: [{ effect: { kind: 'room.invite', roomId: indoc, userId }, text: `let ${name} into INDOC` }],
    notes: ['They are asked for an introduction once they have joined; approve them again then.'],
    targets: [userId],
  }
}

const alreadyApproved = (
  ports: ApprovePorts,
  request: CommandRequest,
  { name, userId }: Subject,
  newcomer: Newcomer,
): Answer | undefined => {
  const state = ports.newcomers.planState(newcomer.decidedPlan ?? 0)
  // What failed is completed by giving the command again.
  if (state === 'partly') return undefined
  const who =
    newcomer.decidedBy === request.asker.userId ? 'you' : newcomer.decidedBy === null ? 'somebody' : ports.nameOf(newcomer.decidedBy)
  const when = durationWords(Math.max(1000, request.now - (newcomer.decidedAt ?? request.now)))
  const account = ports.links.of(userId)?.username
  const words = state === 'running' ? 'and it is being done right now' : account === undefined ? '' : `with the account ${account}`
  return {
    mark: '⚠️',
    blocks: [
      paragraph({ bold: name }, `: ${who} approved them ${when} ago${words === '' ? '' : `, ${words}`}. I did nothing a second time.`),
      paragraph(
        { code: `!welcome ${userId}` },
        ' sends the welcome again, ',
        { code: `!graduate ${userId}` },
        ' takes them out of INDOC now.',
      ),
    ],
    code: 'already-decided',
  }
}

const wishOf = (
  ports: ApprovePorts,
  request: CommandRequest,
  subject: Subject,
  understood: Understood,
  newcomer: Newcomer | undefined,
): ArrivalWish => {
  const given = request.arguments
  const [first = '', ...last] = (understood.name ?? '').split(/\s+/u)
  const intro = ports.newcomers
    .messages(subject.userId)
    .map(({ body }) => body)
    .join('\n\n')
    .slice(0, longestIntro)
  const vouched = newcomer?.vouched ?? undefined
  // Somebody else may be named by now: a yes is that of the one who was asked.
  const { invitedBy } = understood
  const named = invitedBy === undefined ? undefined : ports.inviterOf(invitedBy, subject.userId)
  const confirmed = vouched === 'no' ? false : vouched === 'yes' && named === newcomer?.inviterId ? true : undefined
  return {
    first,
    last: last.length === 0 ? undefined : last.join(' '),
    email: understood.email,
    ...(given.text('email') === undefined ? { emailOnlyClaimed: true } : {}),
    person: {
      raw: subject.raw,
      userId: subject.userId,
      name: subject.name,
      ...(subject.account === undefined ? {} : { account: subject.account }),
    },
    invitedBy,
    invitedByConfirmed: confirmed,
    organization: understood.organization,
    linkedin: understood.linkedin,
    intro: newcomer?.introduction === null || intro === '' ? undefined : intro,
    interests: understood.interests,
    ...arrivalChoices(request),
  }
}

/** Puts the decision before everything else. */
const decidedFirst = (
  ports: ApprovePorts,
  arrival: Plan,
  request: CommandRequest,
  { userId, name }: Subject,
  newcomer: Newcomer | undefined,
  understood: Understood,
): Plan => {
  const decide: PlannedStep = {
    effect: {
      kind: 'newcomer.decide',
      userId,
      decision: 'approved',
      by: request.asker.userId,
      ...(newcomer?.state === 'approved' ? { again: true } : {}),
    },
    text: `note that ${name} is approved`,
  }
  const doubtful = understood.doubts.length > 0
  // Whom the moderator names counts.
  const other =
    newcomer === undefined || request.arguments.text('invited-by') !== undefined ? undefined : otherInviter(ports.inviterOf, newcomer)
  const notes = [
    ...(doubtful
      ? [understoodWords(understood), `Not certain: ${enumerate(understood.doubts)}. Options such as --email or --name correct it.`]
      : []),
    ...(understood.missing.length === 0
      ? []
      : [
          `Not given: ${enumerate(understood.missing)}. Ask them, and give the command again with ${understood.missing.includes('e-mail address') ? '`--email`' : '`--interests`'} to complete it.`,
        ]),
    ...(newcomer?.vouched === 'no' && newcomer.inviterId !== null ? [`Beware: the inviter whom they name does not vouch for them.`] : []),
    ...(other === undefined || newcomer?.inviterId === null || newcomer === undefined
      ? []
      : [`They first named ${ports.nameOf(newcomer.inviterId)} as their inviter and name “${other}” now, whom I did not ask.`]),
    ...(newcomer?.trust === 'in-clear'
      ? ['The introduction was not encrypted: anybody who runs a server in between could have changed it.']
      : []),
    ...(arrival.notes ?? []),
  ]
  return {
    ...arrival,
    steps: [decide, ...arrival.steps.map(shifted)],
    ...(notes.length === 0 ? {} : { notes }),
    ...(doubtful || newcomer?.vouched === 'no' || other !== undefined ? { confirm: true } : {}),
  }
}

/** A step that stands one place later, as do the steps that it names; all wait for the decision. */
const shifted = (step: PlannedStep): PlannedStep => ({
  ...step,
  effect: shiftedEffect(step.effect),
  after: [0, ...(step.after ?? []).map((index) => index + 1)],
})

const shiftedEffect = (effect: Effect): Effect => {
  if ('account' in effect && 'step' in effect.account) {
    const { step, username } = effect.account
    return { ...effect, account: { step: step + 1, username } } as Effect
  }
  if (effect.kind !== 'job.schedule') return effect
  const account = effect.payload['account']
  if (typeof account !== 'object' || account === null || !('step' in account) || typeof account.step !== 'number') return effect
  return { ...effect, payload: { ...effect.payload, account: { ...account, step: account.step + 1 } } }
}
