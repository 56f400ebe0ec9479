import { pino } from 'pino'
import type { DestinationStream, Logger as PinoLogger } from 'pino'
import type { Logger } from './logger.ts'
import { isSecretName, mask, maskSecrets } from './secrets.ts'

/** Severities that can be configured. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

const deepest = 8
const longestList = 200

const describeError = (error: Error, depth: number, seen: Set<object>): Record<string, unknown> => {
  const described: Record<string, unknown> = { type: error.name, message: maskSecrets(error.message) }
  if (error.stack !== undefined) described['stack'] = maskSecrets(error.stack)
  // Other own fields of an error are left out on purpose: libraries hang whole requests and responses, with their tokens, on errors.
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' || typeof code === 'number') described['code'] = maskSecrets(String(code))
  if (error.cause !== undefined) described['cause'] = clean(error.cause, depth + 1, seen)
  if (error instanceof AggregateError) described['errors'] = clean(error.errors, depth + 1, seen)
  return described
}

const cleanObject = (value: object, depth: number, seen: Set<object>): unknown => {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString()
  if (value instanceof URL) return maskSecrets(value.href)
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof Error) return describeError(value, depth, seen)
  if (value instanceof Map) return cleanObject(Object.fromEntries(value), depth, seen)
  if (value instanceof Set) return cleanObject([...value], depth, seen)
  if (Array.isArray(value)) {
    const shown = value.slice(0, longestList).map((item) => clean(item, depth + 1, seen))
    return value.length > longestList ? [...shown, `… ${value.length - longestList} more`] : shown
  }
  const cleaned: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    cleaned[maskSecrets(name)] = isSecretName(name) && item !== undefined && item !== null ? mask : clean(item, depth + 1, seen)
  }
  return cleaned
}

const clean = (value: unknown, depth: number, seen: Set<object>): unknown => {
  if (typeof value === 'string') return maskSecrets(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`
  if (typeof value !== 'object' || value === null) return value
  if (seen.has(value)) return '[circular]'
  if (depth > deepest) return '[too deep]'
  seen.add(value)
  const cleaned = cleanObject(value, depth, seen)
  seen.delete(value)
  return cleaned
}

/**
 * A copy of a value that is safe to write: secrets masked by field name, by registered value and by shape, errors without their
 * foreign fields, bytes as a length, no cycles.
 */
export const redact = (value: unknown): unknown => clean(value, 0, new Set())

const narrow = (logger: PinoLogger): Logger => ({
  debug: logger.debug.bind(logger),
  info: logger.info.bind(logger),
  warn: logger.warn.bind(logger),
  error: logger.error.bind(logger),
  fatal: logger.fatal.bind(logger),
  child: (bindings) => narrow(logger.child(redact(bindings) as Record<string, unknown>)),
})

/** Writes one readable line instead of JSON, for people who watch the demo. */
const prettyStream = (destination: DestinationStream): DestinationStream => ({
  write: (line) => {
    const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>
    const extra = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
    destination.write(`${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${typeof msg === 'string' ? msg : ''}${extra}\n`)
  },
})

/**
 * Builds the logger: one JSON object a line with `level` in words, `time` as ISO 8601 and `msg`.
 * Whatever is logged passes `redact` first, message texts included; the finished line is masked once more.
 * @param options.destination where lines go (default: standard output, written synchronously so that a crash loses none)
 * @param options.pretty readable lines instead of JSON
 */
export const createLogger = (options: {
  readonly level: LogLevel
  readonly destination?: DestinationStream
  readonly pretty?: boolean
}): Logger => {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true })
  // The last net: a secret that was split over format arguments is whole only in the finished line.
  const masking: DestinationStream = {
    write: (line) => {
      destination.write(maskSecrets(line))
    },
  }
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redact(fields) as Record<string, unknown> },
      serializers: { err: redact, error: redact },
      hooks: {
        logMethod(args, method) {
          const safe = args.map((arg, index) => {
            if (typeof arg === 'string') return maskSecrets(arg)
            // The first object is handled by `formatters.log`; an error there must become the field `err`.
            if (index === 0) return arg instanceof Error ? { err: redact(arg), msg: maskSecrets(arg.message) } : arg
            return redact(arg)
          })
          method.apply(this, safe as Parameters<typeof method>)
        },
      },
    },
    options.pretty === true ? prettyStream(masking) : masking,
  )
  return narrow(logger)
}
