import type { Connections } from '../connections.ts'
import type { CatalogueFile } from '../directory/catalogue.ts'
import type { DirectoryChanges } from '../directory/changes.ts'
import { holderProblem } from '../directory/protected-account.ts'
import { createArrivalPorts } from '../onboarding/arrival-ports.ts'
import type { DeliveryPorts } from '../onboarding/deliver-credentials.ts'
import { createLinkByCode } from '../onboarding/link-by-code.ts'
import { makePassphrase } from '../onboarding/passphrase.ts'
import { createRecoveryEmail } from '../onboarding/recovery-email.ts'
import { createRemoved, followDepartures } from '../onboarding/removed.ts'
import { createResend } from '../onboarding/resend.ts'
import type { Templates } from '../onboarding/templates.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Core } from './core.ts'
import { createIndocParts } from './indoc.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** How newcomers come in: INDOC, the arrival, and what they are sent. */
export type Onboarding = ReturnType<typeof createOnboarding>

/** Builds it. Makes no request. */
export const createOnboarding = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'authentik' | 'engine'> &
    Records &
    RoomParts &
    People & { readonly catalogue: CatalogueFile; readonly templates: Templates },
) => {
  const { config, random, authentik, accounts, community, database, directory, directRooms, links, roles, rooms, scheduler } = parts
  const personOf = (roomId: RoomId): UserId | undefined => directRooms.personOf(roomId)
  const isCommunity = (roomId: RoomId): boolean => roomId === rooms.indoc || community.listed().some((room) => room.roomId === roomId)
  const belongs = (userId: UserId): boolean => directory.roomsOf(userId, ['join', 'invite']).some(({ roomId }) => isCommunity(roomId))
  const removed = createRemoved({ database, belongs })
  const delivery: DeliveryPorts = {
    authentik,
    credentials: config.credentials,
    newPassphrase: () => makePassphrase(random).text,
    holderProblem: (userId, pk) =>
      holderProblem(links, accounts, userId, pk) ??
      (removed(userId) ? 'is that of somebody who was removed from the community' : undefined),
    onSecret: parts.onSecret,
    directRooms,
    directory,
    crypto: parts.engine,
    outbox: parts.outbox,
    templates: parts.templates,
    clock: parts.clock,
  }
  return {
    ...createIndocParts(parts),
    /** What credentials are made and delivered with. */
    delivery,
    email: createRecoveryEmail({ authentik, stage: config.credentials.emailStage, linkLifetime: config.credentials.linkLifetime }),
    arrival: createArrivalPorts(parts),
    /** Gives up what was to be delivered to people who are in the community no more. Joins the caller's transaction. */
    departed: (changes: DirectoryChanges): void =>
      followDepartures(
        { directory, scheduler, isCommunity, belongs, indoc: () => rooms.indoc, directRoomOf: (userId) => directRooms.roomOf(userId) },
        changes,
      ),
    linkByCode: createLinkByCode({
      ...parts,
      personOf,
      hasRole: (userId) => roles.of(userId) !== 'everyone',
      isBridged: (userId) => directory.bridged.bridgeOf(userId) !== undefined,
      isRemoved: removed,
    }),
    resend: createResend({
      ...parts,
      personOf,
      mayHaveCredentials: (userId, pk) =>
        roles.of(userId) === 'everyone' &&
        !removed(userId) &&
        accounts.get(pk)?.active === true &&
        parts.protectedAccount(pk) === undefined,
      nameOf: (userId) => directory.displayName(userId),
    }),
  }
}
