import { beforeEach, describe, expect, test } from 'vitest'
import { fakeDirectory, TestClock } from '../../tests/support/unit.ts'
import type { Job, JobResult } from '../jobs/job.ts'
import type { DirectRoomResult } from '../matrix/direct-rooms.ts'
import type { OutgoingMessage, SendResult } from '../matrix/outbox.ts'
import type { DeviceId, EventId, RoomId } from '../types.ts'
import type { Templates } from './templates.ts'
import { createWelcomeHandler } from './welcome.ts'
import type { WelcomeOptions } from './welcome.ts'

const dm = '!dm' as RoomId
const ada = '@ada:x'
const minute = 60_000

let clock: TestClock
let fake: ReturnType<typeof fakeDirectory>
let opened: DirectRoomResult
let devices: readonly DeviceId[] | undefined
let sent: (OutgoingMessage & { readonly encrypted: boolean | undefined })[]
let answers: SendResult[]
let minted: string[]
let link: Awaited<ReturnType<WelcomeOptions['authentik']['recoveryLink']>>
let secrets: string[]
let dead: string[]
let quiet: number
let progress: Record<string, unknown>
let job: Omit<Job, 'progress'>

beforeEach(() => {
  clock = new TestClock()
  fake = fakeDirectory('@bot:x', { [dm]: { members: { '@bot:x': 'join', [ada]: 'join' } } })
  opened = { ok: true, roomId: dm, made: false }
  devices = ['PHONE' as DeviceId]
  ;[sent, answers, minted, secrets, dead] = [[], [], [], [], []]
  link = { ok: true, value: 'https://sso.x/if/flow/recovery/?flow_token=abc' } as typeof link
  quiet = 0
  progress = {}
  job = {
    jobId: 7,
    kind: 'welcome',
    uniqueKey: ada,
    payload: { userId: ada, name: 'Ada', account: { pk: 12, username: 'ada-maple42' }, askedBy: '@mo:x' },
    attempts: 0,
    createdAt: clock.now() - 1000,
    createdBy: null,
  }
})

const run = async (more: Partial<WelcomeOptions> = {}): Promise<JobResult> => {
  const handler = createWelcomeHandler({
    directRooms: { open: () => Promise.resolve(opened) },
    directory: fake.directory,
    crypto: { queryDevices: () => Promise.resolve(devices?.map((deviceId) => ({ deviceId, signed: false }))) },
    outbox: {
      send: (message, requireEncryption) => {
        sent.push({ ...message, encrypted: requireEncryption })
        return Promise.resolve(answers.shift() ?? { ok: true, eventId: `$${sent.length}` as EventId })
      },
    },
    authentik: {
      recoveryLink: () => {
        minted.push('link')
        return Promise.resolve(link)
      },
      setPassword: (_pk, password) => {
        minted.push(password)
        return Promise.resolve({ ok: true, value: undefined } as never)
      },
    },
    templates: {
      render: (name: string, values: object) => ({ body: `${name} ${JSON.stringify(values)}`, formattedBody: '', mentions: {} }),
    } as unknown as Templates,
    clock,
    credentials: { kind: 'recovery-link', linkLifetime: 24 * 60 * minute },
    delayMs: 0,
    helloGapMs: 3000,
    deviceWaitMs: 10 * minute,
    quietFor: () => quiet,
    newPassphrase: () => `passphrase-${minted.length + 1}`,
    holderProblem: () => undefined,
    onSecret: (secret) => secrets.push(secret),
    onDead: (payload, reason) => dead.push(`${payload.userId} ${reason}`),
    ...more,
  })
  return await handler.run(
    { ...job, progress },
    {
      signal: new AbortController().signal,
      note: (noted) => {
        progress = { ...noted }
      },
    },
  )
}
const bodies = (): readonly string[] => sent.map(({ content }) => content['body'] as string)
/** Runs until it does not ask to be run again soon. */
const settle = async (more: Partial<WelcomeOptions> = {}): Promise<JobResult> => {
  for (let round = 0; round < 10; round += 1) {
    const result = await run(more)
    if (result.state !== 'wait' || result.delayMs > 30 * minute) return result
    await clock.advance(result.delayMs)
  }
  throw new Error('it does not end')
}

describe('the order', () => {
  test('the answer to the moderator and the invitations go first', async () => {
    job = { ...job, createdAt: clock.now() }
    expect(await run()).toMatchObject({ state: 'wait', delayMs: 1000 })
    expect(sent).toEqual([])
  })

  test('hello, a pause, then the welcome with a fresh link, both encrypted or not at all', async () => {
    expect(await run()).toMatchObject({ state: 'wait', delayMs: 3000 })
    // The link is minted when it is delivered, not before.
    expect([bodies(), minted]).toEqual([['hello {"name":"Ada"}'], []])
    await clock.advance(3000)
    expect(await run()).toEqual({ state: 'done', note: 'delivered' })
    expect(bodies()[1]).toMatch(/^welcome-with-credentials .*flow_token=abc/)
    expect(sent.map(({ roomId, type, encrypted, content }) => [roomId, type, encrypted, content['msgtype']])).toEqual([
      [dm, 'm.room.message', true, 'm.text'],
      [dm, 'm.room.message', true, 'm.text'],
    ])
    expect(secrets).toEqual(['https://sso.x/if/flow/recovery/?flow_token=abc'])
    expect(JSON.stringify(progress)).not.toContain('flow_token')
  })

  test('waits for the join, then for a device', async () => {
    fake.rooms[dm] = { members: { '@bot:x': 'join', [ada]: 'invite' } }
    expect(await run()).toMatchObject({ state: 'wait', note: expect.stringContaining('joins') as string })
    fake.rooms[dm] = { members: { '@bot:x': 'join', [ada]: 'join' } }
    devices = []
    expect(await run()).toMatchObject({ state: 'wait', delayMs: 10 * minute })
    expect(sent).toEqual([])
    devices = ['PHONE' as DeviceId]
    expect((await settle()).state).toBe('done')
  })

  test('after ten minutes without a device it is sent anyway', async () => {
    devices = []
    expect(await run()).toMatchObject({ state: 'wait' })
    await clock.advance(10 * minute)
    expect((await settle()).state).toBe('done')
    expect(sent).toHaveLength(2)
  })

  test('the configured delay and the quiet hours come on top', async () => {
    expect(await run({ delayMs: 5000 })).toMatchObject({ state: 'wait', delayMs: 5000 })
    await clock.advance(5000)
    quiet = 8 * 60 * minute
    expect(await run({ delayMs: 5000 })).toMatchObject({ state: 'wait', delayMs: 8 * 60 * minute })
    expect(sent).toEqual([])
    quiet = 0
    expect((await settle()).state).toBe('done')
  })

  test('without an account there are no credentials', async () => {
    job = { ...job, payload: { userId: ada, name: 'Ada', askedBy: '@mo:x' } }
    expect((await settle()).state).toBe('done')
    expect([bodies()[1], minted]).toEqual(['welcome {"name":"Ada"}', []])
  })

  test('names the invitations that really stand, the failed ones as links', async () => {
    fake.rooms['!tech'] = { members: { [ada]: 'invite' } }
    fake.rooms['!cats'] = { members: { [ada]: 'join' } }
    fake.rooms['!film'] = { members: {} }
    const room = (name: string) => ({ roomId: `!${name}`, name, url: `https://matrix.to/#/!${name}` })
    job = { ...job, payload: { userId: ada, name: 'Ada', askedBy: '@mo:x', invited: [room('tech'), room('cats'), room('film')] } }
    await settle()
    expect(bodies()[1]).toBe('welcome {"name":"Ada","invited":"tech","rooms":[{"name":"film","url":"https://matrix.to/#/!film"}]}')
  })
})

describe('repeating', () => {
  test('every message keeps its transaction id, so that nobody reads it twice', async () => {
    answers = [{ ok: false, code: 'unknown', words: 'no answer' }]
    expect((await run()).state).toBe('failed')
    expect((await settle()).state).toBe('done')
    expect(sent[0]?.txnId).toBe(sent[1]?.txnId)
    expect(new Set(sent.map(({ txnId }) => txnId)).size).toBe(2)
  })

  test('a welcome whose fate is unknown is the same message again', async () => {
    await run()
    await clock.advance(3000)
    answers = [{ ok: false, code: 'unknown', words: 'no answer' }]
    expect((await run()).state).toBe('failed')
    expect((await run()).state).toBe('done')
    expect(sent[1]?.txnId).toBe(sent[2]?.txnId)
    expect(bodies().filter((body) => body.startsWith('hello'))).toHaveLength(1)
  })

  test('with a passphrase it is another message: the one before holds a passphrase that is dead by now', async () => {
    const credentials = { kind: 'passphrase', linkLifetime: 0 } as const
    await run({ credentials })
    await clock.advance(3000)
    answers = [{ ok: false, code: 'unknown', words: 'no answer' }]
    expect((await run({ credentials })).state).toBe('failed')
    expect((await run({ credentials })).state).toBe('done')
    expect(sent[1]?.txnId).not.toBe(sent[2]?.txnId)
    // Each was set at the server before it was shown.
    expect(minted).toEqual(['passphrase-1', 'passphrase-2'])
    expect(
      bodies()
        .slice(1)
        .map((body) => /passphrase-\d/.exec(body)?.[0]),
    ).toEqual(minted)
    expect(secrets).toEqual(minted)
    expect(JSON.stringify(progress)).not.toMatch(/passphrase-\d/)
  })

  test('in another room everything begins anew', async () => {
    await run()
    opened = { ok: true, roomId: '!other' as RoomId, made: true }
    fake.rooms['!other'] = { members: { '@bot:x': 'join', [ada]: 'join' } }
    expect((await settle()).state).toBe('done')
    expect(sent.map(({ roomId }) => roomId)).toEqual([dm, '!other', '!other'])
  })
})

describe('the end without a welcome', () => {
  test.each(['leave', 'ban'] as const)('the person is gone (%s)', async (membership) => {
    fake.rooms[dm] = { members: { '@bot:x': 'join', [ada]: membership } }
    expect(await run()).toMatchObject({ state: 'cancelled' })
  })

  test('nobody joins for a month', async () => {
    fake.rooms[dm] = { members: { '@bot:x': 'join', [ada]: 'invite' } }
    await clock.advance(30 * 24 * 60 * minute + 1)
    expect(await run()).toMatchObject({ state: 'dead' })
  })

  test.each<[string, () => void, JobResult['state']]>([
    ['the person blocks invitations', () => void (opened = { ok: false, code: 'refused', words: 'blocks' }), 'dead'],
    ['the room cannot be made now', () => void (opened = { ok: false, code: 'retry', words: 'later', retryAfterMs: 9000 }), 'failed'],
    ['the devices cannot be asked for', () => void (devices = undefined), 'failed'],
    ['the room is not encrypted', () => void (answers = [{ ok: false, code: 'not-encryptable', words: 'not encrypted' }]), 'dead'],
    ['the message is refused', () => void (answers = [{ ok: false, code: 'refused', words: 'no' }]), 'dead'],
    ['the message waits', () => void (answers = [{ ok: false, code: 'retry', words: 'later', retryAfterMs: 9000 }]), 'failed'],
    [
      'there is no recovery flow',
      () => void (link = { ok: false, code: 'no-recovery-flow', text: 'none' } as unknown as typeof link),
      'dead',
    ],
    ['Authentik is down', () => void (link = { ok: false, code: 'unavailable', text: 'down' } as unknown as typeof link), 'failed'],
  ])('%s: %s', async (what, change, state) => {
    change()
    const result = await settle()
    expect(result.state).toBe(state)
    if (result.state === 'failed' && what.includes('waits')) expect(result.delayMs).toBe(9000)
  })

  test.each(['foreign-link', 'no-recovery-flow'] as const)(
    'no credentials can be made (%s): the welcome goes out without them, at once, and a retry brings only them',
    async (code) => {
      link = { ok: false, code, text: 'it leads elsewhere' } as unknown as typeof link
      const result = await settle()
      expect(result).toMatchObject({ state: 'dead', reason: 'the welcome was sent, but without credentials: it leads elsewhere' })
      expect(minted).toEqual(['link'])
      expect(bodies()).toEqual([expect.stringMatching(/^hello/), 'welcome {"name":"Ada","username":"ada-maple42"}'])
      // Not mended yet: nobody gets a second welcome.
      expect((await settle()).state).toBe('dead')
      expect(sent).toHaveLength(2)
      link = { ok: true, value: 'https://sso.x/if/flow/recovery/?flow_token=abc' } as typeof link
      expect(await settle()).toEqual({ state: 'done', note: 'delivered' })
      expect(bodies()[2]).toMatch(/^recovery .*"username":"ada-maple42".*flow_token=abc/)
      expect(sent[2]?.encrypted).toBe(true)
    },
  )

  test('three days without an answer: whoever accepts the chat then gets a link that was made then', async () => {
    fake.rooms[dm] = { members: { '@bot:x': 'join', [ada]: 'invite' } }
    for (let hour = 0; hour < 72; hour += 1) {
      expect(await run()).toMatchObject({ state: 'wait', delayMs: 60 * minute })
      await clock.advance(60 * minute)
    }
    expect([sent, minted]).toEqual([[], []])
    fake.rooms[dm] = { members: { '@bot:x': 'join', [ada]: 'join' } }
    expect((await settle()).state).toBe('done')
    expect(minted).toEqual(['link'])
    expect(bodies()[1]).toMatch(/^welcome-with-credentials .*flow_token=abc/)
  })

  test('somebody is told when it died', async () => {
    const handler = createWelcomeHandler({
      onDead: (payload: { readonly name: string }, reason: string, jobId: number) => dead.push(`${payload.name} ${reason} #${jobId}`),
    } as unknown as WelcomeOptions)
    await handler.onDead?.({ ...job, progress: {} }, 'no way')
    expect(dead).toEqual(['Ada no way #7'])
  })
})

test('an account that was disabled, or became somebody else’s, while the welcome waited: no credentials are made', async () => {
  expect(await settle({ holderProblem: () => 'is disabled' })).toMatchObject({
    state: 'dead',
    reason: expect.stringContaining('the account ada-maple42 is disabled') as string,
  })
  expect(minted).toEqual([])
  expect(bodies().join()).not.toContain('flow_token')
})
