import { beforeEach, describe, expect, test } from 'vitest'
import { fakeDirectory, TestClock } from '../../tests/support/unit.ts'
import type { EffectContext } from '../chat/execute.ts'
import { createCredentialsEffect } from '../effects/credentials.ts'
import type { Job, JobResult } from '../jobs/job.ts'
import type { DirectRoomResult } from '../matrix/direct-rooms.ts'
import type { OutgoingMessage, SendResult } from '../matrix/outbox.ts'
import type { DeviceId, EventId, RoomId, UserId } from '../types.ts'
import { createCredentialsHandler } from './deliver-credentials.ts'
import type { DeliveryPorts } from './deliver-credentials.ts'

const ada = '@ada:x' as UserId
const account = { pk: 12, username: 'ada-maple42' }
const secret = 'https://sso.x/if/flow/recovery/?flow_token=abc'

let clock: TestClock
let fake: ReturnType<typeof fakeDirectory>
let opened: DirectRoomResult
let devices: readonly DeviceId[] | undefined
let sent: (OutgoingMessage & { readonly encrypted: boolean | undefined })[]
let answer: SendResult
let link: Awaited<ReturnType<DeliveryPorts['authentik']['recoveryLink']>>
let kind: 'recovery-link' | 'passphrase'
let told: string[]
let scheduled: unknown[]
let minted: number
let problem: string | undefined

beforeEach(() => {
  clock = new TestClock()
  fake = fakeDirectory('@bot:x', { '!dm': { members: { '@bot:x': 'join', [ada]: 'join' } } })
  opened = { ok: true, roomId: '!dm' as RoomId, made: false }
  devices = ['PHONE' as DeviceId]
  ;[sent, told, scheduled] = [[], [], []]
  answer = { ok: true, eventId: '$1' as EventId }
  link = { ok: true, value: secret }
  kind = 'recovery-link'
  minted = 0
  problem = undefined
})

const ports = (): DeliveryPorts => ({
  directRooms: { open: () => Promise.resolve(opened) },
  directory: fake.directory,
  crypto: { queryDevices: () => Promise.resolve(devices?.map((deviceId) => ({ deviceId, signed: false }))) },
  outbox: {
    send: (message, encrypted) => {
      sent.push({ ...message, encrypted })
      return Promise.resolve(answer)
    },
  },
  authentik: {
    recoveryLink: () => {
      minted += 1
      return Promise.resolve(link)
    },
    setPassword: () => {
      minted += 1
      return Promise.resolve({ ok: true, value: undefined })
    },
  },
  templates: { render: (name, values) => ({ body: `${name} ${JSON.stringify(values)}`, formattedBody: '', mentions: [] }) },
  credentials: { kind, linkLifetime: 24 * 3_600_000 },
  newPassphrase: () => `pass-${minted}`,
  holderProblem: (userId, pk) => (userId === ada && pk === account.pk ? problem : 'is not theirs'),
  onSecret: (text) => told.push(`secret ${text}`),
  clock,
})
const act = () =>
  createCredentialsEffect({
    ...ports(),
    scheduler: {
      add: (job) => {
        scheduled.push(job)
        return { jobId: 1, added: true }
      },
    },
  }).act({ kind: 'account.credentials', userId: ada, name: 'Ada', account, askedBy: '@mo:x' as UserId }, {
    planId: 7,
    step: 0,
    key: '7.0',
  } as EffectContext)

describe('the effect', () => {
  test('to the person only, encrypted, and the outcome says nothing of what it was', async () => {
    const result = await act()
    expect(result).toEqual({ state: 'done', code: 'done', text: 'delivered by encrypted DM' })
    expect(sent).toMatchObject([{ roomId: '!dm', encrypted: true, content: { msgtype: 'm.text' } }])
    expect(sent[0]?.content['body']).toBe(`recovery {"name":"Ada","username":"ada-maple42","recoveryUrl":"${secret}","lifetime":"24 h"}`)
    expect(told).toEqual([`secret ${secret}`])
    expect(scheduled).toEqual([])
  })

  test('nobody there to read it: nothing is made, and a job waits', async () => {
    fake.rooms['!dm'] = { members: { '@bot:x': 'join', [ada]: 'invite' } }
    const result = await act()
    expect(result).toMatchObject({ state: 'done', code: 'arranged' })
    result.also?.()
    expect(scheduled).toMatchObject([
      { kind: 'credentials', uniqueKey: ada, payload: { userId: ada, name: 'Ada', account, askedBy: '@mo:x' }, createdBy: 'plan 7' },
    ])
    fake.rooms['!dm'] = { members: { '@bot:x': 'join', [ada]: 'join' } }
    devices = []
    expect(await act()).toMatchObject({ code: 'arranged' })
    expect([sent, minted]).toEqual([[], 0])
  })

  test.each<[string, () => void, object, number]>([
    ['a refusal of the chat', () => void (opened = { ok: false, code: 'refused', words: 'no' }), { code: 'not-delivered', text: 'no' }, 0],
    [
      'a foreign link',
      () => void (link = { ok: false, code: 'foreign-link', changed: 'no', text: 'elsewhere' }),
      { code: 'not-delivered' },
      0,
    ],
    ['Authentik is away', () => void (link = { ok: false, code: 'timeout', changed: 'no', text: 'late' }), { code: 'queued' }, 1],
    ['the send is refused', () => void (answer = { ok: false, code: 'refused', words: 'no' }), { code: 'not-delivered' }, 0],
    ['no answer to the send', () => void (answer = { ok: false, code: 'unknown', words: 'no' }), { code: 'queued' }, 1],
  ])('%s is a failure that is told', async (_what, change, expected, jobs) => {
    change()
    const result = await act()
    expect(result).toMatchObject({ state: 'failed', ...expected })
    result.also?.()
    expect(scheduled).toHaveLength(jobs)
  })

  test('a link again is the same message, a passphrase another one', async () => {
    await act()
    await act()
    expect(sent[0]?.txnId).toBe(sent[1]?.txnId)
    kind = 'passphrase'
    await act()
    await clock.advance(1)
    await act()
    expect(new Set(sent.slice(2).map(({ txnId }) => txnId)).size).toBe(2)
    expect(sent[3]?.content['body']).toContain('"passphrase":"pass-3"')
  })
})

describe('the job', () => {
  const run = (): Promise<JobResult> =>
    createCredentialsHandler({
      ...ports(),
      onDelivered: ({ userId }, jobId) => told.push(`delivered ${userId} ${jobId}`),
      onDead: () => undefined,
    }).run({ jobId: 9, payload: { userId: ada, name: 'Ada', account, askedBy: '@mo:x' }, createdAt: 1_000_000 } as unknown as Job, {
      signal: new AbortController().signal,
      note: () => undefined,
    })

  test('waits for the person, delivers, and tells who asked', async () => {
    fake.rooms['!dm'] = { members: { '@bot:x': 'join', [ada]: 'invite' } }
    expect(await run()).toMatchObject({ state: 'wait', note: 'waits until the person joins the direct chat' })
    fake.rooms['!dm'] = { members: { '@bot:x': 'join', [ada]: 'join' } }
    expect(await run()).toEqual({ state: 'done', note: 'delivered' })
    expect(told).toEqual([`secret ${secret}`, `delivered ${ada} 9`])
  })

  test('ends after a month, at a final failure, and tries the others again', async () => {
    link = { ok: false, code: 'no-recovery-flow', changed: 'no', text: 'none' }
    expect(await run()).toEqual({ state: 'dead', reason: 'none' })
    link = { ok: false, code: 'timeout', changed: 'no', text: 'late' }
    expect(await run()).toEqual({ state: 'failed', reason: 'late' })
    devices = undefined
    expect((await run()).state).toBe('failed')
    fake.rooms['!dm'] = { members: { '@bot:x': 'join', [ada]: 'invite' } }
    await clock.advance(31 * 24 * 3_600_000)
    expect((await run()).state).toBe('dead')
  })
})

test('an account that was disabled, or became somebody else’s, while the delivery waited: nothing is made', async () => {
  problem = 'is disabled'
  expect(await act()).toMatchObject({ state: 'failed', code: 'not-delivered', text: 'the account ada-maple42 is disabled' })
  expect([sent, minted]).toEqual([[], 0])
})
