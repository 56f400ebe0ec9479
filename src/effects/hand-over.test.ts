import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDirectory, memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import { done } from '../authentik/errors.ts'
import { userSchema } from '../authentik/schemas.ts'
import type { User } from '../authentik/schemas.ts'
import type { Outcome } from '../chat/effects.ts'
import type { EffectContext } from '../chat/execute.ts'
import type { Database } from '../database/database.ts'
import { Links } from '../directory/links.ts'
import type { DirectRoomResult } from '../matrix/direct-rooms.ts'
import type { OutgoingMessage, SendResult } from '../matrix/outbox.ts'
import { PendingLinks } from '../onboarding/pending-links.ts'
import type { Mailed } from '../onboarding/recovery-email.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createHandOverEffect } from './hand-over.ts'
import type { HandOverEffectOptions } from './hand-over.ts'

const mod = '@mo:x' as UserId
const link = 'https://sso.x/if/flow/recovery/?flow_token=abc'
const wish = { first: 'Ada', interests: ['hiking'], noRooms: false, keepInIndoc: false }

let database: Database
let clock: TestClock
let pending: PendingLinks
let links: Links
let fake: ReturnType<typeof fakeDirectory>
let opened: DirectRoomResult
let sent: (OutgoingMessage & { readonly encrypted: boolean | undefined })[]
let answer: SendResult
let mailed: Mailed
let user: Partial<User>
let guarded: string | undefined
let secrets: string[]
let codes: number

beforeEach(() => {
  database = memoryDatabase()
  clock = new TestClock()
  pending = new PendingLinks(database, clock)
  links = new Links(database, clock)
  fake = fakeDirectory('@bot:x', { '!dm': { members: { '@bot:x': 'join', [mod]: 'join' } } })
  opened = { ok: true, roomId: '!dm' as RoomId, made: false }
  ;[sent, secrets] = [[], []]
  answer = { ok: true, eventId: '$1' as EventId }
  mailed = 'not-possible'
  user = {}
  guarded = undefined
  codes = 0
})
afterEach(() => database.close())

const act = async (more: { again?: true; known?: boolean } = {}) => {
  const options: HandOverEffectOptions = {
    directRooms: { open: () => Promise.resolve(opened) },
    directory: fake.directory,
    outbox: {
      send: (message, encrypted) => {
        sent.push({ ...message, encrypted })
        return Promise.resolve(answer)
      },
    },
    authentik: { recoveryLink: () => Promise.resolve(done(link)), setPassword: () => Promise.resolve(done(undefined)) },
    templates: { render: (name, values) => ({ body: `${name} ${JSON.stringify(values)}`, formattedBody: '', mentions: [] }) },
    credentials: { kind: 'recovery-link', linkLifetime: 24 * 3_600_000 },
    newPassphrase: () => '',
    onSecret: (secret) => secrets.push(secret),
    clock,
    pending,
    links,
    lookUp: {
      getUser: (pk) =>
        Promise.resolve(done(userSchema.parse({ pk, username: 'ada-oak11', name: 'Ada', is_active: true, is_superuser: false, ...user }))),
    },
    protectedAccount: () => guarded,
    email: () => Promise.resolve(mailed),
    newCode: () => {
      codes += 1
      return `aaaaa-bbbb${codes + 1}`
    },
    indoc: '#indoc:x',
  }
  const account = more.known === true ? { pk: 12, username: 'ada-oak11' } : { step: 0, username: 'ada-oak11' }
  const made: Outcome = { state: 'done', code: 'done', text: '', data: { pk: 12, username: 'ada-oak11' } }
  const result = await createHandOverEffect(options).act(
    { kind: 'account.hand-over', account, name: 'Ada', deliverTo: mod, wish, ...(more.again === true ? { again: true } : {}) },
    { planId: 7, step: 1, key: '7.1', outcomes: new Map([[0, made]]), signal: new AbortController().signal } satisfies EffectContext,
  )
  result.also?.()
  return result
}

describe('handing over', () => {
  test('link and code in one encrypted message to the moderator; the code is good from then on', async () => {
    expect(await act()).toMatchObject({ state: 'done', text: 'sent to you by DM' })
    expect(sent).toMatchObject([{ roomId: '!dm', encrypted: true }])
    const body = sent[0]?.content['body'] as string
    for (const part of [link, 'aaaaa-bbbb2', '#indoc:x', '@bot:x', '"username":"ada-oak11"', '30 days']) expect(body).toContain(part)
    expect(secrets).toEqual([link, 'aaaaa-bbbb2'])
    expect(pending.byCode('aaaaa-bbbb2')).toMatchObject({ account: { pk: 12 }, wish, askedBy: mod })
  })

  test('once; again only when that is asked for, and then the old code is void', async () => {
    await act()
    expect(await act()).toMatchObject({ state: 'skipped', code: 'already-handed-over' })
    expect(sent).toHaveLength(1)
    await clock.advance(1)
    expect(await act({ again: true, known: true })).toMatchObject({ state: 'done' })
    expect(pending.byCode('aaaaa-bbbb2')).toBeUndefined()
    expect(pending.byCode('aaaaa-bbbb3')).toBeDefined()
    expect(sent[0]?.txnId).not.toBe(sent[1]?.txnId)
  })

  test('Authentik could e-mail the link: the moderator gets the code only', async () => {
    mailed = 'sent'
    expect((await act()).text).toMatch(/e-mailed their link/)
    expect(sent[0]?.content['body'] as string).not.toContain('flow_token')
    expect(secrets).toEqual(['aaaaa-bbbb2'])
  })

  test.each<[string, () => void, string]>([
    ['somebody uses it', () => void (user = { last_login: '2026-01-01T00:00:00Z' }), 'account-in-use'],
    ['it is a superuser', () => void (user = { is_superuser: true }), 'protected-account'],
    ['it gives a role', () => void (guarded = 'is in a group that gives a role'), 'protected-account'],
    ['it is disabled', () => void (user = { is_active: false }), 'account-inactive'],
    ['it belongs to a Matrix user', () => links.set('@ada:x' as UserId, { pk: 12, username: 'ada-oak11' }, 'test'), 'already-linked'],
  ])('an account that was there before is nobody’s to hand over when %s', async (_what, change, code) => {
    change()
    expect(await act({ known: true })).toMatchObject({ code })
    expect([sent, secrets]).toEqual([[], []])
  })

  test.each<[string, () => void, string]>([
    ['no chat', () => void (opened = { ok: false, code: 'refused', words: 'no' }), 'not-handed-over'],
    ['the chat was not joined', () => void (fake.rooms['!dm'] = { members: { '@bot:x': 'join', [mod]: 'invite' } }), 'not-handed-over'],
    ['the send is refused', () => void (answer = { ok: false, code: 'refused', words: 'no' }), 'not-handed-over'],
  ])('%s: told with the next step, and no code is good', async (_what, change, code) => {
    change()
    const result = await act()
    expect(result).toMatchObject({ state: 'failed', code })
    expect(result.text).toContain('!reset ada-oak11')
    expect(pending.of(12)).toMatchObject({ handedOver: false })
    ;[opened, answer] = [
      { ok: true, roomId: '!dm' as RoomId, made: false },
      { ok: true, eventId: '$1' as EventId },
    ]
    fake.rooms['!dm'] = { members: { '@bot:x': 'join', [mod]: 'join' } }
    expect(await act()).toMatchObject({ state: 'done' })
  })

  test('no answer to the send: not proven, and the code that may have arrived is good', async () => {
    answer = { ok: false, code: 'unknown', words: 'no answer' }
    expect(await act()).toMatchObject({ state: 'unknown' })
    expect(pending.byCode('aaaaa-bbbb2')).toBeDefined()
  })
})
