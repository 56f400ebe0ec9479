import type { Inline } from '../../chat/answer.ts'
import { paragraph } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import { durationWords } from '../../operations/durations.ts'
import { otherInviter } from '../../onboarding/asked-inviter.ts'
import type { Newcomer, Newcomers } from '../../onboarding/newcomers.ts'
import type { Timestamp, UserId } from '../../types.ts'
import { count, pageFooter, pageOf, pageSize } from '../words.ts'
import { pendingDeclaration } from './declaration.ts'

/** What `!pending` may look at. */
export interface PendingPorts {
  readonly newcomers: Pick<Newcomers, 'all' | 'planState'>
  readonly nameOf: (userId: UserId) => string
  /** Whom a newcomer means by the name of their inviter. */
  readonly inviterOf: (name: string, newcomer: UserId) => UserId | undefined
  /** Has an account or a role by now. */
  readonly isSettled: (userId: UserId) => boolean
}

/** `!pending`: who waits, the longest first. */
export const createPendingCommand = (ports: PendingPorts): ReadCommand => ({
  declaration: pendingDeclaration,
  answer: (request) => {
    const waiting = waitingNow(ports)
    if (waiting.length === 0) return { blocks: [paragraph('Nobody waits in INDOC, and nobody knocks.')], code: 'ok' }
    const page = pageOf(waiting, request.arguments.number('page'))
    const introduced = waiting.filter(({ introduction }) => introduction !== null).length
    const first = (page.page - 1) * pageSize + 1
    return {
      blocks: [
        paragraph({ bold: `${count(waiting.length, 'person', 'people')} waiting` }, `, ${introduced} of them introduced.`),
        { list: page.rows.map((one) => row(ports, one, request.now, request.roomKind !== 'indoc')), start: first },
        paragraph(
          { code: `!gtg ${first}` },
          ' lets a row in, ',
          { code: `!decline ${first}` },
          ' does not, ',
          { code: `!request ${first}` },
          ' asks again.',
        ),
        ...pageFooter(page, '!pending'),
      ],
      rows: waiting.map(({ userId }) => userId),
      code: 'ok',
    }
  },
})

/** Everybody who still needs somebody's decision; also those whose approval did not come to an account. */
const waitingNow = ({ newcomers, isSettled }: PendingPorts): readonly Newcomer[] => [
  ...newcomers.all('waiting').filter(({ userId }) => !isSettled(userId)),
  ...newcomers
    .all('approved')
    .filter(({ userId, decidedPlan }) => !isSettled(userId) && (decidedPlan === null || newcomers.planState(decidedPlan) !== 'running')),
]

const cameWords: Readonly<Record<Newcomer['came'], string>> = {
  join: 'joined',
  knock: 'knocks since',
  invite: 'let in, has not joined yet; since',
}

const row = (ports: PendingPorts, one: Newcomer, now: Timestamp, private_: boolean): readonly Inline[] => {
  const since = durationWords(Math.max(0, now - one.since))
  const came = one.came === 'join' ? `joined ${since} ago` : `${cameWords[one.came]} ${since}`
  const parts = [
    came,
    introductionWords(one, now, private_),
    ...(one.inviterId === null ? [] : [inviterWords(ports, one)]),
    ...deadlineWords(one, now),
    ...(one.state === 'approved' ? ['approved, but there is no account yet: give !gtg again'] : []),
    ...(one.decidedBy !== null && one.state === 'waiting' ? [`decided before by ${ports.nameOf(one.decidedBy)}`] : []),
  ]
  return [{ bold: ports.nameOf(one.userId) }, `: ${parts.join('; ')}`]
}

const introductionWords = ({ introduction, introducedAt, trust, unreadableAt }: Newcomer, now: Timestamp, private_: boolean): string => {
  if (introduction === null) {
    return unreadableAt === null ? 'no introduction yet' : `wrote something that I cannot decrypt, ${durationWords(now - unreadableAt)} ago`
  }
  const { name, organization, invitedBy, email, interests, linkedin, guesses } = introduction
  const missing = [
    ...(name === null ? ['name'] : []),
    ...(email === null ? ['e-mail'] : []),
    ...(interests.length === 0 ? ['interests'] : []),
  ]
  const said = [
    name ?? 'no name',
    ...(organization === null ? [] : [organization]),
    ...(invitedBy === null ? [] : [`invited by ${invitedBy}`]),
    ...(private_ && email !== null ? [email] : []),
    ...(interests.length === 0 ? [] : [`interests: ${interests.join(', ')}`]),
    ...(private_ && linkedin !== null ? [linkedin] : []),
  ]
  return [
    `introduced ${durationWords(Math.max(0, now - (introducedAt ?? now)))} ago (${said.join(', ')})`,
    ...(missing.length === 0 ? [] : [`missing: ${missing.join(', ')}`]),
    ...(guesses.length === 0 ? [] : ['something was guessed']),
    ...(trust === 'in-clear' ? ['not encrypted'] : []),
  ].join('; ')
}

const inviterWords = (ports: PendingPorts, one: Newcomer): string => {
  const now = otherInviter(ports.inviterOf, one)
  const said = vouchWords(ports, one)
  return now === undefined ? said : `${said}, but they name “${now}” now, whom I did not ask`
}

const vouchWords = ({ nameOf }: PendingPorts, { inviterId, vouched, vouchTxn }: Newcomer): string => {
  const who = inviterId === null ? '' : nameOf(inviterId)
  if (vouched !== null) return vouched === 'yes' ? `${who} vouches for them` : `${who} does NOT vouch for them`
  return vouchTxn === null ? `${who} is being asked` : `${who} was asked and has not answered`
}

const deadlineWords = ({ introduction, deadline, expiredAt, state }: Newcomer, now: Timestamp): readonly string[] => {
  if (introduction !== null || deadline === null || state !== 'waiting') return []
  if (expiredAt !== null || deadline <= now) return ['the time is over']
  return [`${durationWords(deadline - now)} left`]
}
