import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../operations/clock.ts'
import { silentLogger } from '../operations/logger.ts'
import type { Gate, GateRequest } from './contract.ts'
import { createGate, type GateOptions } from './gate.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const open: { server: Server; gate: Gate }[] = []

afterEach(async () => {
  for (const { server, gate } of open.splice(0)) {
    await gate.close(0)
    server.closeAllConnections()
    server.close()
  }
})

/** Sleeps no real time, but remembers how long it was asked to. */
const fastClock = (): { clock: Clock; slept: number[] } => {
  const slept: number[] = []
  let skew = 0
  return {
    slept,
    clock: {
      now: () => Date.now() + skew,
      sleep: async (milliseconds) => {
        slept.push(milliseconds)
        skew += milliseconds
        await Promise.resolve()
      },
    },
  }
}

const setUp = async (handlers: Handler | Handler[], options: Partial<GateOptions> = {}) => {
  const requests: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      const handler = Array.isArray(handlers) ? (handlers[requests.length - 1] ?? handlers.at(-1)) : handlers
      handler?.(request, response, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { clock, slept } = fastClock()
  const gate = createGate({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`,
    name: 'test',
    logger: silentLogger,
    clock,
    random: () => 1,
    allowHttp: true,
    userAgent: 'gate-test',
    ...options,
  })
  open.push({ server, gate })
  return { gate, requests, slept, server }
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const raw =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body)
const hang: Handler = () => undefined
const reset: Handler = (request) => void request.socket.resetAndDestroy()
const cut: Handler = (_request, response) => {
  response.writeHead(200, { 'content-length': '100' })
  response.write('{"a":', () => response.destroy())
}

const get: GateRequest = { method: 'GET', path: '/thing', route: 'thing', repeatable: true }
const post: GateRequest = { method: 'POST', path: '/thing', route: 'thing', body: { a: 1 }, repeatable: false }

describe('what goes over the wire', () => {
  test('prefix, query, token, own headers and JSON body', async () => {
    const { gate, requests } = await setUp(json(200, { fine: true }))
    const result = await gate.request({
      ...post,
      path: '/rooms/!a%2Fb',
      query: { x: 'ü &', list: ['a', 'b'], none: undefined, flag: false },
      token: 'secret',
      headers: { 'accept-language': 'en' },
    })
    expect(result).toMatchObject({ ok: true, status: 200, body: { fine: true } })
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: '/base/rooms/!a%2Fb?x=%C3%BC%20%26&list=a&list=b&flag=false',
      body: '{"a":1}',
    })
    expect(requests[0]?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'accept-language': 'en',
      'content-type': 'application/json',
      'user-agent': 'gate-test',
    })
  })

  test('bytes are sent as they are; no body means no content type', async () => {
    const { gate, requests } = await setUp(json(200, {}))
    await gate.request({ ...post, body: Buffer.from('pix'), contentType: 'image/png' })
    await gate.request(get)
    expect(requests[0]).toMatchObject({ body: 'pix', headers: { 'content-type': 'image/png' } })
    expect(requests[1]?.headers).not.toHaveProperty('content-type')
  })

  test.each(['no-slash', '/a?b', '/a/../b', '/a/%2e%2E', '/a b', '/a#b'])('path %s is a programming error', async (path) => {
    const { gate, requests } = await setUp(json(200, {}))
    await expect(gate.request({ ...get, path })).rejects.toThrow(/path/)
    expect(requests).toHaveLength(0)
  })

  test('plain HTTP needs permission, and the base URL holds no secrets', () => {
    const options = { name: 'x', logger: silentLogger, clock: systemClock, userAgent: 'x' }
    expect(() => createGate({ ...options, baseUrl: 'http://example.org' })).toThrow(/unencrypted/)
    expect(() => createGate({ ...options, baseUrl: 'https://u:p@example.org' })).toThrow(/password/)
    expect(() => createGate({ ...options, baseUrl: 'ftp://example.org' })).toThrow(/https/)
    expect(() => createGate({ ...options, baseUrl: 'https://example.org', caFile: '/nowhere' })).toThrow(/cannot be read/)
  })

  test('connections are kept', async () => {
    const { gate, server } = await setUp(json(200, {}))
    let connections = 0
    server.on('connection', () => (connections += 1))
    for (let count = 0; count < 20; count += 1) await gate.request(get)
    // Two, since undici rests a connection for one turn of the event loop before it takes it again.
    expect(connections).toBeLessThanOrEqual(2)
  })
})

describe('answers', () => {
  test('a redirect is handed back, not followed', async () => {
    const { gate, requests } = await setUp(raw(302, '', { location: '/base/elsewhere' }))
    expect(await gate.request(get)).toMatchObject({ ok: false, code: 'status', status: 302 })
    expect(requests).toHaveLength(1)
  })

  test('an empty 204 is fine, HTML with 200 is malformed', async () => {
    const { gate } = await setUp([raw(204, ''), raw(200, '<html>')])
    expect(await gate.request(post)).toMatchObject({ ok: true, status: 204, body: undefined })
    expect(await gate.request(post)).toMatchObject({ ok: false, code: 'malformed', status: 200, untouched: false })
  })

  test('compressed answers are read, within the same bound; damaged ones are a failure', async () => {
    const zipped =
      (body: Buffer): Handler =>
      (_request, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(body)
    const bomb = gzipSync(JSON.stringify('x'.repeat(100_000)))
    const { gate } = await setUp([zipped(gzipSync('{"a":1}')), zipped(bomb), zipped(Buffer.from('not gzip'))])
    expect(await gate.request(post)).toMatchObject({ ok: true, body: { a: 1 } })
    expect(await gate.request({ ...post, maxBytes: 10_000 })).toMatchObject({ ok: false, code: 'malformed' })
    expect(await gate.request(post)).toMatchObject({
      ok: false,
      code: 'network',
      untouched: false,
      reason: expect.stringContaining('damaged'),
    })
  })

  test('an answer past maxBytes is dropped', async () => {
    const { gate } = await setUp(json(200, 'x'.repeat(5000)))
    expect(await gate.request({ ...get, maxBytes: 1000 })).toMatchObject({ ok: false, code: 'malformed' })
  })

  test('4xx gives its JSON and changed nothing; 500 may have', async () => {
    const { gate, requests } = await setUp([json(403, { errcode: 'M_FORBIDDEN' }), json(500, {})])
    expect(await gate.request(post)).toMatchObject({ code: 'status', status: 403, body: { errcode: 'M_FORBIDDEN' }, untouched: true })
    expect(await gate.request(post)).toMatchObject({ code: 'status', status: 500, untouched: false })
    expect(requests).toHaveLength(2)
  })
})

describe('429', () => {
  test.each<[string, Handler, number]>([
    ['header in seconds', json(429, {}, { 'retry-after': '3' }), 3000],
    ['body only', json(429, { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1234 }), 1234],
    ['header before body', json(429, { retry_after_ms: 9 }, { 'retry-after': '2' }), 2000],
    ['neither', json(429, {}), 250],
    ['not JSON', raw(429, '<html>slow down</html>'), 250],
  ])('%s: waits and repeats, even what is not repeatable', async (_name, handler, wait) => {
    const { gate, slept, requests } = await setUp([handler, json(200, { done: 1 })])
    expect(await gate.request(post)).toMatchObject({ ok: true, body: { done: 1 } })
    expect(slept).toEqual([wait])
    expect(requests).toHaveLength(2)
  })

  test('header with a date', async () => {
    const date = new Date(Date.now() + 10_000).toUTCString()
    const { gate, slept } = await setUp([raw(429, '', { 'retry-after': date }), json(200, {})])
    expect(await gate.request(post)).toMatchObject({ ok: true })
    expect(slept[0]).toBeGreaterThan(7_000)
    expect(slept[0]).toBeLessThanOrEqual(10_000)
  })

  test('without any hint the wait doubles, and it ends as limited', async () => {
    const { gate, slept } = await setUp(json(429, {}), { limits: { limitedAttempts: 4 } })
    expect(await gate.request(post)).toMatchObject({ ok: false, code: 'limited', untouched: true })
    expect(slept).toEqual([250, 500, 1000])
  })

  test('a longer wait than allowed goes back, and pauses its lane but no other', async () => {
    const { gate, requests } = await setUp([json(429, { retry_after_ms: 20_000 }), json(200, {})])
    expect(await gate.request({ ...post, lane: 'a' })).toMatchObject({ ok: false, code: 'limited', retryAfterMs: 20_000 })
    expect(await gate.request({ ...post, lane: 'a' })).toMatchObject({ ok: false, code: 'limited' })
    expect(requests).toHaveLength(1)
    expect(await gate.request({ ...post, lane: 'b' })).toMatchObject({ ok: true })
  })
})

describe('failures of the server and the network', () => {
  test.each<[string, Handler, Record<string, unknown>]>([
    ['502 HTML', raw(502, '<html>bad gateway</html>'), { code: 'status', status: 502, body: undefined }],
    ['reset', reset, { code: 'network', tls: false }],
    ['cut after the headers', cut, { code: 'network' }],
    ['hang', hang, { code: 'timeout' }],
  ])('%s: repeated only if that is safe', async (_name, handler, expected) => {
    const { gate, requests } = await setUp([handler, handler, json(200, { n: 3 })])
    const timeoutMs = handler === hang ? 300 : 10_000
    expect(await gate.request({ ...post, timeoutMs })).toMatchObject({ ok: false, untouched: false, ...expected })
    expect(requests).toHaveLength(1)
    expect(await gate.request({ ...post, timeoutMs, repeatable: true })).toMatchObject({ ok: true, body: { n: 3 } })
    expect(requests).toHaveLength(3)
  })

  test('a doubtful first attempt is not forgotten when a later one is refused', async () => {
    const { gate } = await setUp([reset, json(403, {})])
    expect(await gate.request({ ...post, repeatable: true })).toMatchObject({ code: 'status', status: 403, untouched: false })
  })

  test('nothing listens: words, certainly unchanged, tried again because nothing left', async () => {
    const { gate, server, slept } = await setUp(json(200, {}))
    server.close()
    const result = await gate.request(post)
    expect(result).toMatchObject({ ok: false, code: 'network', untouched: true, reason: expect.stringContaining('refused') })
    expect(slept).toEqual([250, 500, 1000])
  })

  test('a failure names route and method, never token, query or body', async () => {
    const lines: unknown[] = []
    const spy = (...args: unknown[]): void => void lines.push(args)
    const logger = { ...silentLogger, debug: spy, info: spy, warn: spy, error: spy }
    const { gate } = await setUp([raw(503, 'x'), json(500, { detail: 'x' })], { logger })
    const { body: _answer, ...rest } = (await gate.request({
      ...get,
      token: 'tok3n',
      query: { email: 'ada@example.org' },
    })) as Record<string, unknown>
    expect(JSON.stringify([rest, lines])).not.toMatch(/tok3n|ada@/)
    expect(lines).toHaveLength(1)
  })

  test('what has to be on disk first is asked for before each attempt, and nothing leaves without it', async () => {
    const order: string[] = []
    let broken = false
    const beforeAttempt = (): void => {
      order.push('on disk')
      if (broken) throw new Error('cannot be committed')
    }
    const answers: Handler[] = [json(503, {}), json(200, {})]
    const told = answers.map((handler): Handler => (request, response, body) => {
      order.push('sent')
      handler(request, response, body)
    })
    const { gate, requests } = await setUp(told, { beforeAttempt })
    expect(await gate.request(get)).toMatchObject({ ok: true })
    expect(order).toEqual(['on disk', 'sent', 'on disk', 'sent'])
    broken = true
    await expect(gate.request(post)).rejects.toThrow('cannot be committed')
    expect(requests).toHaveLength(2)
  })

  test('attempts are counted per route and outcome', async () => {
    const { gate } = await setUp([raw(503, ''), json(200, {}), json(404, {})])
    await gate.request(get)
    await gate.request(get)
    expect(gate.metrics().map(({ route, outcome, count }) => `${route} ${outcome} ${count}`)).toEqual([
      'thing 503 1',
      'thing 200 1',
      'thing 404 1',
    ])
  })
})

describe('order and time', () => {
  test('a lane keeps its order through a 429, another lane overtakes it', async () => {
    let limitedOnce = false
    const { gate, requests } = await setUp((request, response, body) => {
      if (body === '"a1"' && !limitedOnce) {
        limitedOnce = true
        json(429, { retry_after_ms: 10 })(request, response, body)
      } else json(200, {})(request, response, body)
    })
    const send = (lane: string, body: string) => gate.request({ ...post, lane, body })
    await Promise.all([send('a', 'a1'), send('a', 'a2'), send('a', 'a3'), send('b', 'b1')])
    const bodies = requests.map((one) => one.body)
    expect(bodies.filter((one) => one.includes('a'))).toEqual(['"a1"', '"a1"', '"a2"', '"a3"'])
    expect(bodies.indexOf('"b1"')).toBeLessThan(bodies.indexOf('"a2"'))
  })

  test('the deadline counts waiting in the queue, and what waited was never sent', async () => {
    const { gate, requests } = await setUp(hang, { clock: systemClock })
    const first = gate.request({ ...post, lane: 'a', timeoutMs: 5_000, deadlineMs: 300 })
    const second = gate.request({ ...post, lane: 'a', deadlineMs: 50 })
    expect(await second).toMatchObject({ ok: false, code: 'timeout', untouched: true })
    expect(await first).toMatchObject({ ok: false, code: 'timeout', untouched: false })
    expect(requests).toHaveLength(1)
  })

  test('the deadline forbids a wait that would outlast it', async () => {
    const { gate, slept } = await setUp(json(429, { retry_after_ms: 900 }))
    expect(await gate.request({ ...post, deadlineMs: 500 })).toMatchObject({ code: 'limited', retryAfterMs: 900 })
    expect(slept).toEqual([])
  })

  test('no more at once than allowed', async () => {
    let inside = 0
    let most = 0
    const { gate } = await setUp(
      (request, response, body) => {
        inside += 1
        most = Math.max(most, inside)
        setImmediate(() => {
          inside -= 1
          json(200, {})(request, response, body)
        })
      },
      { limits: { concurrent: 2 } },
    )
    const results = await Promise.all(Array.from({ length: 9 }, () => gate.request(get)))
    expect(results.every((one) => one.ok)).toBe(true)
    expect(most).toBe(2)
  })

  test('a signal ends a request on the wire and one in the queue', async () => {
    const arrived = Promise.withResolvers<void>()
    const { gate, requests } = await setUp(() => arrived.resolve())
    const stop = new AbortController()
    const running = gate.request({ ...post, lane: 'a', signal: stop.signal })
    const waiting = gate.request({ ...post, lane: 'a', signal: stop.signal })
    await arrived.promise
    stop.abort()
    expect(await running).toMatchObject({ code: 'cancelled', untouched: false })
    expect(await waiting).toMatchObject({ code: 'cancelled', untouched: true })
    expect(await gate.request({ ...post, signal: stop.signal })).toMatchObject({ code: 'cancelled', untouched: true })
    expect(requests).toHaveLength(1)
  })
})

describe('close', () => {
  test('running ones may finish, waiting ones are cancelled, new ones refused', async () => {
    const arrived = Promise.withResolvers<ServerResponse>()
    const { gate, requests } = await setUp((_request, response) => arrived.resolve(response))
    const running = gate.request({ ...post, lane: 'a' })
    const waiting = gate.request({ ...post, lane: 'a' })
    const response = await arrived.promise
    const closed = gate.close(5_000)
    expect(await waiting).toMatchObject({ code: 'cancelled', untouched: true })
    response.writeHead(200).end('{}')
    expect(await running).toMatchObject({ ok: true })
    await closed
    expect(await gate.request(get)).toMatchObject({ code: 'cancelled' })
    expect(requests).toHaveLength(1)
  })

  test('the grace ends', async () => {
    const arrived = Promise.withResolvers<void>()
    const { gate } = await setUp(() => arrived.resolve())
    const running = gate.request(post)
    await arrived.promise
    await gate.close(20)
    expect(await running).toMatchObject({ code: 'cancelled', untouched: false })
  })
})

describe('circuit breaker', () => {
  test('opens after failures in a row, probes once, closes on an answer', async () => {
    let now = 1_000_000
    let healthy = false
    const clock: Clock = { now: () => now, sleep: () => Promise.resolve() }
    const { gate, requests } = await setUp(
      (request, response, body) => (healthy ? json(404, {}) : json(500, {}))(request, response, body),
      {
        clock,
        breaker: { failures: 3, openMs: 10_000 },
      },
    )
    for (let count = 0; count < 3; count += 1) expect(await gate.request(get)).toMatchObject({ code: 'status' })
    expect(await gate.request(post)).toMatchObject({ code: 'down', untouched: true, retryAfterMs: 10_000 })
    expect(requests).toHaveLength(3)
    now += 10_000
    const [probe, other] = await Promise.all([gate.request(get), gate.request(get)])
    expect(probe).toMatchObject({ code: 'status', status: 500 })
    expect(other).toMatchObject({ code: 'down' })
    expect(await gate.request(get)).toMatchObject({ code: 'down' })
    now += 10_000
    healthy = true
    // A command asks several things at once: none of them may fail because another one is the probe.
    const together = await Promise.all([gate.request(get), gate.request(get), gate.request(post)])
    expect(together).toMatchObject(together.map(() => ({ code: 'status', status: 404 })))
    expect(await gate.request(get)).toMatchObject({ code: 'status', status: 404 })
  })

  test('who waits for the probe of another waits no longer than its own deadline', async () => {
    const probed = Promise.withResolvers<void>()
    let answer = raw(503, '')
    let now = 1_000_000
    const { gate } = await setUp((request, response, body) => answer(request, response, body), {
      clock: { now: () => now, sleep: () => Promise.resolve() },
      breaker: { failures: 1, openMs: 10_000 },
      limits: { attempts: 1 },
    })
    await gate.request(get)
    now += 10_000
    answer = () => probed.resolve()
    const probe = gate.request({ ...get, deadlineMs: 300 })
    await probed.promise
    expect(await gate.request({ ...post, deadlineMs: 50 })).toMatchObject({ code: 'timeout', untouched: true })
    expect(await probe).toMatchObject({ code: 'timeout' })
  })

  test('4xx and 429 do not open it, and an opened breaker stops the repetitions', async () => {
    const { gate, requests, slept } = await setUp([json(400, {}), json(404, {}), raw(503, ''), raw(503, '')], {
      breaker: { failures: 2, openMs: 10_000 },
    })
    await gate.request(get)
    await gate.request(get)
    expect(await gate.request(get)).toMatchObject({ code: 'status', status: 503 })
    expect(requests).toHaveLength(4)
    expect(slept).toHaveLength(1)
  })
})
