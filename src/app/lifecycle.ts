import { reportQuarantine } from '../chat/quarantine-report.ts'
import { reportRestore } from '../chat/restore-report.ts'
import type { Connections } from '../connections.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import type { Checks } from '../operations/health.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { Chat } from './chat.ts'
import type { Core } from './core.ts'
import type { Intake } from './intake.ts'
import type { Keys } from './keys.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

type Running = Pick<Records, 'scheduler'> &
  Pick<RoomParts, 'repairer' | 'outbox'> &
  Pick<Keys, 'ownKeys' | 'keyBackup'> &
  Pick<Chat, 'dispatcher'> &
  Pick<Intake, 'sync'>

/** How long each part may take to end (milliseconds): all of them together stay below the ten seconds that systemd and Docker give. */
const partMs = 4000

/**
 * Starts what runs by itself, the sync loop last. Waits only for the configured rooms.
 * @param parts.onFatal the bot cannot go on
 */
export const startParts = async (
  parts: Running &
    Pick<Core, 'database' | 'logger'> &
    Pick<Connections, 'engine'> &
    Pick<RoomParts, 'rooms'> &
    Pick<People, 'roles' | 'capabilities'> &
    Pick<Keys, 'lookAt'> & {
      readonly checks: Checks
      readonly metrics: Metrics
      readonly onFatal: (reason: ExitReason, words: string) => void
    },
): Promise<void> => {
  const { logger, engine, rooms, outbox, scheduler, repairer, ownKeys, sync } = parts
  await rooms.settle()
  parts.lookAt(parts.roles.named())
  ownKeys.run().catch((error: unknown) => logger.error({ err: error }, "the bot's own keys could not be compared"))
  outbox.start()
  reportQuarantine({ ...parts, quarantine: engine.quarantine, adminRoom: rooms.admin })
  reportRestore({ ...parts, adminRoom: rooms.admin })
  scheduler.start()
  repairer.soon()
  parts.capabilities.probe().catch((error: unknown) => logger.error({ err: error }, 'the rights of the bot could not be found out'))
  parts.dispatcher.start()
  parts.keyBackup.start()
  sync.run().catch((error: unknown) => {
    logger.fatal({ err: error }, 'a sync could not be stored')
    parts.onFatal('bug', 'a sync could not be stored')
  })
}

/** Ends everything in order; what is open goes on at the next start. Takes less than ten seconds. */
export const stopParts = async (
  parts: Running & Pick<Chat, 'acknowledger'> & { readonly closeConnections: () => Promise<void> },
): Promise<void> => {
  const { ownKeys, sync, dispatcher, scheduler, repairer, keyBackup, acknowledger, outbox } = parts
  ownKeys.stop()
  await sync.stop()
  await Promise.all([dispatcher.stop(partMs), scheduler.stop(partMs), repairer.stop(), keyBackup.stop(partMs)])
  acknowledger.close()
  // Together: a message may be waiting for keys that the server does not give, which only the gate can end.
  await Promise.all([outbox.close(), parts.closeConnections()])
}
