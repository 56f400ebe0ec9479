import { isIP } from 'node:net'
import { readText } from './file.ts'
import type { Problem } from './problem.ts'

/** What a check may ask: the parsed value of a key, or undefined when it is absent or wrong in itself. */
export interface Values {
  get(key: string): unknown
}
type Finding = { readonly key: string; readonly message: string; readonly code?: Problem['code'] }

/** Is the host this machine? Names other than `localhost` may point anywhere and do not count. */
export const isLoopback = (url: string): boolean => {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

const insecure = (values: Values, key: string, permit: string): readonly Finding[] => {
  const url = values.get(key)
  if (typeof url !== 'string' || url.startsWith('https:') || isLoopback(url) || values.get(permit) === true) return []
  return [
    {
      key,
      message: `must begin with https://; plain http to another machine would show the tokens to the network (${permit}: true permits it)`,
    },
  ]
}

const unreadable = (values: Values, key: string): readonly Finding[] => {
  const path = values.get(key)
  if (typeof path !== 'string') return []
  const read = readText(path)
  if (!read.ok) return [{ key, message: `cannot read ${path}: ${read.reason}` }]
  return read.text.includes('-----BEGIN CERTIFICATE-----') ? [] : [{ key, message: `${path} holds no certificate in PEM form` }]
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Faults between keys. Each check is silent while a value it needs is wrong in itself. */
export const crossProblems = (values: Values): readonly Finding[] => {
  const found: Finding[] = [
    ...insecure(values, 'homeserver.url', 'homeserver.allowInsecureHttp'),
    ...insecure(values, 'homeserver.adminUrl', 'homeserver.allowInsecureHttp'),
    ...insecure(values, 'authentik.url', 'authentik.allowInsecureHttp'),
    ...insecure(values, 'authentik.publicUrl', 'authentik.allowInsecureHttp'),
    ...unreadable(values, 'homeserver.caFile'),
    ...unreadable(values, 'authentik.caFile'),
  ]
  const indoc = values.get('rooms.indoc')
  if (indoc !== undefined && indoc === values.get('rooms.admin')) {
    found.push({ key: 'rooms.admin', message: 'must not be the INDOC room: the admin room shows personal data' })
  }
  const self = values.get('homeserver.userId')
  for (const key of ['roles.admins', 'roles.moderators']) {
    if (self !== undefined && list(values.get(key)).includes(self)) found.push({ key, message: 'must not name the bot itself' })
  }
  const from = values.get('welcome.quietHours.from')
  if (from !== undefined && from === values.get('welcome.quietHours.to')) {
    found.push({ key: 'welcome.quietHours.to', message: 'must differ from welcome.quietHours.from' })
  }
  if (values.get('crypto.engine') === 'native') {
    if (values.get('crypto.nativeLibrary') === undefined)
      found.push({
        key: 'crypto.nativeLibrary',
        message: 'is needed with crypto.engine: native; docs/native-engine.md says how to build it',
      })
    if (values.get('crypto.backup') === true)
      found.push({
        key: 'crypto.backup',
        message: 'must be false with crypto.engine: native, which cannot read room keys back from a backup',
      })
  }
  for (const [key, days] of [
    ['retention.work', 14],
    ['retention.audit', 30],
  ] as const) {
    const kept = values.get(key)
    if (typeof kept === 'number' && kept > 0 && kept < days * 24 * 3_600_000)
      found.push({ key, message: `must be at least ${days}d, or 0s to keep everything` })
  }
  const passphrase = values.get('crypto.passphrase')
  const others = ['homeserver.password', 'homeserver.accessToken', 'authentik.token']
  if (passphrase !== undefined && others.some((key) => values.get(key) === passphrase)) {
    found.push({ key: 'crypto.passphrase', message: 'must not be the same as another secret' })
  }
  return found
}

/** Things that are allowed but probably not meant. */
export const advice = (values: Values): readonly Finding[] => {
  const found: Finding[] = []
  const nobody = (...keys: readonly string[]): boolean => keys.every((key) => list(values.get(key)).length === 0)
  if (nobody('roles.admins', 'roles.groups.admins'))
    found.push({ key: 'roles.admins', message: 'nobody is admin: commands for admins are refused to everybody' })
  if (
    nobody('roles.admins', 'roles.groups.admins', 'roles.moderators', 'roles.groups.moderators') &&
    values.get('roles.powerLevels.moderator') === undefined
  ) {
    found.push({ key: 'roles.moderators', message: 'nobody is moderator: the bot will not take any command that changes something' })
  }
  if (values.get('homeserver.adminUrl') !== undefined && values.get('homeserver.profile') === 'stranger') {
    found.push({ key: 'homeserver.adminUrl', message: 'has no effect with homeserver.profile: stranger' })
  }
  if (values.get('crypto.engine') !== 'native' && values.get('crypto.nativeLibrary') !== undefined) {
    found.push({ key: 'crypto.nativeLibrary', message: 'has no effect without crypto.engine: native' })
  }
  if (values.get('commands.trust') === 'off') {
    found.push({
      key: 'commands.trust',
      message: "off: whoever adds a device to a moderator's account, such as the homeserver, can command the bot",
    })
  }
  return found
}

const reservedHost = /(?:^|[./@:])example\.(?:org|com|net)(?:$|[/:])/i
const dummySecret =
  /^(?:change[-_ ]?(?:me|it|this)\b.*|(?:my[-_ ]?)?(?:secret|password|passphrase|token)[-_ ]?\d*|your[-_ ].*|<.*>|x{3,}|\.{3,}|todo|replace[-_ ]?me.*|example.*|(.)\1+)$/i

/** Is the value one of the example file that nobody should run with? */
export const isPlaceholder = (value: unknown, secret: boolean): boolean => {
  if (Array.isArray(value)) return value.some((item) => isPlaceholder(item, secret))
  if (typeof value !== 'string') return false
  return secret ? dummySecret.test(value.trim()) : reservedHost.test(value) || value === 'Example Community'
}
