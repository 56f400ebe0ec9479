import type { Database } from '../database/database.ts'
import type { DirectoryChanges, MemberChange } from '../directory/changes.ts'
import type { Directory } from '../directory/directory.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { RoomId, UserId } from '../types.ts'

/** The jobs that bring something to somebody who has been let in. */
export const deliveries = ['welcome', 'bridged-welcome', 'credentials', 'arrival'] as const

/** What is asked about a person who has been removed. */
export interface RemovedPorts {
  readonly database: Database
  /** Is the person in INDOC or in a room of the community, or invited to one? */
  readonly belongs: (userId: UserId) => boolean
}

/** With these a moderator lets somebody in, or in again. */
const letIn = ['adduser', 'approve', 'welcome', 'reset', 'addto'] as const

/**
 * Was the person taken out of the community by `!remove`, and let in by nobody since? Then they get no credentials, whatever they ask for: their
 * account may still be active.
 */
export const createRemoved =
  ({ database, belongs }: RemovedPorts) =>
  (userId: UserId): boolean => {
    const last = database.first(
      database.query
        .selectFrom('plan')
        .select('command')
        .where('command', 'in', ['remove', ...letIn])
        .where('state', 'in', ['running', 'done'])
        .where((build) =>
          // `targets` is a list of whole ids: a pattern would take one id for part of another.
          build.exists(
            build
              .selectFrom((from) => from.fn<{ value: string }>('json_each', ['plan.details', from.val('$.targets')]).as('target'))
              .select('target.value')
              .where('target.value', '=', userId),
          ),
        )
        .orderBy('plan_id', 'desc')
        .limit(1),
    )
    return last?.command === 'remove' && !belongs(userId)
  }

/** Who is told of departures. */
export interface DeparturePorts {
  readonly directory: Pick<Directory, 'ownUserId' | 'membership'>
  readonly scheduler: Pick<Scheduler, 'open' | 'cancelOpen' | 'latest'>
  readonly indoc: () => RoomId | undefined
  /** Is it INDOC or a room of the community? */
  readonly isCommunity: (roomId: RoomId) => boolean
  readonly belongs: (userId: UserId) => boolean
  readonly directRoomOf: (userId: UserId) => RoomId | undefined
}

/**
 * Gives up what was still to be delivered to somebody who is in the community no more: taken out of their last room by whomever, or gone by
 * themselves before they joined the direct chat. Joins the caller's transaction.
 */
export const followDepartures = (ports: DeparturePorts, changes: DirectoryChanges): void => {
  for (const change of changes.memberChanges) {
    if (change.to !== 'leave' && change.to !== 'ban') continue
    const open = deliveries.filter((kind) => ports.scheduler.open(kind, change.userId) !== undefined)
    const reason = open.length === 0 ? undefined : departure(ports, change)
    if (reason === undefined) continue
    for (const kind of open) ports.scheduler.cancelOpen(kind, change.userId, reason)
  }
}

const departure = (ports: DeparturePorts, { roomId, userId, from, to, sender }: MemberChange): string | undefined => {
  const { directory, scheduler } = ports
  if (!ports.isCommunity(roomId) || ports.belongs(userId)) return undefined
  if (sender === userId || sender === null) {
    // An invitation that is turned down is no good-bye; and who is in the direct chat can be told there.
    const direct = ports.directRoomOf(userId)
    const reachable = direct !== undefined && directory.membership(direct, userId) === 'join'
    return from === 'join' && !reachable ? 'the person has left the community' : undefined
  }
  // To be taken out of INDOC after the arrival is part of it.
  const graduated = ['running', 'done'].includes(scheduler.latest('graduation', userId)?.state ?? '')
  if (to === 'leave' && sender === directory.ownUserId && roomId === ports.indoc() && graduated) return undefined
  return 'the person was removed'
}
