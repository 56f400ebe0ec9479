import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DeviceId, initAsync, OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey, decodeRecoveryKey, decryptSecret, encodeRecoveryKey } from '../../src/crypto/secret-storage.ts'
import { exitCode } from '../../src/operations/exit-codes.ts'
import { logIn } from '../support/homeserver/admin.ts'
import { rest } from '../support/homeserver/rest.ts'
import type { Content } from '../support/people/protocol.ts'
import { patience, startWorld, type World } from './world.ts'

// The data directory is gone, the recovery key is not: the bot comes back on a new device as the same bot.

let world: World
/** What an operator has kept. */
let recoveryKey: string
/** Encrypted while only the bot's first device was there, and sent when only the second one is. */
let fromBefore: { readonly question: Content; readonly change: Content }
let before: Keys
let other: string

interface Keys {
  readonly master: unknown
  readonly selfSigning: unknown
  readonly devices: readonly string[]
}

/** Public keys of the bot as the server gives them to everybody. */
const keysOfBot = async (): Promise<Keys> => {
  const { device_keys, master_keys, self_signing_keys } = (await world.moderator.request('POST', '/_matrix/client/v3/keys/query', {
    device_keys: { [world.botId]: [] },
  })) as Record<string, Record<string, { keys?: unknown }>>
  return {
    master: master_keys?.[world.botId]?.keys,
    selfSigning: self_signing_keys?.[world.botId]?.keys,
    devices: Object.keys(device_keys?.[world.botId] ?? {}),
  }
}

/** How many keys of each room are in the backup on the server. */
const backedUp = (version = '%'): Readonly<Record<string, number>> => {
  const rows = world.admin.database.query(
    'SELECT room_id, count(*) AS keys FROM e2e_room_keys WHERE user_id = ? AND version LIKE ? GROUP BY room_id',
    world.botId,
    version,
  )
  return Object.fromEntries(rows.map(({ room_id, keys }) => [String(room_id), Number(keys)]))
}

/** The versions of the backup that are not deleted, oldest first. */
const versions = (): readonly string[] =>
  world.admin.database
    .query('SELECT version FROM e2e_room_keys_versions WHERE user_id = ? AND deleted = 0 ORDER BY version', world.botId)
    .map(({ version }) => String(version))

const recoveryKeyFile = (): string => `${world.files.dataDir}/recovery-key`
const bring = (key: string): void => {
  mkdirSync(world.files.dataDir, { recursive: true, mode: 0o700 })
  writeFileSync(recoveryKeyFile(), key, { mode: 0o600 })
}
/** What a start that fails has written to the server, beside its login. */
const written = (): readonly string[] =>
  world.proxy.requests
    .list()
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`)
    .filter((line) => !line.endsWith('/login') && !line.endsWith('/keys/query'))

const text = (body: string): Content => ({ msgtype: 'm.text', body })

beforeAll(async () => {
  world = await startWorld()
  const { moderator, botId } = world
  await world.ask(world.indoc, '!ping')
  await world.ask(world.adminRoom, '!ping')
  // A room whose keys are nobody's business but its own.
  other = await moderator.createRoom({ encrypted: true, name: 'Elsewhere', invite: [botId] })
  await moderator.waitForMembership(other, botId, 'join', patience)
  await moderator.sendText(other, 'between us')
  await moderator.verify(botId)
  before = await keysOfBot()
})
afterAll(async () => {
  await world.stop()
})

test('the keys of INDOC and the admin room are backed up, those of other rooms are not', async () => {
  // In each room one of the moderator and one of the bot.
  await expect.poll(() => backedUp(), { timeout: patience }).toEqual({ [world.indoc]: 2, [world.adminRoom]: 2 })
  expect((await world.ask(world.adminRoom, '!status')).body).toMatch(/Key backup: version \d+\./)
  expect(await world.moderator.identityOf(world.botId)).toEqual({ verified: true, reset: false })
})

describe('an empty data directory', () => {
  beforeAll(async () => {
    const { moderator, indoc } = world
    const encrypted = async (body: string): Promise<Content> => await moderator.encrypt(indoc, 'm.room.message', text(body))
    fromBefore = { question: await encrypted('!ping'), change: await encrypted('!invite Ada') }
    await world.bot.stop()
    recoveryKey = readFileSync(recoveryKeyFile(), 'utf8')
    rmSync(world.files.dataDir, { recursive: true, force: true })
  })

  test.each([
    ['without the recovery key', undefined, /Put the recovery key into .*recovery-key .*the identity is never replaced by itself/],
    ['with the recovery key of somebody else', encodeRecoveryKey(createKey()), /is not the one of this account/],
    ['with a recovery key that was cut', 'EsTA bcde', /does not hold a recovery key/],
  ])('%s: it ends with words and its own code, and writes nothing', async (_, key, words) => {
    world.proxy.requests.clear()
    if (key !== undefined) bring(key)
    await world.bot.start({ untilReady: false })
    expect(await world.bot.exited).toEqual({ code: exitCode('identity'), signal: null })
    expect(world.bot.log().slice(-3000)).toMatch(words)
    expect(written()).toEqual([])
    expect(await keysOfBot()).toEqual(before)
  })

  test('with its recovery key: the same identity, and a new device that is signed by it', async () => {
    bring(recoveryKey)
    await world.bot.start()
    const after = await keysOfBot()
    expect(after).toMatchObject({ master: before.master, selfSigning: before.selfSigning })
    const [device, ...more] = after.devices.filter((one) => !before.devices.includes(one))
    expect(more).toEqual([])
    // No reset is seen: the identity that was verified before is still the verified one.
    expect(await world.moderator.identityOf(world.botId)).toEqual({ verified: true, reset: false })
    expect(await world.moderator.deviceTrust(world.botId, device ?? '')).toEqual({ known: true, signedByOwner: true, ownerVerified: true })
  })

  test('what was written in INDOC before can be read, and is believed like anything from a backup', async () => {
    const send = async (content: Content): Promise<string> =>
      await world.moderator.send(world.indoc, 'm.room.encrypted', content, { plain: true })
    // The new device has never got this key from the moderator's.
    const question = await send(fromBefore.question)
    expect((await world.answerTo(world.indoc, question)).body).toMatch(/pong/i)
    const change = await send(fromBefore.change)
    expect((await world.answerTo(world.indoc, change)).body).toMatch(/^❌/)
    expect(world.audit(change)).toMatchObject([{ outcome: 'refused', code: 'untrusted-device' }])
    expect(world.bot.log()).toContain('room keys were read from the backup')
  })

  test('both go on talking without a shield, and new keys go into the same backup', async () => {
    expect(await world.ask(world.indoc, '!ping')).toMatchObject({ encrypted: true, shield: 'none' })
    // The bot has a new device, so a new session of its own.
    await expect.poll(() => backedUp()[world.indoc], { timeout: patience }).toBeGreaterThan(2)
    expect(versions()).toHaveLength(1)
  })
})

test('a backup of somebody else becomes the current one: it is neither used nor replaced, and the operator is told', async () => {
  const own = versions()[0] ?? ''
  const { url } = world.homeserver
  const asBot = await logIn(url, world.users.bot.localpart, world.users.bot.password)
  const request = rest(url, asBot.accessToken)
  const { version } = await request('POST', '/_matrix/client/v3/room_keys/version', {
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: { public_key: 'XjhWTCjW7l59pbfx9tlCBQolfnIQWARoKOzjTOPSlWM', signatures: {} },
  })
  // A key that the bot has not backed up yet.
  const newcomer = await world.people.join({ user: world.users.newcomer })
  await newcomer.sendText(world.indoc, 'hello')
  const told = `version ${String(version)}) has a key that is not in the bot's secret storage`
  await expect.poll(() => world.bot.log(), { timeout: patience }).toContain(told)
  expect((await world.ask(world.adminRoom, '!status')).body).toContain('❌ Room keys are not backed up')
  expect(await (await fetch(`${world.bot.health}/readyz`)).json()).toMatchObject({
    ok: true,
    checks: { backup: { words: expect.stringContaining(told) } },
  })
  expect(await (await fetch(`${world.bot.health}/metrics`)).text()).toContain('gatehouse_key_backup_ok 0')
  expect(versions()).toEqual([own, String(version)])
  expect(backedUp(String(version))).toEqual({})

  // As the words say: it is deleted, and the bot goes on with its own.
  await request('DELETE', `/_matrix/client/v3/room_keys/version/${String(version)}`)
  const count = backedUp(own)[world.indoc] ?? 0
  await world.bot.restart()
  await expect.poll(() => backedUp(own)[world.indoc], { timeout: patience }).toBeGreaterThan(count)
  await request('POST', '/_matrix/client/v3/logout', {})
})

test('the secret of the backup stands nowhere in clear', async () => {
  const { url } = world.homeserver
  const { accessToken } = await logIn(url, world.users.bot.localpart, world.users.bot.password)
  const read = async (type: string): Promise<Content> =>
    await rest(url, accessToken)('GET', `/_matrix/client/v3/user/${encodeURIComponent(world.botId)}/account_data/${type}`)
  const { key } = await read('m.secret_storage.default_key')
  const { encrypted } = (await read('m.megolm_backup.v1')) as { readonly encrypted: Record<string, Parameters<typeof decryptSecret>[2]> }
  const secret = decryptSecret(decodeRecoveryKey(recoveryKey)!, 'm.megolm_backup.v1', encrypted[String(key)]!) ?? ''
  expect(secret).toMatch(/^[A-Za-z0-9+/]{43}=?$/)
  await world.bot.stop()
  const files = readdirSync(world.files.dataDir, { recursive: true, encoding: 'utf8', withFileTypes: true }).filter((one) => one.isFile())
  for (const file of [world.files.logFile, ...files.map(({ parentPath, name }) => `${parentPath}/${name}`)]) {
    const content = readFileSync(file)
    // As text, and as the bytes that it stands for.
    expect([file, content.includes(secret.slice(0, 40)), content.includes(Buffer.from(secret, 'base64'))]).toEqual([file, false, false])
  }
})

test('another identity would be seen: these tests can fail', async () => {
  const { url } = world.homeserver
  const { botId, users, moderator } = world
  await world.bot.stop()
  const { accessToken, deviceId } = await logIn(url, users.bot.localpart, users.bot.password)
  await initAsync()
  const machine = await OlmMachine.initialize(new UserId(botId), new DeviceId(deviceId))
  const { uploadSigningKeysRequest } = await machine.bootstrapCrossSigning(true)
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: botId }, password: users.bot.password }
  const keys = JSON.parse(uploadSigningKeysRequest.body) as Content
  await rest(url, accessToken)('POST', '/_matrix/client/v3/keys/device_signing/upload', { ...keys, auth })
  expect(await moderator.identityOf(botId)).toEqual({ verified: false, reset: true })
})
