import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { patience, startWorld, type World } from './world.ts'

// The first start makes the bot's identity in about a dozen requests. It is killed at each of them, before and after the server has acted.

let world: World

beforeAll(async () => {
  world = await startWorld({ bot: { start: false } })
})
afterAll(async () => {
  await world.stop()
})

interface Shown {
  readonly device_keys?: Record<string, Record<string, unknown>>
  readonly master_keys?: Record<string, { readonly keys: unknown }>
}
const keysOfBot = async (): Promise<{ readonly devices: readonly string[]; readonly master: unknown }> => {
  const body = (await world.moderator.request('POST', '/_matrix/client/v3/keys/query', { device_keys: { [world.botId]: [] } })) as Shown
  return { devices: Object.keys(body.device_keys?.[world.botId] ?? {}), master: body.master_keys?.[world.botId]?.keys }
}

const secret = (name: string): RegExp => new RegExp(`/account_data/m\\.${name}`)
/** In the order in which a start makes them. */
const steps: readonly (readonly [string, RegExp])[] = [
  ['the login', /\/login$/],
  ['the question for its own keys', /\/keys\/query$/],
  ["the device's keys", /\/keys\/upload$/],
  ['the description of the recovery key', secret('secret_storage\\.key\\.')],
  ['the first secret', secret('cross_signing\\.master$')],
  ['the second secret', secret('cross_signing\\.self_signing$')],
  ['the third secret', secret('cross_signing\\.user_signing$')],
  ['the default key', secret('secret_storage\\.default_key$')],
  ['the public keys of the identity', /\/keys\/device_signing\/upload$/],
  ['the signatures', /\/keys\/signatures\/upload$/],
]

/** What every life of the bot must agree about, as soon as it is there. */
const seen: { device?: string; master?: unknown; recoveryKey?: string } = {}
const recoveryKeyFile = (): string => `${world.files.dataDir}/recovery-key`
const expectTheSame = async (): Promise<void> => {
  const { devices, master } = await keysOfBot()
  expect(devices.length).toBeLessThanOrEqual(1)
  if (devices[0] !== undefined) expect((seen.device ??= devices[0])).toBe(devices[0])
  if (master !== undefined) expect((seen.master ??= master)).toEqual(master)
  if (existsSync(recoveryKeyFile())) {
    const key = readFileSync(recoveryKeyFile(), 'utf8')
    expect((seen.recoveryKey ??= key)).toBe(key)
  }
}

test.each(steps)('killed at %s', async (_, path) => {
  for (const kind of ['hang', 'hang-after-commit'] as const) {
    const rule = world.proxy.add({ match: { path }, how: { kind }, times: 1 })
    await world.bot.start({ untilReady: false })
    await expect.poll(() => (kind === 'hang' ? rule.hits : rule.committed), { timeout: patience, interval: 20 }).toBe(1)
    await world.bot.kill()
    rule.remove()
    await expectTheSame()
  }
})

test('killed while it makes sure that the server shows it signed', async () => {
  // Everything is uploaded: the first question of this start is answered, the second one is not.
  const rule = world.proxy.add({ match: { path: /\/keys\/query$/ }, how: { kind: 'hang' }, after: 1, times: 1 })
  await world.bot.start({ untilReady: false })
  await expect.poll(() => rule.hits, { timeout: patience, interval: 20 }).toBe(1)
  await world.bot.kill()
  rule.remove()
  await expectTheSame()
})

test('then it is whole: one device, signed, and the recovery key brings the same identity back', async () => {
  await world.bot.start()
  await expectTheSame()
  const { devices } = await keysOfBot()
  expect(devices).toHaveLength(1)
  expect(await world.moderator.deviceTrust(world.botId, devices[0] ?? '')).toMatchObject({ known: true, signedByOwner: true })
  await world.bot.stop()
  rmSync(world.files.dataDir, { recursive: true })
  mkdirSync(world.files.dataDir, { mode: 0o700 })
  writeFileSync(recoveryKeyFile(), seen.recoveryKey ?? '', { mode: 0o600 })
  await world.bot.start()
  const after = await keysOfBot()
  expect(after.master).toEqual(seen.master)
  const added = after.devices.find((device) => device !== seen.device)
  expect(await world.moderator.deviceTrust(world.botId, added ?? '')).toMatchObject({ known: true, signedByOwner: true })
})
