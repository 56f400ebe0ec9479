import { randomBytes } from 'node:crypto'
import type { Audit } from '../audit/audit.ts'
import type { Authentik } from '../authentik/client.ts'
import type { Command } from '../chat/command.ts'
import type { Community } from '../chat/community.ts'
import type { Roles } from '../chat/roles.ts'
import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { CatalogueFile } from '../directory/catalogue.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import type { Repairer } from '../directory/repairer.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import type { Journal } from '../matrix/journal.ts'
import type { SpecialRooms } from '../matrix/special-rooms.ts'
import type { readersOf } from '../matrix/read-receipts.ts'
import type { Queries } from '../matrix/queries.ts'
import { createMadeArrivals } from '../onboarding/made-arrivals.ts'
import type { ArrivalPorts } from '../onboarding/arrival-wish.ts'
import type { PendingLinks } from '../onboarding/pending-links.ts'
import { introductionNote } from '../onboarding/newcomers.ts'
import type { Newcomers } from '../onboarding/newcomers.ts'
import type { Templates } from '../onboarding/templates.ts'
import type { Clock } from '../operations/clock.ts'
import type { SynapseAdmin } from '../synapse/admin.ts'
import type { ServerCapabilities } from '../synapse/capabilities.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createAddtoCommand } from './addto/addto.ts'
import { createAdduserCommand } from './adduser/adduser.ts'
import { createApproveCommand } from './approve/approve.ts'
import { createAuditCommand } from './audit/audit.ts'
import { createCancelCommand } from './cancel/cancel.ts'
import { createDeclineCommand } from './decline/decline.ts'
import { declarations } from './declarations.ts'
import { createExtendCommand } from './extend/extend.ts'
import { createGraduateCommand } from './graduate/graduate.ts'
import { createHelpCommand } from './help/help.ts'
import { createInviteCommand } from './invite/invite.ts'
import { createInvitesCommand } from './invites/invites.ts'
import { createJobsCommand } from './jobs/jobs.ts'
import { createPendingCommand } from './pending/pending.ts'
import { createPingCommand } from './ping/ping.ts'
import { createRecommendCommand } from './recommend/recommend.ts'
import { createRemoveCommand } from './remove/remove.ts'
import { waitingFor } from './remove/waiting.ts'
import { createResetCommand } from './reset/reset.ts'
import { createRequestCommand } from './request/request.ts'
import { createRetryCommand } from './retry/retry.ts'
import { createRevokeCommand } from './revoke/revoke.ts'
import { createRoomCommand } from './room/room.ts'
import { createRoomsCommand } from './rooms/rooms.ts'
import { createStatusCommand } from './status/status.ts'
import type { Status } from './status/status.ts'
import { createStuckCommand } from './stuck/stuck.ts'
import { createSyncCommand } from './sync/sync.ts'
import { createUndoCommand } from './undo/undo.ts'
import { createTrustCommand } from './trust/trust.ts'
import type { TrustPorts } from './trust/trust.ts'
import { createWelcomeCommand } from './welcome/welcome.ts'
import { createWhoamiCommand } from './whoami/whoami.ts'
import { createWhyCommand } from './why/why.ts'

/** What the commands are made of. Each takes only what it needs. */
export interface CommandParts {
  readonly config: Config
  readonly database: Database
  readonly clock: Clock
  readonly authentik: Authentik
  readonly accounts: Accounts
  readonly links: Links
  readonly directory: Directory
  readonly directRooms: DirectRooms
  /** `readersOf` */
  readonly readers: (roomIds: readonly RoomId[]) => ReturnType<typeof readersOf>
  readonly catalogue: CatalogueFile
  readonly community: Community
  readonly scheduler: Scheduler
  readonly audit: Audit
  readonly journal: Journal
  readonly roles: Roles
  readonly rooms: SpecialRooms
  readonly queries: Queries
  readonly admin: SynapseAdmin
  readonly capabilities: ServerCapabilities
  readonly templates: Templates
  /** `createArrivalPorts` */
  readonly arrival: ArrivalPorts
  readonly pending: PendingLinks
  readonly newcomers: Newcomers
  /** Whom a newcomer means by the name of their inviter. */
  readonly inviterOf: (name: string, newcomer: UserId) => UserId | undefined
  /** Is this event a message that the bot has sent? */
  readonly isOwnMessage: (eventId: EventId) => boolean
  readonly repairer: Repairer
  readonly random: (below: number) => number
  /** Why only an admin may touch an account: `protectedAccount`. */
  readonly protectedAccount: (pk: number) => string | undefined
  readonly identityOf: TrustPorts
  readonly status: () => Status
}

/** All commands by name. `!confirm` is part of the pipeline. */
export const createCommands = (parts: CommandParts): ReadonlyMap<string, Command> => {
  const {
    config,
    clock,
    authentik,
    accounts,
    links,
    directory,
    catalogue,
    community,
    scheduler,
    audit,
    journal,
    roles,
    rooms,
    queries,
    admin,
    capabilities,
    protectedAccount,
  } = parts
  const { nameOf } = community
  const own = config.homeserver.userId
  const roomList = {
    visibleTo: (viewer: Parameters<Community['visibleTo']>[0]) => community.visibleTo(viewer),
    catalogue: () => catalogue.current,
    // The bot's own server is in every room that the bot is in.
    via: () => [own.slice(own.indexOf(':') + 1)],
  }
  const isOwnRoom = (roomId: RoomId): boolean => rooms.kindOf(roomId) !== undefined
  const liveMembership = (roomId: RoomId, userId: UserId, signal: AbortSignal) => queries.liveMembership(roomId, userId, signal)
  const isBridged = (userId: UserId): boolean => directory.bridged.bridgeOf(userId) !== undefined
  const exempt = (): boolean => capabilities.exempt
  const powers = { botUserId: own, nameOf, directory }
  const job = (jobId: number) => scheduler.get(jobId)
  const { arrival } = parts
  const { newcomers } = parts
  const isSettled = (userId: UserId): boolean => links.of(userId) !== undefined || roles.of(userId) !== 'everyone'
  const indocPeople = {
    newcomers,
    nameOf,
    isSettled,
    roleOf: (userId: UserId) => roles.of(userId),
    membership: (userId: UserId) => (rooms.indoc === undefined ? undefined : directory.membership(rooms.indoc, userId)),
    senderOf: (eventId: EventId, roomId: RoomId) => journal.senderOf(eventId, roomId),
    isOwnMessage: parts.isOwnMessage,
    ownUserId: own,
  }
  const commands: readonly Command[] = [
    createHelpCommand({ declarations, prefix: config.commands.prefixes[0] ?? '!' }),
    createPingCommand({ sentAt: (eventId) => journal.sentAt(eventId) }),
    createWhoamiCommand({
      configuration: config.roles,
      linkOf: (userId) => links.of(userId),
      groupsOf: (pk) => accounts.groupNames(pk),
      isBridged: (userId) => directory.bridged.bridgeOf(userId) !== undefined,
      trust: config.commands.trust,
      roomsOf: (userId) => directory.roomsOf(userId, ['join']).length,
    }),
    createStatusCommand({ status: parts.status }),
    createWhyCommand({ about: (eventId) => audit.about(eventId), lastOf: (userId, roomId) => audit.lastOf(userId, roomId), nameOf }),
    createRoomsCommand(roomList),
    createRoomCommand({ ...roomList, directoryRoom: (roomId) => directory.room(roomId) }),
    createRecommendCommand({ ...roomList, roomsOf: (userId) => community.roomsOf(userId) }),
    createInviteCommand({
      authentik,
      directory,
      clock,
      newNonce: () => randomBytes(12).toString('base64url'),
      settings: { flow: config.invitations.flow, expires: config.invitations.expires },
    }),
    createInvitesCommand({ authentik, clock }),
    createRevokeCommand({ authentik, clock }),
    createAdduserCommand(arrival),
    createPendingCommand({ newcomers, nameOf, isSettled, inviterOf: parts.inviterOf }),
    createRequestCommand(indocPeople),
    createApproveCommand({
      ...arrival,
      ...indocPeople,
      inviterOf: parts.inviterOf,
      displayName: (userId) => directory.displayName(userId),
      introducedAfter: (userId, eventId) => rooms.indoc !== undefined && journal.noted(introductionNote, userId, rooms.indoc, eventId),
    }),
    createDeclineCommand({ ...indocPeople, indoc: () => rooms.indoc }),
    createExtendCommand({ ...indocPeople, usualMs: config.introduction.deadline }),
    createGraduateCommand({
      ...indocPeople,
      hasAccount: (userId) => links.of(userId) !== undefined,
      displayName: (userId) => directory.displayName(userId),
      openGraduation: (userId) => scheduler.open('graduation', userId),
    }),
    createAddtoCommand({ ...powers, liveMembership, isBridged, exempt }),
    createRemoveCommand({
      ...powers,
      ...roomList,
      profile: config.homeserver.profile,
      isServerAdmin: () => capabilities.admin,
      protectedAccount,
      isBridged,
      roomName: (roomId) => directory.room(roomId)?.name ?? roomId,
      listed: () => community.listed(),
      exempt,
      waitingFor: (userId) => waitingFor(scheduler, userId),
      presetText: (preset, name) => parts.templates.render(`removal-${preset}`, { name }).body,
      isDirect: (roomId) => rooms.kindOf(roomId) === 'dm',
      mutualRooms: (userId, signal) => queries.mutualRooms(userId, signal),
      ...(config.homeserver.profile === 'own-server'
        ? { adminRooms: (userId: UserId, signal: AbortSignal) => admin.roomsOf(userId, signal) }
        : {}),
      liveMembership,
    }),
    createWelcomeCommand({
      templates: parts.templates,
      links,
      accounts,
      scheduler,
      directory,
      protectedAccount,
      mayReset: (userId) => config.credentials.kind === 'recovery-link' || roles.of(userId) === 'everyone',
    }),
    createStuckCommand({
      jobs: (states, limit) => scheduler.list(states, limit),
      directory,
      directRoomOf: (userId) => parts.directRooms.roomOf(userId),
      accounts,
      usedNow: async (pk) => {
        const user = await authentik.getUser(pk)
        return user.ok ? (user.value.last_login ?? null) !== null : undefined
      },
      readers: parts.readers,
      links,
      pending: () => parts.pending.list(),
      isOwnRoom,
      isStaff: (userId) => roles.of(userId) !== 'everyone',
      nameOf,
    }),
    createResetCommand({
      pending: parts.pending,
      links,
      accounts,
      directory,
      kind: config.credentials.kind,
      protectedAccount,
    }),
    createJobsCommand({ list: (states, limit) => scheduler.list(states, limit), nameOf }),
    createRetryCommand({
      job,
      nameOf,
      pausedMs: async () => {
        const answer = await authentik.version()
        return !answer.ok && answer.code === 'down' ? answer.retryAfterMs : 0
      },
    }),
    createCancelCommand({ job, nameOf }),
    createUndoCommand({
      arrivals: createMadeArrivals(parts.database),
      links,
      scheduler,
      directory,
      directRoomOf: (userId) => parts.directRooms.roomOf(userId),
      indoc: () => rooms.indoc,
      protectedAccount,
    }),
    createTrustCommand(parts.identityOf),
    createAuditCommand({ list: (filter) => audit.list(filter), nameOf }),
    createSyncCommand({
      indoc: () => rooms.indoc,
      room: (roomId) => directory.room(roomId),
      refresh: (roomIds, limitMs) => parts.repairer.refresh(roomIds, limitMs),
      reconcile: () => parts.repairer.reconcile(),
      roomName: (roomId) => directory.room(roomId)?.name ?? roomId,
    }),
  ]
  return new Map(commands.map((command) => [command.declaration.name, command]))
}
