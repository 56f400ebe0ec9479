import { z } from 'zod'
import type { GateFailure } from '../http/contract.ts'
import { describeFailure, segment } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import { isUnrecognised } from '../matrix/queries.ts'

/** What the bot may do on its server. */
export interface ServerRights {
  /** May it use the admin API? */
  readonly admin: boolean
  /** Do the server's rate limits not hold for it? */
  readonly exempt: boolean
  /** Why it may not, for the log and `!status`. */
  readonly reason?: { readonly code: 'not-admin' | 'not-exposed' | 'unreachable'; readonly text: string }
}

const override = z.object({ messages_per_second: z.number().optional(), burst_count: z.number().optional() })

/** Why the admin API did not answer. */
const reasonOf = (failure: GateFailure): NonNullable<ServerRights['reason']> => {
  if (failure.code === 'status' && (failure.status === 401 || failure.status === 403))
    return { code: 'not-admin', text: 'the bot is not an admin of its server' }
  if (isUnrecognised(failure) || failure.code === 'malformed')
    return {
      code: 'not-exposed',
      text: 'the Synapse admin API is not there: another server, or a proxy hides it (set `homeserver.adminUrl`)',
    }
  return { code: 'unreachable', text: `the Synapse admin API could not be asked: ${describeFailure(failure)}` }
}

/**
 * Finds out with one request what the bot may do: only an admin may read the override of its rate limits, and an override of 0/0 switches all
 * of them off (Synapse admin API, "Override ratelimiting for users"; works with and without MAS). Other numbers change message sending
 * only, so they are no exemption.
 */
export const probeServer = async (homeserver: Pick<Homeserver, 'request' | 'userId'>): Promise<ServerRights> => {
  const result = await homeserver.request('GET', `/_synapse/admin/v1/users/${segment(homeserver.userId)}/override_ratelimit`, {
    route: 'admin/override_ratelimit',
    repeatable: true,
    deadlineMs: 10_000,
  })
  if (!result.ok) return { admin: false, exempt: false, reason: reasonOf(result) }
  const parsed = override.safeParse(result.body)
  if (!parsed.success)
    return { admin: false, exempt: false, reason: { code: 'not-exposed', text: 'what answers is not the Synapse admin API' } }
  return { admin: true, exempt: parsed.data.messages_per_second === 0 && parsed.data.burst_count === 0 }
}
