import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DeviceId, initAsync, OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitCode } from '../../src/operations/exit-codes.ts'
import { logIn } from '../support/homeserver/admin.ts'
import { repositoryRoot } from '../support/homeserver/cache.ts'
import { rest } from '../support/homeserver/rest.ts'
import type { Person } from '../support/people/people.ts'
import { finalAnswer } from './arrivals.ts'
import { keysOfBot, startWorld, type World } from './world.ts'

// The bot's own identity: what the operator sees and sets right at the machine, and what a homeserver cannot do to it.

let world: World
let olga: Person

beforeAll(async () => {
  world = await startWorld()
  olga = await world.people.join({ user: world.users.admin })
})
afterAll(async () => {
  await world.stop()
})

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly words: string
}
/** Runs `gatehouse …` on the bot's files. */
const gatehouse = async (
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> => {
  const child = spawn(process.execPath, ['bin/gatehouse.mjs', ...args, '-c', world.files.configFile], {
    cwd: repositoryRoot,
    env: { PATH: process.env['PATH'] ?? '', ...world.files.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let out = ''
  let words = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, words }
}

interface Shown {
  readonly device_keys: Record<string, Record<string, { readonly keys: Record<string, string> }>>
  readonly master_keys: Record<string, { readonly keys: Record<string, string> }>
}
const recoveryKeyFile = (): string => `${world.files.dataDir}/recovery-key`
interface Told {
  readonly deviceId: string
  readonly engine: string
  readonly local: { readonly identity: string }
  readonly server: { readonly identity: string; readonly problem: string | null }
  readonly changedPeople: readonly string[]
}
const status = async (): Promise<{ readonly code: number | null; readonly told: Told }> => {
  const { code, out } = await gatehouse(['crypto', 'status', '--json'])
  expect(out).not.toContain(readFileSync(recoveryKeyFile(), 'utf8').trim())
  return { code, told: JSON.parse(out) as Told }
}
const well = { local: { signed: true, privateKeys: true }, server: { problem: null, secretStorage: 'the recovery key opens it' } }

describe('gatehouse crypto status', () => {
  test('tells how it stands, and changes nothing', async () => {
    expect((await gatehouse(['crypto', 'status'])).code).toBe(exitCode('locked'))
    await world.bot.stop()
    world.proxy.requests.clear()
    const { code, told } = await status()
    expect(code).toBe(0)
    expect(told).toMatchObject({ ...well, userId: world.botId, recoveryKeyFile: { present: true }, changedPeople: [] })
    expect(told.engine).toMatch(/^(?:wasm|native) /)
    expect(told.server.identity).toBe(told.local.identity)
    expect((await keysOfBot(world)).devices).toContain(told.deviceId)
    const written = world.proxy.requests.list().filter(({ method, path }) => method !== 'GET' && !path.endsWith('/keys/query'))
    expect(written).toEqual([])
    const text = await gatehouse(['crypto', 'status'])
    expect(text.out).toMatch(/keys there +the same as here/)
  })
})

describe('a homeserver that shows other keys for the bot', () => {
  const swapped = (change: (shown: Shown) => void) =>
    world.proxy.add({
      match: { path: /\/keys\/query$/ },
      how: {
        kind: 'transform',
        change: (body) => {
          change(body as Shown)
          return body
        },
      },
    })
  const foreign = 'XjhWTCjW7l59pbfx9tlCBQolfnIQWARoKOzjTOPSlWM'

  test.each<[string, (shown: Shown) => void, 'deviceLost' | 'identity', string]>([
    [
      'for its device',
      ({ device_keys: shown }) => {
        for (const [id, device] of Object.entries(shown[world.botId] ?? {})) device.keys[`curve25519:${id}`] = foreign
      },
      'deviceLost',
      'shows other keys for this device',
    ],
    [
      'for its identity',
      ({ master_keys: shown }) => {
        const master = shown[world.botId]
        if (master !== undefined) Object.assign(master, { keys: { [`ed25519:${foreign}`]: foreign } })
      },
      'identity',
      'shows another identity for the bot',
    ],
  ])('%s: it stops with its own code and words, and loses nothing', async (_, change, reason, words) => {
    const rule = swapped(change)
    await world.bot.start({ untilReady: false })
    expect(await world.bot.exited).toEqual({ code: exitCode(reason), signal: null })
    expect(world.bot.log().slice(-4000)).toContain(words)
    const seen = await status()
    expect(seen.code).toBe(1)
    expect(seen.told.server.problem).toContain(words)
    rule.remove()
    expect((await status()).told).toMatchObject(well)
    await world.bot.start()
    expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
    expect((await world.ask(world.adminRoom, '!status')).body).toContain('the homeserver shows the same keys')
    await world.bot.stop()
  })
})

/** Somebody who has the bot's password replaces its identity. */
const intrude = async (): Promise<void> => {
  const { localpart, password } = world.users.bot
  const { accessToken, deviceId } = await logIn(world.homeserver.url, localpart, password)
  await initAsync()
  const machine = await OlmMachine.initialize(new UserId(world.botId), new DeviceId(deviceId))
  const keys = JSON.parse((await machine.bootstrapCrossSigning(true)).uploadSigningKeysRequest.body) as Record<string, unknown>
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: world.botId }, password }
  const request = rest(world.homeserver.url, accessToken)
  await request('POST', '/_matrix/client/v3/keys/device_signing/upload', { ...keys, auth })
  await request('POST', '/_matrix/client/v3/logout', {})
}

describe('gatehouse crypto bootstrap --replace-identity', () => {
  test('does nothing without consent, nor with a wrong password', async () => {
    const before = await keysOfBot(world)
    const silent = await gatehouse(['crypto', 'bootstrap', '--replace-identity'], { input: `${world.botId}\n` })
    expect(silent.code).toBe(exitCode('usage'))
    expect(silent.out).toContain('lost for good')
    const file = `${world.dir}/wrong-password`
    writeFileSync(file, 'not the password at all\n')
    const wrong = await gatehouse(['crypto', 'bootstrap', '--replace-identity', '--yes'], {
      env: { GATEHOUSE_HOMESERVER_PASSWORD_FILE: file },
    })
    expect(wrong.words).toContain('refused the password; nothing was changed')
    expect(wrong.code).toBe(exitCode('forbidden'))
    expect(await keysOfBot(world)).toEqual(before)
    expect((await status()).told).toMatchObject(well)
    expect((await gatehouse(['crypto', 'bootstrap'])).out).toContain('Nothing was to be done')
  })

  test('makes a new identity that signs the device and can be restored, also in place of one that somebody else made', async () => {
    await intrude()
    const before = await keysOfBot(world)
    expect((await status()).told.server.problem).toContain('shows another identity for the bot')
    expect((await gatehouse(['crypto', 'recover'])).code).toBe(exitCode('identity'))
    const done = await gatehouse(['crypto', 'bootstrap', '--replace-identity', '--yes'])
    expect(done).toMatchObject({ code: 0, words: '' })
    const after = await keysOfBot(world)
    expect(after.devices).toEqual(before.devices)
    expect(after.master).not.toBe(before.master)
    expect((await status()).told).toMatchObject(well)
    await world.bot.start()
    expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
    expect(await world.moderator.deviceTrust(world.botId, after.devices[0] ?? '')).toMatchObject({ signedByOwner: true })
    await world.bot.stop()
  })
})

describe('gatehouse reset-crypto and crypto recover', () => {
  test('gives the device up after a copy; the next start is a new device of the same identity', async () => {
    const before = await keysOfBot(world)
    expect((await gatehouse(['reset-crypto'])).code).toBe(exitCode('usage'))
    expect((await status()).told).toMatchObject(well)
    const reset = await gatehouse(['reset-crypto', '--yes'])
    expect(reset.code).toBe(0)
    const copy = /A copy is in (\S+\.db)\./.exec(reset.out)?.[1] ?? ''
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    expect(reset.out).toContain('was signed out')
    expect(world.query('SELECT * FROM crypto_object')).toEqual([])
    expect(world.query('SELECT * FROM sealed')).toEqual([])
    expect(world.query<{ count: number }>('SELECT count(*) AS count FROM audit')[0]?.count).toBeGreaterThan(0)
    expect((await keysOfBot(world)).devices).toEqual([])
    await world.bot.start()
    const after = await keysOfBot(world)
    expect(after.master).toBe(before.master)
    expect(after.devices).toHaveLength(1)
    expect(after.devices).not.toEqual(before.devices)
    expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
    await world.bot.stop()
    rmSync(copy)
  })

  test('the recovery key is taken from standard input; a wrong one leaves nothing behind', async () => {
    const { master } = await keysOfBot(world)
    await gatehouse(['reset-crypto', '--yes'])
    const kept = `${world.dir}/kept-key`
    renameSync(recoveryKeyFile(), kept)
    const mistyped = await gatehouse(['crypto', 'recover'], { input: 'EsTA bcde\n' })
    expect(mistyped.code).toBe(exitCode('identity'))
    const other = await gatehouse(['crypto', 'recover'], { input: 'EsTc LW2K PGiF wKEA 3As5 g5c4 BXwk qeeJ ZJV8 Q9fu gUMN UE4d\n' })
    expect(other).toMatchObject({ code: exitCode('identity') })
    expect(existsSync(recoveryKeyFile())).toBe(false)
    const right = await gatehouse(['crypto', 'recover'], { input: readFileSync(kept, 'utf8') })
    expect(right).toMatchObject({ code: 0, words: '' })
    expect(statSync(recoveryKeyFile()).mode & 0o777).toBe(0o600)
    expect((await status()).told).toMatchObject(well)
    expect((await keysOfBot(world)).master).toBe(master)
    await world.bot.start()
    expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
  })
})

describe('gatehouse logout', () => {
  const tokens = (): unknown => world.query('SELECT name FROM sealed')

  test('asks, and does nothing without a recovery key or while the server cannot be told', async () => {
    expect((await gatehouse(['logout', '--yes'])).code).toBe(exitCode('locked'))
    await world.bot.stop()
    const before = [tokens(), await keysOfBot(world)]
    expect((await gatehouse(['logout'], { input: `${world.botId}\n` })).code).toBe(exitCode('usage'))
    const kept = `${world.dir}/kept-key`
    renameSync(recoveryKeyFile(), kept)
    expect(await gatehouse(['logout', '--yes'])).toMatchObject({
      code: exitCode('identity'),
      words: expect.stringContaining('nothing was done') as string,
    })
    renameSync(kept, recoveryKeyFile())
    const dead = world.proxy.add({ match: { path: /\/logout$/ }, how: { kind: 'reset' } })
    const told = await gatehouse(['logout', '--yes'])
    expect(told).toMatchObject({ code: exitCode('unreachable'), words: expect.stringContaining('nothing was forgotten') as string })
    dead.remove()
    expect([tokens(), await keysOfBot(world)]).toEqual(before)
    expect((await status()).told).toMatchObject(well)
  })

  test('ends the device on the server and forgets it here; the next start is a new device of the same identity, with everything else it had', async () => {
    const before = await keysOfBot(world)
    const audits = world.query('SELECT audit_id FROM audit').length
    const done = await gatehouse(['logout', '--yes'])
    expect(done).toMatchObject({ code: 0, words: '' })
    expect(done.out).toContain(`The device ${before.devices[0]} was signed out`)
    expect((await keysOfBot(world)).devices).toEqual([])
    expect(world.query('SELECT name FROM sealed UNION SELECT name FROM crypto_database')).toEqual([])
    expect(world.query('SELECT audit_id FROM audit')).toHaveLength(audits)
    expect(await gatehouse(['logout', '--yes'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing to log out of') as string,
    })
    await world.bot.start()
    const after = await keysOfBot(world)
    expect(after.master).toBe(before.master)
    expect(after.devices).toHaveLength(1)
    expect(after.devices).not.toEqual(before.devices)
    expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
  })

  test('--forget forgets it here although the server could not be told, and says what is left to do', async () => {
    await world.bot.stop()
    const { devices } = await keysOfBot(world)
    const dead = world.proxy.add({ match: { path: /\/logout$/ }, how: { kind: 'reset' } })
    const done = await gatehouse(['logout', '--yes', '--forget'])
    dead.remove()
    expect(done).toMatchObject({ code: 0, words: expect.stringContaining('the server was not told') as string })
    expect(done.words).toContain(`sign the device ${devices[0]} out`)
    expect(tokens()).toEqual([])
    expect((await keysOfBot(world)).devices).toEqual(devices)
    await world.bot.start()
    expect((await keysOfBot(world)).devices).toHaveLength(2)
    expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
  })
})

describe('gatehouse crypto trust', () => {
  test('lets the only admin back in who has a new identity', async () => {
    const admin = async (person: Person, text: string) => {
      const asked = await person.sendText(world.adminRoom, text)
      const answer = await finalAnswer(world, world.adminRoom, asked)
      return { answer, audit: world.audit(asked) }
    }
    expect((await admin(olga, '!invite Ada')).audit).toMatchObject([{ outcome: 'ran' }])
    const again = await world.people.join({ user: world.users.admin })
    expect((await admin(again, '!invite Bob')).audit).toMatchObject([{ code: 'identity-changed' }])
    await world.bot.stop()
    const waiting = await gatehouse(['crypto', 'trust'])
    expect(waiting.out).toMatch(new RegExp(`^${olga.userId} +before: (\\S{4} ){4} now: `))
    expect((await status()).told.changedPeople).toEqual([olga.userId])
    expect((await gatehouse(['crypto', 'trust', olga.userId])).code).toBe(exitCode('usage'))
    expect((await gatehouse(['crypto', 'trust', world.moderator.userId, '--yes'])).code).toBe(exitCode('failed'))
    expect((await gatehouse(['crypto', 'trust', olga.userId, '--yes'])).out).toContain('Accepted')
    await world.bot.start()
    expect((await admin(again, '!invite Bob')).audit).toMatchObject([{ outcome: 'ran' }])
    expect(world.query("SELECT actor FROM audit WHERE command = 'crypto trust'")).toEqual([{ actor: 'operator' }])
    expect((await admin(again, '!audit')).answer.body).toContain('operator')
  })
})
