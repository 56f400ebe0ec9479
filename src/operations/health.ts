import type * as Http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'
import { maskSecrets } from './secrets.ts'

// An import would read every export of the module, and some of them load Node's own copy of undici: 25 ms of every start.
const { createServer } = createRequire(import.meta.url)('node:http') as typeof Http

/** What a check found, in words fit for operators: no secrets, no ids of people. */
export interface CheckResult {
  readonly ok: boolean
  readonly words: string
}
/** Looks at the present state. Called at each request, so it must be quick and must not wait for anything. */
export type Check = () => CheckResult

/** The checks of the program. State is computed when asked and never kept, so it cannot stay stale. */
export class Checks {
  readonly #checks = new Map<string, { readonly check: Check; readonly live: boolean }>()

  /**
   * Adds a check to `/readyz`.
   * @param name unique, such as `sync`
   * @param options.live the check also counts for `/livez`: when it fails only a restart helps
   * @returns takes it away again
   */
  register(name: string, check: Check, options: { readonly live?: boolean } = {}): () => void {
    if (this.#checks.has(name)) throw new Error(`the check ${name} is registered already`)
    this.#checks.set(name, { check, live: options.live === true })
    return () => void this.#checks.delete(name)
  }

  /** Runs the checks now. A check that throws counts as failed. */
  run(which: 'all' | 'live' = 'all'): { readonly ok: boolean; readonly checks: Readonly<Record<string, CheckResult>> } {
    const results = [...this.#checks]
      .filter(([, { live }]) => which === 'all' || live)
      .map(([name, { check }]): [string, CheckResult] => {
        try {
          const { ok, words } = check()
          return [name, { ok, words: maskSecrets(words) }]
        } catch (error) {
          return [
            name,
            { ok: false, words: `the check itself failed: ${maskSecrets(error instanceof Error ? error.message : String(error))}` },
          ]
        }
      })
    return { ok: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) }
  }
}

/** What `/readyz` tells beside the checks. */
export interface HealthFacts {
  readonly name: string
  readonly version: string
  readonly commit: string
  readonly engine: string
  readonly schema: number
}

/** A running health server. */
export interface HealthServer {
  /** `http://127.0.0.1:8090` with the port that was really taken. */
  readonly url: string
  close(): Promise<void>
}

/** What came of starting it. */
export type HealthStart = { readonly ok: true; readonly server: HealthServer } | { readonly ok: false; readonly reason: string }

const parseListen = (listen: string): { readonly host: string; readonly port: number } => {
  const split = listen.lastIndexOf(':')
  return { host: listen.slice(0, split).replace(/^\[|\]$/g, ''), port: Number(listen.slice(split + 1)) }
}

const answer = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  response.end(body)
}

const reasonWords = (error: NodeJS.ErrnoException, listen: string): string => {
  if (error.code === 'EADDRINUSE') return `another program listens on ${listen} already`
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return `${listen} is no address of this machine`
  if (error.code === 'EACCES') return `this user may not listen on ${listen}`
  return `cannot listen on ${listen}: ${error.code ?? error.message}`
}

/**
 * Serves `/livez`, `/readyz` (200 or 503, JSON) and `/metrics` (Prometheus text).
 * @param options.listen `address:port` of `health.listen`; port 0 takes a free one
 * @param options.facts asked at each request
 */
export const startHealthServer = (options: {
  readonly listen: string
  readonly facts: () => HealthFacts
  readonly checks: Checks
  readonly metrics: Metrics
}): Promise<HealthStart> => {
  const { listen, facts, checks, metrics } = options
  metrics.collect('gatehouse_build_info', () => {
    const { version, commit, engine, schema } = facts()
    return [{ labels: { version, commit, engine, schema: String(schema) }, value: 1 }]
  })
  metrics.collect('gatehouse_ready', () => [{ labels: {}, value: checks.run().ok ? 1 : 0 }])
  metrics.collect('gatehouse_check_ok', () =>
    Object.entries(checks.run().checks).map(([check, { ok }]) => ({ labels: { check }, value: ok ? 1 : 0 })),
  )
  metrics.collect('gatehouse_uptime_seconds', () => [{ labels: {}, value: process.uptime() }])
  metrics.collect('gatehouse_memory_bytes', () => [{ labels: {}, value: process.memoryUsage.rss() }])
  metrics.collect('gatehouse_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage()
    return [{ labels: {}, value: (user + system) / 1e6 }]
  })

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const path = (request.url ?? '/').replace(/\?.*$/, '')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      answer(response, 405, 'text/plain; charset=utf-8', 'only GET\n')
    } else if (path === '/livez') {
      const { ok, checks: results } = checks.run('live')
      answer(response, ok ? 200 : 503, 'application/json', `${JSON.stringify({ ok, checks: results })}\n`)
    } else if (path === '/readyz') {
      const { ok, checks: results } = checks.run()
      answer(response, ok ? 200 : 503, 'application/json', `${JSON.stringify({ ok, ...facts(), checks: results })}\n`)
    } else if (path === '/metrics') {
      answer(response, 200, 'text/plain; version=0.0.4; charset=utf-8', metrics.text())
    } else {
      answer(response, 404, 'text/plain; charset=utf-8', 'here are /livez, /readyz and /metrics\n')
    }
  }

  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 1000, maxHeaderSize: 8192 }, handle)
  server.maxConnections = 50
  const { host, port } = parseListen(listen)
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve({ ok: false, reason: reasonWords(error, listen) }))
    server.listen(port, host, () => {
      const address = server.address() as AddressInfo
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed())
          server.closeAllConnections()
        })
      const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
      resolve({ ok: true, server: { url: `http://${shownHost}:${address.port}`, close } })
    })
  })
}
