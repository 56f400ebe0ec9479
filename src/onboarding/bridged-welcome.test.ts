import { expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import { done } from '../authentik/errors.ts'
import { userSchema } from '../authentik/schemas.ts'
import type { User } from '../authentik/schemas.ts'
import type { Job, JobResult } from '../jobs/job.ts'
import type { OutgoingMessage } from '../matrix/outbox.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createBridgedWelcomeHandler } from './bridged-welcome.ts'
import type { BridgedWelcomeOptions } from './bridged-welcome.ts'

const ghost = '@signal_1:x' as UserId
const link = 'https://sso.x/if/flow/recovery/?flow_token=abc'

/** A bridge that opens no chats: what there is goes another way. */
const welcome = async (
  user: Partial<User> = {},
  guarded?: string,
  problem?: string,
  hasRole = true,
): Promise<{ readonly result: JobResult; readonly notes: readonly string[]; readonly minted: number }> => {
  const sent: OutgoingMessage[] = []
  let minted = 0
  const options: BridgedWelcomeOptions = {
    bridges: {
      of: () => ({ index: 0, users: '^@signal_', bot: '@signalbot:x' as UserId }),
      portalOf: () => undefined,
      take: () => true,
      release: () => undefined,
      answerTo: () => undefined,
      offered: () => undefined,
    },
    directory: { membership: () => 'join' },
    templates: { render: () => ({ body: '', formattedBody: '', mentions: [] }) },
    helloGapMs: 0,
    isEncrypted: () => true,
    email: () => Promise.resolve('not-possible'),
    onSent: () => undefined,
    onDead: () => undefined,
    directRooms: { open: () => Promise.resolve({ ok: true, roomId: '!mod' as RoomId, made: false }) },
    outbox: {
      send: (message) => {
        sent.push(message)
        return Promise.resolve({ ok: true, eventId: '$1' as EventId })
      },
    },
    lookUp: {
      getUser: () =>
        Promise.resolve(
          done({ ...userSchema.parse({ pk: 7, username: 'bea', name: 'Bea', is_active: true, is_superuser: false }), ...user }),
        ),
    },
    protectedAccount: () => guarded,
    authentik: {
      recoveryLink: () => {
        minted += 1
        return Promise.resolve(done(link))
      },
      setPassword: () => {
        throw new Error('no passwords here')
      },
    },
    credentials: { kind: 'recovery-link', linkLifetime: 60_000 },
    newPassphrase: () => '',
    holderProblem: () => problem,
    hasRole: () => hasRole,
    onSecret: () => undefined,
    clock: new TestClock(),
  }
  const payload = { userId: ghost, name: 'Bea', account: { pk: 7, username: 'bea' }, invited: [], rooms: [], askedBy: '@mo:x' }
  const result = await createBridgedWelcomeHandler(options).run({ jobId: 1, payload, progress: {} } as unknown as Job, {
    signal: new AbortController().signal,
    note: () => undefined,
  })
  return { result, notes: sent.map(({ content }) => (typeof content['body'] === 'string' ? content['body'] : '')), minted }
}

test('a new account is handed over by the moderator who asked', async () => {
  expect(await welcome()).toMatchObject({ result: { state: 'done' }, notes: [expect.stringContaining(link)], minted: 1 })
})

test.each([
  ['that somebody signs in with', { last_login: '2026-01-01T00:00:00Z' }, undefined, 'signs in with it already'],
  ['of a superuser', { is_superuser: true }, undefined, 'superuser'],
  ['that only admins may touch', {}, 'is in a group that gives a role', 'gives a role'],
  ['that is disabled', { is_active: false }, undefined, 'disabled'],
] as const)('the way into an account %s is given to no moderator', async (_, user, guarded, words) => {
  const { result, notes, minted } = await welcome(user, guarded)
  expect(result).toMatchObject({ state: 'done' })
  expect(notes).toEqual([expect.stringContaining(words)])
  expect(notes.join()).not.toContain(link)
  expect(minted).toBe(0)
})

test('an account that is not theirs any more when the welcome goes out is in nobody’s hands', async () => {
  const { notes, minted } = await welcome({}, undefined, 'belongs to somebody else')
  expect(notes).toHaveLength(1)
  expect(minted).toBe(0)
})

test('who asked and is no moderator any more is given nothing', async () => {
  expect(await welcome({}, undefined, undefined, false)).toMatchObject({ result: { state: 'dead' }, notes: [], minted: 0 })
})

test('an offered chat that the server does not let the bot join yet is waited for, and not for ever', async () => {
  const clock = new TestClock()
  const askedAt = clock.now()
  let offered: 'open' | number | undefined = 'open'
  let notes = 0
  const run = async (): Promise<JobResult> =>
    createBridgedWelcomeHandler({
      bridges: {
        of: () => ({ index: 0, users: '^@signal_', bot: '@signalbot:x' as UserId, managementRoom: '!m', startChat: 'start {identifier}' }),
        portalOf: () => undefined,
        take: () => true,
        release: () => undefined,
        answerTo: () => ({ body: 'Created chat', at: askedAt }),
        offered: () => offered,
      },
      holderProblem: () => undefined,
      hasRole: () => true,
      onSent: () => undefined,
      email: () => Promise.resolve('not-possible'),
      directRooms: {
        open: () => {
          notes += 1
          return Promise.resolve({ ok: true, roomId: '!mod' as RoomId, made: false })
        },
      },
      outbox: { send: () => Promise.resolve({ ok: true, eventId: '$1' as EventId }) },
      clock,
    } as unknown as BridgedWelcomeOptions).run(
      {
        jobId: 1,
        payload: { userId: ghost, name: 'Bea', invited: [], rooms: [], askedBy: '@mo:x' },
        progress: { askedId: '$asked', askedAt },
      } as unknown as Job,
      { signal: new AbortController().signal, note: () => undefined },
    )
  await clock.advance(5 * 60_000)
  expect(await run()).toMatchObject({ state: 'wait' })
  // Joined just now: who is in the chat is told in a moment.
  offered = clock.now()
  expect(await run()).toMatchObject({ state: 'wait', delayMs: 20_000 })
  await clock.advance(20_000)
  expect(await run()).toMatchObject({ state: 'done' })
  offered = 'open'
  await clock.advance(15 * 60_000)
  expect(await run()).toMatchObject({ state: 'done' })
  expect(notes).toBe(2)
})
