import { expect, test } from 'vitest'
import { ada, bot, ghost, mod } from '../../../tests/support/commands/arrival-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { Account } from '../../directory/accounts.ts'
import { Bridged } from '../../directory/bridged.ts'
import type { JobView } from '../../jobs/job.ts'
import { createWelcomeCommand } from './welcome.ts'

interface Setting {
  readonly linked?: boolean
  readonly active?: boolean
  readonly job?: Partial<JobView>
  readonly name?: string | null
  readonly mayReset?: boolean
  readonly guarded?: string
}

const planned = async (line: string, { linked = true, active, job, name = 'Ada', mayReset = true, guarded }: Setting = {}) =>
  createWelcomeCommand({
    templates: {
      welcomes: ['guests', 'kids'],
      render: (name, values, own) => ({ body: `${own ?? name} ${JSON.stringify(values)}`, formattedBody: '', mentions: [] }),
    },
    mayReset: () => mayReset,
    protectedAccount: () => guarded,
    links: { of: (userId) => (linked ? { userId, pk: 7, username: 'ada-oak11', proven: false } : undefined) },
    accounts: { get: () => (active === undefined ? undefined : ({ active } as Account)) },
    scheduler: { latest: () => job as JobView | undefined },
    directory: { ownUserId: bot, displayName: () => name, bridged: new Bridged([{ users: '^@signal_' }]) },
  }).plan(await requestOf(line, { accounts: [{ pk: 3, username: 'old' }] }))

test('one job, with credentials of the linked account only', async () => {
  expect(await planned('welcome @ada:example.org', { active: true })).toEqual({
    summary: ada,
    steps: [
      {
        effect: {
          kind: 'job.schedule',
          job: 'welcome',
          uniqueKey: ada,
          payload: { userId: ada, name: 'Ada', account: { pk: 7, username: 'ada-oak11' }, invited: [], rooms: [], askedBy: mod },
          delayMs: 0,
        },
        text: 'welcome Ada by encrypted DM, with credentials',
      },
    ],
    notes: ['Credentials are delivered to the person only, never into a room.'],
    preview: 'welcome-with-credentials {"name":"Ada","username":"ada-oak11","recoveryUrl":"(a link of their own)","lifetime":"its time"}',
    targets: [ada],
  })
})

test('another welcome of the operator, shown before it is sent; a wrong name gets a suggestion and does nothing', async () => {
  const plan = await planned('welcome @ada:example.org --template guests', { active: true })
  expect(plan).toMatchObject({
    steps: [{ effect: { payload: { template: 'guests' } } }],
    preview: expect.stringMatching(/^guests /) as string,
  })
  expect(await planned('welcome @ada:example.org --template gests')).toMatchObject({
    code: 'unknown-template',
    blocks: [{ paragraph: expect.arrayContaining([{ code: 'guests' }]) as unknown }],
  })
  expect(await planned('welcome @ada:example.org --template zzz')).toMatchObject({ code: 'unknown-template' })
})

test.each([
  ['no linked account', { linked: false, name: null }, 'No account is linked'],
  ['a deactivated account', { active: false }, 'is deactivated'],
  ['an account that gives power', { active: true, guarded: 'is a superuser of Authentik' }, 'is a superuser of Authentik'],
  ['somebody with a role whose password it would reset', { active: true, mayReset: false }, 'not reset'],
] as const)('%s: no credentials, and it is said', async (_, setting, words) => {
  const plan = await planned('welcome @ada:example.org', setting)
  expect(plan).toMatchObject({ notes: [expect.stringContaining(words)] })
  expect(plan).not.toHaveProperty('steps.0.effect.payload.account')
})

test.each([
  ['done before', { state: 'done', payload: { account: {} } }, undefined],
  ['dead before', { state: 'dead', payload: {} }, undefined],
  ['waiting', { state: 'waiting', payload: { account: {} }, jobId: 4, lastError: 'waits for a device' }, 'already-scheduled'],
  ['running', { state: 'running', payload: { account: {} }, jobId: 4, lastError: null }, 'already-scheduled'],
  ['waiting without credentials', { state: 'waiting', payload: {}, jobId: 4, lastError: null }, 'other-welcome-waits'],
] as readonly (readonly [string, Partial<JobView>, string | undefined])[])('a job that is %s', async (_, job, code) => {
  const plan = await planned('welcome @ada:example.org', { job })
  if (!('steps' in plan)) throw new Error('expected a plan')
  expect(plan.steps[0]?.blocked?.code).toBe(code)
  if (code !== undefined) expect(plan.steps[0]?.blocked?.text).toContain('#4')
})

test('a bridged person is welcomed over the bridge, and not shown by id', async () => {
  const plan = await planned(`welcome ${ghost}`)
  if (!('steps' in plan)) throw new Error('expected a plan')
  expect(plan.steps[0]?.effect).toMatchObject({ kind: 'job.schedule', job: 'bridged-welcome', uniqueKey: ghost })
  expect(plan.steps[0]?.text).toContain('over the bridge')
  expect(plan.summary + (plan.steps[0]?.text ?? '')).not.toContain(ghost)
})

test.each([
  ['welcome @ada:example.org --template other', 'unknown-template'],
  ['welcome old', 'no-matrix-user'],
  [`welcome ${bot}`, 'target-bot'],
])('%s is refused as %s', async (line, code) => {
  expect(await planned(line)).toMatchObject({ code, mark: '❌' })
})
