/**
 * Builds the Dockerfile and runs the image against a local Synapse, without a Docker engine: `node tests/image/check.ts KITDIR`, where KITDIR was
 * set up by an image kit (buildah, podman, a base image; its `env.sh` names the storage). Needs root. Prints each proof and ends with 0 only
 * if all hold. Not part of `npm test`: most machines have no such kit.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createStandIn } from '../support/authentik/stand-in.ts'
import { openAdmin } from '../support/homeserver/admin.ts'
import { startSynapse } from '../support/homeserver/synapse.ts'
import { startPeople } from '../support/people/people.ts'

const kit = process.argv[2]
if (kit === undefined) throw new Error('usage: node tests/image/check.ts KITDIR')
const say = (line: string): void => console.log(line)
const root = resolve(import.meta.dirname, '../..')
const environment = readFileSync(join(kit, 'env.sh'), 'utf8')
const env = { ...process.env, ...Object.fromEntries([...environment.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value])) }
const run = (command: string, ...words: readonly string[]): string =>
  execFileSync(command, words, { cwd: root, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
const attempt = (command: string, ...words: readonly string[]) => spawnSync(command, words, { cwd: root, env, encoding: 'utf8' })
const image = 'localhost/gatehouse:test'
const name = 'gatehouse-check'
const volume = 'gatehouse-check-data'
let failed = 0
const prove = (what: string, holds: boolean, evidence: string): void => {
  if (!holds) failed += 1
  say(`${holds ? 'ok    ' : 'FAILED'}  ${what}: ${evidence.trim().slice(0, 200)}`)
}
/** Waits for a condition of the running container. */
const until = async (what: string, holds: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> => {
  for (const end = Date.now() + limitMs; Date.now() < end;) {
    if (await holds()) return true
    await new Promise((again) => setTimeout(again, 200))
  }
  say(`gave up waiting until ${what}`)
  return false
}

say('Building the image …')
run('buildah', 'bud', '--isolation', 'chroot', '--network', 'host', '--pull-never', '--format', 'docker', '-t', image, '.')
const synapse = await startSynapse({ profile: 'own-server', say })
const standIn = await createStandIn({})
const admin = await openAdmin(synapse.coordinates)
const people = startPeople({ url: synapse.url })
attempt('podman', 'rm', '-f', name)
attempt('podman', 'volume', 'rm', '-f', volume)
try {
  const bot = await admin.registerUser({ name: 'gatehouse', password: 'image-check-7f3a91', displayName: 'Gatehouse' })
  const moderator = await admin.registerUser({ name: 'moderator', displayName: 'Moderator' })
  const mod = await people.join({ user: moderator })
  const indoc = await mod.createRoom({ name: 'INDOC', encrypted: true, invite: [bot.userId] })
  const adminRoom = await mod.createRoom({ name: 'Admin', encrypted: true, invite: [bot.userId] })
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-image-'))
  const config = join(folder, 'bot.config.yaml')
  writeFileSync(
    config,
    JSON.stringify({
      homeserver: { url: synapse.url, userId: bot.userId },
      rooms: { indoc, admin: adminRoom },
      roles: { admins: [moderator.userId] },
      data: { directory: '/data' },
      authentik: { url: standIn.url, enrollmentFlow: 'community-enrollment' },
      community: { name: 'Image check' },
    }),
    { mode: 0o644 },
  )
  const start = (): void => {
    run(
      'podman',
      'run',
      '-d',
      '--name',
      name,
      '--read-only',
      '--read-only-tmpfs=false',
      '--network',
      'host',
      '--tmpfs',
      '/tmp',
      '-v',
      `${volume}:/data`,
      '-v',
      `${config}:/config.yaml:ro`,
      '--cap-drop=all',
      '--security-opt=no-new-privileges',
      '--memory=512m',
      '--stop-timeout',
      '15',
      '-e',
      'GATEHOUSE_CONFIG=/config.yaml',
      '-e',
      'GATEHOUSE_HOMESERVER_PASSWORD=image-check-7f3a91',
      '-e',
      'GATEHOUSE_CRYPTO_PASSPHRASE=an-image-check-passphrase-4711',
      '-e',
      `GATEHOUSE_AUTHENTIK_TOKEN=${standIn.token}`,
      image,
    )
  }
  const healthy = (): boolean => attempt('podman', 'healthcheck', 'run', name).status === 0
  const ping = async (): Promise<string> => {
    const asked = await mod.sendText(indoc, '!ping')
    return (await mod.waitForMessage(indoc, { sender: bot.userId, replyTo: asked }, 60_000)).body
  }
  const device = (): string =>
    admin.database
      .query('SELECT device_id FROM devices WHERE user_id = ? AND device_id LIKE ?', bot.userId, 'GATEHOUSE%')
      .map((row) => String(row['device_id']))
      .join(',')

  say('Running it …')
  start()
  prove('the health check turns green', await until('it is healthy', healthy, 60_000), run('podman', 'logs', name).split('\n').at(-2) ?? '')
  const uid = run('podman', 'exec', name, 'id', '-u')
  prove('it does not run as root', uid.trim() !== '0', `uid ${uid}`)
  const write = attempt('podman', 'exec', name, 'sh', '-c', 'echo x > /app/x')
  prove('its root file system is read-only', write.status !== 0, write.stderr)
  prove('it answers', (await ping()).includes('Pong'), 'encrypted !ping')
  const before = device()
  const stopping = Date.now()
  run('podman', 'stop', '-t', '10', name)
  const code = run('podman', 'inspect', name, '--format', '{{.State.ExitCode}}').trim()
  prove(
    'SIGTERM ends it with 0 within 10 s',
    code === '0' && Date.now() - stopping < 10_000,
    `code ${code} after ${Date.now() - stopping} ms`,
  )
  run('podman', 'rm', name)
  start()
  prove(
    'a new container takes up the data',
    (await until('it is healthy', healthy, 60_000)) && (await ping()).includes('Pong') && device() === before,
    `device ${before}`,
  )
  run('podman', 'stop', '-t', '10', name)
  run('podman', 'rm', name)
  const broken = attempt(
    'podman',
    'run',
    '--rm',
    '--network',
    'none',
    '--user',
    '0',
    '--entrypoint',
    'sh',
    image,
    '-c',
    'find node_modules/better-sqlite3 -name "*.node" -delete; exec node bin/gatehouse.mjs selfcheck',
  )
  prove('selfcheck fails when a native file is missing', broken.status === 12, `code ${broken.status}: ${broken.stdout} ${broken.stderr}`)
} finally {
  attempt('podman', 'rm', '-f', name)
  attempt('podman', 'volume', 'rm', '-f', volume)
  await people.stop()
  await standIn.close()
  await synapse.stop()
}
say(failed === 0 ? 'All of it holds.' : `${failed} of it failed.`)
process.exit(failed === 0 ? 0 : 1)
