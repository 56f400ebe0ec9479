import { readFileSync, statSync, writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitCode } from '../../src/operations/exit-codes.ts'
import type { RoomEvent } from '../../src/matrix/sync-types.ts'
import { onDisk, secretsIn } from '../support/secrets-on-disk.ts'
import { patience, startWorld, type World } from './world.ts'

// What lies on the disk of an operator: no secret in clear, and a bot that refuses what it cannot use.

let world: World

beforeAll(async () => {
  world = await startWorld({ recordBodies: true })
})
afterAll(async () => {
  await world.stop()
})

test('database and log hold no token, password, passphrase or recovery key', async () => {
  // Renewed once, so that there is a refreshed pair of tokens too.
  const tokens = new Set<string>()
  world.proxy.add({
    match: { path: /\/refresh$/ },
    how: {
      kind: 'transform',
      change: (body) => {
        const { access_token, refresh_token } = body as { readonly access_token: string; readonly refresh_token: string }
        tokens.add(access_token).add(refresh_token)
        return body
      },
    },
  })
  world.proxy.add({
    match: { path: /\/sync$/ },
    how: { kind: 'answer', status: 401, json: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true } },
    times: 1,
  })
  await world.ask(world.adminRoom, '!status')
  await world.proxy.requests.waitFor({ path: /\/refresh$/, status: 200 }, { timeoutMs: patience })
  await world.ask(world.adminRoom, '!adduser Ada Lovelace --email ada@example.org --dry-run')
  await world.ask(world.adminRoom, '!invite Guest')
  await world.ask(world.adminRoom, '!nonsense')
  world.proxy.clear()

  const recoveryKey = readFileSync(`${world.files.dataDir}/recovery-key`, 'utf8').trim()
  expect(statSync(`${world.files.dataDir}/recovery-key`).mode & 0o777).toBe(0o600)
  expect(statSync(`${world.files.dataDir}/gatehouse.db`).mode & 0o077).toBe(0)
  const refreshed = world.proxy.requests
    .list({ path: /\/refresh$/ })
    .map(({ body }) => (JSON.parse(body ?? '{}') as { refresh_token: string }).refresh_token)
  const secrets = {
    'the first refresh token': refreshed[0] ?? '',
    ...Object.fromEntries([...tokens].map((token, index) => [`token ${index}`, token])),
    'the password': world.users.bot.password,
    'the passphrase': world.files.passphrase,
    'the token of Authentik': world.authentik.token,
    'the recovery key': recoveryKey,
    'the recovery key without spaces': recoveryKey.replaceAll(' ', ''),
  }
  expect(tokens.size).toBe(2)
  expect(secretsIn(onDisk(world.files), secrets)).toEqual([])
  // The search can find: the bot's name stands there, and a planted token is seen.
  expect(onDisk(world.files)).toContain(world.botId)
  writeFileSync(`${world.files.dataDir}/planted`, refreshed[0] ?? '')
  expect(secretsIn(onDisk(world.files), secrets)).toEqual(['the first refresh token is on the disk'])
  writeFileSync(`${world.files.dataDir}/planted`, '')
})

test('what was said in an encrypted room is not on the disk once it is answered', async () => {
  const answer = await world.ask(world.adminRoom, '!help ping')
  expect(answer.body.length).toBeGreaterThan(20)
  const rows = world.query<{ readonly event: string; readonly state: string }>('SELECT event, state FROM journal WHERE kind = ?', 'message')
  expect(rows.length).toBeGreaterThan(3)
  expect(rows.filter(({ state }) => state === 'done').map(({ event }) => event)).not.toContainEqual(expect.stringContaining('ciphertext'))
  const sent = world.query<{ readonly content: string }>("SELECT content FROM outbox WHERE state = 'sent'")
  expect(new Set(sent.map(({ content }) => content))).toEqual(new Set(['{}']))
  const events: readonly Pick<RoomEvent, 'type'>[] = world.admin.database.events({ sender: world.botId, roomId: world.adminRoom })
  expect(events.some(({ type }) => type === 'm.room.encrypted')).toBe(true)
})

test('another passphrase: it says so and ends with its own code; the right one still opens', async () => {
  await world.bot.stop()
  const file = world.files.env['GATEHOUSE_CRYPTO_PASSPHRASE_FILE'] ?? ''
  writeFileSync(file, 'another passphrase of good length\n')
  await world.bot.start({ untilReady: false })
  expect(await world.bot.exited).toEqual({ code: exitCode('cryptoStore'), signal: null })
  expect(exitCode('cryptoStore')).toBe(9)
  expect(world.bot.log()).toContain('crypto.passphrase is not the one that this data directory was made with')
  writeFileSync(file, `${world.files.passphrase}\n`)
  await world.bot.start()
  expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
})

test('a database of a newer version: it says so, ends with its own code, and changes nothing', async () => {
  await world.bot.stop()
  const set = (version: number): void => {
    const database = new Sqlite(`${world.files.dataDir}/gatehouse.db`)
    database.pragma(`user_version = ${version}`)
    database.close()
  }
  const [{ user_version: version } = { user_version: 0 }] = world.query<{ readonly user_version: number }>('PRAGMA user_version')
  set(version + 1000)
  await world.bot.start({ untilReady: false })
  expect(await world.bot.exited).toEqual({ code: exitCode('database'), signal: null })
  expect(exitCode('database')).toBe(5)
  expect(world.bot.log()).toContain('it was used by a newer version')
  expect(world.query('PRAGMA user_version')).toEqual([{ user_version: version + 1000 }])
  set(version)
  await world.bot.start()
  expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
})
