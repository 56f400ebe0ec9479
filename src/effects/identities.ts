import type { EffectHandler } from '../chat/execute.ts'
import type { PersonIdentities } from '../crypto/person-identities.ts'

/**
 * `identity.trust`: takes the key that an admin saw as the person's own. Key: the person and the public key. The row is written in the transaction
 * that stores the outcome, so both exist or neither.
 */
export const createIdentityEffects = (
  identities: Pick<PersonIdentities, 'of' | 'accept'>,
): { readonly 'identity.trust': EffectHandler<'identity.trust'> } => ({
  'identity.trust': {
    act: ({ userId, masterKey, before, by }) => {
      const known = identities.of(userId)
      if (known?.masterKey === masterKey && known.otherKey === undefined)
        return Promise.resolve({ state: 'skipped', code: 'already-trusted', text: 'it was accepted already' })
      // What was shown when the plan was made is what counts: an identity that came since then was seen by nobody.
      const moved =
        known === undefined ||
        known.masterKey !== before ||
        (known.otherKey !== undefined && known.otherKey !== masterKey && masterKey !== before)
      if (moved)
        return Promise.resolve({
          state: 'failed',
          code: 'changed-again',
          text: 'the identity has changed once more since the plan was shown; ask the person, then give the command again',
        })
      return Promise.resolve({ state: 'done', code: 'done', text: '', also: () => identities.accept(userId, masterKey, by) })
    },
    probe: () => Promise.resolve('absent'),
  },
})
