import type { Authentik } from '../authentik/client.ts'
import type { WordDoubt } from '../chat/admission.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { Community } from '../chat/community.ts'
import type { RoomKind } from '../chat/declaration.ts'
import type { Roles } from '../chat/roles.ts'
import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import type { NewcomerEffectOptions } from '../effects/newcomers.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { SpecialRooms } from '../matrix/special-rooms.ts'
import { Indoc } from '../onboarding/indoc.ts'
import type { IntroductionJobOptions } from '../onboarding/introduction-jobs.ts'
import { findInviter } from '../onboarding/inviter.ts'
import { createMayVouch } from '../onboarding/may-vouch.ts'
import { introductionNote, Newcomers } from '../onboarding/newcomers.ts'
import type { Templates } from '../onboarding/templates.ts'
import { createVouchAnswer } from '../onboarding/vouch.ts'
import type { VouchOptions } from '../onboarding/vouch.ts'
import type { Clock } from '../operations/clock.ts'
import type { UserId } from '../types.ts'

/** What the life in INDOC is made of. */
export interface IndocParts {
  readonly newcomers: Newcomers
  readonly indoc: Indoc
  readonly introductions: IntroductionJobOptions
  readonly vouching: VouchOptions
  readonly newcomerParts: NewcomerEffectOptions
  /** Whom a newcomer means by the name of their inviter; undefined = nobody who can be asked. */
  readonly inviterOf: (name: string, newcomer: UserId) => UserId | undefined
  /** Text that is no command: an introduction, or the answer of an inviter. `doubt` = what is wrong with where it came from. Resolves with what it was; undefined = neither. */
  heard(
    message: IncomingMessage,
    kind: RoomKind,
    doubt: () => Promise<WordDoubt | undefined>,
  ): Promise<typeof introductionNote | 'vouching' | undefined>
}

/** Builds what has to do with people in INDOC, so that the composition root stays readable. */
export const createIndocParts = (parts: {
  readonly config: Config
  readonly database: Database
  readonly directory: Directory
  readonly authentik: Authentik
  readonly accounts: Accounts
  readonly links: Links
  readonly roles: Roles
  readonly community: Community
  readonly rooms: SpecialRooms
  readonly directRooms: DirectRooms
  readonly scheduler: Scheduler
  readonly homeserver: Homeserver
  readonly outbox: Outbox
  readonly templates: Templates
  readonly clock: Clock
}): IndocParts => {
  const { config, database, directory, accounts, links, roles, community, clock } = parts
  const newcomers = new Newcomers(database)
  const bridgeBots = new Set<string>(config.bridges.map(({ bot }) => bot))
  const isPerson = (userId: UserId): boolean => userId !== directory.ownUserId && !bridgeBots.has(userId)
  const mayVouch = createMayVouch({ roles, community, newcomers, links })
  const inviters = {
    directory,
    accountsNamed: (username: string) => accounts.byUsername(username).map(({ pk }) => ({ userId: links.ofAccount(pk)?.userId })),
    isMember: mayVouch,
  }
  const inviterOf = (name: string, newcomer: UserId): UserId | undefined => findInviter(inviters, name, newcomer)
  // A room whose list was read once follows the sync stream.
  const peopleKnown = (): boolean => directory.joinedRooms().every(({ freshness }) => freshness.asOf !== null)
  const indoc = new Indoc({
    ...parts,
    newcomers,
    isNewcomer: (userId) => isPerson(userId) && roles.of(userId) === 'everyone',
    inviterOf,
    peopleKnown,
    settings: config.introduction,
  })
  const vouching: VouchOptions = { ...parts, newcomers, inviterOf, peopleKnown, mayVouch, eventOf: (txnId) => parts.outbox.eventOf(txnId) }
  const answerOfInviter = createVouchAnswer(vouching)
  return {
    newcomers,
    indoc,
    inviterOf,
    vouching,
    introductions: {
      ...parts,
      newcomers,
      isSettled: (userId) => links.of(userId) !== undefined || roles.of(userId) !== 'everyone',
      settings: config.introduction,
    },
    newcomerParts: {
      ...parts,
      newcomers,
      indoc,
      indocRoom: () => parts.rooms.indoc,
      deadlineMs: config.introduction.deadline,
      nameOf: community.nameOf,
      clock,
    },
    heard: async (message, kind, doubt) => {
      if (kind === 'indoc') return indoc.said(message) ? introductionNote : undefined
      return kind === 'dm' && (await answerOfInviter(message, doubt)) ? 'vouching' : undefined
    },
  }
}
