import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import type { IncomingMessage } from '../chat/incoming.ts'
import type { Database } from '../database/database.ts'
import { Links } from '../directory/links.ts'
import type { RoomId, UserId } from '../types.ts'
import { createLinkByCode } from './link-by-code.ts'
import { codeIn, codeLifetimeMs, newLinkCode, PendingLinks } from './pending-links.ts'
import type { PendingLink } from './pending-links.ts'

const ada = '@ada:x' as UserId
const mod = '@mo:x' as UserId
const code = 'k7wqp-3xm9d'
const waiting: Omit<PendingLink, 'expiresAt' | 'handedOver' | 'since'> = {
  account: { pk: 12, username: 'ada-maple42' },
  name: 'Ada',
  wish: { first: 'Ada', email: 'ada@example.org', interests: ['hiking'], noRooms: false, keepInIndoc: false },
  askedBy: mod,
}

let database: Database
let clock: TestClock
let links: Links
let pending: PendingLinks
let jobs: { kind: string; uniqueKey: string; payload: unknown }[]
let replies: string[]
let say: (body: string, more?: { sender?: string; roomId?: string; encrypted?: boolean; isEdit?: boolean; trust?: string }) => boolean

beforeEach(() => {
  database = memoryDatabase()
  clock = new TestClock()
  links = new Links(database, clock)
  pending = new PendingLinks(database, clock)
  ;[jobs, replies] = [[], []]
  const link = createLinkByCode({
    database,
    pending,
    links,
    personOf: (roomId) => (roomId.startsWith('!dm-') ? (roomId.slice(4) as UserId) : undefined),
    hasRole: (userId) => userId === mod || userId === '@staff:x',
    isBridged: (userId) => userId.startsWith('@signal_'),
    isRemoved: (userId) => userId === '@removed:x',
    scheduler: {
      add: (job) => {
        jobs.push(job)
        return { jobId: 1, added: true }
      },
    },
    outbox: { add: ({ content }) => void replies.push(content['body'] as string), kick: () => undefined },
    clock,
  })
  say = (body, more = {}) =>
    link({
      entry: { sender: more.sender ?? ada, roomId: (more.roomId ?? `!dm-${more.sender ?? ada}`) as RoomId, eventId: '$1' },
      body,
      relations: { isEdit: more.isEdit ?? false },
      transport: { encrypted: more.encrypted ?? true, trust: more.trust ?? 'unsigned' },
    } as unknown as IncomingMessage)
  pending.keep(waiting, code)
})
afterEach(() => database.close())

describe('a code', () => {
  test('has two parts of letters and digits that nobody mistakes', () => {
    const codes = Array.from({ length: 50 }, (_, seed) => newLinkCode((below) => (seed * 7919) % below))
    for (const one of codes) expect(codeIn(one)).toEqual({ code: one, certain: true })
  })

  test.each([
    ['k7wqp-3xm9d', { code, certain: true }],
    [' “K7WQP–3XM9D”. ', { code, certain: true }],
    ['link k7wqp3xm9d', { code, certain: true }],
    ['k7wqp 3xm9d', { code, certain: false }],
    ['understand', { code: 'under-stand', certain: false }],
    ['hello there', undefined],
    ['k7wqp-3xm9', undefined],
    ['my code is k7wqp-3xm9d', undefined],
    ['', undefined],
  ])('in %o', (body, expected) => expect(codeIn(body)).toEqual(expected))

  test('stands nowhere in the database', () => {
    const rows = JSON.stringify(database.all(database.query.selectFrom('pending_link').selectAll()))
    expect(rows).toContain('ada-maple42')
    expect(rows).not.toContain(code)
  })
})

describe('linking', () => {
  test('the right code in the own encrypted chat: linked, not proven for roles, and the arrival goes on; once', () => {
    expect(say(code)).toBe(true)
    expect(links.of(ada)).toEqual({ userId: ada, pk: 12, username: 'ada-maple42', proven: false })
    expect(jobs).toMatchObject([{ kind: 'arrival', uniqueKey: ada, payload: { userId: ada, wish: waiting.wish, askedBy: mod } }])
    expect(replies).toEqual([expect.stringContaining('Thank you, Ada!')])
    expect(say(code, { sender: '@eve:x' })).toBe(true)
    expect(links.of('@eve:x' as UserId)).toBeUndefined()
    expect(jobs).toHaveLength(1)
  })

  test.each([
    ['in a room that is no direct chat', { roomId: '!indoc' }],
    ['in the chat of somebody else', { roomId: '!dm-@bob:x' }],
    ['in clear', { encrypted: false }],
    ['as an edit', { isEdit: true }],
  ])('%s it is no code', (_what, more) => {
    expect(say(code, more)).toBe(false)
    expect([links.of(ada), jobs, replies]).toEqual([undefined, [], []])
  })

  test.each([
    ['the moderator who handed it over', mod, /has to send it from their own/],
    ['other staff', '@staff:x', /has to send it from their own/],
    ['a bridged person', '@signal_1:x', /not over a bridge/],
  ])('%s cannot use it', (_who, sender, words) => {
    expect(say(code, { sender })).toBe(true)
    expect(replies.join()).toMatch(words)
    expect([links.of(sender as UserId), jobs]).toEqual([undefined, []])
    // It is still good for Ada.
    say(code)
    expect(links.of(ada)?.pk).toBe(12)
  })

  test('who has an account keeps it, and an account that belongs to somebody stays theirs', () => {
    links.set(ada, { pk: 3, username: 'old' }, 'test')
    say(code)
    expect(links.of(ada)?.pk).toBe(3)
    expect(replies.join()).toContain('You have an account already, old')
    links.set('@bob:x' as UserId, { pk: 12, username: 'ada-maple42' }, 'test')
    say(code, { sender: '@new:x' })
    expect(links.of('@new:x' as UserId)).toBeUndefined()
    expect(jobs).toEqual([])
  })

  test('a message that only claims to be theirs links nothing', () => {
    expect(say(code, { trust: 'mismatched-sender' })).toBe(false)
    expect([links.of(ada), replies, jobs]).toEqual([undefined, [], []])
  })

  test('its time ends, and a new code voids the old one', async () => {
    pending.keep(waiting, 'aaaaa-bbbbb')
    say(code)
    expect(links.of(ada)).toBeUndefined()
    await clock.advance(codeLifetimeMs)
    say('aaaaa-bbbbb')
    expect(links.of(ada)).toBeUndefined()
    expect(replies.join()).toMatch(/do not know this code/)
  })

  test('ordinary words are left alone; ten wrong codes a day, and then not even the right one', async () => {
    expect(say('understand')).toBe(false)
    for (let number = 0; number < 10; number += 1) say(`aaaaa-bbbb${number % 8 === 0 ? 'c' : 'd'}`)
    expect(say(code)).toBe(true)
    expect(links.of(ada)).toBeUndefined()
    expect(replies.at(-1)).toMatch(/too many codes/)
    await clock.advance(24 * 3_600_000)
    say(code)
    expect(links.of(ada)?.pk).toBe(12)
  })
})

test('who was removed does not come in again with a code that they got before', () => {
  expect(say(code, { sender: '@removed:x' })).toBe(true)
  expect(replies).toEqual([expect.stringContaining('cannot take this code from you')])
  expect([links.of('@removed:x' as UserId), jobs]).toEqual([undefined, []])
  // It stays for the one who was meant.
  expect(say(code)).toBe(true)
  expect(links.of(ada)?.pk).toBe(12)
})
