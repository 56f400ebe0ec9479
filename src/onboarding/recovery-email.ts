import type { Authentik } from '../authentik/client.ts'

/** What became of Authentik's own e-mail. `not-possible` = none is configured, or the account has no address. */
export type Mailed = 'sent' | 'not-possible' | 'failed'

/**
 * Lets Authentik send its own recovery e-mail.
 * @param options.stage `credentials.emailStage`: UUID of the e-mail stage that writes it
 */
export const createRecoveryEmail =
  (options: { readonly authentik: Pick<Authentik, 'recoveryEmail'>; readonly stage: string | undefined; readonly linkLifetime: number }) =>
  async (account: { readonly pk: number }): Promise<Mailed> => {
    if (options.stage === undefined) return 'not-possible'
    const result = await options.authentik.recoveryEmail(account.pk, options.stage, options.linkLifetime)
    if (result.ok) return 'sent'
    // No address, a stage that is not there, a right that is missing: another way is there, and waiting mends none of them.
    return result.code === 'invalid' || result.code === 'not-found' || result.code === 'no-permission' || result.code === 'no-recovery-flow'
      ? 'not-possible'
      : 'failed'
  }
