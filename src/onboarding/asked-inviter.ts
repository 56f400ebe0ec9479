import type { Directory } from '../directory/directory.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Newcomer, Newcomers } from './newcomers.ts'

export interface AskedInviterPorts {
  readonly newcomers: Newcomers
  readonly scheduler: Pick<Scheduler, 'add' | 'latest'>
  readonly directory: Pick<Directory, 'label'>
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly rooms: { readonly admin: RoomId | undefined }
  /** The person whom a newcomer names as their inviter, if it is clear who that is. */
  readonly inviterOf: (name: string, newcomer: UserId) => UserId | undefined
  /** Is it known who is in the rooms? Before, a name that stands for two people could look like that of one. */
  readonly peopleKnown: () => boolean
  readonly settings: { readonly askInviter: boolean }
}

/**
 * The name that an introduction gives now, when it is not that of the inviter who was asked; undefined = it is, or nobody was asked.
 * @param inviterOf whom a newcomer means by a name
 */
export const otherInviter = (
  inviterOf: AskedInviterPorts['inviterOf'],
  { userId, inviterId, introduction }: Pick<Newcomer, 'userId' | 'inviterId' | 'introduction'>,
): string | undefined => {
  const name = introduction?.invitedBy ?? null
  return inviterId === null || name === null || inviterOf(name, userId) === inviterId ? undefined : name
}

/**
 * Has the named inviter asked. One inviter is asked about a person, and what they said stays also when the person leaves and comes back: nobody shall
 * be able to go on naming people until one of them says yes, nor to make the bot write to everybody. Joins the caller's transaction.
 */
export const askInviter = (ports: AskedInviterPorts, userId: UserId): void => {
  const { newcomers, scheduler, inviterOf, peopleKnown, settings } = ports
  const known = newcomers.of(userId)
  const name = known?.introduction?.invitedBy ?? null
  if (known === undefined || name === null || !settings.askInviter) return
  const add = (payload: Readonly<Record<string, unknown>>): void =>
    void scheduler.add({ kind: 'vouch', uniqueKey: userId, payload: { userId, ...payload } })
  if (known.inviterId !== null) {
    if (inviterOf(name, userId) !== known.inviterId) {
      if (peopleKnown()) tellChanged(ports, known, known.inviterId, name)
    } else if (known.vouchTxn === null) {
      // The question came to nothing because the person left before. Who has declined to be asked is not asked again.
      const offered = scheduler.latest('vouch', userId)?.progress['roomId']
      add({ inviter: known.inviterId, ...(offered === undefined ? {} : { offered }) })
    }
    return
  }
  if (!peopleKnown()) return add({})
  const inviter = inviterOf(name, userId)
  if (inviter === undefined) return
  newcomers.update(userId, { inviter_id: inviter })
  add({ inviter })
}

/** Told once a stay; `!pending` and `!gtg` show what is written now. */
const tellChanged = ({ rooms, outbox, directory }: AskedInviterPorts, { userId, since }: Newcomer, inviter: UserId, name: string): void => {
  const { admin } = rooms
  if (admin === undefined) return
  const body = `⚠️ ${directory.label(userId)} first named ${directory.label(inviter)} as their inviter, and names “${name}” now. I ask one inviter only: if you believe the second one, please ask them yourself.`
  const content = messageContent({ body }, 'm.notice')
  outbox.add({ txnId: transactionId(`${userId} ${since}`, 'inviter-changed'), roomId: admin, type: 'm.room.message', content })
  queueMicrotask(() => outbox.kick(admin))
}
