import type { BreakerOptions } from '../http/breaker.ts'
import type { Gate } from '../http/contract.ts'
import { createCaller, type Patience } from './call.ts'
import { type GroupCalls, groupCalls } from './groups.ts'
import { type InvitationCalls, invitationCalls } from './invitations.ts'
import { type UserCalls, userCalls } from './users.ts'

/** Everything the bot does with Authentik. Parts should ask for the few calls they need: `Pick<Authentik, 'getUser'>`. */
export interface Authentik extends UserCalls, GroupCalls, InvitationCalls {}

/** What the client is built from. */
export interface AuthentikOptions {
  /** A gate whose base URL is that of Authentik, without `/api/v3`, and which has {@link authentikBreaker}. */
  readonly gate: Gate
  /** API token of the bot's service account. */
  readonly token: string
  /** Base URL that people open. */
  readonly publicUrl: string
  readonly patience?: Partial<Patience>
}

/** Three failures in a row and commands are told at once that Authentik is down; it is asked again every ten seconds. */
export const authentikBreaker: BreakerOptions = { failures: 3, openMs: 10_000 }

/**
 * The client of Authentik's API v3 (2026.2 and newer). No call rejects except for a programming error; failures are values whose codes
 * are listed in {@link AuthentikFailure}.
 */
export const createAuthentik = ({ gate, token, publicUrl, patience }: AuthentikOptions): Authentik => {
  const caller = createCaller(gate, token, { readMs: 4_000, writeMs: 8_000, longMs: 15_000, ...patience })
  return { ...userCalls(caller, publicUrl, gate.baseUrl), ...groupCalls(caller), ...invitationCalls(caller, publicUrl) }
}
