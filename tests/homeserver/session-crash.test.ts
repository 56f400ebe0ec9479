import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openAdmin, type Admin, type User } from '../support/homeserver/admin.ts'
import { startProxy, type Proxy } from '../support/homeserver/proxy.ts'

// `kill -9` in the middle of a token refresh, on a real server: before it, on the wire, after the server's commit, before and after ours.

/** More of them by hand: GATEHOUSE_KILLS=200. */
const kills = Number(process.env['GATEHOUSE_KILLS'] ?? 15)
/** A renewal and the use of the new pair take about so long (milliseconds). */
const roundMs = 60

let admin: Admin
let proxy: Proxy
let user: User
const directory = mkdtempSync(`${tmpdir()}/gatehouse-renewer-`)
const program = new URL('renewer.ts', import.meta.url).pathname

beforeAll(async () => {
  const homeserver = inject('homeserver')
  admin = await openAdmin(homeserver)
  proxy = await startProxy({ target: homeserver.url })
  user = await admin.registerUser({ name: 'renewer' })
})
afterAll(async () => {
  await proxy.stop()
  admin.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Starts the renewer, waits until it is alive, lets `when` choose the moment and kills it. Answers with its device. */
const killWhen = async (when: () => Promise<unknown>): Promise<string> => {
  const child = spawn(process.execPath, [program, directory, proxy.url, user.userId], {
    env: { PATH: process.env['PATH'] ?? '', RENEWER_PASSWORD: user.password },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  const ended = once(child, 'close')
  const alive = Promise.withResolvers<string | undefined>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('alive ')) alive.resolve(line.slice(6))
  })
  void ended.then(() => alive.resolve(undefined))
  const deviceId = await alive.promise
  if (deviceId !== undefined) await when()
  child.kill('SIGKILL')
  const [, signal] = (await ended) as [number | null, NodeJS.Signals | null]
  expect(complaint).toBe('')
  expect(signal).toBe('SIGKILL')
  return deviceId ?? ''
}

test('no kill loses the session: one login and one device, whatever the moment', { timeout: 60_000 + kills * 4_000 }, async () => {
  const devices = new Set<string>()
  for (let count = 0; count < kills; count += 1) {
    if (count % 3 === 0) {
      // The worst moment by design: the server has the new pair, and the bot will never hear of it.
      const unheard = async (): Promise<void> => {
        const rule = proxy.add({ match: { path: /\/refresh$/ }, how: { kind: 'hang-after-commit' }, times: 1 })
        await expect.poll(() => rule.committed, { interval: 2, timeout: 20_000 }).toBe(1)
      }
      devices.add(await killWhen(unheard))
    } else devices.add(await killWhen(async () => await setTimeout(Math.random() * roundMs)))
  }
  // And once more, that the last one has lost nothing either.
  devices.add(await killWhen(async () => await Promise.resolve()))
  expect([...devices]).toEqual([expect.stringMatching(/^GATEHOUSE\w{10}$/)])
  expect(proxy.requests.count({ path: /\/login$/ })).toBe(1)
  expect(proxy.requests.count({ path: /\/refresh$/, status: 200 })).toBeGreaterThan(0)
  const { devices: found } = await admin.request('GET', `/_synapse/admin/v2/users/${encodeURIComponent(user.userId)}/devices`)
  expect((found as readonly { readonly device_id: string }[]).map(({ device_id }) => device_id)).toEqual([...devices])
})
