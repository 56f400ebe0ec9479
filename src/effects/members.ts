import type { EffectHandler, EffectResult } from '../chat/execute.ts'
import { durationWords } from '../operations/durations.ts'
import type { Membership } from '../database/schema.ts'
import type { Directory } from '../directory/directory.ts'
import { powerProblem, whoCouldHelp } from '../directory/power-words.ts'
import type { GateFailure } from '../http/contract.ts'
import { describeFailure } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { Queries } from '../matrix/queries.ts'
import { errcode } from '../matrix/session.ts'
import type { ServerCapabilities } from '../synapse/capabilities.ts'
import type { RoomId, UserId } from '../types.ts'

export interface MemberEffectOptions {
  readonly homeserver: Homeserver
  readonly queries: Pick<Queries, 'liveMembership'>
  readonly directory: Directory
  readonly capabilities: Pick<ServerCapabilities, 'join'>
  readonly nameOf: (userId: UserId) => string
  /** Keeps an invitation that the server does not allow yet. Joins the transaction of the outcome. */
  readonly schedule: (job: { kind: 'invite'; uniqueKey: string; payload: { roomId: RoomId; userId: UserId }; delayMs: number }) => void
}

interface MemberEffect {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly reason?: string
  readonly onlyInvited?: true
}
type Action = 'invite' | 'kick' | 'ban'

/** What the membership says about an effect: it is there already, it cannot be, or it is still to be done. */
const standing = (action: Action, membership: Membership): EffectResult | undefined => {
  switch (action) {
    case 'invite':
      if (membership === 'join') return { state: 'skipped', code: 'already-member', text: 'is in the room already' }
      if (membership === 'invite') return { state: 'skipped', code: 'already-invited', text: 'is invited already' }
      if (membership === 'ban')
        return {
          state: 'failed',
          code: 'banned',
          text: 'is banned there; a ban is never lifted by an invitation. Lift it first if that is meant',
        }
      return undefined
    case 'kick':
      if (membership === 'leave') return { state: 'skipped', code: 'not-in-room', text: 'is not in the room' }
      if (membership === 'ban') return { state: 'skipped', code: 'banned', text: 'is banned there' }
      return undefined
    case 'ban':
      return membership === 'ban' ? { state: 'skipped', code: 'already-banned', text: 'is banned already' } : undefined
  }
}

const explain = async (
  { homeserver, queries, directory, nameOf, schedule }: MemberEffectOptions,
  action: Action,
  roomId: RoomId,
  userId: UserId,
  failure: GateFailure,
): Promise<EffectResult> => {
  if (failure.code === 'limited') {
    const wait = durationWords(failure.retryAfterMs)
    if (action !== 'invite') {
      return { state: 'failed', code: 'rate-limited', text: `the server allows the next one in ${wait}; give the command again then` }
    }
    return {
      state: 'failed',
      code: 'queued',
      text: `the server allows the next invitation in ${wait}; I go on by myself then (\`!jobs\` shows it)`,
      also: () =>
        schedule({ kind: 'invite', uniqueKey: `${roomId} ${userId}`, payload: { roomId, userId }, delayMs: failure.retryAfterMs }),
    }
  }
  if (failure.code === 'status' && failure.status === 403) {
    if (errcode(failure) === 'M_INVITE_BLOCKED')
      return { state: 'failed', code: 'invite-blocked', text: 'blocks invitations: ask them to join by the room link' }
    const membership = await queries.liveMembership(roomId, userId)
    const known = membership === undefined ? undefined : standing(action, membership)
    if (known !== undefined) return known
    const ports = { botUserId: homeserver.userId, nameOf, directory }
    const problem = powerProblem(ports, roomId, action, userId)
    const text = problem?.text ?? `the server forbids it. ${whoCouldHelp(ports, roomId, action, userId)}`
    return { state: 'failed', code: 'no-power', text }
  }
  if (failure.code === 'status' && failure.status === 404)
    return { state: 'failed', code: 'not-found', text: 'the server does not know that room or person' }
  if (failure.untouched) return { state: 'failed', code: 'failed', text: describeFailure(failure) }
  // It may have happened (a 502 of a proxy says nothing about the server behind it): look before anything is claimed.
  const membership = await queries.liveMembership(roomId, userId)
  if (membership === undefined)
    return { state: 'unknown', code: 'unknown', text: `${describeFailure(failure)}, and nobody could tell whether it happened` }
  const known = standing(action, membership)
  if (known?.state === 'skipped') return { state: 'done', code: 'done', text: '' }
  return known ?? { state: 'failed', code: 'failed', text: describeFailure(failure) }
}

const handler = (action: Action, options: MemberEffectOptions) => ({
  act: async ({ roomId, userId, reason, onlyInvited }: MemberEffect): Promise<EffectResult> => {
    if (onlyInvited === true) {
      const membership = await options.queries.liveMembership(roomId, userId)
      if (membership === undefined)
        return {
          state: 'failed',
          code: 'unverified',
          text: 'the server does not tell whether they are still only invited; nothing was done',
        }
      if (membership === 'join') return { state: 'skipped', code: 'joined-meanwhile', text: 'has joined already, and stays' }
    }
    const result = await options.homeserver.member(action, roomId, userId, reason)
    return result.ok ? { state: 'done', code: 'done', text: '' } : explain(options, action, roomId, userId, result)
  },
  probe: async ({ roomId, userId }: MemberEffect): Promise<EffectResult | 'absent' | 'unknown'> => {
    const membership = await options.queries.liveMembership(roomId, userId)
    if (membership === undefined) return 'unknown'
    const known = standing(action, membership)
    // There already: by the run that was cut short.
    return known === undefined ? 'absent' : known.state === 'skipped' ? { state: 'done', code: 'done', text: '' } : known
  },
})

/** Puts somebody into a room; the same question tells afterwards whether they are there. */
const join = ({ capabilities, queries }: MemberEffectOptions): EffectHandler<'room.join'> => ({
  act: async ({ roomId, userId }) => {
    const result = await capabilities.join(roomId, userId)
    if (result.ok) return { state: 'done', code: 'done', text: '' }
    const membership = result.changed === 'maybe' ? await queries.liveMembership(roomId, userId) : undefined
    if (membership === 'join') return { state: 'done', code: 'done', text: '' }
    const text = `${result.text}. \`!addto\` invites them`
    return { state: result.changed === 'maybe' && membership === undefined ? 'unknown' : 'failed', code: result.code, text }
  },
  probe: async ({ roomId, userId }) => {
    const membership = await queries.liveMembership(roomId, userId)
    if (membership === undefined) return 'unknown'
    return membership === 'join' ? { state: 'done', code: 'done', text: '' } : 'absent'
  },
})

/** Effects on memberships. Key: room and person. Found again by the member event; inviting, kicking and banning twice is harmless. */
export const createMemberEffects = (
  options: MemberEffectOptions,
): {
  readonly 'room.invite': EffectHandler<'room.invite'>
  readonly 'room.join': EffectHandler<'room.join'>
  readonly 'room.kick': EffectHandler<'room.kick'>
  readonly 'room.ban': EffectHandler<'room.ban'>
} => ({
  'room.join': join(options),
  'room.invite': handler('invite', options),
  'room.kick': handler('kick', options),
  'room.ban': handler('ban', options),
})
