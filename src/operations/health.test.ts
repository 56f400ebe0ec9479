import { afterEach, describe, expect, test } from 'vitest'
import { Checks, startHealthServer } from './health.ts'
import type { HealthServer } from './health.ts'
import { Metrics } from './metrics.ts'

const facts = { name: 'gatehouse', version: '1.2.3', commit: 'abc1234', engine: 'wasm', schema: 4 }
let open: HealthServer | undefined
const start = async (checks: Checks, metrics = new Metrics()): Promise<string> => {
  const result = await startHealthServer({ listen: '127.0.0.1:0', facts: () => facts, checks, metrics })
  if (!result.ok) throw new Error(result.reason)
  open = result.server
  return result.server.url
}
afterEach(async () => {
  await open?.close()
  open = undefined
})

describe('readiness', () => {
  test('is computed at each request: green, red and green again', async () => {
    const state = { ok: true }
    const checks = new Checks()
    checks.register('sync', () => ({ ok: state.ok, words: state.ok ? 'last sync 2 s ago' : 'no sync since 90 s' }))
    const url = await start(checks)
    const look = async (): Promise<[number, unknown]> => {
      const response = await fetch(`${url}/readyz`)
      return [response.status, await response.json()]
    }
    expect(await look()).toEqual([200, { ok: true, ...facts, checks: { sync: { ok: true, words: 'last sync 2 s ago' } } }])
    state.ok = false
    expect(await look()).toEqual([503, { ok: false, ...facts, checks: { sync: { ok: false, words: 'no sync since 90 s' } } }])
    state.ok = true
    expect((await look())[0]).toBe(200)
  })

  test('a check that throws is a failed check, and its words hold no token', async () => {
    const checks = new Checks()
    checks.register('broken', () => {
      throw new Error('with syt_abcdefghijkl_1')
    })
    const body = await (await fetch(`${await start(checks)}/readyz`)).text()
    expect(body).toContain('the check itself failed')
    expect(body).not.toContain('syt_abc')
  })

  test('liveness asks only the live checks', async () => {
    const checks = new Checks()
    checks.register('authentik', () => ({ ok: false, words: 'down' }))
    const url = await start(checks)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    const remove = checks.register('loop', () => ({ ok: false, words: 'stuck' }), { live: true })
    expect((await fetch(`${url}/livez`)).status).toBe(503)
    remove()
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  test('a name cannot be taken twice', () => {
    const checks = new Checks()
    checks.register('a', () => ({ ok: true, words: '' }))
    expect(() => checks.register('a', () => ({ ok: true, words: '' }))).toThrow('registered already')
  })
})

describe('the server', () => {
  test('knows three paths and two methods', async () => {
    const url = await start(new Checks())
    expect((await fetch(`${url}/`)).status).toBe(404)
    expect((await fetch(`${url}/readyz`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${url}/readyz?verbose=1`)).status).toBe(200)
  })

  test('says in words why it cannot listen', async () => {
    const url = await start(new Checks())
    const listen = new URL(url).host
    const second = await startHealthServer({ listen, facts: () => facts, checks: new Checks(), metrics: new Metrics() })
    expect(second).toEqual({ ok: false, reason: `another program listens on ${listen} already` })
  })
})

describe('metrics', () => {
  test('counters, gauges and histograms in the text format', async () => {
    const metrics = new Metrics()
    metrics.count('gatehouse_commands_total', { command: 'ping', outcome: 'done' })
    metrics.count('gatehouse_commands_total', { command: 'ping', outcome: 'done' }, 2)
    metrics.observe('gatehouse_command_seconds', { command: 'ping' }, 0.02)
    metrics.observe('gatehouse_command_seconds', { command: 'ping' }, 100)
    metrics.collect('gatehouse_jobs', () => [{ labels: { state: 'a"b\\c\nd' }, value: 3 }])
    const response = await fetch(`${await start(new Checks(), metrics)}/metrics`)
    const lines = (await response.text()).split('\n')
    expect(response.headers.get('content-type')).toContain('version=0.0.4')
    expect(lines).toContain('# TYPE gatehouse_commands_total counter')
    expect(lines).toContain('gatehouse_commands_total{command="ping",outcome="done"} 3')
    expect(lines).toContain('gatehouse_command_seconds_bucket{command="ping",le="0.01"} 0')
    expect(lines).toContain('gatehouse_command_seconds_bucket{command="ping",le="0.025"} 1')
    expect(lines).toContain('gatehouse_command_seconds_bucket{command="ping",le="+Inf"} 2')
    expect(lines).toContain('gatehouse_command_seconds_count{command="ping"} 2')
    expect(lines).toContain('gatehouse_jobs{state="a\\"b\\\\c\\nd"} 3')
    expect(lines).toContain('gatehouse_build_info{version="1.2.3",commit="abc1234",engine="wasm",schema="4"} 1')
    expect(lines).toContain('gatehouse_ready 1')
  })

  test('labels from outside cannot fill the memory', () => {
    const metrics = new Metrics()
    for (let index = 0; index < 1500; index += 1) metrics.count('gatehouse_commands_total', { command: `c${index}`, outcome: 'x' })
    expect(metrics.text().match(/^gatehouse_commands_total\{/gm)).toHaveLength(1000)
  })
})
