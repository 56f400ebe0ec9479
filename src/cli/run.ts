import { startApp } from '../app.ts'
import { openDataDirectory } from '../database/open.ts'
import { schemaVersion } from '../database/migrate.ts'
import { systemClock } from '../operations/clock.ts'
import { exitCode } from '../operations/exit-codes.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import { Checks, startHealthServer } from '../operations/health.ts'
import { createLogger } from '../operations/logging.ts'
import { Metrics } from '../operations/metrics.ts'
import { maskSecrets } from '../operations/secrets.ts'
import { readVersion } from '../operations/version.ts'
import { configuration } from './configuration.ts'
import { complain } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'

/** The whole stop takes less: systemd and Docker kill after ten seconds. */
const stopLimitMs = 9000

/** `gatehouse run`: starts the bot and runs until a signal or until it cannot go on. */
export const execute: Execute<CommonOptions> = async (options) => {
  const loaded = configuration(options)
  if (loaded === undefined) return 'config'
  const { config } = loaded
  const logger = createLogger({ level: config.log.level })
  const opened = openDataDirectory(config.data.directory, systemClock.now())
  if (!opened.ok) {
    complain(opened.message)
    return opened.reason
  }
  const { database } = opened
  if (opened.backup !== undefined) logger.info({ file: opened.backup }, 'a backup was made before the migration')

  const version = readVersion()
  const checks = new Checks()
  const metrics = new Metrics()
  let engine = 'starting'
  const ending = Promise.withResolvers<{ readonly reason: ExitReason; readonly words?: string }>()
  const onSignal = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'stopping')
    ending.resolve({ reason: 'ok' })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // A panic of the encryption engine surfaces here; memory may be ahead of the disk, so nothing may go on.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'an unexpected error')
    process.exit(70)
  })
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'an unexpected rejection')
    process.exit(70)
  })

  const health =
    config.health.listen === false
      ? undefined
      : await startHealthServer({
          listen: config.health.listen,
          checks,
          metrics,
          facts: () => ({ ...version, engine, schema: schemaVersion(database) }),
        })
  if (health?.ok === false) {
    complain(health.reason)
    opened.close()
    return 'failed'
  }
  const forgetStarting = checks.register('start', () => ({ ok: false, words: 'starting' }))
  const starting = startApp({
    config,
    database,
    logger,
    checks,
    metrics,
    onFatal: (reason, words) => ending.resolve({ reason, words }),
  }).catch((error: unknown): never => {
    // What was opened so far would keep the process alive without a bot in it.
    logger.fatal({ err: error }, 'the bot could not be started')
    complain(`Unexpected error (a bug): ${maskSecrets(error instanceof Error ? error.message : String(error))}`)
    process.exit(exitCode('bug'))
  })
  const started = await Promise.race([starting, ending.promise])
  if ('reason' in started && !('ok' in started)) {
    // A start may wait for a server for minutes. It can be cut short anywhere, as by a kill: the next one goes on.
    if (started.words !== undefined) complain(started.words)
    logger.info({ reason: started.reason }, 'stopped while starting')
    process.exit(exitCode(started.reason))
  }
  if (!started.ok) {
    logger.fatal({ reason: started.reason }, started.words)
    complain(started.words)
    await health?.server.close()
    opened.close()
    return started.reason
  }
  forgetStarting()
  engine = started.app.engine
  logger.info(
    { userId: started.app.userId, deviceId: started.app.deviceId, engine, version: version.version, health: health?.server.url },
    'gatehouse runs',
  )

  const { reason, words } = await ending.promise
  if (words !== undefined) {
    logger.fatal({ reason }, words)
    complain(words)
  }
  const overdue = setTimeout(() => {
    logger.error('the stop took too long; what is open goes on at the next start')
    process.exit(exitCode(reason))
  }, stopLimitMs)
  await started.app.stop()
  await health?.server.close()
  opened.close()
  // Nothing should be left that keeps the process alive; if something is, it does not do so for longer than this.
  overdue.unref()
  logger.info('stopped')
  return reason
}
