import { describe, expect, test, vi } from 'vitest'
import { ada, full, ghost, indocWorld, mod, said } from '../../tests/support/commands/indoc-world.ts'
import type { Membership } from '../database/schema.ts'
import { doubtOf } from '../chat/admission.ts'
import type { IncomingMessage, Transport } from '../chat/incoming.ts'
import type { Job, JobResult } from '../jobs/job.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { findInviter } from './inviter.ts'
import { Bridged } from '../directory/bridged.ts'
import { done } from '../authentik/errors.ts'
import type { AuthentikResult } from '../authentik/errors.ts'
import type { User } from '../authentik/schemas.ts'
import { createVouchAnswer, createVouchAttributeHandler, createVouchHandler, verdictOf } from './vouch.ts'
import type { VouchOptions } from './vouch.ts'

const direct = '!direct:example.org' as RoomId
const signed = { encrypted: true, trust: 'signed', device: 'PHONE' } as const

const setUp = () => {
  const world = indocWorld()
  const written: unknown[] = []
  const state: {
    membership: Membership
    open: Awaited<ReturnType<VouchOptions['directRooms']['open']>>
    merge: AuthentikResult<User>
    namedInviter: string
    mayVouch: boolean
  } = {
    namedInviter: 'Mo',
    mayVouch: true,
    merge: done({} as User),
    membership: 'join',
    open: { ok: true, roomId: direct, made: true },
  }
  const options: VouchOptions = {
    ...world,
    inviterOf: (name) => world.inviters.get(name),
    peopleKnown: () => world.knows.people,
    mayVouch: () => state.mayVouch,
    authentik: {
      getUser: () => Promise.resolve(done({ attributes: { invited_by: state.namedInviter } } as unknown as User)),
      mergeAttributes: (pk, attributes) => {
        written.push([pk, attributes])
        return Promise.resolve(state.merge)
      },
    },
    directory: { ...world.directory, membership: () => state.membership },
    directRooms: { open: () => Promise.resolve(state.open), personOf: (roomId) => (roomId === direct ? mod : undefined) },
    eventOf: (txnId) => `$${txnId}` as EventId,
  }
  world.inviters.set('Mo', mod)
  let progress: Readonly<Record<string, unknown>> = {}
  const ask = (userId: UserId = ada): Promise<JobResult> =>
    createVouchHandler(options).run({ ...world.scheduler.latest('vouch', userId), progress } as Job, {
      signal: new AbortController().signal,
      note: (noted) => void (progress = noted),
    })
  const trusting: Parameters<typeof doubtOf>[0] = {
    trust: 'enforce',
    believe: (_user, _role, transport) => transport,
    freshTrust: () => Promise.resolve(undefined),
  }
  const answer = (body: string, more: Partial<IncomingMessage> = {}, belief = trusting): Promise<boolean> => {
    const message = said(body, { sender: mod, transport: signed, ...more })
    const inDirect = { ...message, entry: { ...message.entry, roomId: direct } }
    return createVouchAnswer(options)(inDirect, () => doubtOf(belief, inDirect, 'everyone'))
  }
  const introduce = (userId: UserId = ada): void => {
    world.moves(userId, 'join')
    world.life.said(said(full, { sender: userId }))
  }
  const vouched = (userId: UserId = ada) => world.newcomers.of(userId)?.vouched
  const write = (): Promise<JobResult> =>
    createVouchAttributeHandler(options).run(world.scheduler.open('vouch-attribute', ada) as unknown as Job, {
      signal: new AbortController().signal,
      note: () => undefined,
    })
  return { ...world, options, forget: () => void (progress = {}), state, ask, answer, trusting, introduce, vouched, written, write }
}

describe('the question', () => {
  test('goes to the direct chat once the inviter is there, once', async () => {
    const world = setUp()
    world.introduce()
    world.state.membership = 'invite'
    expect(await world.ask()).toMatchObject({ state: 'wait' })
    expect(world.bodies(direct)).toEqual([])
    world.state.membership = 'join'
    expect(await world.ask()).toMatchObject({ state: 'done' })
    await world.ask()
    expect(world.bodies(direct)).toEqual([expect.stringMatching(/@ada:example\.org wants to join Riverbend .*Do you vouch/s)])
    expect(world.bodies(direct)[0]).not.toContain('ada@example.org')
  })

  test('is not asked of somebody who declines the chat, nor for somebody who has left', async () => {
    const world = setUp()
    world.introduce()
    world.state.membership = 'invite'
    await world.ask()
    world.state.membership = 'leave'
    expect(await world.ask()).toMatchObject({ state: 'cancelled' })
    world.moves(ada, 'leave')
    expect(await world.ask()).toMatchObject({ state: 'cancelled' })
  })

  test('a chat that cannot be opened: refused is the end, anything else is tried again', async () => {
    const world = setUp()
    world.introduce()
    world.state.open = { ok: false, code: 'refused', words: 'no' }
    expect(await world.ask()).toMatchObject({ state: 'cancelled' })
    world.state.open = { ok: false, code: 'retry', words: 'later', retryAfterMs: 5 }
    expect(await world.ask()).toEqual({ state: 'failed', reason: 'later', delayMs: 5 })
  })

  test('waits until it is known who is in the rooms, and then goes to whom the introduction names', async () => {
    const world = setUp()
    world.knows.people = false
    world.introduce()
    expect(world.newcomers.of(ada)?.inviterId).toBeNull()
    expect(await world.ask()).toMatchObject({ state: 'wait' })
    expect(world.newcomers.of(ada)?.inviterId).toBeNull()
    world.knows.people = true
    expect(await world.ask()).toMatchObject({ state: 'done', note: 'asked' })
    expect(world.newcomers.of(ada)?.inviterId).toBe(mod)
    expect(world.bodies(direct)).toHaveLength(1)
  })

  test('a list that cannot be read does not keep it back for ever; nobody is asked whom the name does not mean', async () => {
    const world = setUp()
    world.knows.people = false
    world.introduce()
    world.inviters.clear()
    await world.clock.advance(16 * 60_000)
    expect(await world.ask()).toMatchObject({ state: 'done', note: 'it is not clear who is meant' })
  })

  test('somebody who leaves and comes back has nobody else asked, nor the same person twice', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    await world.answer('no')
    world.moves(ada, 'leave')
    world.inviters.set('Jo', ghost)
    world.moves(ada, 'join')
    world.life.said(said(full.replace('Mo', 'Jo')))
    expect(world.newcomers.of(ada)).toMatchObject({ inviterId: mod, vouched: 'no' })
    world.life.said(said(full))
    await world.ask()
    expect(world.bodies(direct).filter((body) => body.includes('Do you vouch'))).toHaveLength(1)
  })

  test('who has declined the chat is not offered another one when the newcomer comes back; who could not be asked yet is asked', async () => {
    for (const membership of ['leave', 'join'] as const) {
      const world = setUp()
      world.introduce()
      world.state.membership = 'invite'
      world.memberships.set(mod, 'invite')
      world.scheduler.register('vouch', createVouchHandler(world.options))
      world.scheduler.start()
      await vi.waitFor(() => expect(world.scheduler.latest('vouch', ada)?.progress).toEqual({ roomId: direct }))
      await world.scheduler.stop(1000)
      world.moves(ada, 'leave')
      world.introduce()
      world.state.membership = membership
      world.forget()
      expect(await world.ask()).toMatchObject({ state: membership === 'join' ? 'done' : 'cancelled' })
    }
  })
})

describe('the answer', () => {
  test.each([
    ['Yes!', 'yes'],
    ['y', 'yes'],
    ['да', 'yes'],
    ['👍🏽', 'yes'],
    ['“yes”', 'yes'],
    ['No.', 'no'],
    ['I don’t', 'no'],
    ['nein', 'no'],
    ['maybe', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ])('%j is %s', (text, verdict) => expect(verdictOf(text)).toBe(verdict))

  test('is noted and acknowledged; a reply changes it', async () => {
    const world = setUp()
    world.introduce()
    expect(await world.answer('yes')).toBe(false)
    await world.ask()
    expect(await world.answer('what?')).toBe(false)
    expect(await world.answer('yes')).toBe(true)
    expect(world.vouched()).toBe('yes')
    expect(await world.answer('no')).toBe(false)
    const replyTo = `$${world.newcomers.of(ada)?.vouchTxn}` as EventId
    expect(await world.answer('no', { relations: { replyTo, threadRoot: undefined, isEdit: false } })).toBe(true)
    expect(world.vouched()).toBe('no')
    expect(world.bodies(direct).slice(1)).toEqual([expect.stringContaining('you vouch for'), expect.stringContaining('you do not vouch')])
  })

  test('that comes after the approval, and after the graduation, is written into the account', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    world.newcomers.update(ada, { state: 'approved' })
    world.links.set(ada, { pk: 7, username: 'ada' }, 'test')
    world.moves(ada, 'leave')
    expect(world.newcomers.of(ada)?.introduction).toBeNull()
    expect(await world.answer('yes')).toBe(true)
    expect(await world.write()).toMatchObject({ state: 'done' })
    expect(world.written).toEqual([[7, { invited_by_confirmed: true }]])
    world.state.namedInviter = 'Grace'
    expect(await world.write()).toMatchObject({ state: 'done', note: expect.stringContaining('another inviter') as string })
    expect(world.written).toHaveLength(1)
    world.state.namedInviter = 'Mo'
    world.state.merge = { ok: false, code: 'timeout', changed: 'maybe', text: 'it sleeps' }
    expect(await world.write()).toMatchObject({ state: 'failed' })
    world.state.merge = { ok: false, code: 'not-found', changed: 'no', text: 'gone' }
    expect(await world.write()).toMatchObject({ state: 'dead' })
    world.links.remove(ada, 7)
    expect(await world.write()).toMatchObject({ state: 'cancelled' })
  })

  test('about somebody who has left unapproved is nobody’s business any more', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    world.moves(ada, 'leave')
    expect(await world.answer('yes')).toBe(false)
  })

  test('a yes that was held back until somebody else is asked about says too little', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    world.moves(ada, 'leave')
    world.introduce(ghost)
    await world.ask(ghost)
    expect(await world.answer('yes')).toBe(true)
    expect([world.vouched(), world.vouched(ghost)]).toEqual([null, null])
    expect(world.bodies(direct).at(-1)).toMatch(/reply to the message/)
  })

  test('is that of somebody of the community: who was removed meanwhile does not vouch', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    world.state.mayVouch = false
    expect(await world.answer('yes')).toBe(false)
    expect(world.vouched()).toBeNull()
  })

  test('of several questions a reply says which is meant', async () => {
    const world = setUp()
    for (const userId of [ada, ghost]) {
      world.introduce(userId)
      await world.ask(userId)
    }
    expect(await world.answer('yes')).toBe(true)
    expect([world.vouched(), world.vouched(ghost)]).toEqual([null, null])
    expect(world.bodies(direct).at(-1)).toMatch(/several people .*reply to the message/)
    const replyTo = `$${world.newcomers.of(ghost)?.vouchTxn}` as EventId
    await world.answer('yes', { relations: { replyTo, threadRoot: undefined, isEdit: false } })
    expect([world.vouched(), world.vouched(ghost)]).toEqual([null, 'yes'])
  })

  test('is that of the very person, in their own chat', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    const other = said('yes', { sender: ghost })
    expect(await world.answer('yes', { entry: { ...other.entry, roomId: direct } })).toBe(false)
    expect(world.vouched()).toBeNull()
  })

  test.each<[string, Transport, RegExp]>([
    ['in clear', { encrypted: false }, /was not encrypted/],
    ['under the key of somebody else', { encrypted: true, trust: 'mismatched-sender', device: undefined }, /belongs to somebody else/],
    [
      'from a device that nobody has signed',
      { ...signed, trust: 'unsigned', deviceName: 'Old phone' },
      /PHONE \(Old phone\) is not verified.*answer again/,
    ],
    ['from a device that was signed out', { ...signed, trust: 'unknown-device' }, /not known to the server/],
    ['under another identity', { ...signed, trust: 'identity-changed' }, /your identity is not the one I know/],
    ['under a key that came second-hand', { ...signed, trust: 'not-guaranteed' }, /did not come from your device/],
  ])('a yes %s does not count, and says what helps', async (_how, transport, words) => {
    const world = setUp()
    world.introduce()
    await world.ask()
    expect(await world.answer('yes', { transport })).toBe(true)
    expect(world.vouched()).toBeNull()
    expect(world.bodies(direct).slice(1)).toEqual([expect.stringMatching(words)])
    expect(await world.answer('yes')).toBe(true)
    expect(world.vouched()).toBe('yes')
  })

  test('what is remembered of an identity counts, and a device that was verified a moment ago', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    const unsigned: Transport = { ...signed, trust: 'unsigned' }
    const changed = { ...world.trusting, believe: () => ({ ...signed, trust: 'identity-changed' as const }) }
    await world.answer('yes', {}, changed)
    await world.answer('yes', { transport: unsigned }, { ...changed, freshTrust: () => Promise.resolve(signed) })
    expect(world.vouched()).toBeNull()
    await world.answer('yes', { transport: unsigned }, { ...world.trusting, freshTrust: () => Promise.resolve(signed) })
    expect(world.vouched()).toBe('yes')
  })

  test('with a milder policy an unsigned device counts; clear text and a foreign key never do', async () => {
    for (const trust of ['warn', 'off'] as const) {
      const world = setUp()
      world.introduce()
      await world.ask()
      const mild = { ...world.trusting, trust }
      await world.answer('yes', { transport: { encrypted: false } }, mild)
      await world.answer('yes', { transport: { ...signed, trust: 'mismatched-sender' } }, mild)
      expect(world.vouched()).toBeNull()
      await world.answer('yes', { transport: { ...signed, trust: 'unsigned' } }, mild)
      expect(world.vouched()).toBe('yes')
      expect(world.bodies(direct).at(-1)?.includes('not verified')).toBe(trust === 'warn')
    }
  })

  test('a no is a warning: it counts from any device of theirs, but not from somebody else’s', async () => {
    const world = setUp()
    world.introduce()
    await world.ask()
    await world.answer('no', { transport: { encrypted: false } })
    expect(world.vouched()).toBeNull()
    await world.answer('no', { transport: { ...signed, trust: 'unsigned' } })
    expect(world.vouched()).toBe('no')
  })
})

describe('who is meant by a name', () => {
  const people = [
    { userId: mod, displayName: 'Mo Smith' },
    { userId: '@one:example.org' as UserId, displayName: 'Jo' },
    { userId: '@two:example.org' as UserId, displayName: 'Jo' },
    { userId: ghost, displayName: 'Gus' },
  ]
  const find = (written: string, members: readonly UserId[] = people.map(({ userId }) => userId)) =>
    findInviter(
      {
        directory: {
          ownUserId: '@bot:example.org' as UserId,
          bridged: new Bridged([{ users: '^@signal_' }]),
          findPeople: (text) =>
            people
              .filter(({ displayName }) => displayName.startsWith(text))
              .map((one) => ({ ...one, rooms: 1, bridged: false, match: one.displayName === text ? 'exact' : 'prefix' })),
        },
        accountsNamed: (name) => (name === 'mo-maple42' ? [{ userId: mod }] : [{ userId: undefined }]),
        isMember: (userId) => members.includes(userId),
      },
      written,
      ada,
    )
  test.each([
    ['Mo Smith', mod],
    ['Mo Smith (my boss)', mod],
    ['mo-maple42', mod],
    [mod, mod],
    [`Mo ${mod}`, mod],
    ['Mo', undefined],
    ['Jo', undefined],
    ['Gus', undefined],
    ['@bot:example.org', undefined],
    [ada, undefined],
    ['nobody', undefined],
  ])('%s', (written, found) => expect(find(written)).toBe(found))
  test('strangers are not asked', () => expect(find(mod, [])).toBeUndefined())
})
