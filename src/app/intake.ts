import { neededKeys } from '../chat/needed-keys.ts'
import type { Connections } from '../connections.ts'
import { followMembers } from '../crypto/follow-members.ts'
import type { DirectoryChanges } from '../directory/changes.ts'
import { SyncLoop } from '../matrix/sync.ts'
import type { SyncBatch } from '../matrix/sync.ts'
import type { RoomId } from '../types.ts'
import type { Chat } from './chat.ts'
import type { Core } from './core.ts'
import type { Keys } from './keys.ts'
import type { Onboarding } from './onboarding.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** How often the configured rooms are tried again while the bot is not in them (milliseconds). */
const settleEveryMs = 30_000
/** The jobs that wait for somebody to join a room or to have a device. */
const waitingForMember = ['welcome', 'bridged-welcome', 'credentials', 'graduation']
const waitingForDevice = ['welcome', 'credentials']

/** What comes from the homeserver, and who is told of it. */
export type Intake = ReturnType<typeof createIntake>

/** Builds the sync loop and what follows from its news. Nothing is asked for before `sync.run`. */
export const createIntake = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'engine'> &
    Pick<Records, 'directory' | 'journal' | 'scheduler' | 'bridges'> &
    Pick<RoomParts, 'encryptions' | 'directRooms' | 'rooms' | 'repairer'> &
    Pick<People, 'roles'> &
    Pick<Keys, 'lookAt'> &
    Pick<Onboarding, 'departed' | 'indoc'> &
    Pick<Chat, 'elsewhere' | 'dispatcher'>,
) => {
  const { database, clock, logger, engine, directory, scheduler, bridges, encryptions, directRooms, rooms, repairer, roles, indoc } = parts
  const watches = (roomId: RoomId): boolean => rooms.kindOf(roomId) !== undefined || bridges.isManagementRoom(roomId)
  const wake = (kinds: readonly string[], userId: string): void => {
    for (const kind of kinds) scheduler.wake(kind, userId)
  }

  let settledAt = clock.now()
  /** What a sync (or a repaired member list) means for everybody else. */
  const reactTo = (batch: SyncBatch): void => {
    directRooms.noticed([...batch.changes.newRooms, ...batch.changes.baselines, ...batch.changes.memberChanges.map(({ roomId }) => roomId)])
    for (const { userId } of batch.changes.memberChanges) wake(waitingForMember, userId)
    // A bridge's new chat is known once its list of members is.
    if (batch.changes.baselines.length > 0 || batch.changes.newRooms.length > 0) scheduler.wakeAll('bridged-welcome')
    if (batch.changes.dirtyRooms.length > 0 || batch.initial) repairer.soon()
    // What failed before (an alias that was not there yet, a join that was refused) is tried again, but not with every sync.
    const unsettled = rooms.problems().length > 0 && clock.now() - settledAt > settleEveryMs
    if (batch.initial || batch.changes.leftRooms.length > 0 || unsettled) {
      settledAt = clock.now()
      rooms.settle().catch((error: unknown) => logger.error({ err: error }, 'the configured rooms could not be settled'))
    }
    parts.dispatcher.dispatch(batch.entries)
  }

  engine.onDevicesChanged((userIds) => {
    for (const userId of userIds) wake(waitingForDevice, userId)
    parts.lookAt(userIds)
  })
  engine.keepOnly(
    neededKeys({
      namedRoomsKnown: () => rooms.indoc !== undefined && rooms.admin !== undefined,
      watches,
      roleOf: (userId) => roles.of(userId),
      room: (roomId) => directory.room(roomId),
    }),
  )
  const moved = (changes: DirectoryChanges): void => {
    indoc.changed(changes)
    parts.departed(changes)
  }
  return {
    sync: new SyncLoop({
      ...parts,
      crypto: engine,
      watches,
      overhears: (event) => parts.elsewhere.concerns(event, roles.of(event.sender)),
      inCommit: moved,
      onBatch: reactTo,
    }),
    /** A list of members was read anew and differs: nearly what a sync with these changes would be. */
    repaired: (changes: DirectoryChanges): void => {
      database.transaction(() => moved(changes))
      followMembers(engine, encryptions, changes)
      reactTo({ initial: false, late: false, entries: [], changes })
    },
  }
}
