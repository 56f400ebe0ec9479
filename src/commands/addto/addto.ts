import type { Answer } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest, ResolvedRoom } from '../../chat/command.ts'
import type { Plan, PlannedStep } from '../../chat/effects.ts'
import type { Membership } from '../../database/schema.ts'
import type { DirectoryLookup } from '../../directory/lookup.ts'
import type { RoomId, UserId } from '../../types.ts'
import { absentProblem, powerProblem } from '../../directory/power-words.ts'
import { peopleWords } from '../words.ts'
import type { PowerPorts } from '../../directory/power-words.ts'
import { count, refusal } from '../words.ts'
import { addtoDeclaration } from './declaration.ts'

export interface AddtoPorts extends PowerPorts {
  readonly directory: Pick<DirectoryLookup, 'room' | 'membership' | 'power' | 'memberIds'>
  /** The membership now; undefined = the server does not say. */
  readonly liveMembership: (roomId: RoomId, userId: UserId, signal: AbortSignal) => Promise<Membership | undefined>
  readonly isBridged: (userId: UserId) => boolean
  /** Do the server's rate limits not hold for the bot? */
  readonly exempt: () => boolean
}

/** Synapse's default limit on invitations to one person, `rc_invites.per_user`: so many at once, then one in five minutes. */
const invitesAtOnce = 5

type Blocked = NonNullable<PlannedStep['blocked']>

const standing = (membership: Membership | undefined): Blocked | undefined => {
  switch (membership) {
    case 'join':
      return { state: 'skipped', code: 'already-member', text: 'is in the room already' }
    case 'invite':
      return { state: 'skipped', code: 'already-invited', text: 'is invited already: they only have to accept' }
    case 'ban':
      return { state: 'failed', code: 'banned', text: 'is banned there. An invitation never lifts a ban: lift it first if that is meant' }
    case 'knock':
    case 'leave':
    case undefined:
      return undefined
  }
}

/** The directory while it is in step, the server where it is not. Whatever is still wrong, the invitation's own answer decides. */
const membershipOf = async (ports: AddtoPorts, roomId: RoomId, userId: UserId, signal: AbortSignal): Promise<Membership | undefined> => {
  const cached = ports.directory.membership(roomId, userId)
  if (ports.directory.room(roomId)?.freshness.dirty !== true) return cached
  return await ports.liveMembership(roomId, userId, signal)
}

const problemOf = async (ports: AddtoPorts, roomId: RoomId, userId: UserId, signal: AbortSignal): Promise<Blocked | undefined> => {
  if (userId === ports.botUserId) return { state: 'skipped', code: 'is-bot', text: 'that is me; a person has to invite me' }
  if (ports.isBridged(userId)) {
    return {
      state: 'failed',
      code: 'bridged',
      text: 'comes over a bridge, where an invitation reaches nobody. Connect the room with the bridge, or ask them to come with a Matrix account',
    }
  }
  if (ports.directory.room(roomId)?.ownMembership !== 'join') return { state: 'failed', ...absentProblem() }
  const known = standing(await membershipOf(ports, roomId, userId, signal))
  if (known !== undefined) return known
  const problem = powerProblem(ports, roomId, 'invite', userId)
  return problem === undefined ? undefined : { state: 'failed', ...problem }
}

const plan = async (ports: AddtoPorts, request: CommandRequest): Promise<Plan | Answer> => {
  const { arguments: given, signal } = request
  const people = given.users('users')
  const users = people.flatMap(({ userId, name }) => (userId === undefined ? [] : [{ userId, name }]))
  const unlinked = people.filter(({ userId }) => userId === undefined)
  if (users.length === 0) {
    const names = peopleWords(unlinked.map(({ name }) => name))
    return refusal('no-matrix-user', `${names}: no Matrix user is linked to the account, so nobody can be invited. Name the Matrix id.`)
  }
  const isSpace = ({ roomId }: ResolvedRoom): boolean => ports.directory.room(roomId)?.space === true
  const rooms = given.rooms('rooms') ?? []
  // A space first: it shows its rooms, and some of them let its people in by themselves.
  const ordered = [...rooms.filter(isSpace), ...rooms.filter((room) => !isSpace(room))]
  const steps: PlannedStep[] = []
  for (const room of ordered) {
    for (const { userId, name } of users) {
      const blocked = await problemOf(ports, room.roomId, userId, signal)
      steps.push({
        effect: { kind: 'room.invite', roomId: room.roomId, userId },
        text: `invite ${name} to ${room.name}`,
        ...(blocked === undefined ? {} : { blocked }),
      })
    }
  }
  const open = steps.filter((step) => step.blocked === undefined)
  const most = Math.max(0, ...users.map(({ userId }) => open.filter(({ effect }) => 'userId' in effect && effect.userId === userId).length))
  return {
    summary: `invite ${peopleWords(users.map(({ name }) => name))} to ${ordered.length === 1 ? (ordered[0]?.name ?? '') : count(ordered.length, 'room')}`,
    steps,
    notes: [
      ...unlinked.map(({ name }) => `${name}: no Matrix user is linked to the account. Name the Matrix id to invite them.`),
      ...(most > invitesAtOnce && !ports.exempt()
        ? [
            `The server lets one person be invited ${invitesAtOnce} times at once, then once in five minutes: give the command again for what it refuses.`,
          ]
        : []),
    ],
    targets: users.map(({ userId }) => userId),
  }
}

/** `!addto`: invites people to rooms; works alone, as the manual way when the automatic one failed. */
export const createAddtoCommand = (ports: AddtoPorts): ChangeCommand => ({
  declaration: addtoDeclaration,
  plan: (request) => plan(ports, request),
})
