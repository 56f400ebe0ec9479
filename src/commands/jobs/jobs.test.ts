import { describe, expect, test } from 'vitest'
import { planOf, refusalOf, textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { JobView } from '../../jobs/job.ts'
import { createCancelCommand } from '../cancel/cancel.ts'
import { createRetryCommand } from '../retry/retry.ts'
import { createJobsCommand } from './jobs.ts'

const now = 10_000_000
const jobOf = (jobId: number, state: JobView['state'], more: Partial<JobView> = {}): JobView => ({
  jobId,
  kind: 'welcome',
  uniqueKey: '@ada:x',
  payload: { userId: '@ada:x', name: 'Ada' },
  progress: {},
  state,
  runAt: now + 300_000,
  attempts: 3,
  lastError: null,
  createdAt: now - 7_200_000,
  createdBy: null,
  ...more,
})
const nameOf = (userId: string): string => `name of ${userId}`

describe('jobs', () => {
  const ask = async (line: string, jobs: readonly JobView[]) => {
    const command = createJobsCommand({
      nameOf,
      list: (states, limit) => jobs.filter(({ state }) => states.includes(state)).slice(0, limit),
    })
    const answer = await command.answer(await requestOf(line, { now }))
    return { code: answer.code, text: textOf(answer) }
  }

  test('dead ones first, then open, then finished, each with its reason and next look', async () => {
    const { text } = await ask('jobs', [
      jobOf(1, 'done', { lastError: 'delivered' }),
      jobOf(2, 'cancelled', { lastError: 'given up by @mod:x ($event:1)' }),
      jobOf(8, 'cancelled', { lastError: 'the person left the direct chat' }),
      jobOf(9, 'cancelled', { lastError: null }),
      jobOf(3, 'waiting', { lastError: 'waits until the person joins' }),
      jobOf(4, 'waiting', { runAt: now, kind: 'command', payload: { command: 'adduser' } }),
      jobOf(5, 'running', { kind: 'authentik-mirror', payload: {} }),
      jobOf(6, 'dead', { lastError: 'refused', kind: 'graduation' }),
      jobOf(7, 'done', { kind: 'constructor', payload: { userId: '' }, lastError: '' }),
    ])
    const lines = text.split('\n')
    expect(lines[0]).toBe('1 failed, 3 open. Try one again with !retry 6 or give it up with !cancel 6')
    expect(lines[1]).toContain('#6 graduation from INDOC for name of @ada:x · ❌ did not work in 3 tries: refused · since 2 h ago')
    expect(text).toContain('#3 welcome for name of @ada:x · waiting: waits until the person joins; looks again in 5 min · since 2 h ago')
    expect(text).toContain('#4 saved command !adduser · waiting; looks again at once')
    expect(text).toContain('#5 reading the accounts of Authentik · running now')
    expect(text).toContain('✅ done: delivered')
    expect(text).toContain('#2 welcome for name of @ada:x · given up by name of @mod:x · since')
    expect(text).toContain('· ended: the person left the direct chat · since')
    expect(text).toContain('#9 welcome for name of @ada:x · given up · since')
    expect(text).toContain('#7 constructor · ✅ done · since')
    expect(text.indexOf('#6')).toBeLessThan(text.indexOf('#3'))
    expect(text.indexOf('#5')).toBeLessThan(text.indexOf('#1 '))
  })

  test('none, and many', async () => {
    expect(await ask('jobs', [])).toMatchObject({ code: 'none', text: 'There are no jobs.' })
    const many = Array.from({ length: 12 }, (_, index) => jobOf(index, 'waiting'))
    expect((await ask('jobs', many)).text).toContain('Page 1 of 2. Next: !jobs --page 2')
    expect((await ask('jobs --page 2', many)).text).toContain('0 failed, 12 open.')
  })
})

describe('retry and cancel', () => {
  const ports = (job: JobView | undefined, pausedMs = 0) => ({ job: () => job, nameOf, pausedMs: () => Promise.resolve(pausedMs) })

  test('a plan of one step', async () => {
    const retry = await planOf(createRetryCommand(ports(jobOf(41, 'dead'))), await requestOf('retry 41', { now }))
    expect(retry).toMatchObject({ summary: 'try #41 again now (welcome for name of @ada:x)', targets: [] })
    expect(retry.steps.map(({ effect }) => effect)).toEqual([{ kind: 'job.retry', jobId: 41 }])
    const request = await requestOf('cancel 41', { now })
    const cancel = await planOf(createCancelCommand(ports(jobOf(41, 'waiting'))), request)
    expect(cancel.steps.map(({ effect }) => effect)).toEqual([
      { kind: 'job.cancel', jobId: 41, reason: `given up by @mod:example.org (${request.eventId})` },
    ])
  })

  test('while Authentik is not asked the answer says when the job goes on', async () => {
    const saved = jobOf(41, 'waiting', { kind: 'command', payload: { command: 'adduser' } })
    const plan = await planOf(createRetryCommand(ports(saved, 8200)), await requestOf('retry 41', { now }))
    expect(plan.notes).toEqual([
      'Authentik did not answer a moment ago; I ask it again in 9 s. If #41 does not work now, it goes on by itself then.',
    ])
    const other = await planOf(createRetryCommand(ports(jobOf(41, 'waiting', { kind: 'graduation' }), 8200)), await requestOf('retry 41'))
    expect(other.notes).toBeUndefined()
    expect((await planOf(createRetryCommand(ports(saved)), await requestOf('retry 41'))).notes).toBeUndefined()
  })

  test.each([
    ['retry', undefined, 'not-found'],
    ['retry', jobOf(41, 'done'), 'already-done'],
    ['retry', jobOf(41, 'cancelled'), 'already-cancelled'],
    ['cancel', undefined, 'not-found'],
    ['cancel', jobOf(41, 'done'), 'already-done'],
    ['cancel', jobOf(41, 'cancelled'), 'already-cancelled'],
    ['cancel', jobOf(41, 'waiting', { kind: 'directory-reconcile' }), 'standing'],
  ] as const)('%s of %o: %s', async (name, job, code) => {
    const command = name === 'retry' ? createRetryCommand(ports(job)) : createCancelCommand(ports(job))
    expect((await refusalOf(command, await requestOf(`${name} 41`, { now }))).code).toBe(code)
  })
})
