import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Context, Version } from './context.ts'
import { controlReply } from './control.ts'
import { type Fault, type FaultHow, takeFault } from './faults.ts'
import { flowRoutes, groupRoutes, invitationRoutes, sessionRoutes } from './other-routes.ts'
import { crash, json, notFoundPage, type Reply } from './reply.ts'
import { checkRequest, checkResponse, templateOf } from './schema-check.ts'
import { type Seed, seedState } from './seed.ts'
import type { State } from './state.ts'
import { userRoutes } from './user-routes.ts'

/** A request or answer that breaks the published schema. */
export interface Violation {
  readonly side: 'request' | 'answer'
  readonly method: string
  readonly path: string
  readonly problems: readonly string[]
}

/** A request that came in. */
export interface RequestLogged {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly query: string
  /** 0 while it is unanswered, or when a fault cut it. */
  status: number
}

/** How a stand-in is made. */
export interface StandInOptions {
  readonly version?: Version
  readonly seed?: Seed
  /** 0 = any free port. */
  readonly port?: number
  /** Whether requests are held to the schema (true). Off only to replay recordings of deliberately bad ones. */
  readonly strictRequests?: boolean
  readonly now?: () => number
  /** Serve `/__control/` to whoever asks (false): only for a stand-in that runs as a process. */
  readonly control?: boolean
}

/** A running stand-in. */
export interface StandIn {
  /** Base URL, without `/api/v3`. */
  readonly url: string
  readonly token: string
  readonly adminToken: string
  readonly botPk: number
  readonly version: Version
  readonly state: State
  readonly requests: RequestLogged[]
  /** Must be empty at the end of a test. */
  readonly violations: Violation[]
  /** The next requests that fit fail in the given way, `times` of them (1), once `after` others (0) went well. */
  failNext(fault: {
    readonly method?: string
    readonly pathPattern: string | RegExp
    readonly times?: number
    readonly after?: number
    readonly how: FaultHow
  }): void
  /** Forgets all faults. */
  clearFaults(): void
  close(): Promise<void>
}

const routes = [userRoutes, groupRoutes, flowRoutes, invitationRoutes, sessionRoutes]

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

const write = (response: ServerResponse, reply: Reply): void => {
  if ('json' in reply) response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.json))
  else if ('html' in reply) {
    const allow = reply.allow === undefined ? {} : { allow: reply.allow }
    response.writeHead(reply.status, { 'content-type': 'text/html; charset=utf-8', ...allow }).end(reply.html)
  } else response.writeHead(reply.status).end()
}

/** Starts a stand-in for Authentik on loopback. Every request and answer is held to the schema of `@goauthentik/api`. */
export const createStandIn = async (options: StandInOptions = {}): Promise<StandIn> => {
  const version = options.version ?? '2026.5.0-rc1'
  const now = options.now ?? (() => Date.now())
  const seeded = seedState(options.seed ?? {}, now())
  const { state } = seeded
  const requests: RequestLogged[] = []
  const violations: Violation[] = []
  const faults: Fault[] = []

  const answer = async (request: IncomingMessage, url: URL, text: string): Promise<Reply> => {
    const method = request.method ?? 'GET'
    if (url.pathname === '/-/health/live/' || url.pathname === '/-/health/ready/') return { status: 200, html: '' }
    if (/^\/if\/flow\/[^/]+\/$/.test(url.pathname)) return { status: 200, html: '<!DOCTYPE html><title>authentik</title>' }
    if (!url.pathname.startsWith('/api/v3/')) return notFoundPage
    const path = url.pathname.slice('/api/v3'.length)
    let body: unknown
    let broken = false
    try {
      body = text === '' ? undefined : JSON.parse(text)
    } catch {
      broken = true
    }
    if (options.strictRequests ?? true) {
      const problems = broken ? ['the body is no JSON'] : checkRequest({ method, path, query: url.searchParams, body })
      if (problems.length > 0) {
        violations.push({ side: 'request', method, path, problems })
        return json(599, { detail: 'the request breaks the schema of Authentik', problems })
      }
    }
    // Routes come before rights: what does not exist looks the same to everybody.
    if (templateOf(path) === undefined) return method === 'GET' ? notFoundPage : crash(method)
    const bearer = /^bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const caller = bearer === undefined ? undefined : state.users.get(state.tokens.get(bearer) ?? -1)
    if (bearer === undefined) return json(403, { detail: 'Authentication credentials were not provided.' })
    if (caller === undefined || !caller.is_active) return json(403, { detail: 'Token invalid/expired' })
    if (broken) return json(400, { detail: 'JSON parse error - unexpected end of data: line 1 column 14 (char 13)' })
    const scheme = request.headers['x-forwarded-proto'] ?? 'http'
    const context: Context = {
      state,
      version,
      caller,
      method,
      segments: path
        .split('/')
        .filter((one) => one !== '')
        .map(decodeURIComponent),
      query: url.searchParams,
      body,
      origin: `${String(scheme)}://${request.headers.host ?? ''}`,
      now: now(),
    }
    for (const route of routes) {
      const reply = route(context)
      if (reply === undefined) continue
      const problems = checkResponse(method, path, reply.status, 'json' in reply ? JSON.parse(JSON.stringify(reply.json)) : undefined)
      if (problems.length === 0) return reply
      violations.push({ side: 'answer', method, path, problems })
      return json(599, { detail: "the stand-in's answer breaks the schema of Authentik", problems })
    }
    return method === 'GET' ? notFoundPage : crash(method)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await readBody(request)
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const method = request.method ?? 'GET'
    if (options.control === true && url.pathname.startsWith('/__control/')) {
      write(response, controlReply(standIn, faults, method, url, text))
      return
    }
    const logged: RequestLogged = { method, path: url.pathname, query: url.search, status: 0 }
    requests.push(logged)
    const fault = takeFault(faults, method, url.pathname)
    if (fault === 'hang') return
    if (fault === 'reset') {
      request.socket.resetAndDestroy()
      return
    }
    if (typeof fault === 'object') {
      logged.status = fault.status
      response.writeHead(fault.status, { 'content-type': fault.html === undefined ? 'application/json' : 'text/html', ...fault.headers })
      response.end(fault.html ?? JSON.stringify(fault.json ?? { detail: 'made to fail' }))
      return
    }
    const reply = await answer(request, url, text)
    if (fault === 'commit-then-drop') {
      request.socket.resetAndDestroy()
      return
    }
    logged.status = reply.status
    write(response, reply)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      violations.push({ side: 'answer', method: request.method ?? '', path: request.url ?? '', problems: [String(error)] })
      response.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const standIn: StandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: seeded.token,
    adminToken: seeded.adminToken,
    botPk: seeded.botPk,
    version,
    state,
    requests,
    violations,
    failNext: ({ method, pathPattern, times = 1, after = 0, how }) => {
      faults.push({ method, pattern: typeof pathPattern === 'string' ? pathPattern : new RegExp(pathPattern), left: times, after, how })
    },
    clearFaults: () => void faults.splice(0),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return standIn
}
