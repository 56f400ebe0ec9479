import { Acknowledger } from '../chat/acknowledge.ts'
import { doubtOf } from '../chat/admission.ts'
import { DeviceHint } from '../chat/device-hint.ts'
import { Dispatcher } from '../chat/dispatcher.ts'
import { Elsewhere } from '../chat/elsewhere.ts'
import { createParser } from '../chat/parse.ts'
import type { PipelinePorts } from '../chat/pipeline-ports.ts'
import { Pipeline } from '../chat/pipeline.ts'
import { Unreadable } from '../chat/unreadable.ts'
import { declarations } from '../commands/declarations.ts'
import type { Connections } from '../connections.ts'
import { createInvitationHandler } from '../matrix/invitations.ts'
import type { CommandParts } from './commands.ts'
import type { Core } from './core.ts'
import type { Keys } from './keys.ts'
import type { Onboarding } from './onboarding.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** How what people write is read, judged and answered. */
export type Chat = ReturnType<typeof createChat>

/** Builds it. Nothing is handled before `dispatcher.start`. */
export const createChat = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'engine'> &
    Records &
    RoomParts &
    People &
    Pick<Keys, 'identityGate' | 'freshTrust'> &
    Pick<Onboarding, 'heard' | 'indoc' | 'linkByCode' | 'resend'> &
    CommandParts,
) => {
  const { config, clock, homeserver, engine, bridges, scheduler, rooms, capabilities, community, roles, heard, indoc } = parts
  const { prefixes, name } = config.commands
  const { userId } = homeserver
  const parse = createParser(declarations)
  const acknowledger = new Acknowledger({ ...parts, exempt: () => capabilities.exempt })
  const elsewhere = new Elsewhere({ parse, clock, address: { prefixes, botUserId: userId, botNames: [name] } })
  const answerInvitation = createInvitationHandler({
    ...parts,
    roleOf: (inviter) => roles.of(inviter),
    isNamed: (roomId) => rooms.isNamed(roomId),
    isBridge: (inviter) => bridges.mayInvite(inviter),
    isMember: (inviter) => community.isMember(inviter),
  })
  const unreadable = new Unreadable({
    ...parts,
    acknowledger,
    deviceId: homeserver.session.deviceId,
    roomKind: (roomId) => rooms.kindOf(roomId),
    onIndoc: (entry) => indoc.unreadable(entry),
  })
  const believe: PipelinePorts['believe'] = (sender, role, transport) => parts.identityGate.believe(sender, role, transport)
  const pipeline = new Pipeline({
    ...parts,
    deviceHint: new DeviceHint(parts),
    acknowledger,
    parse,
    elsewhere,
    resolverFor: community.resolverFor,
    nameOf: community.nameOf,
    bot: { userId, names: [name], prefixes },
    trust: config.commands.trust,
    believe,
    confirmWithinMs: config.commands.confirmWithin,
    roomKind: (roomId, sender) => rooms.kindFor(roomId, sender),
    roomEncrypted: parts.isEncrypted,
    save: (command) =>
      scheduler.add({ kind: 'command', uniqueKey: command.eventId, payload: { ...command }, createdBy: command.asker, delayMs: 10_000 })
        .jobId,
    onText: async (message, kind) => {
      const what = await heard(message, kind, () =>
        doubtOf({ trust: config.commands.trust, believe, freshTrust: parts.freshTrust }, message, roles.of(message.entry.sender)),
      )
      if (what === undefined && kind === 'dm' && !parts.resend(message)) parts.linkByCode(message)
      return what
    },
    bridgeSaid: ({ entry, body, relations }) => {
      if (!bridges.speaks(entry.roomId, entry.sender)) return false
      if (relations.replyTo === undefined) return true
      bridges.note(relations.replyTo, body, clock.now())
      scheduler.wakeAll('bridged-welcome')
      return true
    },
    onInvitation: async ({ roomId, sender, event, receivedAt }) => {
      const invitation = { roomId, sender, isDirect: 'is_direct' in event && event['is_direct'] === true, receivedAt }
      const unanswered = await answerInvitation(invitation)
      if (unanswered !== undefined)
        scheduler.add({
          kind: 'invitation',
          uniqueKey: `${roomId} ${sender}`,
          payload: invitation,
          delayMs: unanswered.retryAfterMs ?? 2000,
        })
    },
    onUnreadable: (entry, cause) => unreadable.close(entry, cause),
  })
  return {
    acknowledger,
    elsewhere,
    answerInvitation,
    pipeline,
    dispatcher: new Dispatcher({ ...parts, crypto: engine, handlers: pipeline }),
  }
}
