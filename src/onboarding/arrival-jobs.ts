import type { EffectHandler } from '../chat/execute.ts'

const own = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined

/**
 * Lets a job be planned for an account that the same plan makes: `payload.account` may be `{step, username}`; before the job is scheduled the
 * account that the step made takes its place. Without that account nothing is scheduled.
 * @param handler what schedules jobs
 */
export const resolvingAccounts = (handler: EffectHandler<'job.schedule'>): EffectHandler<'job.schedule'> => ({
  act: (effect, context) => {
    const step = own(effect.payload['account'], 'step')
    if (typeof step !== 'number') return handler.act(effect, context)
    const data = context.outcomes.get(step)?.data
    const pk = own(data, 'pk')
    const username = own(data, 'username')
    if (typeof pk !== 'number' || typeof username !== 'string') {
      return Promise.resolve({ state: 'failed', code: 'no-account', text: 'there is no account to do this with' })
    }
    return handler.act({ ...effect, payload: { ...effect.payload, account: { pk, username } } }, context)
  },
  probe: (effect, context) => handler.probe(effect, context),
})
