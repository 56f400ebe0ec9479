import type { GateFailure } from '../http/contract.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import { errcode } from './errcode.ts'

/** How the process ends for each reason that there is no session, or no more. */
const reasons = {
  /** Nothing is stored, and nothing to log in with. */
  'no-credentials': 'tokenDead',
  /** The server ended the session; whether the device is still there is not known or known to be so. */
  'token-dead': 'tokenDead',
  /** The token ran out (soft logout): device and keys are good, but there is nothing to log in with again. */
  'session-expired': 'sessionExpired',
  /** The server no longer has the device. */
  'device-lost': 'deviceLost',
  /** Wrong password, or a configured token that the server refuses. */
  'login-refused': 'forbidden',
  /** Deactivated, locked, suspended or expired. */
  'account-refused': 'forbidden',
  'wrong-user': 'forbidden',
  'other-user-stored': 'forbidden',
  'no-device': 'forbidden',
  /** The configured access token is of another device than the one whose keys are stored. */
  'other-device': 'config',
  /** The server does not offer this way to log in. */
  'not-offered': 'failed',
  /** A person said no, or let the time pass. */
  'not-granted': 'failed',
  unreachable: 'unreachable',
} as const satisfies Record<string, ExitReason>

/** Why there is no session. `words` name the remedy. */
export interface SessionFailure {
  readonly ok: false
  readonly code: keyof typeof reasons
  readonly words: string
  readonly failure?: GateFailure
}

/** How a process ends that has no session for this reason. */
export const exitReasonOf = ({ code }: Pick<SessionFailure, 'code'>): ExitReason => reasons[code]

/** What the server says about the account itself (spec: common error codes), and what to do then. */
const accountWords: Readonly<Record<string, string>> = {
  M_USER_DEACTIVATED:
    'is deactivated: an admin of the homeserver has to activate it; its device is gone then, see `gatehouse reset-crypto`',
  M_USER_LOCKED: 'is locked: an admin of the homeserver has to unlock it; nothing is lost, start the bot again then',
  M_USER_SUSPENDED: 'is suspended and cannot send: an admin of the homeserver has to end that; nothing is lost, start the bot again then',
  ORG_MATRIX_EXPIRED_ACCOUNT: 'has expired: renew it on the homeserver; nothing is lost, start the bot again then',
}

/** Is this answer about the account and not about the request? */
export const isAboutAccount = (failure: GateFailure): boolean => Object.hasOwn(accountWords, errcode(failure) ?? '')

/** The end of a session because of the account, in words; undefined when the answer is about something else. */
export const accountRefusal = (userId: string, failure: GateFailure): SessionFailure | undefined => {
  const code = errcode(failure) ?? ''
  const words = Object.hasOwn(accountWords, code) ? accountWords[code] : undefined
  return words === undefined
    ? undefined
    : { ok: false, code: 'account-refused', words: `the account ${userId} ${words} (${code})`, failure }
}

/**
 * A request for a session that failed.
 * @param words what was refused, for the case that the server refuses it
 */
export const refusal = (userId: string, failure: GateFailure, words: string): SessionFailure => {
  const account = accountRefusal(userId, failure)
  if (account !== undefined) return account
  if (failure.code === 'status' && (failure.status === 401 || failure.status === 403)) {
    return { ok: false, code: 'login-refused', words: `${words} (${errcode(failure) ?? failure.status})`, failure }
  }
  return unreachable(failure)
}

/** The server could not be asked, or stumbled. */
export const unreachable = (failure: GateFailure): SessionFailure => {
  const reason = failure.code === 'network' ? failure.reason : failure.code === 'status' ? `HTTP ${failure.status}` : failure.code
  return { ok: false, code: 'unreachable', words: `the homeserver could not be reached (${reason})`, failure }
}
