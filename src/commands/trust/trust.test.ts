import { describe, expect, test } from 'vitest'
import { planOf, refusalOf, textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import { memoryDatabase, TestClock } from '../../../tests/support/unit.ts'
import type { EffectContext } from '../../chat/execute.ts'
import { PersonIdentities } from '../../crypto/person-identities.ts'
import { createIdentityEffects } from '../../effects/identities.ts'
import type { UserId } from '../../types.ts'
import { createTrustCommand } from './trust.ts'

const ada = '@ada:example.org' as UserId
const olga = '@olga:example.org' as UserId
const context: EffectContext = { planId: 1, step: 0, key: '1.0', outcomes: new Map(), signal: new AbortController().signal }

const setUp = (shown?: string) => {
  const identities = new PersonIdentities(memoryDatabase(), new TestClock())
  const command = createTrustCommand({ remembered: (userId) => identities.of(userId), shown: () => Promise.resolve(shown) })
  const ask = (line: string) => requestOf(line, { asker: olga, role: 'admin' })
  const run = async (): Promise<string> => {
    const plan = await planOf(command, await ask(`trust ${ada}`))
    return await carryOut(plan.steps[0]!.effect)
  }
  const carryOut = async (effect: Awaited<ReturnType<typeof planOf>>['steps'][number]['effect']): Promise<string> => {
    if (effect.kind !== 'identity.trust') throw new Error(effect.kind)
    const result = await createIdentityEffects(identities)['identity.trust'].act(effect, context)
    result.also?.()
    return result.code
  }
  return { identities, command, ask, run, carryOut }
}

describe('the plan', () => {
  test('shows both identities in short, and asks for a word with the person', async () => {
    const { identities, command, ask } = setUp('newkeynewkeynewkeynewkey')
    identities.see(ada, 'oldkeyoldkeyoldkeyoldkey')
    identities.see(ada, 'newkeynewkeynewkeynewkey')
    const plan = await planOf(command, await ask(`trust ${ada}`))
    const words = JSON.stringify(plan)
    for (const part of ['oldk eyol dkey oldk', 'newk eyne wkey newk', 'by telephone', ada]) expect(words).toContain(part)
  })

  test('what the server shows now is what is accepted, not what it showed before', async () => {
    const { identities, command, ask } = setUp('C')
    identities.see(ada, 'A')
    identities.see(ada, 'B')
    const plan = await planOf(command, await ask(`trust ${ada}`))
    expect(plan.steps[0]?.effect).toMatchObject({ masterKey: 'C', before: 'A', by: olga })
  })

  test('nobody accepts their own', async () => {
    const { identities, command } = setUp('B')
    identities.see(ada, 'A')
    identities.see(ada, 'B')
    const answer = await refusalOf(command, await requestOf(`trust ${ada}`, { asker: ada, role: 'admin' }))
    expect(answer.code).toBe('target-self')
    expect(textOf(answer)).toContain('gatehouse crypto trust @ada:example.org')
  })

  test('nothing to do for somebody unknown or unchanged', async () => {
    const { identities, command, ask } = setUp('A')
    expect((await refusalOf(command, await ask(`trust ${ada}`))).code).toBe('not-remembered')
    identities.see(ada, 'A')
    expect((await refusalOf(command, await ask(`trust ${ada}`))).code).toBe('unchanged')
  })

  test('an identity that came back has to be accepted too', async () => {
    const { identities, run } = setUp('A')
    identities.see(ada, 'A')
    identities.see(ada, 'B')
    expect(await run()).toBe('done')
    expect(identities.of(ada)).toMatchObject({ masterKey: 'A', otherKey: undefined, acceptedBy: olga })
  })
})

describe('the effect', () => {
  const effect = { kind: 'identity.trust', userId: ada, masterKey: 'B', before: 'A', by: olga } as const

  test('accepts what was shown; a second time there is nothing to do', async () => {
    const { identities, run, carryOut } = setUp('B')
    identities.see(ada, 'A')
    identities.see(ada, 'B')
    expect(await run()).toBe('done')
    expect(identities.see(ada, 'B')).toBe('same')
    expect(await carryOut(effect)).toBe('already-trusted')
  })

  test('what has changed again since the plan was shown is not accepted', async () => {
    const { identities, carryOut } = setUp()
    identities.see(ada, 'A')
    identities.see(ada, 'C')
    expect(await carryOut(effect)).toBe('changed-again')
    expect(await carryOut({ ...effect, before: 'X' })).toBe('changed-again')
    expect(identities.of(ada)).toMatchObject({ masterKey: 'A', otherKey: 'C' })
  })
})
