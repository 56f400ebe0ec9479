import type { Authentik } from '../authentik/client.ts'
import type { AuthentikFailure } from '../authentik/errors.ts'
import { durationWords } from '../operations/durations.ts'
import type { UserId } from '../types.ts'

/** What making credentials needs. */
export interface CredentialPorts {
  readonly authentik: Pick<Authentik, 'recoveryLink' | 'setPassword'>
  /** `credentials` of the config; the lifetime in milliseconds. */
  readonly credentials: { readonly kind: 'recovery-link' | 'passphrase'; readonly linkLifetime: number }
  /** A new passphrase, never stored. */
  readonly newPassphrase: () => string
  readonly onSecret: (secret: string) => void
}

/** Whose account is whose, at the moment of a delivery: it may have waited for weeks. */
export interface HolderPorts {
  /** Why an account is not (any more) for this person to sign in with, in words that follow "it"; undefined = it is. */
  readonly holderProblem: (userId: UserId, pk: number) => string | undefined
}

/** What a template is given. Secret: for one encrypted message, and for nothing else. */
export type Credentials =
  | { readonly username: string; readonly recoveryUrl: string; readonly lifetime: string }
  | { readonly username: string; readonly passphrase: string }

export type Minted =
  | { readonly ok: true; readonly values: Credentials }
  | /** `final` = trying again is of no use until somebody has mended something. */ {
      readonly ok: false
      readonly final: boolean
      readonly text: string
    }

/** Failures that do not pass by themselves. */
const finalCodes: ReadonlySet<AuthentikFailure['code']> = new Set([
  'no-recovery-flow',
  'not-found',
  'no-permission',
  'foreign-link',
  'invalid',
])

/**
 * Makes new credentials for an account, in the step that delivers them: a recovery link (the same one until it is used), or a passphrase that the
 * server has confirmed before anybody is shown it.
 */
export const mintCredentials = async (
  ports: CredentialPorts,
  account: { readonly pk: number; readonly username: string },
): Promise<Minted> => {
  const { authentik, credentials } = ports
  const failed = ({ code, text }: AuthentikFailure): Minted => ({ ok: false, final: finalCodes.has(code), text })
  if (credentials.kind === 'passphrase') {
    const passphrase = ports.newPassphrase()
    ports.onSecret(passphrase)
    const set = await authentik.setPassword(account.pk, passphrase)
    return set.ok ? { ok: true, values: { username: account.username, passphrase } } : failed(set)
  }
  const link = await authentik.recoveryLink(account.pk, credentials.linkLifetime)
  if (!link.ok) return failed(link)
  ports.onSecret(link.value)
  return { ok: true, values: { username: account.username, recoveryUrl: link.value, lifetime: durationWords(credentials.linkLifetime) } }
}

/** Makes new credentials for the person whose account it is now; for nobody else, and not for an account that was disabled meanwhile. */
export const mintForHolder = (
  ports: CredentialPorts & HolderPorts,
  userId: UserId,
  account: { readonly pk: number; readonly username: string },
): Promise<Minted> => {
  const problem = ports.holderProblem(userId, account.pk)
  return problem === undefined
    ? mintCredentials(ports, account)
    : Promise.resolve({ ok: false, final: true, text: `the account ${account.username} ${problem}` })
}
