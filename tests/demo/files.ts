import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { categories, synonyms, type DemoRoom } from './rooms.ts'

/** What the bot's files are written from. */
export interface FilesInput {
  readonly dir: string
  readonly profile: 'own-server' | 'stranger'
  readonly homeserverUrl: string
  readonly authentik: { readonly url: string; readonly token: string }
  readonly bot: { readonly userId: string; readonly password: string }
  readonly rooms: { readonly indoc: string; readonly admin: string; readonly catalogue: readonly DemoRoom[] }
  readonly admins: readonly string[]
  readonly moderators: readonly string[]
  readonly healthPort: number
  /** Further variables of the bot, for example `{ GATEHOUSE_WELCOME_HELLO_GAP: '0s' }`. */
  readonly env: Readonly<Record<string, string>>
}

/** The files of an operator. */
export interface Files {
  readonly configFile: string
  readonly catalogueFile: string
  readonly dataDir: string
  readonly logFile: string
  readonly env: Readonly<Record<string, string>>
  /** The crypto passphrase, so that tests can look for it in places where it must not be. */
  readonly passphrase: string
}

/**
 * Writes what an operator would: `bot.config.yaml`, the catalogue, and each secret in a file of its own (mode 0600). What an earlier run left
 * in the folder is deleted.
 */
export const writeFiles = (input: FilesInput): Files => {
  const { dir } = input
  for (const name of ['data', 'secrets', 'bot.log', 'bot.config.yaml', 'bot.env', 'catalogue.yaml', 'access.json'])
    rmSync(`${dir}/${name}`, { recursive: true, force: true })
  mkdirSync(`${dir}/secrets`, { recursive: true, mode: 0o700 })
  const passphrase = randomBytes(32).toString('base64')
  const secret = (name: string, value: string): string => {
    writeFileSync(`${dir}/secrets/${name}`, `${value}\n`, { mode: 0o600 })
    return `${dir}/secrets/${name}`
  }
  const files = { configFile: `${dir}/bot.config.yaml`, catalogueFile: `${dir}/catalogue.yaml`, dataDir: `${dir}/data` }
  writeFileSync(files.catalogueFile, stringify(catalogue(input.rooms.catalogue)))
  writeFileSync(files.configFile, stringify(configuration(input, files)), { mode: 0o600 })
  const env = {
    GATEHOUSE_HOMESERVER_PASSWORD_FILE: secret('matrix-password', input.bot.password),
    GATEHOUSE_CRYPTO_PASSPHRASE_FILE: secret('crypto-passphrase', passphrase),
    GATEHOUSE_AUTHENTIK_TOKEN_FILE: secret('authentik-token', input.authentik.token),
    ...input.env,
  }
  // For people who want to start the bot by hand: `set -a; . .demo/bot.env; node bin/gatehouse.mjs run -c .demo/bot.config.yaml`.
  const lines = Object.entries(env).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
  writeFileSync(`${dir}/bot.env`, lines.join(''), { mode: 0o600 })
  return { ...files, logFile: `${dir}/bot.log`, env, passphrase }
}

const configuration = (input: FilesInput, files: Pick<Files, 'catalogueFile' | 'dataDir'>): Record<string, unknown> => ({
  homeserver: { url: input.homeserverUrl, userId: input.bot.userId, profile: input.profile },
  rooms: { indoc: input.rooms.indoc, admin: input.rooms.admin },
  roles: { admins: input.admins, moderators: input.moderators },
  data: { directory: files.dataDir },
  authentik: { url: input.authentik.url, enrollmentFlow: 'community-enrollment' },
  arrival: { groups: ['Members'] },
  directory: { catalogue: files.catalogueFile },
  community: {
    name: 'Riverbend Makers',
    contact: 'hello@riverbend.test',
    rulesUrl: 'https://riverbend.test/rules',
    ...supportRoom(input.rooms.catalogue),
  },
  health: { listen: `127.0.0.1:${input.healthPort}` },
})

const supportRoom = (rooms: readonly DemoRoom[]): { readonly supportRoom?: string } => {
  const room = rooms.find(({ name }) => name === 'Help desk')
  return room === undefined ? {} : { supportRoom: room.alias }
}

const catalogue = (rooms: readonly DemoRoom[]): Record<string, unknown> => ({
  categories,
  synonyms,
  rooms: rooms
    .filter(({ listed }) => listed !== false)
    .map(({ roomId, name, category, keywords, visibility, always, access }) => ({
      id: roomId,
      name,
      category,
      ...(keywords === undefined ? {} : { keywords }),
      ...(visibility === undefined ? {} : { visibility }),
      ...(always === undefined ? {} : { always }),
      ...(access === undefined ? {} : { access }),
    })),
})
