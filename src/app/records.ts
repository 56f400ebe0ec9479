import { Audit } from '../audit/audit.ts'
import { HeldCommands } from '../chat/held-commands.ts'
import { PlanStore } from '../chat/plans.ts'
import { PersonIdentities } from '../crypto/person-identities.ts'
import { Accounts } from '../directory/accounts.ts'
import { Directory } from '../directory/directory.ts'
import { Links } from '../directory/links.ts'
import { Scheduler } from '../jobs/scheduler.ts'
import { Journal } from '../matrix/journal.ts'
import { UnreadMessages } from '../matrix/unread.ts'
import { Bridges } from '../onboarding/bridges.ts'
import { PendingLinks } from '../onboarding/pending-links.ts'
import type { UserId } from '../types.ts'
import type { Core } from './core.ts'

/** What the bot remembers. */
export type Records = ReturnType<typeof createRecords>

/** Builds what stands on the database alone. Makes no request. */
export const createRecords = ({ config, database, clock, logger, random }: Core, ownUserId: UserId) => {
  const directory = new Directory(database, ownUserId, config.bridges)
  return {
    directory,
    accounts: new Accounts(database, clock),
    links: new Links(database, clock),
    pending: new PendingLinks(database, clock),
    identities: new PersonIdentities(database, clock),
    bridges: new Bridges({ settings: config.bridges, database, directory }),
    journal: new Journal(database),
    unread: new UnreadMessages(database),
    audit: new Audit(database),
    plans: new PlanStore(database, random),
    held: new HeldCommands(database, random),
    scheduler: new Scheduler({ database, clock, logger, random: Math.random }),
  }
}
