import { Community } from '../chat/community.ts'
import { Lists } from '../chat/lists.ts'
import { Roles } from '../chat/roles.ts'
import type { Connections } from '../connections.ts'
import type { CatalogueFile } from '../directory/catalogue.ts'
import { protectedAccount } from '../directory/protected-account.ts'
import { createQueries } from '../matrix/queries.ts'
import { ServerCapabilities } from '../synapse/capabilities.ts'
import type { Core } from './core.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** Who people are, and what they and the bot may do. */
export type People = ReturnType<typeof createPeople>

/** Builds them. Makes no request: the rights of the bot are found out by `capabilities.probe`. */
export const createPeople = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'admin'> &
    Pick<Records, 'directory' | 'accounts' | 'links'> &
    Pick<RoomParts, 'rooms'> & { readonly catalogue: CatalogueFile },
) => {
  const { config, clock, homeserver, accounts, rooms } = parts
  const lists = new Lists(clock)
  const queries = createQueries(homeserver)
  const roles = new Roles({
    ...parts,
    configuration: config.roles,
    adminRoom: () => rooms.admin,
    groupsOf: (pk) => accounts.groupNames(pk),
  })
  return {
    lists,
    queries,
    roles,
    /** `protectedAccount` */
    protectedAccount: (pk: number) => protectedAccount(accounts, (name) => roles.isRoleGroup(name), pk),
    community: new Community({ ...parts, places: rooms, lists, queries }),
    capabilities: new ServerCapabilities(parts),
  }
}
