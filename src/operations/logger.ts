import type { Logger as PinoLogger } from 'pino'

/** The logger that parts receive. Build it with `createLogger` of `src/operations/logging.ts`. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & { child(bindings: Record<string, unknown>): Logger }

/** A logger that drops everything, for tests and one-off tools. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  fatal: () => undefined,
  child: () => silentLogger,
}
