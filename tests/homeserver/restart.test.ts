import { spawn } from 'node:child_process'
import { once } from 'node:events'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repositoryRoot } from '../support/homeserver/cache.ts'
import { exitCode } from '../../src/operations/exit-codes.ts'
import { startWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  await world.stop()
})

/** Public keys of the bot as the server gives them to everybody. */
const keysOfBot = async (): Promise<unknown> => {
  const { device_keys, master_keys, self_signing_keys } = await world.moderator.request('POST', '/_matrix/client/v3/keys/query', {
    device_keys: { [world.botId]: [] },
  })
  return { device_keys, master_keys, self_signing_keys }
}

/** Runs a second bot on the same files to its end. */
const runBeside = async (): Promise<{ readonly code: number | null; readonly words: string }> => {
  const child = spawn(process.execPath, ['bin/gatehouse.mjs', 'run', '-c', world.files.configFile], {
    cwd: repositoryRoot,
    env: { PATH: process.env['PATH'] ?? '', ...world.files.env, GATEHOUSE_HEALTH_LISTEN: '127.0.0.1:0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString()
  })
  child.stdout.resume()
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, words }
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'after %s it has the same device and identity, and reads what was sent meanwhile',
  async (signal) => {
    expect((await world.ask(world.indoc, '!ping')).shield).toBe('none')
    const before = await keysOfBot()
    const exit = await (signal === 'SIGTERM' ? world.bot.stop() : world.bot.kill())
    expect(exit).toEqual(signal === 'SIGTERM' ? { code: 0, signal: null } : { code: null, signal })

    const meanwhile = await world.moderator.sendText(world.indoc, '!ping')
    await world.bot.start()
    expect(await world.answerTo(world.indoc, meanwhile)).toMatchObject({ encrypted: true, shield: 'none' })
    expect(await keysOfBot()).toEqual(before)
    expect(await world.moderator.devicesOf(world.botId)).toHaveLength(1)
    expect((await world.ask(world.indoc, '!ping')).shield).toBe('none')
  },
)

test('a warm start makes few requests, none of them for keys or login', async () => {
  await world.bot.stop()
  world.proxy.requests.clear()
  await world.bot.start()
  await world.ask(world.indoc, '!ping')
  const paths = world.proxy.requests.list().map(({ method, path }) => `${method} ${path}`)
  expect(paths.filter((path) => /login|register|keys\/(?:upload|device_signing)|account_data/.test(path))).toEqual([])
  // What the server shows for the bot is compared once, beside everything else.
  expect(paths.filter((path) => path.endsWith('/keys/query'))).toHaveLength(1)
  expect(paths.length).toBeLessThanOrEqual(10)
})

test('at night what was finished long ago is deleted, told by !status and a metric; a repeated event is still known', async () => {
  const asked = await world.moderator.sendText(world.indoc, '!ping')
  await world.answerTo(world.indoc, asked)
  await world.bot.stop()
  const database = new Sqlite(`${world.files.dataDir}/gatehouse.db`)
  const old = Date.now() - 401 * 24 * 3_600_000
  database.exec(`
    INSERT INTO audit (at, actor, room_id, event_id, command, arguments, outcome, code, duration_ms) VALUES (${old}, '@m:x', '!r:x', '$old', 'ping', '{}', 'answered', 'ok', 1);
    INSERT INTO job (kind, unique_key, payload, state, run_at, created_at, updated_at) VALUES ('welcome', '@gone:x', '{}', 'dead', 0, ${old}, ${old});
    UPDATE job SET run_at = 0 WHERE kind = 'housekeeping'`)
  database.close()
  await world.bot.start()
  await expect
    .poll(() => world.query("SELECT 1 FROM audit WHERE event_id = '$old' UNION SELECT 1 FROM job WHERE unique_key = '@gone:x'"), {
      timeout: 20_000,
    })
    .toEqual([])
  await expect
    .poll(() => world.query<{ last_error: string | null }>("SELECT last_error FROM job WHERE kind = 'housekeeping'")[0]?.last_error, {
      timeout: 20_000,
    })
    .toMatch(/deleted 2 old rows \(1 of job, 1 of audit\)/)
  expect((await world.ask(world.adminRoom, '!status')).body).toMatch(/Housekeeping: on .* deleted 2 old rows/)
  const metrics = await (await fetch(`${world.bot.health}/metrics`)).text()
  expect(metrics).toContain('gatehouse_rows_deleted_total{table="audit"} 1')
  expect(world.query('SELECT state FROM journal WHERE event_id = ?', asked)).toEqual([{ state: 'done' }])
})

test('a second process on the same data directory ends with its own code and words, and the first goes on', async () => {
  const second = await runBeside()
  expect(second.code).toBe(exitCode('locked'))
  expect(second.code).toBe(4)
  expect(second.words).toContain('another process uses the data directory')
  expect(second.words).toContain(`process ${world.bot.pid} on`)
  expect((await world.ask(world.indoc, '!ping')).body).toMatch(/pong/i)
})

test('SIGTERM ends it with 0 within 10 s although the server does not answer it any more', async () => {
  // The answer is on its way and a long poll is open when the signal comes; neither ever ends.
  const held = world.proxy.add({ match: { path: /\/send\// }, how: { kind: 'hang' } })
  const asked = await world.moderator.sendText(world.indoc, '!ping')
  await expect.poll(() => held.hits, { timeout: 20_000 }).toBeGreaterThan(0)
  const dead = world.proxy.add({ match: {}, how: { kind: 'hang' } })
  const begun = performance.now()
  expect(await world.bot.stop()).toEqual({ code: 0, signal: null })
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(world.bot.log()).not.toContain('the stop took too long')
  held.remove()
  dead.remove()
  await world.bot.start()
  await world.answerTo(world.indoc, asked)
  await world.settle(world.indoc)
  expect(world.answersTo(asked)).toHaveLength(1)
})

test('SIGTERM in the middle of a send: it is sent once, now or after the restart', async () => {
  const held = world.proxy.add({ match: { method: 'PUT', path: /\/send\// }, how: { kind: 'hang-after-commit' }, times: 1 })
  const asked = await world.moderator.sendText(world.indoc, '!ping')
  await expect.poll(() => held.hits, { timeout: 20_000 }).toBe(1)
  expect(await world.bot.stop()).toEqual({ code: 0, signal: null })
  await world.bot.start()
  await world.answerTo(world.indoc, asked)
  await world.settle(world.indoc)
  expect(world.answersTo(asked)).toHaveLength(1)
})
