import type { ChangeCommand, CommandRequest } from '../../chat/command.ts'
import type { Effect, Plan, PlannedStep } from '../../chat/effects.ts'
import type { Directory } from '../../directory/directory.ts'
import type { Links } from '../../directory/links.ts'
import type { Scheduler } from '../../jobs/scheduler.ts'
import type { createMadeArrivals, MadeArrival } from '../../onboarding/made-arrivals.ts'
import type { RoomId, UserId } from '../../types.ts'
import { ago, count, enumerate, refusal } from '../words.ts'
import { undoDeclaration } from './declaration.ts'

/** What `!undo` may look at. */
export interface UndoPorts {
  readonly arrivals: ReturnType<typeof createMadeArrivals>
  readonly links: Pick<Links, 'ofAccount'>
  readonly scheduler: Pick<Scheduler, 'open'>
  readonly directory: Pick<Directory, 'membership' | 'room'>
  readonly directRoomOf: (userId: UserId) => RoomId | undefined
  readonly indoc: () => RoomId | undefined
  /** Why only an admin may touch an account, in words that follow "it"; undefined = it is anybody's. */
  readonly protectedAccount: (pk: number) => string | undefined
}

const reason = 'The invitation was taken back'

/** `!undo`: takes back what an arrival has made, as far as that can be taken back. Nothing is deleted. */
export const createUndoCommand = (ports: UndoPorts): ChangeCommand => ({
  declaration: undoDeclaration,
  plan: (request) => {
    const person = request.arguments.user('user')
    const made = ports.arrivals(person === undefined ? { asker: request.asker.userId } : { userId: person.userId, pk: person.account?.pk })
    if (made === undefined) {
      return person === undefined
        ? refusal('not-found', 'Nothing was done: you have made no arrival that could be taken back. Name the person: ', {
            code: '!undo @user',
          })
        : refusal('not-found', `Nothing was done: no arrival of ${person.name} was made by me, or it was taken back already.`)
    }
    const account = accountOf(made)
    if (account !== undefined && request.asker.role !== 'admin') {
      const guarded = ports.protectedAccount(account.pk)
      if (guarded !== undefined)
        return refusal('protected-account', 'Nothing was done: the account ', { code: account.username }, ` ${guarded}. Ask an admin.`)
    }
    return planOf(ports, request, made, account)
  },
})

/** The account that the arrival made. One that was there before is not touched. */
const accountOf = ({ steps }: MadeArrival): { readonly pk: number; readonly username: string } | undefined => {
  const step = steps.find(({ planned, state }) => planned.effect.kind === 'account.create' && state === 'done')
  const { pk, username } = step?.data ?? {}
  return typeof pk === 'number' && typeof username === 'string' ? { pk, username } : undefined
}

const planOf = (
  ports: UndoPorts,
  { asker, eventId, now, roomKind }: CommandRequest,
  made: MadeArrival,
  account: { readonly pk: number; readonly username: string } | undefined,
): Plan => {
  const { directory, scheduler } = ports
  // Linked since, by a code: the account is theirs, and the rules on targets hold for them.
  const holder = account === undefined ? undefined : ports.links.ofAccount(account.pk)?.userId
  const people = [...new Set([...made.targets, ...(holder === undefined ? [] : [holder])])]
  const steps: PlannedStep[] = []
  const notes: string[] = []
  const add = (effect: Effect, text: string): void => void steps.push({ effect, text })
  const cancel = (kind: string, key: string, text: string): void => {
    const job = scheduler.open(kind, key)
    // The event makes the reason this command's own, so that a restart knows its work again.
    if (job !== undefined) add({ kind: 'job.cancel', jobId: job.jobId, reason: `given up by ${asker.userId} (${eventId})` }, text)
  }
  if (account !== undefined) {
    add({ kind: 'account.deactivate', account }, `disable the account ${account.username}`)
    if (holder !== undefined) add({ kind: 'account.unlink', account, userId: holder }, `unlink ${holder} from ${account.username}`)
  } else if (made.steps.some(({ planned }) => planned.effect.kind === 'account.link' || planned.effect.kind === 'account.attributes')) {
    notes.push('The account was there before, so it is left as it is.')
  }
  const joined: string[] = []
  const rooms = new Set<RoomId>()
  for (const userId of people) {
    for (const kind of ['welcome', 'bridged-welcome']) cancel(kind, userId, 'give up the welcome')
    cancel('credentials', userId, 'give up the new credentials')
    cancel('arrival', userId, 'give up the rest of the arrival')
    cancel('graduation', userId, 'give up the removal from INDOC')
    const direct = ports.directRoomOf(userId)
    if (direct !== undefined && directory.membership(direct, userId) === 'invite') {
      add({ kind: 'room.kick', roomId: direct, userId, reason, onlyInvited: true }, 'take back the invitation to the direct chat')
    }
    for (const { planned, state } of made.steps) {
      const { effect } = planned
      if (
        (effect.kind !== 'room.invite' && effect.kind !== 'room.join') ||
        effect.userId !== userId ||
        rooms.has(effect.roomId) ||
        state === 'skipped'
      )
        continue
      const { roomId } = effect
      rooms.add(roomId)
      // In INDOC everybody reads along.
      const shown = roomKind === 'indoc' ? 'a room' : (directory.room(roomId)?.name ?? roomId)
      cancel('invite', `${roomId} ${userId}`, `give up the invitation to ${shown}`)
      const membership = directory.membership(roomId, userId)
      if (membership === 'invite')
        add({ kind: 'room.kick', roomId, userId, reason, onlyInvited: true }, `take back the invitation to ${shown}`)
      else if (membership === 'join') joined.push(shown)
    }
    if (joined.length > 0)
      notes.push(
        `They have joined ${roomKind === 'indoc' ? count(joined.length, 'room') : enumerate(joined)} and stay there; \`!remove ${userId}\` takes them out.`,
      )
    const indoc = ports.indoc()
    const wasThere = made.steps.some(({ planned }) => planned.effect.kind === 'job.schedule' && planned.effect.job === 'graduation')
    if (wasThere && indoc !== undefined && directory.membership(indoc, userId) !== 'join')
      notes.push('They have left INDOC already. If they are to come back there, invite them.')
  }
  if (account !== undefined)
    notes.push(`The account ${account.username} is kept, disabled. An admin can delete it or switch it on again in Authentik.`)
  return {
    summary: `undo the arrival of ${made.summary} (${ago(made.at, now)})`,
    steps,
    notes,
    targets: people,
    undoes: made.planId,
  }
}
