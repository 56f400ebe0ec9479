import { Executor } from '../chat/execute.ts'
import { createCommands } from '../commands/index.ts'
import type { Status } from '../commands/status/status.ts'
import type { Connections } from '../connections.ts'
import type { CatalogueFile } from '../directory/catalogue.ts'
import { createEffectHandlers } from '../effects/index.ts'
import { readersOf } from '../matrix/read-receipts.ts'
import { newLinkCode } from '../onboarding/pending-links.ts'
import { createRivals } from '../onboarding/rivals.ts'
import type { Templates } from '../onboarding/templates.ts'
import type { Core } from './core.ts'
import type { Onboarding } from './onboarding.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** What the bot can be asked for, and who carries it out. */
export type CommandParts = ReturnType<typeof createCommandParts>

/** @param parts.status how the bot is, asked by `!status` */
export const createCommandParts = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'admin' | 'authentik' | 'engine'> &
    Records &
    RoomParts &
    People &
    Onboarding & { readonly catalogue: CatalogueFile; readonly templates: Templates; readonly status: () => Status },
) => {
  const { database, random, homeserver, engine, identities, outbox, pending, email, protectedAccount } = parts
  const handlers = createEffectHandlers({
    ...parts,
    rival: createRivals(database),
    handOver: { pending, email, newCode: () => newLinkCode(random), protectedAccount },
    nameOf: parts.community.nameOf,
  })
  return {
    executor: new Executor({ ...parts, store: parts.plans, handlers }),
    commands: createCommands({
      ...parts,
      isOwnMessage: (eventId) => outbox.isOwn(eventId),
      readers: (roomIds) => readersOf(homeserver, roomIds),
      identityOf: {
        remembered: (userId) => identities.of(userId),
        shown: async (userId) => ((await engine.queryDevices(userId)) === undefined ? undefined : await engine.identityKey(userId)),
      },
    }),
  }
}
