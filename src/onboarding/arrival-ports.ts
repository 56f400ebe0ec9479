import type { Authentik } from '../authentik/client.ts'
import type { Community } from '../chat/community.ts'
import type { Roles } from '../chat/roles.ts'
import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { CatalogueFile } from '../directory/catalogue.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { SpecialRooms } from '../matrix/special-rooms.ts'
import type { Clock } from '../operations/clock.ts'
import type { ServerCapabilities } from '../synapse/capabilities.ts'
import type { ArrivalPorts } from './arrival-wish.ts'
import { createEarlierAccounts } from './earlier-account.ts'

/** What every arrival is planned with, whoever asks for it: a command, a decision in INDOC, or the code of a newcomer. */
export const createArrivalPorts = (parts: {
  readonly config: Pick<Config, 'arrival' | 'graduation'>
  readonly database: Database
  readonly clock: Clock
  readonly authentik: Authentik
  readonly accounts: Accounts
  readonly links: Links
  readonly directory: Directory
  readonly catalogue: CatalogueFile
  readonly community: Community
  readonly scheduler: Scheduler
  readonly roles: Roles
  readonly rooms: SpecialRooms
  readonly capabilities: Pick<ServerCapabilities, 'exempt' | 'mayJoin'>
  readonly random: (below: number) => number
}): ArrivalPorts => {
  const { config, authentik, accounts, links, directory, scheduler, clock, community, roles, rooms } = parts
  return {
    authentik,
    accounts,
    links,
    earlier: createEarlierAccounts(parts.database),
    scheduler,
    directory,
    listed: () => community.listed(),
    catalogue: () => parts.catalogue.current,
    indoc: () => rooms.indoc,
    isOwnRoom: (roomId) => rooms.kindOf(roomId) !== undefined,
    roleOf: (userId) => roles.of(userId),
    isRoleGroup: (name) => roles.isRoleGroup(name),
    mayJoin: (userId) => parts.capabilities.mayJoin(userId),
    exempt: () => parts.capabilities.exempt,
    nameOf: community.nameOf,
    clock,
    random: parts.random,
    settings: { ...config.arrival, grace: config.graduation.grace },
  }
}
