import { expect, test } from 'vitest'
import type { Authentik } from '../authentik/client.ts'
import { done } from '../authentik/errors.ts'
import type { AuthentikResult } from '../authentik/errors.ts'
import { userSchema } from '../authentik/schemas.ts'
import type { User } from '../authentik/schemas.ts'
import type { EffectContext } from '../chat/execute.ts'
import type { Links } from '../directory/links.ts'
import type { UserId } from '../types.ts'
import { createAccountEffects } from './accounts.ts'

const context: EffectContext = { planId: 7, step: 0, key: '7.0', outcomes: new Map(), signal: new AbortController().signal }
const account = { pk: 12, username: 'ada-oak11' }
const ada = '@ada:x' as UserId
const disabled = userSchema.parse({ pk: 12, username: 'ada-oak11', name: 'Ada', is_active: false, is_superuser: false })

const setUp = (changed: AuthentikResult<User> = done(disabled), rival = false) => {
  const said: string[] = []
  const effects = createAccountEffects({
    authentik: {
      setActive: () => Promise.resolve(changed),
      createUser: () => {
        said.push('created')
        return Promise.resolve(done(disabled))
      },
    } as unknown as Authentik,
    links: { remove: (userId: UserId, pk: number) => said.push(`unlinked ${userId} ${pk}`) } as unknown as Links,
    mirror: (user) => said.push(`mirrored ${user.pk}`),
    usersPath: 'users',
    suspend: () => Promise.reject(new Error('not meant')),
    rival: () => rival,
    forgetCode: (pk) => said.push(`forgot ${pk}`),
  })
  return { effects, said }
}

test('with an account that is disabled its code is void', async () => {
  const { effects, said } = setUp()
  const result = await effects['account.deactivate'].act({ kind: 'account.deactivate', account }, context)
  expect(result).toMatchObject({ state: 'done' })
  // Only with the outcome.
  expect(said).toEqual([])
  result.also?.()
  expect(said).toEqual(['mirrored 12', 'forgot 12'])
  const { effects: other } = setUp({ ok: false, code: 'timeout', changed: 'maybe', text: 'late' })
  expect((await other['account.deactivate'].act({ kind: 'account.deactivate', account }, context)).also).toBeUndefined()
})

test('a link is taken back with the outcome', async () => {
  const { effects, said } = setUp()
  const result = await effects['account.unlink'].act({ kind: 'account.unlink', account, userId: ada }, context)
  result.also?.()
  expect(said).toEqual(['unlinked @ada:x 12'])
})

test('while another command makes the account of the same person, none is made', async () => {
  const { effects, said } = setUp(done(disabled), true)
  const effect = { kind: 'account.create', username: 'ada-elm22', name: 'Ada', email: '', attributes: {}, userId: ada } as const
  expect(await effects['account.create'].act(effect, context)).toMatchObject({ state: 'failed', code: 'asked-twice' })
  expect(said).toEqual([])
})
