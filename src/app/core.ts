import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'

/** What nearly every part of the bot is built with. */
export interface Core {
  readonly config: Config
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  /** A whole number from 0 on that is less than this, which nobody can foretell. */
  readonly random: (below: number) => number
  /** Call it with every secret that is made or received. */
  readonly onSecret: (secret: string) => void
}
