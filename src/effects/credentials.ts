import type { EffectHandler } from '../chat/execute.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import { deliverCredentials } from '../onboarding/deliver-credentials.ts'
import type { CredentialsPayload, DeliveryPorts } from '../onboarding/deliver-credentials.ts'

/**
 * The effect that gives somebody a new way to sign in. Key: the account. Nothing of it is stored; doing it again makes new credentials, and the
 * last message that the person gets holds those that work.
 */
export const createCredentialsEffect = (
  options: DeliveryPorts & { readonly scheduler: Pick<Scheduler, 'add'> },
): EffectHandler<'account.credentials'> => ({
  act: async (effect, context) => {
    const { userId, name, account, askedBy } = effect
    const payload: CredentialsPayload = { userId, name, account, askedBy }
    const later = () =>
      void options.scheduler.add({ kind: 'credentials', uniqueKey: userId, payload: { ...payload }, createdBy: `plan ${context.planId}` })
    const result = await deliverCredentials(options, effect, `effect-${context.key}`)
    switch (result.state) {
      case 'delivered':
        return { state: 'done', code: 'done', text: 'delivered by encrypted DM' }
      case 'waiting':
        return {
          state: 'done',
          code: 'arranged',
          text: 'not delivered yet: it goes out as soon as they have joined the direct chat, and I tell you then',
          also: later,
        }
      case 'failed':
        return result.final
          ? { state: 'failed', code: 'not-delivered', text: result.text }
          : { state: 'failed', code: 'queued', text: `${result.text}; I keep trying (\`!jobs\` shows it)`, also: later }
    }
  },
  probe: () => Promise.resolve('absent'),
})
