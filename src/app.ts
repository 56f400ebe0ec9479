import { randomInt } from 'node:crypto'
import { createChat } from './app/chat.ts'
import { createCommandParts } from './app/commands.ts'
import type { Core } from './app/core.ts'
import { registerChecks, statusOf } from './app/health.ts'
import { createIntake } from './app/intake.ts'
import { createKeys } from './app/keys.ts'
import { startParts, stopParts } from './app/lifecycle.ts'
import { createOnboarding } from './app/onboarding.ts'
import { createPeople } from './app/people.ts'
import { createRecords } from './app/records.ts'
import { createRooms } from './app/rooms.ts'
import type { Config } from './config/schema.ts'
import { openConnections } from './connections.ts'
import type { Database } from './database/database.ts'
import { registerJobs } from './jobs/register.ts'
import { readOperatorFiles } from './onboarding/files.ts'
import { systemClock } from './operations/clock.ts'
import type { Clock } from './operations/clock.ts'
import type { ExitReason } from './operations/exit-codes.ts'
import type { Checks } from './operations/health.ts'
import type { Logger } from './operations/logger.ts'
import type { Metrics } from './operations/metrics.ts'
import { registerSecret } from './operations/secrets.ts'
import { readVersion } from './operations/version.ts'

/** What the bot is built from. */
export interface AppOptions {
  readonly config: Config
  readonly database: Database
  readonly logger: Logger
  readonly checks: Checks
  readonly metrics: Metrics
  readonly clock?: Clock
  /** The bot cannot go on: the process ends with this reason. */
  readonly onFatal: (reason: ExitReason, words: string) => void
}

/** A running bot. */
export interface App {
  readonly engine: string
  readonly userId: string
  readonly deviceId: string
  /** Ends everything in order; what is open goes on at the next start. Takes less than ten seconds. */
  stop(): Promise<void>
}

export type AppStart =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly reason: ExitReason; readonly words: string }

/**
 * Builds the bot, from the bottom up, and starts it: gates and session, crypto, directory, chat, jobs, then the sync loop. Nothing is sent
 * before the device is signed.
 */
export const startApp = async (options: AppOptions): Promise<AppStart> => {
  const { config, database, logger, checks, metrics, onFatal, clock = systemClock } = options
  const startedAt = clock.now()
  const version = readVersion()
  const files = readOperatorFiles(config)
  if (!files.ok) return { ok: false, reason: 'config', words: files.words }
  const { templates, catalogue } = files
  const core: Core = {
    config,
    database,
    clock,
    logger,
    random: (below) => randomInt(below),
    onSecret: (secret) => void registerSecret(secret),
  }
  const opened = await openConnections({ ...core, metrics, userAgent: `gatehouse/${version.version}`, onFatal })
  if (!opened.ok) return opened
  const { connections } = opened
  const { homeserver, engine } = connections

  // Each part is built from those above it. What has to reach a part below is a function that looks for it when it is called.
  const records = createRecords(core, homeserver.userId)
  const rooms = createRooms({ ...core, ...connections, ...records, onRepaired: (changes) => intake.repaired(changes) })
  const people = createPeople({ ...core, ...connections, ...records, ...rooms, catalogue })
  const keys = createKeys({ ...core, ...connections, ...records, ...rooms, ...people, metrics, onFatal })
  const onboarding = createOnboarding({ ...core, ...connections, ...records, ...rooms, ...people, templates, catalogue })
  const commands = createCommandParts({
    ...core,
    ...connections,
    ...records,
    ...rooms,
    ...people,
    ...onboarding,
    templates,
    catalogue,
    status: () => statusOf({ config, ...connections, ...records, ...rooms, ...people, ...keys, ...chat, ...intake, version, startedAt }),
  })
  const chat = createChat({ ...core, ...connections, ...records, ...rooms, ...people, ...keys, ...onboarding, ...commands })
  registerJobs({ ...core, ...connections, ...records, ...rooms, ...people, ...onboarding, ...commands, ...chat, templates, metrics })
  const intake = createIntake({ ...core, ...connections, ...records, ...rooms, ...people, ...keys, ...onboarding, ...chat })

  const running = { ...records, ...rooms, ...people, ...keys, ...chat, ...intake }
  registerChecks(checks, { ...connections, ...running })
  await startParts({ ...running, database, logger, engine, checks, metrics, onFatal })
  return {
    ok: true,
    app: {
      engine: engine.engine,
      userId: homeserver.userId,
      deviceId: homeserver.session.deviceId,
      stop: () => stopParts({ ...running, closeConnections: () => connections.close() }),
    },
  }
}
