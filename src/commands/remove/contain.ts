import type { Answer } from '../../chat/answer.ts'
import type { CommandRequest, ResolvedPerson } from '../../chat/command.ts'
import type { PlannedStep } from '../../chat/effects.ts'
import type { UserId } from '../../types.ts'
import { refusal } from '../words.ts'

export interface ContainPorts {
  readonly botUserId: UserId
  readonly profile: 'stranger' | 'own-server'
  /** May the bot use the admin API of its server? */
  readonly isServerAdmin: () => boolean
  /** Why only an admin may touch this account, in words that follow "it": `is a superuser of Authentik`. undefined = anybody's. */
  readonly protectedAccount: (accountPk: number) => string | undefined
  readonly nameOf: (userId: UserId) => string
}

/** Steps that contain the accounts, before anything else. */
export interface Containment {
  readonly steps: readonly PlannedStep[]
  readonly notes: readonly string[]
}

/** The server of an id: what follows its first colon (spec, "User identifiers"). */
const serverOf = (userId: UserId): string => userId.slice(userId.indexOf(':') + 1)

const suspendStep = (ports: ContainPorts, userId: UserId): PlannedStep => {
  const step: PlannedStep = { effect: { kind: 'user.suspend', userId }, text: `suspend ${ports.nameOf(userId)} on this server` }
  if (serverOf(userId) === serverOf(ports.botUserId)) return step
  return {
    ...step,
    blocked: {
      state: 'failed',
      code: 'not-local',
      text: `only people of this server can be suspended; the admins of ${serverOf(userId)} could`,
    },
  }
}

/** Plans `--suspend` and `--deactivate`, or says why that cannot be. */
export const planContainment = (ports: ContainPorts, people: readonly ResolvedPerson[], request: CommandRequest): Containment | Answer => {
  const { arguments: given, asker } = request
  const steps: PlannedStep[] = []
  const notes: string[] = []
  if (given.flag('suspend')) {
    if (ports.profile !== 'own-server')
      return refusal(
        'not-available',
        'I am an ordinary user on this server and cannot suspend people. Use --deactivate, or ask an admin of the server.',
      )
    if (!ports.isServerAdmin())
      return refusal(
        'not-available',
        'I am not an admin of this server now, so I cannot suspend people. Use --deactivate; an operator can look at ',
        { code: '!status' },
      )
    for (const { userId, name } of people) {
      if (userId === undefined) notes.push(`${name} has no linked Matrix user: there is nobody to suspend.`)
      else steps.push(suspendStep(ports, userId))
    }
  }
  if (given.flag('deactivate')) {
    for (const { account, name } of people) {
      if (account === undefined) {
        notes.push(`${name} has no linked account: there is none to deactivate.`)
        continue
      }
      const shield = ports.protectedAccount(account.pk)
      if (shield !== undefined && asker.role !== 'admin')
        return refusal('protected-account', 'The account ', { code: account.username }, ` ${shield}: only an admin may deactivate it.`)
      steps.push({ effect: { kind: 'account.deactivate', account }, text: `deactivate the account ${account.username}` })
    }
  }
  return { steps, notes }
}
