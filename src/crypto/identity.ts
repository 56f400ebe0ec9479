import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { GateFailure, GateResult } from '../http/contract.ts'
import type { Logger } from '../operations/logger.ts'
import type { Engine } from './engine.ts'
import type { EngineRequest } from './engine-binding.ts'
import type { EngineStore } from './engine-store.ts'
import type { CryptoHttp } from './http.ts'
import { ownMasterKey } from './key-requests.ts'
import { createKey, describeKey, encodeRecoveryKey, encryptSecret } from './secret-storage.ts'
import { openSecretStore, readRecoveryKey } from './secret-store.ts'
import { ownKeysProblem } from './own-keys.ts'
import type { OwnKeysProblem } from './own-keys.ts'

/** What came of making sure that the bot's device is signed by the bot's identity. */
export type IdentityResult =
  | { readonly ok: true; readonly made: 'nothing' | 'identity' | 'signature' | 'restored' }
  | {
      readonly ok: false
      readonly code:
        | 'unreachable'
        | 'identity-without-recovery-key'
        | 'wrong-recovery-key'
        | 'refused'
        | /** The server shows other keys than ours; `problem` says which. */ 'other-keys'
      readonly words: string
      readonly failure?: GateFailure
      readonly problem?: OwnKeysProblem
    }

export interface IdentityOptions {
  readonly database: Database
  readonly store: EngineStore
  readonly engine: Engine
  readonly http: CryptoHttp
  readonly logger: Logger
  /** Where the recovery key is written once (mode 0600), or read from on a new device. */
  readonly recoveryKeyFile: string
  readonly onSecret: (secret: string) => void
}

/** Names the device that is signed. */
export const marker = 'identity.ready'
/** Stands while the private keys of a new identity are not all in secret storage. */
export const unstored = 'identity.unstored'
const secretNames = ['m.cross_signing.master', 'm.cross_signing.self_signing', 'm.cross_signing.user_signing'] as const
const queried = z.object({ master_keys: z.record(z.string(), z.unknown()).optional() })

/**
 * Makes sure that the bot has a cross-signing identity and that this device is signed by it (MSC4153: clients exclude unsigned devices).
 * A first start makes the identity; each step can be repeated after a crash. An identity that exists and whose keys are not here is restored
 * from the recovery key and never replaced.
 */
export const ensureIdentity = async (options: IdentityOptions): Promise<IdentityResult> => {
  const { database, engine } = options
  const device = `${engine.userId}/${engine.deviceId}`
  if (database.meta(marker) === device && (await isSigned(engine))) {
    if (database.meta(ownMasterKey) === undefined) await remember(options)
    return { ok: true, made: 'nothing' }
  }

  const asked = await askServer(options)
  if (!asked.ok) return 'words' in asked ? asked : unreachable(asked)
  const body = queried.safeParse(asked.body)
  const existing = body.success && body.data.master_keys !== undefined && Object.hasOwn(body.data.master_keys, engine.userId)
  // The engine has dropped private keys that do not fit the server's public ones by now.
  const { master, selfSigning, userSigning } = await engine.binding.identity.privateKeys()
  const own = master && selfSigning && userSigning
  const secrets = existing && !own ? await readSecrets(options) : undefined
  if (secrets !== undefined && !('values' in secrets)) return secrets
  // Nothing of this device is made known before it is certain that it can be signed.
  await engine.flushOutgoing()
  const result = !existing
    ? await create(options, !own)
    : secrets === undefined
      ? ((await storeLeftOver(options)) ?? (await signDevice(options)))
      : await restore(options, secrets.values)
  if (!result.ok) return result
  const again = await askServer(options)
  if (!again.ok) return 'words' in again ? again : unreachable(again)
  if (!(await isSigned(engine))) {
    return { ok: false, code: 'refused', words: 'the server does not show this device as signed, although the signature was uploaded' }
  }
  await remember(options)
  return result
}

/** From now on this device is signed by this identity, and by no other. */
const remember = async ({ database, engine }: IdentityOptions): Promise<void> => {
  const masterKey = await engine.binding.masterKeyOf(engine.userId)
  database.transaction(() => {
    database.setMeta(marker, `${engine.userId}/${engine.deviceId}`)
    if (masterKey !== undefined) database.setMeta(ownMasterKey, masterKey)
  })
}

const isSigned = async ({ binding, userId, deviceId }: Engine): Promise<boolean> => {
  const device = await binding.deviceOf(userId, deviceId)
  return device?.signed === true && (await binding.identity.privateKeys()).selfSigning
}

/** What the server shows for the bot; taken in by the engine unless it speaks against the keys that we have. */
export const askServer = async ({ engine, http, store }: IdentityOptions): Promise<GateResult | Extract<IdentityResult, { ok: false }>> => {
  const request = engine.binding.queryFor([engine.userId])
  await store.durable()
  const result = await http.keysQuery(JSON.parse(request.body))
  if (!result.ok) return result
  const problem = ownKeysProblem(result.body, engine.ownKeys)
  // What is not there yet will be uploaded.
  if (problem !== undefined && problem.code !== 'device-missing' && problem.code !== 'identity-missing')
    return { ok: false, code: 'other-keys', words: problem.words, problem }
  await engine.markSent(request, result.body)
  return result
}

/** A request of the set-up that failed. */
export const unreachable = (failure: GateFailure): Extract<IdentityResult, { ok: false }> => ({
  ok: false,
  code: failure.code === 'status' && (failure.status === 401 || failure.status === 403) ? 'refused' : 'unreachable',
  words: `cross-signing could not be set up: ${failure.code === 'status' ? `the server answered ${failure.status} to ${failure.route}` : failure.code}`,
  failure,
})

/** A replaced identity whose secrets a crash kept from secret storage. */
const storeLeftOver = async (options: IdentityOptions): Promise<IdentityResult | undefined> => {
  if (options.database.meta(unstored) === undefined) return undefined
  const failure = await storeSecrets(options)
  if (failure !== undefined) return unreachable(failure)
  options.database.deleteMeta(unstored)
  return undefined
}

/** Uploads the identity: keys of the device, public keys, signatures, in this order; the first upload needs no password (MSC3967). */
const create = async (options: IdentityOptions, fresh: boolean): Promise<IdentityResult> => {
  const { engine, http, store } = options
  const requests = await engine.binding.identity.makeIdentity(fresh)
  await store.durable()
  // The recovery key is kept first: an identity that nobody can restore must not exist.
  const stored = await storeSecrets(options)
  if (stored !== undefined) return unreachable(stored)
  const { keysUpload: upload } = requests
  if (upload !== undefined) {
    const sent = await http.keysUpload(JSON.parse(upload.body))
    if (!sent.ok) return unreachable(sent)
    await engine.markSent(upload, sent.body)
  }
  const keys = await http.deviceSigningUpload(JSON.parse(requests.signingKeys))
  if (!keys.ok) return unreachable(keys)
  return (await uploadSignatures(options, requests.signatures)) ?? { ok: true, made: 'identity' }
}

const uploadSignatures = async ({ engine, http }: IdentityOptions, request: EngineRequest): Promise<IdentityResult | undefined> => {
  const sent = await http.signaturesUpload(JSON.parse(request.body))
  if (!sent.ok) return unreachable(sent)
  await engine.markSent(request, sent.body)
  return undefined
}

const signDevice = async (options: IdentityOptions): Promise<IdentityResult> => {
  const { engine } = options
  if (await isSigned(engine)) return { ok: true, made: 'nothing' }
  const request = await engine.binding.identity.signDevice()
  if (request === undefined) return { ok: false, code: 'refused', words: 'the server does not know this device any more' }
  return (await uploadSignatures(options, request)) ?? { ok: true, made: 'signature' }
}

/** Puts the three private keys into secret storage. The order makes `default_key` the commit point. Returns the failure, if any. */
const storeSecrets = async (options: IdentityOptions): Promise<GateFailure | undefined> => {
  const { engine, http, recoveryKeyFile, onSecret } = options
  const known = readRecoveryKey(recoveryKeyFile)
  const key = known ?? createKey()
  const text = encodeRecoveryKey(key)
  onSecret(text)
  if (known === undefined) writeRecoveryKey(recoveryKeyFile, `${text}\n`)
  const values = await engine.binding.identity.exportSecrets()
  const keyId = `gatehouse_${engine.deviceId}`
  const put = async (type: string, content: unknown): Promise<GateFailure | undefined> => {
    const result = await http.setAccountData(type, content)
    return result.ok ? undefined : result
  }
  const steps: (readonly [string, unknown])[] = [[`m.secret_storage.key.${keyId}`, describeKey(key)]]
  for (const [index, name] of secretNames.entries()) {
    const value = values[index]
    if (value === undefined) throw new Error(`the engine did not export ${name}`)
    steps.push([name, { encrypted: { [keyId]: encryptSecret(key, name, value) } }])
  }
  steps.push(['m.secret_storage.default_key', { key: keyId }])
  for (const [type, content] of steps) {
    const failure = await put(type, content)
    if (failure !== undefined) return failure
  }
  return undefined
}

const remedy = (file: string): string =>
  `this account already has a cross-signing identity, and its keys are not in this data directory. Put the recovery key into ${file} (crypto.recoveryKeyFile) and start again; the identity is never replaced by itself`

/** Reads the identity's private keys with the recovery key. Writes nothing. */
const readSecrets = async ({
  http,
  recoveryKeyFile,
}: IdentityOptions): Promise<{ readonly values: readonly string[] } | IdentityResult> => {
  const opened = await openSecretStore(http, recoveryKeyFile)
  if (!opened.ok) {
    if (opened.code === 'unreachable') return unreachable(opened.failure)
    if (opened.code === 'no-recovery-key') return { ok: false, code: 'identity-without-recovery-key', words: remedy(recoveryKeyFile) }
    const lost = opened.code === 'no-storage' ? ': its identity cannot be restored from a recovery key' : ''
    return { ok: false, code: 'wrong-recovery-key', words: `${opened.words}${lost}` }
  }
  const values: string[] = []
  for (const name of secretNames) {
    const secret = await opened.secrets.read(name)
    if (!secret.ok && secret.code === 'unreachable') return unreachable(secret.failure)
    if (!secret.ok) return { ok: false, code: 'wrong-recovery-key', words: `${name} cannot be read with this recovery key` }
    values.push(secret.value)
  }
  return { values }
}

/** Takes the identity's private keys over, then signs this device with them. */
export const restore = async (options: IdentityOptions, secrets: readonly string[]): Promise<IdentityResult> => {
  const request = await options.engine.binding.identity.importSecrets(secrets)
  const failure = request === undefined ? undefined : await uploadSignatures(options, request)
  if (failure !== undefined) return failure
  const signed = await signDevice(options)
  return signed.ok ? { ok: true, made: 'restored' } : signed
}

/** Writes the recovery key into a new file that only its owner can read, whole or not at all. */
export const writeRecoveryKey = (file: string, text: string): void => {
  const temporary = `${file}.new`
  const handle = openSync(temporary, 'w', 0o600)
  writeSync(handle, text)
  fsyncSync(handle)
  closeSync(handle)
  renameSync(temporary, file)
}
