import type { Database } from '../database/database.ts'
import type { GateFailure } from '../http/contract.ts'
import type { Logger } from '../operations/logger.ts'
import type { BackupAuth, BackupEngine, BackupKey } from './backup-engine.ts'
import type { BackupHttp, BackupVersion } from './backup-http.ts'
import { openSecretStore } from './secret-store.ts'
import type { SecretHttp, SecretStore } from './secret-store.ts'

/** The backup to use, or why there is none. `words` say what would help. */
export type SettledVersion =
  | {
      readonly ok: true
      readonly version: string
      readonly key: BackupKey
      readonly made: 'known' | 'adopted' | 'created'
      /** Something is not as it should be, though keys are backed up. */
      readonly warning: string | undefined
    }
  | { readonly ok: false; readonly code: 'foreign' | 'no-key'; readonly words: string }
  | { readonly ok: false; readonly code: 'unreachable'; readonly failure: GateFailure }

export interface BackupVersionOptions {
  readonly database: Database
  readonly engine: BackupEngine
  readonly http: BackupHttp
  readonly secretHttp: SecretHttp
  readonly recoveryKeyFile: string
  readonly logger: Logger
  /** Told each secret before it is used, so that no log can hold it. */
  readonly onSecret: (secret: string) => void
  readonly signal?: AbortSignal
}

/** Name of the backup's key in secret storage (spec: "Server-side key backups"). */
export const backupSecretName = 'm.megolm_backup.v1'
/** In `meta`: the public key of the backup whose secret is in secret storage, and the identity that it was stored for. */
const storedMarker = 'backup.secret'

const remedy = (version: string): string =>
  `To let the bot have one, delete version ${version} in an app that is signed in as the bot, if nobody needs what is in it, and start the bot again; crypto.backup: false ends this message`

/** Secret storage is opened once, and only if it is needed. */
type Secrets = () => ReturnType<typeof openSecretStore>

/**
 * Finds the key backup to use, or makes one. A version that exists is used when its key is the bot's own: held in the encryption store, or taken from
 * secret storage and signed by the bot's identity. Any other version stays what it is: it is neither used nor replaced.
 *
 * The order of a new one lets each step be repeated after a crash: the secret goes into secret storage, then the version is made.
 */
export const settleVersion = async (options: BackupVersionOptions): Promise<SettledVersion> => {
  const { engine, http, signal } = options
  const current = await http.current(signal)
  if (!current.ok) return { ok: false, code: 'unreachable', failure: current.failure }
  let opening: ReturnType<typeof openSecretStore> | undefined
  const secrets: Secrets = () => (opening ??= openSecretStore(options.secretHttp, options.recoveryKeyFile))
  const held = await engine.heldKey()
  if (held !== undefined) options.onSecret(held.secret)
  return current.value === undefined ? await create(options, held, secrets) : await adopt(options, current.value, held, secrets)
}

const adopt = async (
  options: BackupVersionOptions,
  { version, algorithm, auth }: BackupVersion,
  held: BackupKey | undefined,
  secrets: Secrets,
): Promise<SettledVersion> => {
  const foreign = (words: string): SettledVersion => ({ ok: false, code: 'foreign', words: `${words}. ${remedy(version)}` })
  if (auth === undefined)
    return foreign(`the key backup on the server (version ${version}) is of a kind that is not known here (${algorithm})`)
  const signed = await options.engine.isSigned(auth)
  if (held !== undefined && held.publicKey === auth.public_key) {
    // The identity was replaced since: who has the key may sign for it anew.
    const failure = signed ? undefined : await sign(options, version, auth)
    if (failure !== undefined) return { ok: false, code: 'unreachable', failure }
    return await withSecret(options, { version, key: held, made: 'known' }, secrets)
  }
  const found = await storedKey(options, secrets)
  if (!found.ok) {
    if (found.code === 'unreachable') return found
    return { ok: false, code: 'no-key', words: `the key of the backup on the server (version ${version}) is not here: ${found.words}` }
  }
  if (found.key === undefined || found.key.publicKey !== auth.public_key)
    return foreign(`the key backup on the server (version ${version}) has a key that is not in the bot's secret storage`)
  if (!signed) return foreign(`the key backup on the server (version ${version}) is not signed by the bot's identity`)
  await remember(options, found.key)
  return { ok: true, version, key: found.key, made: 'adopted', warning: undefined }
}

const create = async (options: BackupVersionOptions, held: BackupKey | undefined, secrets: Secrets): Promise<SettledVersion> => {
  const { engine, http, signal } = options
  const made = async (key: BackupKey): Promise<SettledVersion> => {
    const version = await http.create(await engine.sign(key.publicKey), signal)
    if (!version.ok) return { ok: false, code: 'unreachable', failure: version.failure }
    return { ok: true, version: version.value, key, made: 'created', warning: undefined }
  }
  // The server has lost its version, or somebody has deleted it: the key is still a good one.
  if (held !== undefined) {
    const result = await made(held)
    return result.ok ? await withSecret(options, { version: result.version, key: held, made: 'created' }, secrets) : result
  }
  const found = await storedKey(options, secrets)
  if (!found.ok) {
    if (found.code === 'unreachable') return found
    return { ok: false, code: 'no-key', words: `a key backup cannot be made: ${found.words}` }
  }
  // One that stands there already is from a first try that did not come to its end.
  const key = found.key ?? engine.newKey()
  options.onSecret(key.secret)
  if (found.key === undefined) {
    const failure = await found.secrets.write(backupSecretName, key.secret)
    if (failure !== undefined) return { ok: false, code: 'unreachable', failure }
  }
  await remember(options, key)
  return await made(key)
}

type StoredKey =
  | { readonly ok: true; readonly key: BackupKey | undefined; readonly secrets: SecretStore }
  | { readonly ok: false; readonly code: 'closed'; readonly words: string }
  | { readonly ok: false; readonly code: 'unreachable'; readonly failure: GateFailure }

/** The backup's key from secret storage; undefined as key = there is none that could be one. */
const storedKey = async ({ engine, onSecret }: BackupVersionOptions, secrets: Secrets): Promise<StoredKey> => {
  const opened = await secrets()
  if (!opened.ok) {
    return opened.code === 'unreachable'
      ? opened
      : { ok: false, code: 'closed', words: `${opened.words}. Put the recovery key there for one start of the bot` }
  }
  const secret = await opened.secrets.read(backupSecretName)
  if (!secret.ok && secret.code === 'unreachable') return secret
  if (!secret.ok) return { ok: true, key: undefined, secrets: opened.secrets }
  onSecret(secret.value)
  return { ok: true, key: engine.keyOf(secret.value), secrets: opened.secrets }
}

/** Signs a version of our own key with the identity that the bot has now. */
const sign = async (
  { engine, http, logger, signal }: BackupVersionOptions,
  version: string,
  auth: BackupAuth,
): Promise<GateFailure | undefined> => {
  const described = await http.describe(version, await engine.sign(auth.public_key), signal)
  if (!described.ok) return described.failure
  logger.info({ version }, 'the key backup was signed by the identity that the bot has now')
  return undefined
}

const markOf = async ({ engine }: BackupVersionOptions, key: BackupKey): Promise<string> =>
  `${key.publicKey} ${(await engine.ownIdentity()) ?? ''}`

const remember = async (options: BackupVersionOptions, key: BackupKey): Promise<void> => {
  const mark = await markOf(options, key)
  options.database.setMeta(storedMarker, mark)
}

/** Makes sure that the key in use is in secret storage too: without it a new device could read nothing. */
const withSecret = async (
  options: BackupVersionOptions,
  settled: { readonly version: string; readonly key: BackupKey; readonly made: 'known' | 'created' },
  secrets: Secrets,
): Promise<SettledVersion> => {
  const { key } = settled
  if (options.database.meta(storedMarker) === (await markOf(options, key))) return { ok: true, ...settled, warning: undefined }
  const found = await storedKey(options, secrets)
  if (!found.ok && found.code === 'unreachable') return found
  if (!found.ok)
    return {
      ok: true,
      ...settled,
      warning: `the backup's key is not in secret storage, so that a new device could not use it: ${found.words}`,
    }
  if (found.key?.publicKey !== key.publicKey) {
    const failure = await found.secrets.write(backupSecretName, key.secret)
    if (failure !== undefined) return { ok: false, code: 'unreachable', failure }
  }
  await remember(options, key)
  return { ok: true, ...settled, warning: undefined }
}
