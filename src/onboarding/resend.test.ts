import { beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { JobView } from '../jobs/job.ts'
import type { RoomId, UserId } from '../types.ts'
import { createResend, isResend } from './resend.ts'

const ada = '@ada:x' as UserId
let clock: TestClock
let latest: Partial<JobView> | undefined
let added: { kind: string; uniqueKey: string; payload: unknown }[]
let woken: string[]
let may: boolean
let linked: boolean
let resend: ReturnType<typeof createResend>

beforeEach(() => {
  clock = new TestClock()
  latest = {
    state: 'done',
    payload: {
      userId: ada,
      name: 'Ada',
      account: { pk: 3, username: 'old' },
      rooms: [{ name: 'Tech', url: 'https://x.y/' }],
      askedBy: '@mo:x',
    },
  }
  ;[added, woken] = [[], []]
  ;[may, linked] = [true, true]
  resend = createResend({
    personOf: (roomId) => (roomId === '!dm' ? ada : undefined),
    links: { of: (userId) => (linked ? { userId, pk: 12, username: 'ada-maple42', proven: false } : undefined) },
    mayHaveCredentials: () => may,
    scheduler: {
      latest: () => latest as JobView | undefined,
      add: (job) => {
        added.push(job)
        return { jobId: 1, added: true }
      },
      wake: (kind, key) => void woken.push(`${kind} ${key}`),
    },
    nameOf: () => 'Ada',
    clock,
  })
})

const say = (
  body = 'resend',
  more: { sender?: string; roomId?: string; encrypted?: boolean; isEdit?: boolean; trust?: string } = {},
): boolean =>
  resend({
    entry: { sender: (more.sender ?? ada) as UserId, roomId: (more.roomId ?? '!dm') as RoomId, eventId: '$1' },
    body,
    relations: { isEdit: more.isEdit ?? false },
    transport: { encrypted: more.encrypted ?? true, trust: more.trust ?? 'unsigned' },
  } as unknown as IncomingMessage)

test.each([
  ['resend', true],
  [' "Resend." ', true],
  ['`resend`', true],
  ['„RESEND“', true],
  ['please resend', false],
  ['resend it to @bob:x', false],
  ['', false],
])('%o is the word: %s', (body, expected) => expect(isResend(body)).toBe(expected))

describe('resend', () => {
  test('the welcome once more, with credentials of the account that is linked now', () => {
    expect(say()).toBe(true)
    expect(added).toMatchObject([
      {
        kind: 'welcome',
        uniqueKey: ada,
        payload: { userId: ada, name: 'Ada', account: { pk: 12, username: 'ada-maple42' }, rooms: [{ name: 'Tech', url: 'https://x.y/' }] },
      },
    ])
  })

  test.each([
    ['a room that is no DM', { roomId: '!other' }],
    ['the DM of somebody else', { sender: '@bob:x' }],
    ['clear text', { encrypted: false }],
    ['an edit', { isEdit: true }],
  ])('%s: nothing', (_what, more) => {
    expect(say('resend', more)).toBe(false)
    expect([added, woken]).toEqual([[], []])
  })

  test('without the right to credentials only the welcome', () => {
    may = false
    say()
    expect(added[0]?.payload).not.toHaveProperty('account')
    ;[may, linked] = [true, false]
    say()
    expect(added[1]?.payload).not.toHaveProperty('account')
  })

  test('one that is on its way is woken', () => {
    latest = { ...latest, state: 'waiting' }
    expect(say()).toBe(true)
    expect([added, woken]).toEqual([[], [`welcome ${ada}`]])
  })

  test('somebody with an account who was never welcomed gets one; a stranger nothing', () => {
    latest = undefined
    expect(say()).toBe(true)
    expect(added[0]?.payload).toMatchObject({ userId: ada, account: { pk: 12 } })
    linked = false
    expect(say()).toBe(false)
    expect(added).toHaveLength(1)
  })

  test('six times a day', async () => {
    for (let time = 0; time < 9; time += 1) say()
    expect(added).toHaveLength(6)
    await clock.advance(24 * 3_600_000)
    say()
    expect(added).toHaveLength(7)
  })
})

test('a message that only claims to be theirs makes no new credentials', () => {
  expect(say('resend', { trust: 'mismatched-sender' })).toBe(false)
  expect([added, woken]).toEqual([[], []])
})
