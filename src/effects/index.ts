import type { Authentik } from '../authentik/client.ts'
import type { EffectHandlers } from '../chat/execute.ts'
import type { Config } from '../config/schema.ts'
import type { PersonIdentities } from '../crypto/person-identities.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import { resolvingAccounts } from '../onboarding/arrival-jobs.ts'
import type { createRivals } from '../onboarding/rivals.ts'
import type { DeliveryPorts } from '../onboarding/deliver-credentials.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import type { Queries } from '../matrix/queries.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Templates } from '../onboarding/templates.ts'
import type { ServerCapabilities } from '../synapse/capabilities.ts'
import type { UserId } from '../types.ts'
import { createAccountEffects } from './accounts.ts'
import { createCredentialsEffect } from './credentials.ts'
import { createHandOverEffect } from './hand-over.ts'
import type { HandOverEffectOptions } from './hand-over.ts'
import { createIdentityEffects } from './identities.ts'
import { createInvitationEffects } from './invitations.ts'
import { createJobEffects } from './jobs.ts'
import { createMemberEffects } from './members.ts'
import { createNewcomerEffects } from './newcomers.ts'
import type { NewcomerEffectOptions } from './newcomers.ts'
import { createRedactEffect } from './redact.ts'

/** A handler for every kind of effect. */
export const createEffectHandlers = (parts: {
  readonly config: Config
  readonly authentik: Authentik
  readonly homeserver: Homeserver
  readonly queries: Queries
  readonly directory: Directory
  readonly links: Links
  readonly accounts: Accounts
  readonly scheduler: Scheduler
  readonly directRooms: DirectRooms
  readonly outbox: Outbox
  readonly templates: Templates
  readonly capabilities: ServerCapabilities
  readonly identities: PersonIdentities
  readonly delivery: DeliveryPorts
  /** `createRivals(database)` */
  readonly rival: ReturnType<typeof createRivals>
  readonly handOver: Pick<HandOverEffectOptions, 'pending' | 'email' | 'newCode' | 'protectedAccount'>
  readonly newcomerParts: NewcomerEffectOptions
  readonly nameOf: (userId: UserId) => string
  readonly onSecret: (secret: string) => void
}): EffectHandlers => {
  const jobs = createJobEffects(parts.scheduler)
  return {
    ...createAccountEffects({
      authentik: parts.authentik,
      links: parts.links,
      mirror: (user) => parts.accounts.keep(user),
      usersPath: parts.config.authentik.usersPath,
      suspend: (userId) => parts.capabilities.suspend(userId),
      rival: parts.rival,
      forgetCode: (pk) => parts.handOver.pending.remove(pk),
    }),
    ...createMemberEffects({ ...parts, schedule: (job) => void parts.scheduler.add(job) }),
    ...createInvitationEffects(parts),
    'account.credentials': createCredentialsEffect({ ...parts.delivery, scheduler: parts.scheduler }),
    'account.hand-over': createHandOverEffect({
      ...parts.delivery,
      ...parts.handOver,
      directory: parts.directory,
      links: parts.links,
      lookUp: parts.authentik,
      indoc: parts.config.rooms.indoc,
    }),
    ...createIdentityEffects(parts.identities),
    ...createNewcomerEffects(parts.newcomerParts),
    ...jobs,
    // A welcome may be planned for an account that the same plan makes.
    'job.schedule': resolvingAccounts(jobs['job.schedule']),
    'room.redact': createRedactEffect(parts.homeserver, parts.outbox),
  }
}
