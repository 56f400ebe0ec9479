import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { maskSecrets } from '../operations/secrets.ts'
import { leaves } from './leaves.ts'
import { loadConfig } from './load.ts'
import type { LoadResult } from './load.ts'
import { formatProblem } from './problem.ts'

const whole = `
homeserver:
  url: https://matrix.community.test/
  userId: "@gatehouse:community.test"
  password: in-the-file-1234
rooms: {indoc: "#indoc:community.test", admin: "!adminroomv12"}
roles: {admins: ["@alice:community.test"]}
crypto: {passphrase: a-long-enough-passphrase}
authentik: {url: https://sso.community.test, token: abcdefghijklmnopqrstuvwxyz, enrollmentFlow: join-us}
community: {name: Community}
`
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-config-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const put = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const load = (env: Record<string, string> = {}, yaml: string | undefined = whole): LoadResult => {
  if (yaml !== '') put('bot.config.yaml', yaml)
  return loadConfig({ env, cwd: folder })
}
const must = (result: LoadResult) => {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'))
  return result
}
const words = (result: LoadResult): string => (result.ok ? '' : result.problems.map(formatProblem).join('\n'))

describe('a good configuration', () => {
  test('has defaults, parsed durations, derived defaults and absolute paths', () => {
    const { config, sources, warnings } = must(load())
    expect(config.homeserver).toMatchObject({ url: 'https://matrix.community.test', profile: 'stranger', deviceName: 'Gatehouse' })
    expect(config.welcome).toEqual({ delay: 0, helloGap: 3000, deviceWait: 600_000 })
    expect(config.credentials).toEqual({ kind: 'recovery-link', linkLifetime: 86_400_000 })
    expect(config.invitations).toEqual({ expires: 604_800_000, flow: 'join-us' })
    expect(config.authentik.publicUrl).toBe('https://sso.community.test')
    expect(config.community.ssoUrl).toBe('https://sso.community.test')
    expect(config.data.directory).toBe(join(folder, 'data'))
    expect(config.crypto.recoveryKeyFile).toBe(join(folder, 'data/recovery-key'))
    expect(config.bridges).toEqual([])
    expect(config.health.listen).toBe('127.0.0.1:8090')
    expect(sources['homeserver.url']).toBe('file bot.config.yaml line 3')
    expect(sources['log.level']).toBe('default')
    expect(warnings).toEqual([])
  })

  test('every kind of key can be given by its variable, which wins over the file', () => {
    const { config, sources } = must(
      load({
        GATEHOUSE_WELCOME_HELLO_GAP: '250ms',
        GATEHOUSE_ROLES_MODERATORS: '@bob:community.test, @eve:community.test',
        GATEHOUSE_COMMANDS_PREFIXES: '["!", ","]',
        GATEHOUSE_ARRIVAL_MAX_INVITES: '7',
        GATEHOUSE_ARRIVAL_AUTO_REMOVE_FROM_INDOC: 'no',
        GATEHOUSE_HEALTH_LISTEN: 'false',
        GATEHOUSE_ROLES_POWER_LEVELS_MODERATOR: '50',
        GATEHOUSE_BRIDGES: '[{"users":"^@signal_","bot":"@signalbot:community.test"}]',
        GATEHOUSE_LOG_LEVEL: '',
        GATEHOUSE_WELCOME_QUIET_HOURS_FROM: '22:00',
        GATEHOUSE_WELCOME_QUIET_HOURS_TO: '07:00',
        GATEHOUSE_WELCOME_QUIET_HOURS_TIME_ZONE: 'Europe/Berlin',
      }),
    )
    expect(config.welcome).toMatchObject({ helloGap: 250, quietHours: { from: '22:00', to: '07:00', timeZone: 'Europe/Berlin' } })
    expect(config.roles.moderators).toEqual(['@bob:community.test', '@eve:community.test'])
    expect(config.roles.powerLevels.moderator).toBe(50)
    expect(config.commands.prefixes).toEqual(['!', ','])
    expect(config.arrival).toMatchObject({ maxInvites: 7, autoRemoveFromIndoc: false })
    expect(config.health.listen).toBe(false)
    expect(config.bridges[0]?.bot).toBe('@signalbot:community.test')
    expect(config.log.level).toBe('info')
    expect(sources['welcome.helloGap']).toBe('variable GATEHOUSE_WELCOME_HELLO_GAP')
  })

  test('works without any file, from variables alone', () => {
    const env = Object.fromEntries(
      Object.entries({
        'homeserver.url': 'http://127.0.0.1:8008',
        'homeserver.userId': '@gatehouse:community.test',
        'homeserver.accessToken': 'syt_whatever_1234567',
        'rooms.indoc': '!a:community.test',
        'rooms.admin': '!b:community.test',
        'roles.admins': '@alice:community.test',
        'crypto.passphrase': 'a-long-enough-passphrase',
        'authentik.url': 'http://localhost:9000',
        'authentik.token': 'abcdefghijklmnopqrstuvwxyz',
        'authentik.enrollmentFlow': 'join',
        'community.name': 'C',
      }).map(([key, value]) => [leaves.find((leaf) => leaf.key === key)?.variable ?? key, value]),
    )
    expect(must(load(env, '')).config.rooms.indoc).toBe('!a:community.test')
  })

  test('variables that Kubernetes makes for a service of this name are no mistake', () => {
    const env = {
      GATEHOUSE_SERVICE_HOST: '10.0.0.1',
      GATEHOUSE_PORT_8090_TCP_ADDR: '10.0.0.1',
      GATEHOUSE_PORT: 'tcp://10.0.0.1:8090',
      GATEHOUSE_SERVICE_PORT_HTTP: '80',
    }
    expect(load(env).ok).toBe(true)
  })

  test('finds the file by --config and by GATEHOUSE_CONFIG', () => {
    const path = put('other.yaml', whole)
    expect(loadConfig({ file: 'other.yaml', env: {}, cwd: folder }).ok).toBe(true)
    expect(loadConfig({ env: { GATEHOUSE_CONFIG: path }, cwd: '/' }).ok).toBe(true)
    expect(words(loadConfig({ file: 'none.yaml', env: {}, cwd: folder }))).toBe(
      `--config: cannot read the configuration file ${join(folder, 'none.yaml')}: it does not exist`,
    )
  })
})

describe('secrets', () => {
  const withoutPassword = whole.replace(/ {2}password: .*\n/, '')

  test('come from a file without its last newline, and cannot be logged afterwards', () => {
    const path = put('password', 'from-the-file-9876\n')
    const { config, sources, warnings } = must(load({ GATEHOUSE_HOMESERVER_PASSWORD_FILE: path }, withoutPassword))
    expect(config.homeserver.password).toBe('from-the-file-9876')
    expect(sources['homeserver.password']).toBe(`file ${path} (GATEHOUSE_HOMESERVER_PASSWORD_FILE)`)
    expect(warnings).toEqual([])
    expect(maskSecrets('x from-the-file-9876 x')).toBe('x [secret] x')
  })

  test('a file that others may read is a warning, also the configuration itself', () => {
    const path = put('password', 'from-the-file-9876\n', 0o644)
    const warned = must(load({ GATEHOUSE_HOMESERVER_PASSWORD_FILE: path }, withoutPassword)).warnings
    expect(warned.map(formatProblem).join()).toContain('chmod 600')
    chmodSync(join(folder, 'bot.config.yaml'), 0o640)
    const open = loadConfig({ env: {}, cwd: folder })
    expect(open.warnings.map(formatProblem).join('\n')).toContain('crypto.passphrase, authentik.token: other users may read these secrets')
  })

  test('both ways at once is a problem; so are an unreadable, an empty and a long file', () => {
    const good = put('a', 'from-the-file-9876')
    const both = { GATEHOUSE_AUTHENTIK_TOKEN: 'abcdefghijklmnopqrstuvwxyz', GATEHOUSE_AUTHENTIK_TOKEN_FILE: good }
    expect(words(load(both))).toBe(
      'authentik.token (GATEHOUSE_AUTHENTIK_TOKEN_FILE): both GATEHOUSE_AUTHENTIK_TOKEN and GATEHOUSE_AUTHENTIK_TOKEN_FILE are set; keep one',
    )
    for (const [file, reason] of [
      ['/no/such', 'does not exist'],
      [put('b', '\n'), 'is empty'],
      [put('c', 'one\ntwo\n'), 'more than one line'],
      [folder, 'is a folder'],
    ] as const) {
      const told = words(load({ GATEHOUSE_AUTHENTIK_TOKEN_FILE: file }))
      expect(told).toContain('authentik.token (GATEHOUSE_AUTHENTIK_TOKEN_FILE)')
      expect(told).toContain(reason)
      expect(told.split('\n')).toHaveLength(1)
    }
  })

  test('no problem repeats the value of a secret', () => {
    const told = words(
      load({ GATEHOUSE_CRYPTO_PASSPHRASE: 'tooshort-7', GATEHOUSE_AUTHENTIK_TOKEN: 'short-tok', GATEHOUSE_LOG_LEVEL: 'x' }),
    )
    expect(told).toContain('must have at least 16 characters')
    expect(told).not.toContain('tooshort-7')
    expect(told).not.toContain('short-tok')
  })

  test.each([
    'change-me-please',
    'changeme',
    'your-token-goes-here',
    '<token of the service account>',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'secret',
  ])('the placeholder %s is refused', (value) => {
    expect(words(load({ GATEHOUSE_AUTHENTIK_TOKEN: value }))).toBe(
      'authentik.token (GATEHOUSE_AUTHENTIK_TOKEN): still has the value of the example; put your own here',
    )
  })

  test('the passphrase must be one of its own; without password and token the session is that of `gatehouse login`', () => {
    expect(words(load({ GATEHOUSE_CRYPTO_PASSPHRASE: 'abcdefghijklmnopqrstuvwxyz' }))).toContain('must not be the same as another secret')
    expect(load({}, withoutPassword).ok).toBe(true)
  })
})

describe('problems', () => {
  test('all at once, each with key and variable', () => {
    const result = load({}, 'log: {level: info}')
    const required = leaves.filter((leaf) => leaf.required && leaf.within === undefined)
    expect(result.ok).toBe(false)
    for (const leaf of required) expect(words(result)).toContain(`${leaf.key} (${leaf.variable}): is required`)
    expect(words(result).split('\n')).toHaveLength(required.length)
  })

  test.each([
    ['welcome: {hellogap: 1s}', 'welcome.hellogap, in bot.config.yaml line 11: there is no such key; did you mean welcome.helloGap?'],
    ['minMembers: 3', 'minMembers, in bot.config.yaml line 11: there is no such key; did you mean directory.minMembers?'],
    ['welcome: {delay: 3}', 'welcome.delay (GATEHOUSE_WELCOME_DELAY), in bot.config.yaml line 11: must be a duration'],
    ['welcome: {delay: 3 weeks}', 'is not a duration'],
    ['invitations: {expires: 1000d}', 'must be between 5m and 365d'],
    ['welcome: [a]', 'welcome, in bot.config.yaml line 11: must be a section with keys of its own'],
    ['welcome: {quietHours: {from: "22:00"}}', 'welcome.quietHours.to (GATEHOUSE_WELCOME_QUIET_HOURS_TO): is required'],
    ['welcome: {quietHours: {from: "7:00", to: "07:00", timeZone: Mars/Base}}', 'write it as HH:MM'],
    ['welcome: {quietHours: {from: "22:00", to: "07:00", timeZone: Mars/Base}}', 'is not a time zone'],
    ['welcome: {quietHours: {from: "07:00", to: "07:00", timeZone: UTC}}', 'must differ'],
    ['log: {level: warning}', 'must be one of debug, info, warn, error; did you mean warn?'],
    ['arrival: {maxInvites: 5.5}', 'must be a whole number'],
    ['arrival: {maxInvites: -1}', 'must be at least 0'],
    ['commands: {prefixes: [bot]}', 'commands.prefixes[1]'],
    ['commands: {prefixes: []}', 'needs at least one prefix'],
    [
      'bridges: [{users: "^@signal_(", bot: "@s:x.test"}]',
      'bridges[1].users (GATEHOUSE_BRIDGES), in bot.config.yaml line 11: is not a regular expression',
    ],
    ['health: {listen: 8090}', 'must be address:port'],
    ['community: {nam: x}', 'Map keys must be unique'],
    ['directory: {catalogue: null}', 'has no value'],
    ['templates:\n  directory: !x y', 'line 12, column 14: a value that begins with ! must be in quotes'],
    ['templates:\n  directory: @x', 'line 12, column 14: a value that begins with @ must be in quotes'],
    ['templates: {', 'bot.config.yaml line'],
  ])('%s', (yaml, message) => {
    expect(words(load({}, whole + yaml + '\n'))).toContain(message)
  })

  test.each([
    [{ GATEHOUSE_WELCOM_DELAY: '1s' }, 'GATEHOUSE_WELCOM_DELAY: there is no such variable; did you mean GATEHOUSE_WELCOME_DELAY?'],
    [{ GATEHOUSE_LOG_LEVEL_FILE: '/x' }, 'Only secrets can be read from a file.'],
    [{ GATEHOUSE_ARRIVAL_MAX_INVITES: 'many' }, 'arrival.maxInvites (GATEHOUSE_ARRIVAL_MAX_INVITES): must be a number'],
    [{ GATEHOUSE_HOMESERVER_ALLOW_INSECURE_HTTP: 'maybe' }, 'must be true or false'],
    [{ GATEHOUSE_BRIDGES: '{' }, 'is not valid JSON'],
    [{ GATEHOUSE_HOMESERVER_URL: 'http://synapse:8008' }, 'homeserver.allowInsecureHttp: true permits it'],
    [{ GATEHOUSE_HOMESERVER_URL: 'http://localhost.evil.test' }, 'must begin with https://'],
    [{ GATEHOUSE_HOMESERVER_URL: 'https://matrix.example.org' }, 'still has the value of the example'],
    [{ GATEHOUSE_HOMESERVER_URL: 'https://user:pass@hs.test' }, 'must not hold a user name or password'],
    [{ GATEHOUSE_HOMESERVER_URL: 'hs.test' }, 'is not a URL'],
    [{ GATEHOUSE_HOMESERVER_CA_FILE: '/no/such.pem' }, 'cannot read /no/such.pem: it does not exist'],
    [{ GATEHOUSE_ROOMS_ADMIN: '#indoc:community.test' }, 'must not be the INDOC room'],
    [{ GATEHOUSE_CRYPTO_ENGINE: 'native' }, 'is needed with crypto.engine: native; docs/native-engine.md says how to build it'],
    [{ GATEHOUSE_CRYPTO_ENGINE: 'native' }, 'must be false with crypto.engine: native, which cannot read room keys back from a backup'],
    [{ GATEHOUSE_ROLES_ADMINS: '@gatehouse:community.test' }, 'must not name the bot itself'],
    [{ GATEHOUSE_ROLES_ADMINS: '@bob:example.org' }, 'still has the value of the example'],
  ] as const)('%j', (env, message) => {
    expect(words(load({ ...env }))).toContain(message)
  })

  test('plain http is fine on this machine, and elsewhere when permitted', () => {
    for (const url of ['http://127.0.0.1:8008', 'http://localhost:8008', 'http://[::1]:8008'])
      expect(load({ GATEHOUSE_HOMESERVER_URL: url }).ok).toBe(true)
    expect(load({ GATEHOUSE_HOMESERVER_URL: 'http://synapse:8008', GATEHOUSE_HOMESERVER_ALLOW_INSECURE_HTTP: 'true' }).ok).toBe(true)
  })

  test('an admin by power level is impossible', () => {
    const yaml = whole.replace('roles: {', 'roles: {powerLevels: {admin: 100}, ')
    expect(words(load({}, yaml))).toContain('power level never gives the role admin')
  })
})

test('advice: nobody may command, unprotected trust', () => {
  const told = load({ GATEHOUSE_COMMANDS_TRUST: 'off' }, whole.replace(/roles: .*\n/, ''))
    .warnings.map(formatProblem)
    .join('\n')
  expect(told).toContain('nobody is admin')
  expect(told).toContain('nobody is moderator')
  expect(told).toContain('commands.trust')
})

test('every key has a description, a variable of its own and a way in', () => {
  expect(new Set(leaves.map((leaf) => leaf.variable)).size).toBe(leaves.length)
  for (const leaf of leaves) expect(leaf.about.text.length, leaf.key).toBeGreaterThan(10)
  const taken = new Set(leaves.map((leaf) => leaf.variable))
  for (const leaf of leaves) if (leaf.about.secret === true) expect(taken.has(`${leaf.variable}_FILE`)).toBe(false)
})
