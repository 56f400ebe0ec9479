import type { Authentik } from '../authentik/client.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { JobHandler } from './job.ts'

/** How old the mirror may become (milliseconds). */
const everyMs = 15 * 60_000

/** Copies Authentik's accounts and groups, page by page. A list that broke off replaces nothing. */
export const createMirrorHandler = (options: {
  readonly authentik: Pick<Authentik, 'listAllUsers' | 'listGroups'>
  readonly accounts: Accounts
  readonly clock: Clock
  readonly logger: Logger
}): JobHandler => ({
  // It runs for ever: an outage of days must not end it.
  maxAttempts: Infinity,
  run: async (_job, { signal }) => {
    const startedAt = options.clock.now()
    const [users, groups] = await Promise.all([options.authentik.listAllUsers(signal), options.authentik.listGroups()])
    if (!users.ok) return { state: 'failed', reason: users.text }
    if (!groups.ok) return { state: 'failed', reason: groups.text }
    const dropped = options.accounts.replaceAll(users.value, startedAt)
    options.accounts.keepGroups(groups.value)
    options.logger.info({ accounts: users.value.length, groups: groups.value.length, dropped }, 'the accounts of Authentik were mirrored')
    return { state: 'wait', delayMs: everyMs }
  },
})
