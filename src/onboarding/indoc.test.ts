import { describe, expect, test } from 'vitest'
import { ada, admin, bot, edited, full, ghost, hour, indoc, indocWorld, mod, said } from '../../tests/support/commands/indoc-world.ts'
import { noChanges } from '../directory/changes.ts'
import type { UserId } from '../types.ts'

const open = (world: ReturnType<typeof indocWorld>, kind: string, key: string = ada) => world.scheduler.open(kind, key) !== undefined

describe('who comes and goes', () => {
  test('a join begins a stay, with a prompt and a deadline', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    expect(world.newcomers.of(ada)).toMatchObject({
      came: 'join',
      state: 'waiting',
      since: 1_000_000,
      deadline: 1_000_000 + 24 * hour,
      promptedAt: null,
    })
    expect([open(world, 'introduction-prompt', 'indoc'), open(world, 'introduction-deadline')]).toEqual([true, true])
  })

  test('the same join told twice is one stay; a new one begins afresh', async () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    world.newcomers.update(ada, { prompted_at: 5 })
    await world.clock.advance(hour)
    world.life.changed({ ...noChanges(), memberChanges: [{ ...change, from: null }] })
    expect(world.newcomers.of(ada)).toMatchObject({ since: 1_000_000, promptedAt: 5 })
    world.moves(ada, 'leave')
    expect(world.newcomers.of(ada)).toMatchObject({ state: 'left', promptedAt: null })
    expect(open(world, 'introduction-deadline')).toBe(false)
    world.moves(ada, 'join')
    expect(world.newcomers.of(ada)).toMatchObject({ state: 'waiting', since: 1_000_000 + hour, promptedAt: null })
  })

  test('a knock waits without a deadline; letting it in and joining follow', () => {
    const world = indocWorld()
    world.moves(ada, 'knock')
    expect(world.newcomers.of(ada)).toMatchObject({ came: 'knock', deadline: null })
    expect(open(world, 'introduction-prompt', 'indoc')).toBe(false)
    world.moves(ada, 'invite')
    expect(world.newcomers.of(ada)).toMatchObject({ came: 'invite', state: 'waiting' })
    world.moves(ada, 'join')
    expect(world.newcomers.of(ada)).toMatchObject({ came: 'join', deadline: 1_000_000 + 24 * hour })
    expect(open(world, 'introduction-prompt', 'indoc')).toBe(true)
  })

  test('neither moderators, nor the bot, nor people with an account are newcomers; nor is an invitation a stay', () => {
    const world = indocWorld()
    world.links.set('@linked:example.org' as UserId, { pk: 1, username: 'l' }, 'test')
    for (const userId of [mod, bot, '@linked:example.org' as UserId]) world.moves(userId, 'join')
    world.moves(ghost, 'invite')
    expect(world.newcomers.all()).toEqual([])
  })

  test('without prompts there is no deadline', () => {
    const world = indocWorld({ prompt: false })
    world.moves(ada, 'join')
    expect(world.newcomers.of(ada)?.deadline).toBeNull()
    expect(open(world, 'introduction-deadline')).toBe(false)
  })

  test('other rooms do not matter', () => {
    const world = indocWorld()
    world.life.changed({ ...noChanges(), memberChanges: [{ ...change, roomId: admin }] })
    expect(world.newcomers.all()).toEqual([])
  })
})

describe('what they write', () => {
  test('one message is an introduction: the deadline ends', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    world.life.said(said(full))
    expect(world.newcomers.of(ada)).toMatchObject({
      introducedAt: 1_000_000,
      trust: 'unsigned',
      introduction: { name: 'Ada Lovelace', email: 'ada@example.org' },
    })
    expect(open(world, 'introduction-deadline')).toBe(false)
  })

  test('several within ten minutes are one; the chatter before and behind is not kept', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    const at = 1_000_000
    world.life.said(said('what a nice room', { at: at - 60_000 }))
    world.life.said(said('1. Ada Lovelace\n2. Engines', { at }))
    expect(world.newcomers.of(ada)?.introduction).toBeNull()
    world.life.said(said('3. Mo\n4. ada@example.org', { at: at + 1 }))
    world.life.said(said('5. maths', { at: at + 2 }))
    world.life.said(said('when will I hear from you?', { at: at + 3 }))
    expect(world.newcomers.of(ada)?.introduction).toMatchObject({ name: 'Ada Lovelace', email: 'ada@example.org', interests: ['maths'] })
    expect(world.newcomers.messages(ada).map(({ body }) => body.slice(0, 2))).toEqual(['1.', '3.', '5.'])
  })

  test('what is more than ten minutes apart is not', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    world.life.said(said('1. Ada Lovelace\n2. Engines', { at: 300_000 }))
    world.life.said(said('3. Mo\n4. ada@example.org\n5. maths', { at: 1_000_000 }))
    expect(world.newcomers.of(ada)?.introduction).toBeNull()
  })

  test('a second introduction replaces the first', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    world.life.said(said(full))
    world.life.said(said(full.replace('Engines', 'Looms'), { at: 1_000_000 }))
    expect(world.newcomers.of(ada)?.introduction?.organization).toBe('Looms')
    expect(world.newcomers.messages(ada)).toHaveLength(1)
  })

  test('an edit of their own message counts until the approval, and nobody else’s does', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    const first = said(full)
    world.life.said(first)
    world.life.said({
      ...edited(first, full.replace('Engines', 'Looms')),
      entry: { ...first.entry, eventId: '$x' as never, sender: ghost },
    })
    expect(world.newcomers.of(ada)?.introduction?.organization).toBe('Engines')
    world.life.said(edited(first, full.replace('Engines', 'Looms')))
    expect(world.newcomers.of(ada)).toMatchObject({ introduction: { organization: 'Looms' }, trust: 'unsigned' })
    world.newcomers.update(ada, { state: 'approved' })
    world.life.said(edited(first, full.replace('Engines', 'Mills')))
    expect(world.newcomers.of(ada)?.introduction?.organization).toBe('Looms')
  })

  test('what a server could have written in clear changes nothing that came encrypted', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    const first = said(full)
    world.life.said(first)
    const forged = full.replace('ada@example.org', 'mallory@example.net')
    world.life.said(edited(first, forged, { encrypted: false }))
    world.life.said(said(forged, { transport: { encrypted: false } }))
    world.life.said(said('4. mallory@example.net\n6. https://linkedin.com/in/mallory', { transport: { encrypted: false } }))
    expect(world.newcomers.of(ada)).toMatchObject({ introduction: { email: 'ada@example.org', linkedin: null }, trust: 'unsigned' })
  })

  test('an edit that takes it back starts the waiting again', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    const first = said(full)
    world.life.said(first)
    world.life.said(edited(first, 'never mind'))
    expect(world.newcomers.of(ada)).toMatchObject({ introduction: null, introducedAt: null })
    expect(open(world, 'introduction-deadline')).toBe(true)
  })

  test('ghosts introduce themselves as anybody; forged messages, notices and moderators do not', () => {
    const world = indocWorld()
    world.life.said(said(full, { sender: ghost }))
    world.life.said(said(full, { transport: { encrypted: true, trust: 'mismatched-sender', device: undefined } }))
    world.life.said(said(full, { msgtype: 'm.notice' }))
    world.life.said(said(full, { sender: mod }))
    expect(world.newcomers.all().map(({ userId }) => userId)).toEqual([ghost])
    // They were there before the bot came: nobody is asked, and no time runs.
    expect(world.newcomers.of(ghost)).toMatchObject({ promptedAt: 1_000_000, deadline: null })
  })

  test('what somebody wrote who has left since is nothing to wait for', () => {
    const world = indocWorld()
    world.memberships.set(ada, 'leave')
    world.life.said(said(full))
    expect(world.newcomers.all()).toEqual([])
  })

  test('the same message handled twice changes nothing', () => {
    const world = indocWorld()
    const first = said(full)
    world.life.said(first)
    world.life.said(first)
    expect(world.newcomers.messages(ada)).toHaveLength(1)
  })

  test('somebody who was declined may try again', () => {
    const world = indocWorld()
    world.moves(ada, 'join')
    world.life.said(said(full))
    world.newcomers.update(ada, { state: 'declined' })
    world.life.said(said('hello?'))
    expect(world.newcomers.of(ada)?.state).toBe('declined')
    world.life.said(said(full.replace('Engines', 'Looms')))
    expect(world.newcomers.of(ada)).toMatchObject({ state: 'waiting', introduction: { organization: 'Looms' } })
  })

  test('one inviter is asked about a person; another one is shown to the moderators', () => {
    const world = indocWorld()
    world.inviters.set('Mo', mod)
    world.inviters.set('Jo', ghost)
    world.moves(ada, 'join')
    world.life.said(said(full))
    world.life.said(said(full.replace('Mo', 'Jo')))
    expect(world.newcomers.of(ada)?.inviterId).toBe(mod)
    expect(world.scheduler.open('vouch', ada)?.payload).toEqual({ userId: ada, inviter: mod })
    world.life.said(said(full.replace('Mo', 'Jo').replace('Engines', 'Looms')))
    expect(world.bodies(admin)).toEqual([expect.stringMatching(/@ada:example\.org first named @mod:example\.org.*names “Jo” now/)])
    world.moves(ada, 'leave')
    expect(open(world, 'vouch')).toBe(false)
    world.moves(ada, 'join')
    world.life.said(said(full.replace('Mo', 'Jo')))
    expect(world.newcomers.of(ada)?.inviterId).toBe(mod)
    expect(open(world, 'vouch')).toBe(false)
    expect(world.bodies()).toEqual([])
  })

  test('what cannot be decrypted is told to the moderators, once a stay', async () => {
    const world = indocWorld()
    const { entry } = said('')
    world.life.unreadable(entry)
    world.life.unreadable(said('').entry)
    world.life.unreadable(said('', { sender: mod }).entry)
    expect(world.bodies(admin)).toEqual([expect.stringMatching(/@ada:example\.org wrote something in INDOC that I cannot decrypt/)])
    expect(world.newcomers.of(ada)?.unreadableAt).toBe(1_000_000)
    await world.clock.advance(11 * 60_000)
    world.life.unreadable(said('').entry)
    expect(world.bodies(admin)).toHaveLength(1)
    expect(world.newcomers.of(ada)?.unreadableAt).toBe(1_000_000 + 11 * 60_000)
    world.moves(ada, 'leave')
    world.moves(ada, 'join')
    world.life.unreadable(said('').entry)
    expect(world.bodies(admin)).toHaveLength(2)
    expect(world.bodies()).toEqual([])
  })
})

const change = {
  roomId: indoc,
  userId: ada,
  from: null,
  to: 'join',
  eventId: null,
  sender: null,
  displayName: null,
  source: 'timeline',
} as const

test('it is told which messages are part of an introduction', () => {
  const world = indocWorld()
  world.moves(ada, 'join')
  const first = said(full)
  expect(world.life.said(first)).toBe(true)
  // Taken up again after a crash.
  expect(world.life.said(first)).toBe(true)
  expect(world.life.said(said('what a nice room'))).toBe(false)
  expect(world.life.said(edited(first, full.replace('Engines', 'Looms')))).toBe(true)
  expect(world.life.said(said(full, { sender: mod }))).toBe(false)
})
