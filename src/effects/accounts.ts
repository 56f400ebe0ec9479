import type { Authentik } from '../authentik/client.ts'
import type { AuthentikFailure } from '../authentik/errors.ts'
import type { User } from '../authentik/schemas.ts'
import type { AccountReference, Effect, Outcome } from '../chat/effects.ts'
import type { EffectContext, EffectHandler, EffectResult } from '../chat/execute.ts'
import type { Links } from '../directory/links.ts'
import type { AdminChange } from '../synapse/admin.ts'
import type { JsonObject, UserId } from '../types.ts'

export interface AccountEffectOptions {
  readonly authentik: Authentik
  readonly links: Links
  /** Keeps the mirror up to date with what an answer showed. */
  readonly mirror: (user: User) => void
  /** Folder for new accounts. */
  readonly usersPath: string
  readonly suspend: (userId: UserId) => Promise<AdminChange>
  /** The code that was handed over for an account is void (`PendingLinks.remove`). Joins the transaction of the outcome. */
  readonly forgetCode?: (pk: number) => void
  /** Is another command making an account for the same person right now? See `createRivals`. */
  readonly rival?: (effect: Extract<Effect, { kind: 'account.create' }>, planId: number) => boolean
}

const failed = (failure: AuthentikFailure): EffectResult =>
  failure.changed === 'maybe'
    ? { state: 'unknown', code: failure.code, text: failure.text }
    : { state: 'failed', code: failure.code, text: failure.text }

/** The account of a reference: known, or made by an earlier step. */
export const accountOf = (reference: AccountReference, outcomes: ReadonlyMap<number, Outcome>): number | undefined => {
  if ('pk' in reference) return reference.pk
  const pk = outcomes.get(reference.step)?.data?.['pk']
  return typeof pk === 'number' ? pk : undefined
}

type Create = Extract<Effect, { kind: 'account.create' }>

/** Who made an account, as its attributes tell: part of how the bot knows its own accounts again. */
const createdByOf = ({ attributes }: Create): string => {
  const value = attributes['created_by']
  return typeof value === 'string' ? value : ''
}

const missing: EffectResult = { state: 'failed', code: 'no-account', text: 'there is no account to do this with' }

/** Effects on accounts. Keys: the username (planned and checked before), the pair of account and group, the account. */
export const createAccountEffects = (options: AccountEffectOptions) => {
  const { authentik, links, mirror } = options

  const made = (user: User, userId: UserId | undefined, createdBy: string): EffectResult => ({
    state: 'done',
    code: 'done',
    text: '',
    data: { pk: user.pk, username: user.username },
    also: () => {
      mirror(user)
      if (userId !== undefined) links.set(userId, { pk: user.pk, username: user.username }, createdBy)
    },
  })

  /** Somebody else's account of that name must never be linked: the welcome would hand its credentials out. */
  const found = (user: User | undefined, effect: Create): EffectResult | 'absent' => {
    if (user === undefined) return 'absent'
    const createdBy = createdByOf(effect)
    const ours = Object.hasOwn(user.attributes, 'created_by') && user.attributes['created_by'] === createdBy
    if (ours && user.email === effect.email && user.name === effect.name) return made(user, effect.userId, createdBy)
    return {
      state: 'failed',
      code: 'conflict',
      text: `the username ${effect.username} was taken by somebody else in the meantime; give the command again`,
    }
  }

  const create: EffectHandler<'account.create'> = {
    act: async (effect, { planId }) => {
      if (options.rival?.(effect, planId) === true) {
        const text = 'the same arrival was asked for a moment ago, and that command goes on; give this one again if it failed'
        return { state: 'failed', code: 'asked-twice', text }
      }
      const { username, name, email, attributes, userId } = effect
      const result = await authentik.createUser({ username, name, email, attributes: attributes as JsonObject, path: options.usersPath })
      if (result.ok) return made(result.value, userId, createdByOf(effect))
      if (result.changed === 'no') return failed(result)
      // The answer was lost: look before anything is claimed or repeated.
      const looked = await authentik.findUserByUsername(username)
      if (!looked.ok) {
        return {
          state: 'unknown',
          code: result.code,
          text: `${result.text}; whether the account ${username} was made could not be found out`,
        }
      }
      const known = found(looked.value.exact, effect)
      return known === 'absent' ? { state: 'failed', code: result.code, text: result.text } : known
    },
    probe: async (effect) => {
      const looked = await authentik.findUserByUsername(effect.username)
      return looked.ok ? found(looked.value.exact, effect) : 'unknown'
    },
  }

  const simple = <K extends 'account.attributes' | 'account.group' | 'account.link' | 'account.unlink' | 'account.deactivate'>(
    act: EffectHandler<K>['act'],
  ): EffectHandler<K> => ({
    act,
    // Doing these twice is the same as once.
    probe: () => Promise.resolve('absent'),
  })
  const fine: EffectResult = { state: 'done', code: 'done', text: '' }

  const withAccount = async (
    reference: AccountReference,
    context: EffectContext,
    work: (pk: number) => Promise<EffectResult>,
  ): Promise<EffectResult> => {
    const pk = accountOf(reference, context.outcomes)
    return pk === undefined ? missing : work(pk)
  }

  return {
    'account.create': create,
    'account.attributes': simple<'account.attributes'>((effect, context) =>
      withAccount(effect.account, context, async (pk) => {
        const result = await authentik.mergeAttributes(pk, effect.attributes as JsonObject)
        return result.ok ? { ...fine, also: () => mirror(result.value) } : failed(result)
      }),
    ),
    'account.group': simple<'account.group'>((effect, context) =>
      withAccount(effect.account, context, async (pk) => {
        const result = await authentik.addToGroup(effect.group, pk)
        return result.ok ? fine : failed(result)
      }),
    ),
    'account.link': simple<'account.link'>((effect, context) =>
      withAccount(effect.account, context, (pk) =>
        Promise.resolve({
          ...fine,
          also: () => links.set(effect.userId, { pk, username: effect.account.username }, `plan ${context.planId}`),
        }),
      ),
    ),
    'account.unlink': simple<'account.unlink'>((effect) =>
      Promise.resolve({ ...fine, also: () => links.remove(effect.userId, effect.account.pk) }),
    ),
    'account.deactivate': simple<'account.deactivate'>((effect, context) =>
      withAccount(effect.account, context, async (pk) => {
        const result = await authentik.setActive(pk, false)
        if (!result.ok) return failed(result)
        const also = (): void => {
          mirror(result.value)
          options.forgetCode?.(pk)
        }
        return { ...fine, also }
      }),
    ),
    'user.suspend': {
      act: async (effect): Promise<EffectResult> => {
        const result = await options.suspend(effect.userId)
        return result.ok ? fine : { state: result.changed === 'maybe' ? 'unknown' : 'failed', code: result.code, text: result.text }
      },
      probe: () => Promise.resolve('absent'),
    } satisfies EffectHandler<'user.suspend'>,
  }
}
