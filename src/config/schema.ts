import { z } from 'zod'
import { sections } from './about.ts'
import {
  choice,
  count,
  duration,
  flag,
  note,
  optionalPath,
  optionalRoom,
  optionalSecret,
  optionalSlug,
  optionalText,
  optionalUrl,
  pathOr,
  room,
  secret,
  slug,
  text,
  textOr,
  texts,
  timeOfDay,
  timeOfDayOr,
  timeZone,
  url,
  userId,
  userIds,
} from './fields.ts'
import type { UserId } from '../types.ts'

/** A section: an object that knows no other keys. */
const section = <Shape extends z.core.$ZodLooseShape>(about: string, shape: Shape) => {
  const schema = z.strictObject(shape)
  sections.add(schema, { text: about })
  return schema
}

const homeserver = section(
  "The Matrix server and the bot's own user on it. Give `password` or `accessToken`, or run `gatehouse login` once.",
  {
    url: url({
      text: 'Client-server API of the homeserver. Plain http is refused except for this machine itself, or with `allowInsecureHttp`.',
      example: 'https://matrix.example.org',
    }),
    userId: userId({ text: "The bot's own user.", example: '@gatehouse:example.org' }),
    password: optionalSecret({
      text: "Password of the bot's user. It logs in once and keeps the session; later it is needed only when the server lets the session run out.",
      otherwise: 'use `accessToken`, or `gatehouse login`',
    }),
    accessToken: optionalSecret({
      text: 'Access token of an existing session, for servers without password login. It must belong to this user and to a device of its own.',
      otherwise: 'log in with `password`, or `gatehouse login`',
    }),
    deviceName: textOr('Gatehouse', { text: "Name of the bot's device, as people see it in their list of sessions." }),
    profile: choice(['stranger', 'own-server'], 'stranger', {
      text: '`stranger`: the bot is an ordinary user. `own-server`: it is a server admin and may use the Synapse admin API.',
    }),
    rateLimits: choice(['find-out', 'default'], 'find-out', {
      text: "What is known of the server's rate limits with profile `stranger`. `find-out`: Synapse's defaults are taken for granted, and once a day one answer is sent beyond them to see whether they hold. `default`: they hold, and nothing is ever sent beyond them.",
    }),
    adminUrl: optionalUrl({
      text: 'Base URL of the Synapse admin API when it is reachable only inside your network. Used with profile `own-server`.',
      otherwise: '`homeserver.url`',
    }),
    caFile: optionalPath({
      text: "PEM file of an extra certificate authority that signed the homeserver's certificate.",
      otherwise: 'the usual authorities',
    }),
    allowInsecureHttp: flag(false, {
      text: 'Permit plain http to another machine. Tokens then cross the network unprotected: only for a closed container network.',
    }),
  },
)

const rooms = section('The two rooms the bot works in. Quote the values: `#` and `!` have a meaning of their own in YAML.', {
  indoc: room({ text: 'The INDOC room, where newcomers are met and vetted.', example: '#indoc:example.org' }),
  admin: room({ text: 'The admin room, where moderators work and alerts arrive.', example: '#gatehouse-admin:example.org' }),
})

const roles = section('Who may command. Nobody may until somebody is named here.', {
  admins: userIds({ text: 'People with the role admin.', example: ['@alice:example.org'] }),
  moderators: userIds({ text: 'People with the role moderator.', example: ['@bob:example.org'] }),
  powerLevels: section('Role by power level in the admin room. It never gives the role admin: the homeserver could make it up.', {
    moderator: note(z.int().min(1).max(1_000_000).optional(), 'whole number', 'number', {
      text: 'From this power level in the admin room on, a person is moderator.',
      otherwise: 'power level gives no role',
    }),
  }).prefault({}),
  groups: section('Role by Authentik group, for people whose link to their account is proven.', {
    moderators: texts([], { text: 'Names of Authentik groups whose members are moderators.' }),
    admins: texts([], { text: 'Names of Authentik groups whose members are admins.' }),
  }).prefault({}),
})

const commands = section('How commands are written and trusted.', {
  prefixes: note(
    z
      .array(z.string().regex(/^[^\s\p{L}\p{N}]{1,5}$/u, 'must be 1 to 5 signs, no letters, digits or blanks'))
      .min(1, 'needs at least one prefix')
      .default(['!']),
    'list of texts',
    'list',
    { text: 'Signs that begin a command.' },
  ),
  name: note(
    z
      .string()
      .regex(/^[\p{L}][\p{L}\p{N}_-]{1,31}$/u, 'must be one word of 2 to 32 letters, digits, - or _')
      .default('gatehouse'),
    'word',
    'text',
    { text: 'Name that may begin a command instead of a prefix ("gatehouse: ping").' },
  ),
  trust: choice(['off', 'warn', 'enforce'], 'enforce', {
    text: 'What to do with a command that changes something and comes from a device its owner has not cross-signed.',
  }),
  confirmWithin: duration('5m', { least: '10s', most: '1h' }, { text: 'How long a plan waits for its `!confirm`.' }),
})

const data = section('Where the bot keeps what it must not lose.', {
  directory: pathOr('data', {
    text: 'Folder of the database, the encryption keys and the backups. One process at a time. Created with mode 0700.',
  }),
})

const retention = section('How long what is finished is kept. It is deleted at night (`directory.reconcileAt`), a little at a time.', {
  work: duration(
    '90d',
    { least: '0s', most: '3650d' },
    {
      text: 'Handled events, sent messages, finished plans and jobs, those that failed as well. At least 14d; 0s = for ever. `!undo` and `!jobs` reach as far back.',
    },
  ),
  audit: duration('400d', { least: '0s', most: '3650d' }, { text: 'The audit. At least 30d; 0s = for ever.' }),
})

const crypto = section('End-to-end encryption.', {
  engine: choice(['wasm', 'native'], 'wasm', {
    text: 'Build of the encryption library. `native` is experimental: you build it yourself (docs/native-engine.md), it has no key backup, and it keeps the room keys of all rooms.',
  }),
  nativeLibrary: optionalPath({
    text: 'File of the native library (`matrix-sdk-crypto.*.node`), which becomes part of the bot. Nobody but root and the bot may be able to write it.',
    otherwise: 'none; only for `crypto.engine: native`',
  }),
  passphrase: secret(16, {
    text: 'Encrypts the stored keys. Make one with `openssl rand -base64 32` and keep it apart from the data: without it the device is lost.',
  }),
  shareKeysWith: section('Which devices can read what the bot writes. Devices that get no key are told so (`m.unverified`).', {
    indoc: choice(['all-devices', 'signed-devices'], 'all-devices', {
      text: 'In INDOC. Newcomers have rarely verified their devices.',
    }),
    direct: choice(['all-devices', 'signed-devices'], 'all-devices', {
      text: 'In direct chats with the bot, the welcome among them. Secrets for somebody who may command go to signed devices alone, whatever is set here.',
    }),
    others: choice(['all-devices', 'signed-devices'], 'signed-devices', {
      text: 'In the admin room and all other rooms. `signed-devices`: only what its owner has cross-signed, so that nobody reads along who adds a device to an account, such as the homeserver.',
    }),
  }).prefault({}),
  recoveryKeyFile: optionalPath({
    text: "File that receives the recovery key of the bot's identity, once, with mode 0600. Move a copy to a safe place.",
    otherwise: '`recovery-key` in `data.directory`',
  }),
  backup: flag(true, {
    text: 'Keep the room keys of INDOC and the admin room on the homeserver too, encrypted, so that a new device with the recovery key can read what was written before.',
  }),
})

const authentik = section('The Authentik server that holds the accounts.', {
  url: url({
    text: 'Base URL the bot calls, without `/api/v3`. Plain http needs `allowInsecureHttp` unless it is this machine.',
    example: 'https://sso.example.org',
  }),
  publicUrl: optionalUrl({
    text: 'Base URL that people open. Links sent to people always begin with it, never with the internal `url`.',
    otherwise: '`authentik.url`',
  }),
  token: secret(20, { text: 'API token of a service account. `docs/authentik.md` lists the permissions it needs.' }),
  caFile: optionalPath({
    text: "PEM file of an extra certificate authority that signed Authentik's certificate.",
    otherwise: 'the usual authorities',
  }),
  allowInsecureHttp: flag(false, { text: 'Permit plain http to another machine: only for a closed container network.' }),
  enrollmentFlow: slug({ text: 'Slug of the enrollment flow that invitations open.', example: 'community-enrollment' }),
  usersPath: note(
    z
      .string()
      .regex(/^[-\w]+(?:\/[-\w]+)*$/, 'must be words separated by /')
      .default('users'),
    'path of words',
    'text',
    {
      text: 'Path inside Authentik under which new accounts are filed.',
    },
  ),
})

const credentials = section('What a new account gets to sign in with.', {
  kind: choice(['recovery-link', 'passphrase'], 'recovery-link', {
    text: 'A link where people choose their own password, or a generated passphrase of five or more words.',
  }),
  linkLifetime: duration(
    '24h',
    { least: '5m', most: '30d' },
    {
      text: 'How long a recovery link should live. Asked for where Authentik allows it; the real time is always told to the person.',
    },
  ),
  emailStage: optionalSlug({
    text: 'UUID of the e-mail stage by which Authentik sends recovery links to people whom the bot cannot reach (`/api/v3/stages/email/` shows it; Authentik 2026.2 or newer).',
    otherwise: 'their link is given to the moderator, to hand over',
  }),
})

const invitations = section('Authentik invitations made by `!invite`.', {
  expires: duration('7d', { least: '5m', most: '365d' }, { text: 'Lifetime of an invitation without `--expires`.' }),
  flow: optionalSlug({ text: 'Slug of the flow that invitations open.', otherwise: '`authentik.enrollmentFlow`' }),
})

const welcome = section('The encrypted welcome DM.', {
  delay: duration('0s', { least: '0s', most: '7d' }, { text: 'Extra wait before the first message, after the person is able to read it.' }),
  helloGap: duration('3s', { least: '0s', most: '10m' }, { text: 'Pause between the hello and the welcome.' }),
  quietHours: section('No welcome is sent in these hours. Without this section there are none.', {
    from: timeOfDay({ text: 'Begin of the quiet hours.', example: '22:00' }),
    to: timeOfDay({ text: 'End of the quiet hours; before `from` means the next day.', example: '07:00' }),
    timeZone: timeZone({ text: 'Time zone of both times.', example: 'Europe/Berlin' }),
  }).optional(),
  deviceWait: duration(
    '10m',
    { least: '0s', most: '24h' },
    {
      text: "How long to wait for the person's first device that can decrypt. After it the welcome is sent anyway and offers `resend`.",
    },
  ),
})

const arrival = section('What `!adduser` and `!approve` do beside making the account.', {
  maxInvites: count(5, { least: 0, most: 50 }, { text: 'Most room invites sent at once; further rooms are links in the welcome.' }),
  autoRemoveFromIndoc: flag(true, { text: 'Take people out of INDOC once they have arrived.' }),
  groups: texts([], { text: 'Authentik groups every new account joins.' }),
})

const introduction = section('What newcomers in INDOC are asked for, and how long that is awaited.', {
  prompt: flag(true, { text: 'Ask people who join INDOC for an introduction, once per stay.' }),
  promptEvery: duration(
    '30s',
    { least: '0s', most: '1h' },
    { text: 'Least time between two of these questions. Who joins in between is asked together with the others.' },
  ),
  deadline: duration('24h', { least: '1m', most: '30d' }, { text: 'How long an introduction is awaited.' }),
  remindBefore: duration('4h', { least: '0s', most: '30d' }, { text: 'How long before the deadline people are reminded. 0s = never.' }),
  removeExpired: flag(false, {
    text: 'Take people out of INDOC who have not introduced themselves in time. Otherwise the moderators are told and decide.',
  }),
  askInviter: flag(true, { text: 'Ask the person whom a newcomer names as inviter, by DM, whether they vouch.' }),
})

const graduation = section('Leaving INDOC.', {
  grace: duration(
    '15m',
    { least: '0s', most: '30d' },
    {
      text: 'Latest time of the removal from INDOC after arrival, if the person has joined nothing before. 0s = at once.',
    },
  ),
})

const directory = section('The cache of rooms and people, and the room catalogue.', {
  catalogue: pathOr('config/catalogue.yaml', { text: 'File of the room catalogue.' }),
  minMembers: count(5, { least: 0, most: 100_000 }, { text: 'Rooms with fewer members that are not in the catalogue are not listed.' }),
  reconcileAt: timeOfDayOr('03:30', { text: 'Local time of the nightly comparison with the server.' }),
})

const community = section('What the templates say about your community.', {
  name: text({ text: 'Name of the community.', example: 'Example Community' }),
  ssoUrl: optionalUrl({ text: 'Page where people sign in.', otherwise: '`authentik.publicUrl`' }),
  appUrl: optionalUrl({ text: 'Matrix app that newcomers should use.', otherwise: 'left out of the messages' }),
  rulesUrl: optionalUrl({ text: 'Your rules.', otherwise: 'left out of the messages' }),
  guideUrl: optionalUrl({ text: 'Your guide for newcomers.', otherwise: 'left out of the messages' }),
  supportRoom: optionalRoom({ text: 'Room where people ask for help.', otherwise: 'left out of the messages' }),
  contact: optionalText({ text: 'Whom to contact outside Matrix, such as an e-mail address.', otherwise: 'left out of the messages' }),
  placeholders: note(
    z
      .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/, 'must be a letter followed by letters and digits'), z.string().max(2000))
      .default({}),
    'map of texts',
    'json',
    { text: 'Further `{placeholders}` for your own templates.' },
  ),
})

const templates = section('Message templates.', {
  directory: optionalPath({ text: 'Folder whose files replace templates of the same name.', otherwise: 'the built-in templates only' }),
})

const isPattern = (value: string): boolean => {
  try {
    return new RegExp(value, 'u').unicode
  } catch {
    return false
  }
}

const bridge = z.strictObject({
  users: z.string().min(2).refine(isPattern, 'is not a regular expression'),
  bot: z
    .string()
    .regex(/^@[^\s:]+:[^\s]+$/, 'is not a Matrix user id')
    .transform((value) => value as UserId),
  managementRoom: z
    .string()
    .regex(/^![^\s]+$/, 'is not a room id')
    .optional(),
  startChat: z.string().includes('{', { error: 'needs a placeholder such as {identifier}' }).optional(),
})

const health = section('Health checks and metrics over http.', {
  listen: note(
    z
      .union([z.literal(false), z.string().regex(/^(?:\[[0-9a-fA-F:]+\]|[^\s:[\]/]+):\d{1,5}$/, 'must be address:port or false')], {
        error: 'must be address:port, such as 127.0.0.1:8090, or false',
      })
      .default('127.0.0.1:8090'),
    'address:port | false',
    'text',
    { text: 'Where `/livez`, `/readyz` and `/metrics` listen. Nothing there is secret, but keep it inside your network.' },
  ),
})

const log = section('Logs: one JSON object a line on standard output.', {
  level: choice(['debug', 'info', 'warn', 'error'], 'info', { text: 'Least severity that is written.' }),
})

/**
 * The configuration: the one source of what keys exist, their defaults, the environment variables, the example file and the docs table.
 * Durations become milliseconds, URLs lose their trailing slash. Use `loadConfig` rather than parsing with it directly: checks across
 * keys and derived defaults are applied there.
 */
export const configSchema = z.strictObject({
  homeserver,
  rooms,
  roles: roles.prefault({}),
  commands: commands.prefault({}),
  data: data.prefault({}),
  retention: retention.prefault({}),
  crypto,
  authentik,
  credentials: credentials.prefault({}),
  invitations: invitations.prefault({}),
  welcome: welcome.prefault({}),
  arrival: arrival.prefault({}),
  introduction: introduction.prefault({}),
  graduation: graduation.prefault({}),
  directory: directory.prefault({}),
  community,
  templates: templates.prefault({}),
  bridges: note(z.array(bridge).default([]), 'list of bridges', 'json', {
    text:
      "Bridges whose people count as bridged: `users` (regular expression on the user id), `bot` (the bridge's user), and, so that a welcome can be " +
      'sent over the bridge, `managementRoom` (room id) and `startChat` (command with `{identifier}`).',
  }),
  health: health.prefault({}),
  log: log.prefault({}),
})

type Parsed = z.output<typeof configSchema>

/** The configuration after `loadConfig`: everything checked, defaults filled in, paths absolute. Durations in milliseconds. */
export interface Config extends Omit<Parsed, 'crypto' | 'authentik' | 'invitations' | 'community'> {
  readonly crypto: Parsed['crypto'] & { readonly recoveryKeyFile: string }
  readonly authentik: Parsed['authentik'] & { readonly publicUrl: string }
  readonly invitations: Parsed['invitations'] & { readonly flow: string }
  readonly community: Parsed['community'] & { readonly ssoUrl: string }
}

/** Fills in the defaults that come from other keys. Paths are left as they are. */
export const complete = (parsed: Parsed, join: (directory: string, file: string) => string): Config => {
  const publicUrl = parsed.authentik.publicUrl ?? parsed.authentik.url
  return {
    ...parsed,
    crypto: { ...parsed.crypto, recoveryKeyFile: parsed.crypto.recoveryKeyFile ?? join(parsed.data.directory, 'recovery-key') },
    authentik: { ...parsed.authentik, publicUrl },
    invitations: { ...parsed.invitations, flow: parsed.invitations.flow ?? parsed.authentik.enrollmentFlow },
    community: { ...parsed.community, ssoUrl: parsed.community.ssoUrl ?? publicUrl },
  }
}
