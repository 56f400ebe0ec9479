import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { RequestLog } from './request-log.ts'
import { anyAddress } from './rest.ts'
import { RuleList, type ActiveRule, type Rule, type RuleState } from './proxy-rules.ts'

export { strangerRules, type ActiveRule, type Fault, type Rule } from './proxy-rules.ts'
export type { LoggedRequest, RequestFilter } from './request-log.ts'

export interface ProxyOptions {
  /** Base URL of the server behind it. */
  readonly target: string
  /** Rules that stay when `clear` is called. */
  readonly standing?: readonly Rule[]
  /** Keeps the text of each request's body in the log. Default false. */
  readonly recordBodies?: boolean
  /** Default: a free one. */
  readonly port?: number
}

/** A proxy that makes trouble on request and counts what passes. */
export interface Proxy {
  readonly url: string
  readonly requests: RequestLog
  /** Every access and refresh token that has passed: for tests that look for them where they must not be. */
  readonly tokens: ReadonlySet<string>
  /** Puts a rule in force; a newer rule wins over an older one. */
  add(rule: Rule): ActiveRule
  /** Ends all rules but the standing ones. */
  clear(): void
  /** While down, every connection is refused or reset, as if the server were gone. */
  down(): Promise<void>
  up(): Promise<void>
  stop(): Promise<void>
}

/** Idle connections to the server are closed by us after this many milliseconds, before the server does it in the middle of our next request. */
const idleLimit = 10_000

/**
 * Starts a proxy on loopback between a client under test and a server. Bodies are streamed and connections kept, so it costs well under a
 * millisecond a request.
 */
export const startProxy = async (options: ProxyOptions): Promise<Proxy> => {
  const target = new URL(options.target)
  const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: idleLimit })
  const requests = new RequestLog()
  const tokens = new Set<string>()
  const rules = new RuleList()
  const standing = new RuleList()
  for (const rule of options.standing ?? []) standing.add(rule)
  // All that comes through here is one client to the server's limits per address.
  const address = anyAddress()

  const server = createServer((incoming, outgoing) => {
    const visit = new Visit(incoming, outgoing, options.recordBodies === true)
    noteTokens(incoming, tokens)
    const rule = rules.take(visit.method, visit.path) ?? standing.take(visit.method, visit.path)
    outgoing.once('close', () => requests.add(visit.entry(rule?.how.kind)))
    handle(visit, rule, { target, agent, address }).catch((error: unknown) => visit.fail(error))
  })
  // A client's long poll must not be ended by the proxy's own time limits.
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.keepAliveTimeout = 60_000

  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  await listen(options.port ?? 0)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    tokens,
    add: (rule) => rules.add(rule),
    clear: () => rules.clear(),
    down: close,
    up: async () => await listen(port),
    stop: async () => {
      rules.clear()
      await close()
      agent.destroy()
    },
  }
}

/** The token of a request, and the one that a renewal hands in. */
const noteTokens = (incoming: IncomingMessage, tokens: Set<string>): void => {
  const bearer = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1]
  if (bearer !== undefined) tokens.add(bearer)
  if (incoming.url?.endsWith('/refresh') !== true) return
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.once('end', () => {
    const token = /"refresh_token":\s*"([^"]+)"/.exec(Buffer.concat(chunks).toString())?.[1]
    if (token !== undefined) tokens.add(token)
  })
}

interface Upstream {
  readonly target: URL
  readonly agent: Agent
  readonly address: string
}

/** One request of the client and what became of it. */
class Visit {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly method: string
  readonly path: string
  readonly #at = Date.now()
  readonly #started = performance.now()
  readonly #body: Buffer[] = []
  readonly #recordBody: boolean
  bytes = 0

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, recordBody: boolean) {
    this.incoming = incoming
    this.outgoing = outgoing
    this.method = incoming.method ?? 'GET'
    this.path = (incoming.url ?? '/').replace(/\?.*$/s, '')
    this.#recordBody = recordBody
    if (recordBody) incoming.on('data', (chunk: Buffer) => this.#body.push(chunk))
  }

  entry(fault: string | undefined): Parameters<RequestLog['add']>[0] {
    return {
      method: this.method,
      path: this.path,
      status: this.outgoing.writableFinished ? this.outgoing.statusCode : undefined,
      at: this.#at,
      ms: performance.now() - this.#started,
      bytes: this.bytes,
      ...(this.#recordBody ? { body: Buffer.concat(this.#body).toString() } : {}),
      ...(fault === undefined ? {} : { fault }),
    }
  }

  answer(status: number, body: string, headers: Readonly<Record<string, string>>): void {
    this.bytes = Buffer.byteLength(body)
    // What is left of the request is read and dropped, so that the connection can be used again.
    this.incoming.resume()
    this.outgoing.writeHead(status, { ...headers, 'Content-Length': String(this.bytes) }).end(body)
  }

  answerJson(status: number, json: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.answer(status, JSON.stringify(json), { 'Content-Type': 'application/json', ...headers })
  }

  cut(): void {
    this.incoming.socket.resetAndDestroy()
  }

  /** The server behind is gone: that is what a client of a reverse proxy sees as well. */
  fail(error: unknown): void {
    if (this.outgoing.headersSent || this.outgoing.destroyed) this.outgoing.destroy()
    else
      this.answer(502, `The server behind the proxy does not answer (${error instanceof Error ? error.message : 'unknown'})`, {
        'Content-Type': 'text/plain',
      })
  }
}

const badGateway = '<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>\n'

const handle = async (visit: Visit, rule: RuleState | undefined, upstream: Upstream): Promise<void> => {
  const how = rule?.how
  switch (how?.kind) {
    case undefined:
      return await relay(visit, upstream)
    case 'rate-limit': {
      const waitMs = how.waitMs ?? 1_000
      const inHeader = how.tell === 'header' || how.tell === 'both'
      const inBody = how.tell === 'body' || how.tell === 'both'
      const body = { errcode: 'M_LIMIT_EXCEEDED', error: 'Too Many Requests', ...(inBody ? { retry_after_ms: waitMs } : {}) }
      return visit.answerJson(429, body, inHeader ? { 'Retry-After': String(Math.ceil(waitMs / 1000)) } : {})
    }
    case 'bad-gateway':
      return visit.answer(502, badGateway, { 'Content-Type': 'text/html' })
    case 'hang':
      visit.incoming.resume()
      return
    case 'reset':
      return visit.cut()
    case 'cut-after-commit':
      await commit(visit, rule, upstream)
      return visit.cut()
    case 'hang-after-commit':
      await commit(visit, rule, upstream)
      return
    case 'delay':
      await sleep(how.ms)
      return await relay(visit, upstream)
    case 'hold':
      await rule?.removed
      return await relay(visit, upstream)
    case 'answer':
      return visit.answerJson(how.status, how.json, how.headers)
    case 'transform': {
      const answer = await forward(visit, upstream)
      const status = answer.statusCode ?? 502
      return visit.answerJson(status, how.change(JSON.parse(await readAll(answer)), status))
    }
  }
}

/** Lets the request have its effect and keeps the answer. */
const commit = async (visit: Visit, rule: RuleState | undefined, upstream: Upstream): Promise<void> => {
  await readAll(await forward(visit, upstream))
  if (rule !== undefined) rule.committed += 1
}

const relay = async (visit: Visit, upstream: Upstream): Promise<void> => {
  const answer = await forward(visit, upstream)
  const { outgoing } = visit
  answer.on('data', (chunk: Buffer) => {
    visit.bytes += chunk.length
  })
  answer.once('error', (error) => outgoing.destroy(error))
  outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
  answer.pipe(outgoing)
}

/** Sends the request on and answers with the head of the server's answer; ends it when the client goes away. */
const forward = async (visit: Visit, { target, agent, address }: Upstream): Promise<IncomingMessage> => {
  const { incoming, outgoing, method } = visit
  const headers = { ...incoming.headers, host: target.host, 'x-forwarded-for': address }
  const onward = httpRequest({ host: target.hostname, port: target.port, method, path: incoming.url, headers, agent })
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) onward.destroy()
  })
  incoming.pipe(onward)
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  // From here on a broken connection shows in the answer; without a listener it would also end the process.
  onward.on('error', () => undefined)
  return answer
}

const readAll = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
