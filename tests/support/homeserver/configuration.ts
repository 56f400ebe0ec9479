import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * What the bot meets: `own-server` is a server of its own with rate limits out of the way; `stranger` is somebody else's server, with Synapse's
 * default limits and access tokens that expire; `bench` is `own-server` with as little overhead as possible.
 */
export type Profile = 'own-server' | 'stranger' | 'bench'

/** What must stay the same when a server is started again on its data. */
export interface ServerSecrets {
  readonly serverName: string
  readonly sharedSecret: string
  readonly signingKey: string
  readonly macaroonSecret: string
}

export interface ConfigurationInput {
  readonly profile: Profile
  readonly dataDir: string
  readonly port: number
  readonly secrets: ServerSecrets
  /** Keys of Synapse's configuration that replace ours, for a test with a special need. */
  readonly overrides?: Readonly<Record<string, unknown>>
}

const unlimited = { per_second: 9999, burst_count: 9999 }

const withoutLimits = {
  rc_message: unlimited,
  rc_registration: unlimited,
  rc_login: { address: unlimited, account: unlimited, failed_attempts: unlimited },
  rc_joins: { local: unlimited, remote: unlimited },
  rc_joins_per_room: unlimited,
  rc_invites: { per_room: unlimited, per_user: unlimited, per_issuer: unlimited },
  rc_admin_redaction: unlimited,
  rc_room_creation: unlimited,
  rc_presence: { per_user: unlimited },
  rc_media_create: unlimited,
  rc_user_directory: unlimited,
  rc_reports: unlimited,
  rc_key_requests: unlimited,
}

/** As on a server with refreshing sessions; logins that do not ask for a refresh token get one long-lived token. */
const expiringTokens = {
  refreshable_access_token_lifetime: '5m',
  nonrefreshable_access_token_lifetime: '24h',
  refresh_token_lifetime: '7d',
}

/** The whole configuration of a server on loopback that knows no other server. Synapse reads JSON, being a part of YAML. */
const configuration = ({ profile, dataDir, port, secrets, overrides }: ConfigurationInput): Record<string, unknown> => ({
  server_name: secrets.serverName,
  public_baseurl: `http://127.0.0.1:${port}/`,
  // The forwarded address is believed, so that each simulated person can come from an address of its own: the log-in limit is per address.
  listeners: [{ port, bind_addresses: ['127.0.0.1'], type: 'http', tls: false, x_forwarded: true, resources: [{ names: ['client'] }] }],
  database: { name: 'sqlite3', args: { database: `${dataDir}/homeserver.db` } },
  signing_key_path: `${dataDir}/signing.key`,
  media_store_path: `${dataDir}/media`,
  log_config: `${dataDir}/log.json`,
  pid_file: `${dataDir}/homeserver.pid`,
  registration_shared_secret: secrets.sharedSecret,
  macaroon_secret_key: secrets.macaroonSecret,
  form_secret: secrets.macaroonSecret,
  enable_registration: false,
  bcrypt_rounds: 4,
  federation_domain_whitelist: [],
  trusted_key_servers: [],
  suppress_key_server_warning: true,
  report_stats: false,
  url_preview_enabled: false,
  presence: { enabled: false },
  user_directory: { enabled: true, search_all_users: true },
  caches: { sync_response_cache_duration: 0 },
  ...(profile === 'stranger' ? expiringTokens : withoutLimits),
  ...overrides,
})

const logging = {
  version: 1,
  formatters: { plain: { format: '%(asctime)s %(levelname)s %(name)s %(request)s %(message)s' } },
  handlers: { console: { class: 'logging.StreamHandler', formatter: 'plain' } },
  // At INFO every request is a line, which costs more than the request's own work.
  root: { level: 'WARNING', handlers: ['console'] },
  disable_existing_loggers: false,
}

/** Writes the configuration, signing key and log settings into the data directory; answers with the path of the configuration. */
export const writeConfiguration = (input: ConfigurationInput): string => {
  const { dataDir, secrets } = input
  mkdirSync(dataDir, { recursive: true })
  const path = `${dataDir}/homeserver.json`
  writeFileSync(path, JSON.stringify(configuration(input), undefined, 2), { mode: 0o600 })
  writeFileSync(`${dataDir}/log.json`, JSON.stringify(logging))
  writeFileSync(`${dataDir}/signing.key`, secrets.signingKey, { mode: 0o600 })
  return path
}

/** The secrets of a data directory: those it has, or new ones. The server name of an existing directory never changes. */
export const secretsOf = (dataDir: string, serverName: string): ServerSecrets => {
  const path = `${dataDir}/secrets.json`
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as ServerSecrets
  const secrets: ServerSecrets = {
    serverName,
    sharedSecret: randomBytes(24).toString('base64url'),
    // The format of signedjson: algorithm, key id, unpadded base64 of the seed.
    signingKey: `ed25519 a_test ${randomBytes(32).toString('base64').replace(/=+$/, '')}\n`,
    macaroonSecret: randomBytes(24).toString('base64url'),
  }
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(path, JSON.stringify(secrets), { mode: 0o600 })
  return secrets
}

/** A configuration that serves only to migrate an empty database at the given path. */
export const templateConfiguration = (database: string, dataDir: string): string =>
  writeConfiguration({
    profile: 'bench',
    dataDir,
    port: 1,
    secrets: secretsOf(dataDir, 'template.test'),
    overrides: { database: { name: 'sqlite3', args: { database } } },
  })
