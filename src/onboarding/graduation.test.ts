import { beforeEach, describe, expect, test } from 'vitest'
import { answered, fakeDirectory, limited, refused, TestClock, timedOut } from '../../tests/support/unit.ts'
import type { GateResult } from '../http/contract.ts'
import type { JobResult } from '../jobs/job.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import type { OutgoingMessage } from '../matrix/outbox.ts'
import { parsePowerLevels } from '../matrix/power-levels.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createGraduationHandler } from './graduation.ts'
import type { Templates } from './templates.ts'

const indoc = '!indoc' as RoomId
const ada = '@ada:x'
const bot = '@bot:x'

let clock: TestClock
let fake: ReturnType<typeof fakeDirectory>
let messages: OutgoingMessage[]
let kicks: string[]
let server: GateResult
let known: boolean
let stop: AbortController
/** What becomes of the good-bye. */
let sent: () => EventId | undefined

beforeEach(() => {
  clock = new TestClock()
  fake = fakeDirectory(bot, { [indoc]: { members: { [bot]: 'join', [ada]: 'join' } } })
  ;[messages, kicks] = [[], []]
  server = answered({})
  known = true
  stop = new AbortController()
  sent = () => '$bye' as EventId
})

const run = (rooms: readonly string[] = ['!tech'], jobId = 3): Promise<JobResult> =>
  createGraduationHandler({
    directRooms: { roomOf: () => '!dm' } as unknown as DirectRooms,
    directory: fake.directory,
    homeserver: {
      userId: bot as UserId,
      member: (action, roomId, userId, reason) => {
        kicks.push(`${action} ${roomId} ${userId} ${reason}`)
        return Promise.resolve(server)
      },
    },
    outbox: {
      add: (message) => void messages.push(message),
      kick: () => undefined,
      sent: () => Promise.resolve(sent()),
    },
    templates: {
      render: (_name: string, { people }: { readonly people: readonly { readonly userId: string }[] }) => ({
        body: 'Good-bye',
        formattedBody: '',
        mentions: people.map(({ userId }) => userId),
      }),
    } as unknown as Templates,
    clock,
    isWelcomedOverBridge: () => false,
    hasRole: () => false,
    indoc: () => (known ? indoc : undefined),
    onDead: () => undefined,
  }).run(
    {
      jobId,
      kind: 'graduation',
      uniqueKey: ada,
      payload: { userId: ada, name: 'Ada', rooms, deadline: 1_000_000 + 900_000, askedBy: '@mo:x' },
      progress: {},
      attempts: 0,
      createdAt: 1_000_000,
      createdBy: null,
    },
    { signal: stop.signal, note: () => undefined },
  )

describe('when', () => {
  test('nobody is taken out before they have arrived somewhere else', async () => {
    expect(await run()).toMatchObject({ state: 'wait', delayMs: 900_000 })
    expect([messages, kicks]).toEqual([[], []])
  })

  test.each([['!tech'], ['!dm']])('as soon as they have joined %s', async (room) => {
    fake.rooms[room] = { members: { [ada]: 'join' } }
    expect(await run()).toMatchObject({ state: 'done' })
    expect(kicks).toEqual([`kick ${indoc} ${ada} Arrived: welcome to the community!`])
  })

  test('an invitation is no arrival', async () => {
    fake.rooms['!tech'] = { members: { [ada]: 'invite' } }
    expect((await run()).state).toBe('wait')
  })

  test('at the latest after the grace, also when no room was selected', async () => {
    await clock.advance(900_000)
    expect(await run([])).toMatchObject({ state: 'done' })
    expect(kicks).toHaveLength(1)
  })

  test.each([['leave'], ['ban'], [undefined]] as const)('who is not in INDOC (%s) needs nothing', async (membership) => {
    fake.rooms[indoc] = { members: { [bot]: 'join', ...(membership === undefined ? {} : { [ada]: membership }) } }
    expect(await run()).toMatchObject({ state: 'done', note: 'the person is not in INDOC' })
    expect([messages, kicks]).toEqual([[], []])
  })

  test('while INDOC is not known it waits', async () => {
    known = false
    expect((await run()).state).toBe('failed')
  })
})

describe('how', () => {
  beforeEach(async () => {
    await clock.advance(900_000)
  })

  test('good-bye with a mention first, once, then out', async () => {
    server = refused(502)
    sent = () => {
      expect(kicks).toEqual([])
      return '$bye' as EventId
    }
    expect((await run()).state).toBe('failed')
    sent = () => '$bye' as EventId
    server = answered({})
    expect((await run()).state).toBe('done')
    expect(messages[0]?.content).toMatchObject({ body: 'Good-bye', 'm.mentions': { user_ids: [ada] } })
    // The same transaction id: the outbox knows it.
    expect(new Set(messages.map(({ txnId }) => txnId)).size).toBe(1)
  })

  test('who is only invited is taken back without a word', async () => {
    fake.rooms[indoc] = { members: { [bot]: 'join', [ada]: 'invite' } }
    expect((await run()).state).toBe('done')
    expect([messages.length, kicks.length]).toEqual([0, 1])
  })

  test('without power nothing is said, and who could help is named', async () => {
    fake.rooms[indoc] = {
      members: { [bot]: 'join', [ada]: 'join', '@mo:x': 'join' },
      power: { version: '11', creators: [], levels: parsePowerLevels({ users: { '@mo:x': 50 } }) },
    }
    const result = await run()
    expect(result).toMatchObject({ state: 'dead', reason: expect.stringContaining('@mo:x') as string })
    expect([messages, kicks]).toEqual([[], []])
  })

  test('the shutdown between good-bye and removal: nobody is taken out before the good-bye is there', async () => {
    sent = () => {
      stop.abort()
      return undefined
    }
    expect((await run()).state).toBe('failed')
    expect(kicks).toEqual([])
  })

  test.each<[string, GateResult, object]>([
    ['a wait', limited(20_000), { state: 'failed', delayMs: 20_000 }],
    ['no answer', timedOut, { state: 'failed' }],
    ['a refusal', refused(403, 'M_FORBIDDEN'), { state: 'failed' }],
  ])('%s is tried again', async (_what, result, expected) => {
    server = result
    expect(await run()).toMatchObject(expected)
  })
})
