import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import type { GateFailure } from '../http/contract.ts'
import { errcode } from '../matrix/session.ts'
import type { CryptoHttp } from './http.ts'
import { decodeRecoveryKey, decryptSecret, encryptedSecret, encryptSecret, isKeyOf, keyDescription } from './secret-storage.ts'

/** The account data requests that secret storage needs. */
export type SecretHttp = Pick<CryptoHttp, 'accountData' | 'setAccountData'>

/** What a secret's name gave. */
export type SecretRead =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly code: 'absent' | 'unreadable' }
  | { readonly ok: false; readonly code: 'unreachable'; readonly failure: GateFailure }

/** The account's secret storage, opened with the recovery key. */
export interface SecretStore {
  read(name: string): Promise<SecretRead>
  /** Stores a secret under the default key, in place of what was there. Returns the failure, if any. */
  write(name: string, value: string): Promise<GateFailure | undefined>
}

/** What opening it gave. `words` say what would help. */
export type SecretStoreOpening =
  | { readonly ok: true; readonly secrets: SecretStore }
  | { readonly ok: false; readonly code: 'no-recovery-key' | 'wrong-recovery-key' | 'no-storage'; readonly words: string }
  | { readonly ok: false; readonly code: 'unreachable'; readonly failure: GateFailure }

const defaultKey = z.object({ key: z.string() })
const stored = z.object({ encrypted: z.record(z.string(), encryptedSecret) })

const isAbsent = (failure: GateFailure): boolean =>
  failure.code === 'status' && failure.status === 404 && errcode(failure) === 'M_NOT_FOUND'

/** Reads the recovery key's file; undefined when there is none or it holds something else. */
export const readRecoveryKey = (file: string): Uint8Array | undefined =>
  existsSync(file) ? decodeRecoveryKey(readFileSync(file, 'utf8')) : undefined

/**
 * Opens the account's secret storage (spec: "Secret storage"): its default key has to be the one in the recovery key's file. Nothing is written.
 * @param recoveryKeyFile `crypto.recoveryKeyFile`
 */
export const openSecretStore = async (http: SecretHttp, recoveryKeyFile: string): Promise<SecretStoreOpening> => {
  if (!existsSync(recoveryKeyFile))
    return { ok: false, code: 'no-recovery-key', words: `there is no recovery key in ${recoveryKeyFile} (crypto.recoveryKeyFile)` }
  const key = readRecoveryKey(recoveryKeyFile)
  const wrong = (words: string): SecretStoreOpening => ({ ok: false, code: 'wrong-recovery-key', words })
  if (key === undefined) return wrong(`${recoveryKeyFile} does not hold a recovery key (is it cut or mistyped?)`)
  const chosen = await http.accountData('m.secret_storage.default_key')
  if (!chosen.ok && !isAbsent(chosen)) return { ok: false, code: 'unreachable', failure: chosen }
  const keyId = defaultKey.safeParse(chosen.ok ? chosen.body : undefined).data?.key
  if (keyId === undefined) return { ok: false, code: 'no-storage', words: 'the account has no secret storage' }
  const described = await http.accountData(`m.secret_storage.key.${keyId}`)
  if (!described.ok && !isAbsent(described)) return { ok: false, code: 'unreachable', failure: described }
  const description = keyDescription.safeParse(described.ok ? described.body : undefined)
  if (!description.success || !isKeyOf(key, description.data))
    return wrong(`the recovery key in ${recoveryKeyFile} is not the one of this account`)
  return {
    ok: true,
    secrets: {
      read: async (name) => {
        const found = await http.accountData(name)
        if (!found.ok) return isAbsent(found) ? { ok: false, code: 'absent' } : { ok: false, code: 'unreachable', failure: found }
        const parsed = stored.safeParse(found.body)
        if (!parsed.success || !Object.hasOwn(parsed.data.encrypted, keyId)) return { ok: false, code: 'absent' }
        const sealed = parsed.data.encrypted[keyId]
        const value = sealed === undefined ? undefined : decryptSecret(key, name, sealed)
        return value === undefined ? { ok: false, code: 'unreadable' } : { ok: true, value }
      },
      write: async (name, value) => {
        const result = await http.setAccountData(name, { encrypted: { [keyId]: encryptSecret(key, name, value) } })
        return result.ok ? undefined : result
      },
    },
  }
}
