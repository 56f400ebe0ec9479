import { isTheirOwn } from '../chat/incoming.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { Links } from '../directory/links.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { Clock } from '../operations/clock.ts'
import type { RoomId, Timestamp, UserId } from '../types.ts'
import { welcomePayload } from './welcome.ts'
import type { WelcomePayload } from './welcome.ts'

export interface ResendPorts {
  readonly personOf: (roomId: RoomId) => UserId | undefined
  readonly links: Pick<Links, 'of'>
  /** May new credentials go out on a word of the holder alone? Not for accounts that give power, and not for disabled ones. */
  readonly mayHaveCredentials: (userId: UserId, pk: number) => boolean
  readonly scheduler: Pick<Scheduler, 'latest' | 'add' | 'wake'>
  readonly nameOf: (userId: UserId) => string | null
  readonly clock: Pick<Clock, 'now'>
}

/** Nobody needs more in a day; each costs two messages. */
const most = 6
const dayMs = 24 * 3_600_000

/** Is this the word that the welcome offers? People copy it with its quotes or end it with a full stop. */
export const isResend = (body: string): boolean => /^[\s"'`“”‘’„*_!]*resend[\s"'`“”‘’*_.!]*$/i.test(body)

/**
 * What a newcomer's `resend` in their own DM does: the welcome once more, with credentials that are made then. Only in the encrypted DM of that
 * very person: the word alone must be worth nothing elsewhere.
 * @returns whether the message was one; the caller leaves it alone then
 */
export const createResend = (ports: ResendPorts) => {
  const asked = new Map<UserId, readonly Timestamp[]>()
  return (message: IncomingMessage): boolean => {
    const { sender, roomId } = message.entry
    if (!isResend(message.body) || message.relations.isEdit) return false
    if (ports.personOf(roomId) !== sender || !isTheirOwn(message.transport)) return false
    const latest = ports.scheduler.latest('welcome', sender)
    if (latest?.state === 'waiting' || latest?.state === 'running') {
      ports.scheduler.wake('welcome', sender)
      return true
    }
    const link = ports.links.of(sender)
    if (latest === undefined && link === undefined) return false
    const now = ports.clock.now()
    const recent = (asked.get(sender) ?? []).filter((at) => now - at < dayMs)
    if (recent.length >= most) return true
    asked.set(sender, [...recent, now])
    const { account: _before, ...known } =
      latest === undefined
        ? { account: undefined, userId: sender, name: ports.nameOf(sender) ?? sender, invited: [], rooms: [], askedBy: sender }
        : welcomePayload.parse(latest.payload)
    const account = link !== undefined && ports.mayHaveCredentials(sender, link.pk) ? { pk: link.pk, username: link.username } : undefined
    const payload: WelcomePayload = { ...known, ...(account === undefined ? {} : { account }) }
    ports.scheduler.add({ kind: 'welcome', uniqueKey: sender, payload: { ...payload }, createdBy: `resend ${message.entry.eventId}` })
    return true
  }
}
