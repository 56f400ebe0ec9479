import { Agent } from 'undici'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import { type AttemptResult, startAttempt } from './attempt.ts'
import { type Breaker, type BreakerOptions, createBreaker } from './breaker.ts'
import type { Gate, GateFailure, GateRequest, GateResult, Method } from './contract.ts'
import { createCounts } from './counts.ts'
import { createQueue, type Queue } from './queue.ts'
import { tlsOptions } from './tls.ts'
import { type FailureDetail, judge } from './verdict.ts'
import { backoff } from './waits.ts'
import { parseTarget, wireOptions } from './wire.ts'

/** Bounds of a gate; each has a default that suits a homeserver. */
export interface GateLimits {
  /** Requests on the wire at the same time (32). The rest waits in order. */
  readonly concurrent?: number
  /** Tries of one request for network failures, time-outs and 502/503/504, the first included (4). */
  readonly attempts?: number
  /** Tries of one request that meet a 429, the first included (8). */
  readonly limitedAttempts?: number
  /** First backoff in milliseconds, doubled each time (250), and its ceiling (10,000). */
  readonly backoffMs?: number
  readonly backoffCeilingMs?: number
  /** Milliseconds to make a connection, TLS included (10,000). */
  readonly connectMs?: number
  /** Milliseconds an idle connection is kept unless the server says otherwise (20,000). */
  readonly keepAliveMs?: number
}

/** One attempt that ended, for metrics. */
export interface RequestSeen {
  readonly route: string
  readonly method: Method
  /** HTTP status, or `network`, `timeout`, `cancelled`, `malformed`, `limited`, `down`. */
  readonly outcome: string
  readonly ms: number
}

/** What a gate is built from. */
export interface GateOptions {
  /** `https://host[:port][/prefix]`. */
  readonly baseUrl: string
  /** For logs: `homeserver`, `authentik`. */
  readonly name: string
  readonly logger: Logger
  readonly clock: Clock
  /** Numbers from 0 up to 1, for jitter. */
  readonly random?: () => number
  /** PEM file with certificate authorities that are trusted besides the usual ones. */
  readonly caFile?: string
  /** Permit a `http://` base URL. */
  readonly allowHttp?: boolean
  readonly userAgent: string
  /** Present = a circuit breaker guards the server. */
  readonly breaker?: BreakerOptions
  readonly limits?: GateLimits
  /** Called before each attempt, synchronously: what has to be on disk before anything leaves. When it throws, nothing leaves. */
  readonly beforeAttempt?: () => void
  /** Called after each attempt, synchronously: keep it small. */
  readonly onRequest?: (seen: RequestSeen) => void
}

/** A request between its acceptance and its result. */
interface Flight {
  readonly request: GateRequest
  readonly startedAt: number
  readonly deadlineAt: number
  /** Set once when the deadline or a cancellation struck. */
  ended: 'timeout' | 'cancelled' | undefined
  /** Wakes whatever the flight waits for right now. */
  interrupt: (() => void) | undefined
  /** Some attempt may have taken effect. */
  touched: boolean
  onWire: boolean
}

type Wire = ReturnType<typeof wireOptions>

/** Requests of one lane, one after another. A 429 pauses those behind as well. */
interface Lane {
  readonly queue: Queue
  pausedUntil: number
}

/** The end may strike between being admitted and going on. */
const stillWanted = (flight: Flight): void => {
  if (flight.ended !== undefined) throw new FlightEnded()
}

/**
 * Opens the way out to one server. Redirects are never followed, certificates always verified, and neither token, query nor body
 * reaches the log. The promise of `request` rejects only for a programming error.
 * @throws Error in words when the base URL or the CA file is unusable
 */
export const createGate = (options: GateOptions): Gate => {
  const { clock, logger } = options
  const random = options.random ?? Math.random
  const limits = options.limits ?? {}
  const maxAttempts = limits.attempts ?? 4
  const maxLimited = limits.limitedAttempts ?? 8
  const backoffMs = limits.backoffMs ?? 250
  const backoffCeilingMs = limits.backoffCeilingMs ?? 10_000
  const target = parseTarget(options.baseUrl, options.allowHttp ?? false)
  const concurrent = limits.concurrent ?? 32
  const agent = new Agent({
    allowH2: false,
    // One more than the slots, so that our queue and never undici's decides the order.
    connections: concurrent + 1,
    pipelining: 1,
    keepAliveTimeout: limits.keepAliveMs ?? 20_000,
    keepAliveMaxTimeout: 60_000,
    connect: { timeout: limits.connectMs ?? 10_000, ...tlsOptions(options.caFile) },
  })
  const baseHeaders: Record<string, string> = { 'user-agent': options.userAgent, accept: 'application/json' }
  // Across a network the first sync is worth compressing; on loopback it only costs.
  if (target.origin.startsWith('https:')) baseHeaders['accept-encoding'] = 'gzip'
  const breaker: Breaker | undefined = options.breaker === undefined ? undefined : createBreaker(options.breaker, clock)
  const slots = createQueue(concurrent)
  const lanes = new Map<string, Lane>()
  const flights = new Set<Flight>()
  const counts = createCounts()
  let closing: Promise<void> | undefined
  let whenEmpty: (() => void) | undefined

  const seen = (request: GateRequest, outcome: string, ms: number): void => {
    counts.add(request.route, request.method, outcome, ms)
    options.onRequest?.({ route: request.route, method: request.method, outcome, ms })
  }

  const failure = (flight: Flight, detail: FailureDetail): GateFailure => ({
    ...detail,
    ok: false,
    untouched: !flight.touched,
    method: flight.request.method,
    route: flight.request.route,
    ms: clock.now() - flight.startedAt,
  })

  const endFlight = (flight: Flight, why: 'timeout' | 'cancelled'): void => {
    if (flight.ended !== undefined) return
    flight.ended = why
    flight.interrupt?.()
  }

  const enter = (queue: Queue, flight: Flight): Promise<void> | undefined => {
    if (queue.tryEnter()) return undefined
    return new Promise((resolve, reject) => {
      const giveUp = queue.enter(() => {
        flight.interrupt = undefined
        resolve()
      })
      flight.interrupt = () => {
        giveUp()
        reject(new FlightEnded())
      }
    })
  }

  const pause = async (flight: Flight, milliseconds: number): Promise<void> => {
    stillWanted(flight)
    const stop = new AbortController()
    flight.interrupt = () => stop.abort(new FlightEnded())
    try {
      await clock.sleep(milliseconds, stop.signal)
    } finally {
      flight.interrupt = undefined
    }
    stillWanted(flight)
  }

  /** Waits for something else than time. The end of the flight ends the wait. */
  const until = async (flight: Flight, event: Promise<void>): Promise<void> => {
    stillWanted(flight)
    const ended = new Promise<never>((_resolve, reject) => {
      flight.interrupt = () => reject(new FlightEnded())
    })
    try {
      await Promise.race([event, ended])
    } finally {
      flight.interrupt = undefined
    }
    stillWanted(flight)
  }

  const send = async (flight: Flight, wire: Wire): Promise<AttemptResult> => {
    const { request } = flight
    const entering = enter(slots, flight)
    if (entering !== undefined) await entering
    try {
      stillWanted(flight)
      options.beforeAttempt?.()
      const attempt = startAttempt(agent, wire, request.maxBytes ?? 64 * 1024 * 1024)
      flight.interrupt = attempt.stop
      flight.onWire = true
      const timer = setTimeout(attempt.stop, request.timeoutMs ?? 30_000)
      try {
        return await attempt.result
      } finally {
        clearTimeout(timer)
        flight.interrupt = undefined
        flight.onWire = false
      }
    } finally {
      slots.leave()
    }
  }

  /** One try. The second value is how long to wait before the next, if there may be one. */
  const tryOnce = async (flight: Flight, wire: Wire, attempt: number): Promise<readonly [GateResult, number | undefined]> => {
    const { request } = flight
    // One request finds out whether the server is back; those that came with it share what it finds out.
    for (let probe = breaker?.probe(); probe !== undefined; probe = breaker?.probe()) await until(flight, probe)
    const closedFor = breaker?.admit() ?? 0
    if (closedFor > 0) {
      seen(request, 'down', 0)
      return [failure(flight, { code: 'down', retryAfterMs: closedFor }), undefined]
    }
    const begun = clock.now()
    let answer: AttemptResult
    try {
      answer = await send(flight, wire)
    } catch (error) {
      breaker?.abandoned()
      throw error
    }
    const verdict = judge(request, answer, flight.ended, backoff(attempt, backoffMs, backoffCeilingMs, random), clock.now())
    seen(request, verdict.outcome, clock.now() - begun)
    if (verdict.health === 'well') breaker?.succeeded()
    else if (verdict.health === 'ill') breaker?.failed()
    else breaker?.abandoned()
    if (verdict.touched) flight.touched = true
    const { result } = verdict
    return [result.ok ? { ...result, ms: clock.now() - flight.startedAt } : failure(flight, result), verdict.retryMs]
  }

  const fly = async (flight: Flight, lane: Lane | undefined): Promise<GateResult> => {
    const { request } = flight
    const maxWaitMs = request.maxWaitMs ?? 15_000
    const wire = wireOptions(target, baseHeaders, request)
    const paused = (lane?.pausedUntil ?? 0) - clock.now()
    if (paused > 0) {
      if (paused > maxWaitMs || clock.now() + paused >= flight.deadlineAt) {
        seen(request, 'limited', 0)
        return failure(flight, { code: 'limited', retryAfterMs: paused })
      }
      await pause(flight, paused)
    }
    let failed = 0
    let limited = 0
    for (;;) {
      const [result, retryMs] = await tryOnce(flight, wire, failed + limited + 1)
      if (result.ok || retryMs === undefined) return result
      if (result.code === 'limited') {
        limited += 1
        if (lane !== undefined) lane.pausedUntil = clock.now() + retryMs
      } else failed += 1
      const spent = (result.code === 'limited' ? limited >= maxLimited : failed >= maxAttempts) || breaker?.state() === 'open'
      if (spent || retryMs > maxWaitMs || clock.now() + retryMs >= flight.deadlineAt || closing !== undefined) return result
      logger.debug(
        { gate: options.name, method: request.method, route: request.route, code: result.code, waitMs: retryMs },
        'request will be repeated',
      )
      await pause(flight, retryMs)
    }
  }

  const request = async (asked: GateRequest): Promise<GateResult> => {
    const startedAt = clock.now()
    const deadlineMs = asked.deadlineMs ?? 60_000
    const flight: Flight = {
      request: asked,
      startedAt,
      deadlineAt: startedAt + deadlineMs,
      ended: undefined,
      interrupt: undefined,
      touched: false,
      onWire: false,
    }
    if (closing !== undefined || asked.signal?.aborted === true) {
      seen(asked, 'cancelled', 0)
      return failure(flight, { code: 'cancelled' })
    }
    const onAbort = (): void => endFlight(flight, 'cancelled')
    asked.signal?.addEventListener('abort', onAbort, { once: true })
    const timer = setTimeout(endFlight, deadlineMs, flight, 'timeout')
    flights.add(flight)
    let lane: Lane | undefined
    let inLane = false
    try {
      if (asked.lane !== undefined) {
        lane = lanes.get(asked.lane)
        if (lane === undefined) {
          lane = { queue: createQueue(1), pausedUntil: 0 }
          lanes.set(asked.lane, lane)
        }
        const entering = enter(lane.queue, flight)
        if (entering !== undefined) await entering
        inLane = true
        stillWanted(flight)
      }
      return await fly(flight, lane)
    } catch (error) {
      if (!(error instanceof FlightEnded)) throw error
      // It ended while waiting; an attempt of before decides whether something may have been changed.
      const code = flight.ended ?? 'cancelled'
      seen(asked, code, 0)
      return failure(flight, { code })
    } finally {
      clearTimeout(timer)
      asked.signal?.removeEventListener('abort', onAbort)
      flights.delete(flight)
      if (lane !== undefined && asked.lane !== undefined) {
        if (inLane) lane.queue.leave()
        if (lane.queue.idle() && lane.pausedUntil <= clock.now() && lanes.get(asked.lane) === lane) lanes.delete(asked.lane)
      }
      if (flights.size === 0) whenEmpty?.()
    }
  }

  const shutDown = async (graceMs: number): Promise<void> => {
    for (const flight of flights) if (!flight.onWire) endFlight(flight, 'cancelled')
    const empty = new Promise<void>((resolve) => {
      whenEmpty = resolve
      if (flights.size === 0) resolve()
    })
    const grace = setTimeout(() => {
      for (const flight of flights) endFlight(flight, 'cancelled')
    }, graceMs)
    await empty
    clearTimeout(grace)
    await agent.destroy()
  }

  return {
    baseUrl: target.baseUrl,
    request,
    metrics: () => counts.rows(),
    close: (graceMs = 5_000) => {
      closing ??= Promise.resolve().then(() => shutDown(graceMs))
      return closing
    },
  }
}

/** Unwinds a flight whose deadline struck or that was cancelled while it waited. */
class FlightEnded extends Error {
  override readonly name = 'FlightEnded'
}
