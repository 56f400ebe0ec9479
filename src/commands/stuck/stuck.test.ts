import { describe, expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import type { Membership } from '../../database/schema.ts'
import type { Account } from '../../directory/accounts.ts'
import type { DirectoryRoom } from '../../directory/lookup.ts'
import type { JobView } from '../../jobs/job.ts'
import type { PendingLink } from '../../onboarding/pending-links.ts'
import type { RoomId, UserId } from '../../types.ts'
import { createStuckCommand } from './stuck.ts'

const hour = 3_600_000
const now = 1000 * hour

let jobs = 0
const welcome = (name: string, state: JobView['state'], more: Partial<JobView> = {}): JobView => {
  jobs += 1
  const userId = `@${name}:x`
  return {
    jobId: jobs,
    kind: 'welcome',
    uniqueKey: userId,
    payload: { userId, name, account: { pk: name.length, username: name }, askedBy: '@mo:x' },
    progress: {},
    state,
    runAt: now,
    attempts: 0,
    lastError: null,
    createdAt: now - 3 * hour,
    createdBy: null,
    ...more,
  }
}

interface Setting {
  readonly jobs: readonly JobView[]
  /** Membership in their own direct chat; default join. */
  readonly chats?: Readonly<Record<string, Membership>>
  readonly invited?: Readonly<Record<string, readonly string[]>>
  readonly readers?: readonly string[] | undefined
  /** Accounts (by length of the name) that were used: by the mirror, and really. */
  readonly used?: readonly number[]
  readonly usedNow?: readonly number[]
  readonly pending?: readonly PendingLink[]
}

const ask = async (setting: Setting, line = 'stuck', options: RequestOptions = {}) => {
  const command = createStuckCommand({
    jobs: () => setting.jobs,
    directory: {
      membership: (_room, userId) => setting.chats?.[userId] ?? 'join',
      roomsOf: (userId) => (setting.invited?.[userId] ?? []).map((name) => ({ roomId: `!${name}` as RoomId, membership: 'invite' })),
      room: (roomId) => ({ name: roomId.slice(1) }) as DirectoryRoom,
    },
    directRoomOf: (userId) => `!dm-${userId}` as RoomId,
    links: { ofAccount: (pk) => (pk === 99 ? { userId: '@x:x' as UserId, pk, username: 'x', proven: false } : undefined) },
    pending: () => setting.pending ?? [],
    accounts: { get: (pk) => ({ pk, active: true, used: setting.used?.includes(pk) ?? false }) as Account },
    usedNow: (pk) => Promise.resolve(setting.usedNow?.includes(pk)),
    readers: (rooms) =>
      Promise.resolve(
        'readers' in setting && setting.readers === undefined
          ? undefined
          : new Map(rooms.map((room) => [room, new Set((setting.readers ?? []).filter((userId) => room === `!dm-${userId}`) as UserId[])])),
      ),
    isOwnRoom: (roomId) => roomId === '!indoc',
    isStaff: (userId) => userId === '@staff:x',
    nameOf: (userId) => `name of ${userId}`,
  })
  const answer = await command.answer(await requestOf(line, { now, ...options }))
  return { rows: answer.rows, code: answer.code, lines: textOf(answer).split('\n') }
}

describe('stuck', () => {
  test.each<[string, Setting, string]>([
    [
      'the chat was not joined',
      { jobs: [welcome('ada', 'waiting')], chats: { '@ada:x': 'invite' } },
      'name of @ada:x (3 h ago): has not joined the direct chat. Next: tell them that an invitation of mine waits in their list of chats',
    ],
    [
      'the welcome failed',
      { jobs: [welcome('ada', 'dead', { jobId: 77, lastError: 'no recovery flow' })] },
      'the welcome failed: no recovery flow. Next: !retry 77',
    ],
    [
      'no device yet',
      { jobs: [welcome('ada', 'waiting', { jobId: 78, lastError: 'waits until the person has a device' })] },
      'the welcome is not out yet: waits until the person has a device. Next: !retry 78',
    ],
    [
      'the chat was declined',
      { jobs: [welcome('ada', 'cancelled', { lastError: 'the person declined' })] },
      'the welcome was given up: the person declined. Next: !welcome 1',
    ],
    [
      'given up',
      { jobs: [welcome('ada', 'cancelled', { lastError: 'given up by @mo:x ($1)' })] },
      'the welcome was given up. Next: !welcome 1',
    ],
    [
      'unread and unused',
      { jobs: [welcome('ada', 'done')], readers: [] },
      'has not read the welcome; has not used the link. Next: ask them whether they see my chat; !welcome 1 sends it again',
    ],
    ['read but unused', { jobs: [welcome('ada', 'done')], readers: ['@ada:x'] }, 'has not used the link. Next: !reset 1'],
    [
      'invitations',
      {
        jobs: [welcome('ada', 'done', { createdAt: now - 25 * hour })],
        readers: ['@ada:x'],
        used: [3],
        invited: { '@ada:x': ['tech', 'lobby', 'indoc'] },
      },
      'has not accepted 2 invitations (tech and lobby). Next: ask them to look for it',
    ],
  ])('%s', async (_what, setting, expected) => {
    const { lines, rows } = await ask(setting)
    expect(lines[0]).toBe('1 person not in yet.')
    expect(lines.join('\n')).toContain(expected)
    expect(rows).toEqual(['@ada:x'])
  })

  test('nobody: in, staff, long ago, or the link was used since the accounts were copied', async () => {
    expect((await ask({ jobs: [] })).code).toBe('none')
    const settled = [
      welcome('ada', 'done'),
      welcome('staff', 'dead'),
      welcome('older', 'dead', { createdAt: now - 31 * 24 * hour }),
      welcome('benny', 'done'),
    ]
    const { lines, code } = await ask({ jobs: settled, readers: ['@ada:x', '@benny:x'], used: [3], usedNow: [5] })
    expect(lines).toEqual(['Nobody is stuck: everybody whom I welcomed lately is in, or has not had much time yet (!stuck --all).'])
    expect(code).toBe('none')
  })

  test('only the newest welcome of a person counts; the longest wait comes first, and rows are numbered', async () => {
    const { rows, lines } = await ask({
      jobs: [
        welcome('ada', 'dead', { createdAt: now - hour }),
        welcome('bob', 'dead'),
        welcome('ada', 'done', { createdAt: now - 5 * hour }),
      ],
    })
    expect(rows).toEqual(['@bob:x', '@ada:x'])
    expect(lines[1]).toMatch(/^1\. name of @bob/)
  })

  test('in INDOC no rooms are named; what the server did not tell is said', async () => {
    const setting = { jobs: [welcome('ada', 'done')], readers: undefined, used: [3], invited: { '@ada:x': ['tech'] } }
    const { lines } = await ask(setting, 'stuck --all', { place: 'indoc' })
    expect(lines.join('\n')).toMatch(/has not accepted 1 invitation\..*The server did not tell/s)
    expect(lines.join('\n')).not.toContain('tech')
  })

  test('people behind a bridge count too, and accounts that wait for their Matrix user are named with the next step', async () => {
    const waiting = (name: string, pk: number, handedOver: boolean): PendingLink => ({
      account: { pk, username: `${name.toLowerCase()}-oak11` },
      name,
      wish: { first: name, interests: [], noRooms: false, keepInIndoc: false },
      askedBy: '@mo:x' as UserId,
      handedOver,
      since: now - 2 * hour,
      expiresAt: now + hour,
    })
    const pending = [waiting('Eve', 4, true), waiting('Finn', 5, false), waiting('Gone', 99, true)]
    const { lines, rows } = await ask({ jobs: [welcome('signal', 'dead', { kind: 'bridged-welcome', jobId: 9 })], pending })
    expect(rows).toEqual(['@signal:x'])
    expect(lines.join('\n')).toContain('Next: !retry 9')
    expect(lines.join('\n')).toContain('2 accounts without a Matrix user:')
    expect(lines.join('\n')).toContain(
      'Eve (eve-oak11, 2 h ago): has not sent me the code yet. Next: ask them; !reset eve-oak11 makes a new code',
    )
    expect(lines.join('\n')).toContain('Finn (finn-oak11, 2 h ago): was not given a code yet. Next: !reset finn-oak11')
    expect((await ask({ jobs: [], pending })).lines[0]).toBe('2 accounts without a Matrix user:')
  })

  test.each<[string, number, Setting, string]>([
    ['joining the chat', 15, { jobs: [welcome('ada', 'waiting')], chats: { '@ada:x': 'invite' } }, 'has not joined'],
    ['a welcome that only waits', 15, { jobs: [welcome('ada', 'waiting')] }, 'not out yet'],
    ['a welcome that has failed before', 0, { jobs: [welcome('ada', 'waiting', { attempts: 1 })] }, 'not out yet'],
    ['a failed welcome', 0, { jobs: [welcome('ada', 'dead')] }, 'failed'],
    ['reading', 60, { jobs: [welcome('ada', 'done')], readers: [], used: [3] }, 'has not read'],
    ['the link', 60, { jobs: [welcome('ada', 'done')], readers: ['@ada:x'] }, 'has not used'],
    [
      'rooms',
      24 * 60,
      { jobs: [welcome('ada', 'done')], readers: ['@ada:x'], used: [3], invited: { '@ada:x': ['tech'] } },
      'has not accepted',
    ],
  ])('%s has its time of %i minutes', async (_what, minutes, setting, words) => {
    const aged = (milliseconds: number): Setting => ({
      ...setting,
      jobs: setting.jobs.map((job) => ({ ...job, createdAt: now - milliseconds })),
    })
    expect((await ask(aged(minutes * 60_000))).lines.join('\n')).toContain(words)
    if (minutes === 0) return
    expect((await ask(aged(minutes * 60_000 - 1))).code).toBe('none')
    expect((await ask(aged(minutes * 60_000 - 1), 'stuck --all')).lines.join('\n')).toContain(words)
  })

  test('the time to read it begins when the welcome went out, not when it was asked for', async () => {
    const late = welcome('ada', 'done', { progress: { helloAt: now - 60_000 } })
    expect((await ask({ jobs: [late], readers: [] })).code).toBe('none')
    expect((await ask({ jobs: [late], readers: [] }, 'stuck --all')).rows).toEqual(['@ada:x'])
  })

  test('pages', async () => {
    const many = Array.from({ length: 12 }, (_, index) => welcome(`p${index}`, 'dead'))
    const { lines, rows } = await ask({ jobs: many }, 'stuck --page 2')
    expect(lines[0]).toBe('12 people not in yet.')
    expect(rows).toHaveLength(2)
  })
})
