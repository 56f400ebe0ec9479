import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-run-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

/** `gatehouse run` as a process. */
const run = (homeserver: string, more: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), 'run'], {
    // For the templates and the catalogue.
    cwd: join(import.meta.dirname, '../..'),
    env: {
      GATEHOUSE_HOMESERVER_URL: homeserver,
      GATEHOUSE_HOMESERVER_USER_ID: '@gatehouse:x',
      GATEHOUSE_HOMESERVER_PASSWORD: 'a password for tests',
      GATEHOUSE_ROOMS_INDOC: '#indoc:x',
      GATEHOUSE_ROOMS_ADMIN: '#admin:x',
      GATEHOUSE_CRYPTO_PASSPHRASE: 'a passphrase for tests',
      GATEHOUSE_AUTHENTIK_URL: 'http://127.0.0.1:9',
      GATEHOUSE_AUTHENTIK_TOKEN: 'a token for tests, of some length',
      GATEHOUSE_AUTHENTIK_ENROLLMENT_FLOW: 'enrol',
      GATEHOUSE_COMMUNITY_NAME: 'Test',
      GATEHOUSE_DATA_DIRECTORY: join(directory, 'data'),
      GATEHOUSE_HEALTH_LISTEN: '127.0.0.1:0',
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
  return { child, ended }
}

test('told to stop while a homeserver that never answers is waited for, it ends at once', async () => {
  const asked = Promise.withResolvers<void>()
  const server = createServer(() => asked.resolve())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { child, ended } = run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await Promise.race([asked.promise, ended])
  const since = Date.now()
  child.kill('SIGTERM')
  const { code, output } = await ended
  server.closeAllConnections()
  server.close()
  expect(output).toContain('stopping')
  expect(code).toBe(0)
  expect(Date.now() - since).toBeLessThan(5000)
}, 30_000)

test('a start that fails unexpectedly ends the process: it does not stay as a program that does nothing', async () => {
  const file = join(directory, 'ca.pem')
  writeFileSync(file, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  const { child, ended } = run('https://127.0.0.1:9', { GATEHOUSE_HOMESERVER_CA_FILE: file })
  // Only so that a failing test ends.
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const { code, output } = await ended
  clearTimeout(late)
  expect(output).toContain('holds a damaged certificate')
  expect(code).toBe(70)
}, 30_000)
