import { expect, test } from 'vitest'
import type { Effect, Outcome } from '../chat/effects.ts'
import type { EffectContext, EffectHandler } from '../chat/execute.ts'
import { resolvingAccounts } from './arrival-jobs.ts'

type Schedule = Extract<Effect, { kind: 'job.schedule' }>

const effect = (account: unknown): Schedule => ({
  kind: 'job.schedule',
  job: 'welcome',
  uniqueKey: '@ada:example.org',
  payload: { name: 'Ada', account },
  delayMs: 0,
})
const context = (data?: Record<string, unknown>): EffectContext => ({
  planId: 1,
  step: 2,
  key: '1.2',
  outcomes: new Map<number, Outcome>([[0, { state: 'done', code: 'done', text: '', ...(data === undefined ? {} : { data }) }]]),
  signal: new AbortController().signal,
})

const setUp = () => {
  const scheduled: Schedule['payload'][] = []
  const inner: EffectHandler<'job.schedule'> = {
    act: ({ payload }) => {
      scheduled.push(payload)
      return Promise.resolve({ state: 'done', code: 'done', text: '' })
    },
    probe: () => Promise.resolve('absent'),
  }
  return { handler: resolvingAccounts(inner), scheduled }
}

test('the account that the step made takes the place of the step', async () => {
  const { handler, scheduled } = setUp()
  await handler.act(effect({ step: 0, username: 'planned' }), context({ pk: 7, username: 'made' }))
  expect(scheduled).toEqual([{ name: 'Ada', account: { pk: 7, username: 'made' } }])
})

test.each([[{ pk: 7, username: 'known' }], [undefined], ['text']])('%j stays as it is', async (account) => {
  const { handler, scheduled } = setUp()
  await handler.act(effect(account), context())
  expect(scheduled).toEqual([{ name: 'Ada', account }])
})

test.each([[undefined], [{ pk: 'seven', username: 'x' }], [{ pk: 7 }]])('without an account nothing is scheduled (%j)', async (data) => {
  const { handler, scheduled } = setUp()
  expect(await handler.act(effect({ step: 0, username: 'x' }), context(data))).toMatchObject({ state: 'failed', code: 'no-account' })
  expect(scheduled).toEqual([])
})

test('the look-up after a crash is that of the handler', async () => {
  expect(await setUp().handler.probe(effect(undefined), context())).toBe('absent')
})
