import { expect, test } from 'vitest'
import type { GateResult } from '../http/contract.ts'
import type { Job } from '../jobs/job.ts'
import { createInviteHandler } from './invite-job.ts'

const job: Job = {
  jobId: 1,
  kind: 'invite',
  uniqueKey: '',
  payload: { roomId: '!r', userId: '@a:x' },
  progress: {},
  attempts: 0,
  createdAt: 0,
  createdBy: null,
}
const tools = { signal: new AbortController().signal, note: () => undefined }
const base = { method: 'POST', route: 'invite', ms: 1 } as const
const run = async (membership: 'join' | 'invite' | 'ban' | 'leave' | undefined, result?: GateResult) => {
  let asked = 0
  const handler = createInviteHandler({
    directory: { membership: () => membership },
    homeserver: {
      member: () => {
        asked += 1
        return Promise.resolve(result ?? { ok: true, status: 200, body: {}, headers: {}, ms: 1 })
      },
    },
    onDead: () => undefined,
  })
  return { result: await handler.run(job, tools), asked }
}

test.each(['join', 'invite'] as const)('nobody is asked when the person is there: %s', async (membership) => {
  expect(await run(membership)).toMatchObject({ result: { state: 'done' }, asked: 0 })
})

test('a ban is never lifted', async () => {
  expect(await run('ban')).toMatchObject({ result: { state: 'dead' }, asked: 0 })
})

test.each([
  ['done', undefined],
  ['wait', { ok: false, code: 'limited', retryAfterMs: 5000, untouched: true, ...base }],
  ['dead', { ok: false, code: 'status', status: 403, body: {}, headers: {}, untouched: true, ...base }],
  ['failed', { ok: false, code: 'timeout', untouched: false, ...base }],
] as const)('%s', async (state, result) => {
  expect((await run(undefined, result)).result.state).toBe(state)
})
