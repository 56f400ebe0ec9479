import { describe, expect, test } from 'vitest'
import { catalogueOf, directoryRoom, planOf, powerOfRoom, refusalOf, textOf } from '../../../tests/support/commands/answers.ts'
import { listedRoom } from '../../../tests/support/commands/arrival-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { Outcome, Plan } from '../../chat/effects.ts'
import type { Membership } from '../../database/schema.ts'
import type { DirectoryRoom } from '../../directory/lookup.ts'
import type { RoomPower } from '../../matrix/power-levels.ts'
import type { RoomId, UserId } from '../../types.ts'
import { createRemoveCommand, estimateMs } from './remove.ts'
import type { RemovePorts } from './remove.ts'

const bot = '@gatehouse:example.org' as UserId
const ada = '@ada:example.org' as UserId
const bob = '@bob:other.example' as UserId
const boss = '@boss:example.org' as UserId
const id = (name: string): RoomId => `!${name}` as RoomId
const now = 20_000_000

const strong = powerOfRoom({ users: { [bot]: 50, [boss]: 100 } })
const weak = powerOfRoom({ users: { [boss]: 100 } })

interface World {
  readonly rooms?: readonly DirectoryRoom[]
  readonly powers?: Readonly<Record<string, RoomPower>>
  /** Where Ada (and Bob) are by the cache. */
  readonly cached?: Readonly<Record<string, readonly string[]>>
  /** Where they really are: `room user`; everybody cached is joined unless it stands here. undefined = the server is silent. */
  readonly live?: Readonly<Record<string, Membership | undefined>>
  readonly more?: Partial<RemovePorts>
}

const commandIn = ({ rooms = [], powers = {}, cached = {}, live = {}, more = {} }: World) => {
  const asked: string[] = []
  const command = createRemoveCommand({
    botUserId: bot,
    profile: 'own-server',
    isServerAdmin: () => true,
    protectedAccount: () => undefined,
    nameOf: (userId) => (userId === ada ? 'Ada (@ada:example.org)' : userId),
    directory: {
      room: (roomId) => rooms.find((room) => room.roomId === roomId),
      roomsOf: (userId) => (cached[userId] ?? []).map((name) => ({ roomId: id(name), membership: 'join' })),
      syncedAt: () => now - 60_000,
      power: (roomId) => (Object.hasOwn(powers, roomId) ? powers[roomId] : strong),
      memberIds: () => [bot, boss],
    },
    isDirect: (roomId) => roomId === '!dm',
    isBridged: () => false,
    mutualRooms: () => Promise.resolve({ ok: true, value: [] }),
    liveMembership: (roomId, userId) => {
      asked.push(`${roomId} ${userId}`)
      const key = `${roomId.slice(1)} ${userId}`
      return Promise.resolve(Object.hasOwn(live, key) ? live[key] : 'join')
    },
    roomName: (roomId) => rooms.find((room) => room.roomId === roomId)?.name ?? roomId,
    listed: () => [],
    visibleTo: () => [],
    catalogue: () => catalogueOf(''),
    exempt: () => false,
    waitingFor: () => [],
    presetText: (preset, name) => `Removed for ${preset}, ${name}.\n\nSecond paragraph.`,
    ...more,
  })
  return { command, asked }
}

const effectsOf = (plan: Plan) => plan.steps.map(({ effect }) => `${effect.kind} ${'roomId' in effect ? effect.roomId : ''}`.trim())

describe('where people are', () => {
  test('directory, mutual rooms and admin API together, each verified live once; rooms the bot never saw are counted only', async () => {
    const { command, asked } = commandIn({
      rooms: ['a', 'b', 'c'].map((name) => directoryRoom(id(name))),
      cached: { [ada]: ['a', 'b'] },
      more: {
        mutualRooms: () => Promise.resolve({ ok: true, value: [id('b'), id('new')] }),
        adminRooms: () => Promise.resolve({ ok: true, value: [id('a'), id('c'), id('private'), id('private2'), id('new')] }),
      },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(effectsOf(plan)).toEqual(['room.kick !a', 'room.kick !b', 'room.kick !new', 'room.kick !c'])
    expect(asked).toHaveLength(4)
    expect(plan.summary).toBe('remove @ada:example.org from 4 rooms')
    expect(plan.targets).toEqual([ada])
    expect(plan.notes?.join('\n')).toContain('2 further rooms of this server')
  })

  test('not there and banned are left out with their number', async () => {
    const { command } = commandIn({
      rooms: ['a', 'b', 'c', 'd'].map((name) => directoryRoom(id(name))),
      cached: { [ada]: ['a', 'b', 'c', 'd'] },
      live: { [`b ${ada}`]: 'leave', [`c ${ada}`]: 'ban', [`d ${ada}`]: 'leave' },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(effectsOf(plan)).toEqual(['room.kick !a'])
    expect(plan.notes).toEqual(['Left out: 2 rooms where they are not.', 'Left out: 1 room where they are banned already.'])
  })

  test('invited and knocking people are taken out too, in their own words', async () => {
    const { command } = commandIn({
      rooms: ['a', 'b'].map((name) => directoryRoom(id(name))),
      cached: { [ada]: ['a', 'b'] },
      live: { [`a ${ada}`]: 'invite', [`b ${ada}`]: 'knock' },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada} --redact`, { now }))
    expect(plan.steps.map(({ text }) => text)).toEqual([
      'take back the invitation of Ada (@ada:example.org) to a',
      'turn down the request of Ada (@ada:example.org) to join b',
    ])
  })

  test('a room that the server is silent about is attempted, with the age of the cache', async () => {
    const { command } = commandIn({
      rooms: [
        directoryRoom('!a', { freshness: { asOf: now - 3 * 3_600_000, dirty: true } }),
        directoryRoom('!b', { freshness: { asOf: null, dirty: true } }),
      ],
      cached: { [ada]: ['a', 'b'] },
      live: { [`a ${ada}`]: undefined, [`b ${ada}`]: undefined },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(plan.steps.map(({ text }) => text)).toEqual([
      'kick Ada (@ada:example.org) from a (unverified, cache 3 h old)',
      'kick Ada (@ada:example.org) from b (unverified, not in the cache)',
    ])
    expect(plan.steps.every((step) => step.blocked === undefined)).toBe(true)
    expect(plan.notes).toContain("2 rooms could not be verified: I try, and the server's answer decides.")
  })

  test('a silent server is not asked about hundreds of rooms, and at most 8 at a time', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `r${index}`)
    let open = 0
    let most = 0
    let asked = 0
    const { command } = commandIn({
      rooms: names.map((name) => directoryRoom(id(name))),
      cached: { [ada]: names },
      more: {
        liveMembership: async () => {
          asked += 1
          open += 1
          most = Math.max(most, open)
          await Promise.resolve()
          open -= 1
          return undefined
        },
      },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(plan.steps).toHaveLength(100)
    expect(most).toBe(8)
    expect(asked).toBeLessThan(30)
  })

  test('what could not be asked is said', async () => {
    const { command } = commandIn({
      rooms: [directoryRoom('!a')],
      cached: { [ada]: ['a'] },
      more: {
        mutualRooms: () => Promise.resolve({ ok: false, code: 'unsupported', text: 'this server does not tell shared rooms' }),
        adminRooms: () => Promise.resolve({ ok: false, code: 'unavailable', text: 'no connection' }),
      },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(plan.notes).toEqual([
      'The rooms come from my directory (as of 60 s ago): this server does not tell shared rooms.',
      'The admin API of the server could not be asked for more rooms: no connection.',
    ])
    const never = commandIn({
      rooms: [directoryRoom('!a')],
      cached: { [ada]: ['a'] },
      more: {
        mutualRooms: () => Promise.resolve({ ok: false, code: 'unavailable', text: 'down' }),
        directory: {
          room: () => directoryRoom('!a'),
          roomsOf: () => [{ roomId: id('a'), membership: 'join' }],
          syncedAt: () => null,
          power: () => undefined,
          memberIds: () => [],
        },
      },
    })
    const second = await planOf(never.command, await requestOf(`remove ${ada}`, { now }))
    expect(second.notes).toEqual(['The rooms come from my directory (never synced): down.'])
    // Nothing is known of the power there: the attempt decides.
    expect(second.steps[0]?.blocked).toBeUndefined()
  })

  test('nobody found anywhere is an answer, not a plan', async () => {
    const { command } = commandIn({ rooms: [directoryRoom('!a')], cached: { [ada]: ['a'] }, live: { [`a ${ada}`]: 'leave' } })
    const answer = await refusalOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(answer).toMatchObject({ code: 'not-in-rooms', mark: '✅' })
    expect(textOf(answer)).toContain('@ada:example.org is in no room that I can see')
    expect(textOf(answer)).toContain('Left out: 1 room')
    const two = await refusalOf(commandIn({}).command, await requestOf(`remove ${ada} ${bob}`, { now }))
    expect(textOf(two)).toBe('✅ @ada:example.org and @bob:other.example are in no room that I can see: there is nothing to do.')
  })
})

describe('scope', () => {
  const world: World = {
    rooms: [
      ...['a', 'b', 'c'].map((name) => directoryRoom(id(name))),
      directoryRoom('!space', { space: true }),
      directoryRoom('!left', { ownMembership: 'leave' }),
      directoryRoom('!here:example.org', { name: 'here' }),
    ],
    cached: { [ada]: ['space', 'a', 'dm', 'b', 'c'], [bob]: ['a'] },
  }

  test('spaces last, direct chats left out', async () => {
    const plan = await planOf(commandIn(world).command, await requestOf(`remove ${ada}`, { now }))
    expect(effectsOf(plan)).toEqual(['room.kick !a', 'room.kick !b', 'room.kick !c', 'room.kick !space'])
    expect(plan.notes).toEqual(['Left out: 1 direct chat with me.'])
  })

  test('`here` and named rooms; a room without the bot is told as a failure, of a category it is not', async () => {
    const { command, asked } = commandIn(world)
    const rooms = {
      a: [{ roomId: id('a'), name: 'a' }],
      gone: [{ roomId: id('left'), name: 'gone' }],
      cat: [
        { roomId: id('b'), name: 'b', category: 'cat' },
        { roomId: id('left'), name: 'left', category: 'cat' },
      ],
    }
    const here = await planOf(command, await requestOf(`remove ${ada} here`, { now }))
    expect(effectsOf(here)).toEqual(['room.kick !here:example.org'])
    const named = await planOf(command, await requestOf(`remove ${ada} --rooms a,gone`, { now, rooms }))
    expect(named.steps.map((step) => step.blocked?.code)).toEqual([undefined, 'bot-not-in-room'])
    const category = await planOf(command, await requestOf(`remove ${ada} --rooms cat`, { now, rooms }))
    expect(effectsOf(category)).toEqual(['room.kick !b'])
    expect(asked).not.toContain(`!left ${ada}`)
    const none = await refusalOf(
      commandIn({ ...world, live: { [`a ${ada}`]: 'leave' } }).command,
      await requestOf(`remove ${ada} --rooms a`, { now, rooms }),
    )
    expect(textOf(none)).toContain('in none of these rooms')
  })

  test('--category takes the rooms of the catalogue, hidden ones too', async () => {
    const more: Partial<RemovePorts> = {
      catalogue: () => catalogueOf('categories: {tech: {name: Technology}}'),
      listed: () => [
        listedRoom('A', { roomId: id('a'), category: 'tech' }),
        listedRoom('Nowhere', { roomId: undefined, category: 'tech', joined: false }),
        listedRoom('Other', { roomId: id('b') }),
      ],
      visibleTo: () => [listedRoom('A', { roomId: id('a'), category: 'tech' })],
    }
    const { command } = commandIn({ ...world, more })
    const plan = await planOf(command, await requestOf(`remove ${ada} --category technology`, { now }))
    expect(effectsOf(plan)).toEqual(['room.kick !a'])
    expect(plan.notes).toEqual(['I am not in 1 room of the category technology: nobody can be removed there by me.'])
    const unknown = await refusalOf(command, await requestOf(`remove ${ada} --category teck`, { now }))
    expect(unknown.code).toBe('unknown-category')
    expect(textOf(unknown)).toContain('There are tech.')
    const empty = await refusalOf(commandIn(world).command, await requestOf(`remove ${ada} --category tech`, { now }))
    expect(textOf(empty)).toBe('❌ There is no category “tech”.')
  })

  test('several people in one command; a room of both counts once', async () => {
    const plan = await planOf(commandIn(world).command, await requestOf(`remove ${ada} ${bob} --ban`, { now }))
    expect(plan.summary).toBe('ban @ada:example.org and @bob:other.example from 4 rooms')
    expect(effectsOf(plan)).toEqual(['room.ban !a', 'room.ban !b', 'room.ban !c', 'room.ban !a', 'room.ban !space'])
    expect(plan.targets).toEqual([ada, bob])
    expect(plan.steps[0]?.text).toBe('ban Ada (@ada:example.org) from a')
  })

  test('an account without a Matrix user is said, and nobody is guessed', async () => {
    const accounts = [{ pk: 7, username: 'zoe' }]
    const answer = await refusalOf(commandIn(world).command, await requestOf('remove zoe', { now, accounts }))
    expect(textOf(answer)).toContain('zoe has no linked Matrix user: I do not know in which rooms they are.')
  })
})

describe('preflight', () => {
  test('18 kicks and two rooms without power, each with its reason and who could help', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `r${index}`)
    const { command } = commandIn({
      rooms: names.map((name) => directoryRoom(id(name))),
      cached: { [ada]: names },
      powers: { '!r3': weak, '!r7': powerOfRoom({ users: { [bot]: 50, [ada]: 50, [boss]: 100 } }) },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(plan.summary).toBe('remove @ada:example.org from 20 rooms')
    const blocked = plan.steps.flatMap((step) =>
      step.blocked === undefined ? [] : [[step.text, step.blocked.state, step.blocked.code, step.blocked.text]],
    )
    expect(blocked).toEqual([
      [
        'kick Ada (@ada:example.org) from r3',
        'failed',
        'no-power',
        'kicking needs power 50 there, and I have 0. Who could: @boss:example.org',
      ],
      [
        'kick Ada (@ada:example.org) from r7',
        'failed',
        'target-power',
        'Ada (@ada:example.org) has power 50 there, and I have 50: not more. Who could: @boss:example.org',
      ],
    ])
    // 18 events: ten at once, eight at one in five seconds.
    expect(plan.estimateMs).toBe(40_000)

    const outcomes = plan.steps.map((step): Outcome => step.blocked ?? { state: 'done', code: 'done', text: '' })
    const answer = command.render!(plan, outcomes)
    expect(answer).toMatchObject({ mark: '⚠️', code: 'partly' })
    const text = textOf(answer)
    expect(text).toContain('remove @ada:example.org from 20 rooms: 18 kicks done, 2 failed')
    expect(text).toContain('Ada (@ada:example.org): kicked from 18 rooms: r0, r1, r2, r4,')
    expect(text).toContain('kick Ada (@ada:example.org) from r3: kicking needs power 50 there, and I have 0. Who could: @boss:example.org')
    expect(text.indexOf('18 rooms')).toBeLessThan(text.indexOf('r3: kicking'))
  })

  test('nobody can act against the creator of a version 12 room', async () => {
    const creator = powerOfRoom({ users: {} }, { version: '12', creators: [ada] })
    const { command } = commandIn({ rooms: [directoryRoom('!a')], cached: { [ada]: ['a'] }, powers: { '!a': creator } })
    const bot12 = powerOfRoom({ users: {} }, { version: '12', creators: [bot, ada] })
    const both = commandIn({ rooms: [directoryRoom('!a')], cached: { [ada]: ['a'] }, powers: { '!a': bot12 } })
    const request = await requestOf(`remove ${ada}`, { now })
    expect((await planOf(command, request)).steps[0]?.blocked).toMatchObject({ code: 'no-power' })
    expect((await planOf(both.command, request)).steps[0]?.blocked).toEqual({
      state: 'failed',
      code: 'target-creator',
      text: 'Ada (@ada:example.org) created the room, and nobody can act against its creators. Nobody in the room could',
    })
  })

  test('rooms to which everybody can come back', async () => {
    const rooms = [
      directoryRoom('!a', { joinRule: 'public' }),
      directoryRoom('!b', { joinRule: 'knock' }),
      directoryRoom('!c', { joinRule: 'restricted' }),
      directoryRoom('!d', { joinRule: 'public' }),
      directoryRoom('!e'),
    ]
    const { command } = commandIn({ rooms, cached: { [ada]: ['a', 'b', 'c', 'd', 'e'] }, powers: { '!d': weak } })
    const kick = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(kick.notes).toContain('They can come back to 3 rooms by themselves; use --ban to prevent that.')
    const ban = await planOf(command, await requestOf(`remove ${ada} --ban`, { now }))
    expect(ban.notes).toEqual([])
  })

  test('--redact hides messages where the person writes, and says where it cannot', async () => {
    const rooms = [directoryRoom('!a'), directoryRoom('!b'), directoryRoom('!s', { space: true }), directoryRoom('!i'), directoryRoom('!u')]
    const noRedact = powerOfRoom({ redact: 100, users: { [bot]: 50, [boss]: 100 } })
    const live = { [`i ${ada}`]: 'invite' as const, [`u ${ada}`]: undefined }
    const { command } = commandIn({ rooms, cached: { [ada]: ['a', 'b', 's', 'i', 'u'] }, powers: { '!b': noRedact }, live })
    const plan = await planOf(command, await requestOf(`remove ${ada} --redact 50`, { now }))
    const hides = plan.steps.filter(({ effect }) => effect.kind === 'room.redact')
    expect(hides.map(({ effect, blocked }) => [effect, blocked?.code])).toEqual([
      [{ kind: 'room.redact', roomId: '!a', userId: ada, limit: 50 }, undefined],
      [{ kind: 'room.redact', roomId: '!b', userId: ada, limit: 50 }, 'no-power'],
      [{ kind: 'room.redact', roomId: '!u', userId: ada, limit: 50 }, undefined],
    ])
    expect(hides[1]?.blocked?.text).toBe('hiding messages needs power 100 there, and I have 50. Who could: @boss:example.org')
    expect(plan.notes).toContain('Hiding messages takes longer: the server allows one in five seconds.')
    const exempt = commandIn({ rooms, cached: { [ada]: ['a'] }, more: { exempt: () => true } })
    const quick = await planOf(exempt.command, await requestOf(`remove ${ada} --redact`, { now }))
    expect(quick.notes).toEqual([])
    expect(quick.steps[1]?.effect).toMatchObject({ limit: 100 })
    expect(quick.estimateMs).toBe(0)
  })

  test('bridged people: nothing is claimed for the far side', async () => {
    const { command } = commandIn({ rooms: [directoryRoom('!a')], cached: { [ada]: ['a'] }, more: { isBridged: () => true } })
    const plan = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(plan.notes).toEqual(['Ada (@ada:example.org): removed on Matrix only; the bridge has not confirmed.'])
  })

  test.each([
    [0, false, 0],
    [10, false, 0],
    [11, false, 5000],
    [200, false, 950_000],
    [200, true, 0],
  ])('%i events, exempt %s: %i ms', (events, exempt, expected) => expect(estimateMs(events, exempt)).toBe(expected))
})

describe('containment first', () => {
  const world: World = { rooms: [directoryRoom('!a')], cached: { [ada]: ['a'], [bob]: ['a'] } }
  const accounts = [{ pk: 12, username: 'ada-maple42', userId: ada }]

  test('suspend and deactivate stand before the kicks, and no kick waits for their success', async () => {
    const plan = await planOf(commandIn(world).command, await requestOf(`remove ${ada} --deactivate --suspend`, { now, accounts }))
    expect(effectsOf(plan)).toEqual(['user.suspend', 'account.deactivate', 'room.kick !a'])
    expect(plan.steps[1]?.effect).toEqual({ kind: 'account.deactivate', account: { pk: 12, username: 'ada-maple42' } })
    expect(plan.steps.some((step) => step.after !== undefined)).toBe(false)
  })

  test('suspending needs the own server and admin rights', async () => {
    const request = await requestOf(`remove ${ada} --suspend`, { now })
    const stranger = await refusalOf(commandIn({ ...world, more: { profile: 'stranger' } }).command, request)
    expect(stranger.code).toBe('not-available')
    expect(textOf(stranger)).toContain('ordinary user on this server')
    const noAdmin = await refusalOf(commandIn({ ...world, more: { isServerAdmin: () => false } }).command, request)
    expect(textOf(noAdmin)).toContain('not an admin of this server')
  })

  test('people of other servers cannot be suspended; the rest goes on', async () => {
    const plan = await planOf(commandIn(world).command, await requestOf(`remove ${bob} --suspend`, { now }))
    expect(plan.steps[0]?.blocked).toEqual({
      state: 'failed',
      code: 'not-local',
      text: 'only people of this server can be suspended; the admins of other.example could',
    })
    expect(plan.steps[1]?.blocked).toBeUndefined()
  })

  test('without an account or a Matrix user there is nothing to contain, which is said', async () => {
    const { command } = commandIn(world)
    const noAccount = await planOf(command, await requestOf(`remove ${ada} --deactivate`, { now }))
    expect(noAccount.notes).toEqual(['@ada:example.org has no linked account: there is none to deactivate.'])
    const unlinked = await requestOf('remove zoe --suspend --deactivate', { now, accounts: [{ pk: 7, username: 'zoe' }] })
    const plan = await planOf(command, unlinked)
    expect(effectsOf(plan)).toEqual(['account.deactivate'])
    expect(plan.summary).toBe('contain zoe')
    expect(plan.notes).toEqual(['zoe has no linked Matrix user: there is nobody to suspend.'])
    expect(plan.targets).toEqual([])
  })

  test('accounts that carry power are for admins', async () => {
    const { command } = commandIn({ ...world, more: { protectedAccount: () => 'is a superuser of Authentik' } })
    const refused = await refusalOf(command, await requestOf(`remove ${ada} --deactivate`, { now, accounts }))
    expect(refused.code).toBe('protected-account')
    expect(textOf(refused)).toContain('ada-maple42 is a superuser of Authentik: only an admin may deactivate it')
    const admin = await planOf(command, await requestOf(`remove ${ada} --deactivate`, { now, accounts, role: 'admin' }))
    expect(effectsOf(admin)[0]).toBe('account.deactivate')
  })
})

describe('reason and announcement', () => {
  const world: World = { rooms: [directoryRoom('!a')], cached: { [ada]: ['a'] } }

  test('a preset is the first line of its template, any other text is itself', async () => {
    const { command } = commandIn(world)
    const preset = await planOf(command, await requestOf(`remove ${ada} --reason Spam`, { now }))
    expect(preset.steps[0]?.effect).toMatchObject({ reason: 'Removed for spam, @ada:example.org.' })
    expect(preset.notes).toEqual(['Reason, for all in the rooms to read: Removed for spam, @ada:example.org.'])
    const free = await planOf(command, await requestOf(`remove ${ada} --reason "was rude"`, { now }))
    expect(free.steps[0]?.effect).toMatchObject({ reason: 'was rude' })
    const none = await planOf(command, await requestOf(`remove ${ada}`, { now }))
    expect(none.steps[0]?.effect).not.toHaveProperty('reason')
  })

  test('a reason of a page is refused', async () => {
    const answer = await refusalOf(commandIn(world).command, await requestOf(`remove ${ada} --reason ${'x'.repeat(501)}`, { now }))
    expect(answer.code).toBe('reason-too-long')
  })

  test('--announce: in the admin room the answer is the announcement, elsewhere it is not there yet', async () => {
    const { command } = commandIn(world)
    expect((await planOf(command, await requestOf(`remove ${ada} --announce`, { now }))).steps).toHaveLength(1)
    const answer = await refusalOf(command, await requestOf(`remove ${ada} --announce`, { now, place: 'indoc' }))
    expect(answer.code).toBe('not-available')
  })

  test('in INDOC hidden rooms have numbers, the same in plan and answer', async () => {
    const { command } = commandIn({
      rooms: [directoryRoom('!secret'), directoryRoom('!lobby'), directoryRoom('!here:example.org', { name: 'INDOC' })],
      cached: { [ada]: ['secret', 'lobby', 'here:example.org'] },
      more: { visibleTo: () => [listedRoom('lobby', { roomId: id('lobby') })] },
    })
    const plan = await planOf(command, await requestOf(`remove ${ada} --redact`, { now, place: 'indoc' }))
    expect(JSON.stringify([plan.summary, plan.notes, plan.steps.map(({ text }) => text)])).not.toContain('secret')
    expect(plan.steps.map(({ text }) => text)).toContain('kick Ada (@ada:example.org) from room 1')
    expect(plan.steps.map(({ text }) => text)).toContain('hide up to 100 messages of Ada (@ada:example.org) in room 1')
    expect(plan.steps.map(({ text }) => text)).toContain('kick Ada (@ada:example.org) from INDOC')
    expect(plan.notes).toContain('Rooms that are not public have numbers here; in the admin room they have names.')
  })
})

describe('the answer', () => {
  const { command } = commandIn({})
  const step = (kind: 'room.kick' | 'room.ban', text: string, userId = ada) => ({ effect: { kind, roomId: id('a'), userId }, text })
  const done: Outcome = { state: 'done', code: 'done', text: '' }

  test('every state has its place and its number', () => {
    const plan: Plan = {
      summary: 'remove two',
      steps: [
        { effect: { kind: 'account.deactivate', account: { pk: 1, username: 'ada' } }, text: 'deactivate the account ada' },
        step('room.kick', 'kick Ada (@ada:example.org) from a'),
        step('room.ban', 'ban @bob:other.example from b', bob),
        step('room.kick', 'kick Ada (@ada:example.org) from c'),
        step('room.kick', 'kick Old Name (@ada:example.org) from d'),
        step('room.kick', 'kick Ada (@ada:example.org) from e'),
        step('room.kick', 'kick Ada (@ada:example.org) from f'),
        { effect: { kind: 'room.redact', roomId: id('a'), userId: ada, limit: 5 }, text: 'hide up to 5 messages' },
        { effect: { kind: 'user.suspend', userId: ada }, text: 'suspend Ada' },
      ],
      notes: ['a note'],
      targets: [ada],
    }
    const answer = command.render!(plan, [
      done,
      done,
      done,
      { state: 'skipped', code: 'not-in-room', text: 'is not in the room' },
      done,
      { state: 'unknown', code: 'unknown', text: 'no answer' },
      { state: 'failed', code: 'no-power', text: '' },
      { state: 'done', code: 'done', text: '5 of 5 messages' },
      done,
    ])
    expect(answer).toMatchObject({ mark: '⚠️', code: 'partly' })
    const text = textOf(answer)
    expect(text).toContain('2 kicks done, 1 ban done, 3 other steps done, 1 not needed, 1 could not be proven, 1 failed')
    expect(text).toContain('Ada (@ada:example.org): kicked from 1 room: a')
    expect(text).toContain('@bob:other.example: banned from 1 room: b')
    expect(text).toContain('kick Old Name (@ada:example.org) from d')
    expect(text).toContain('hide up to 5 messages: 5 of 5 messages')
    expect(text).toContain('from c: is not in the room')
    expect(text).toContain('from e: no answer')
    expect(text).toContain('a note')
  })

  test('nothing but success', () => {
    const plan: Plan = {
      summary: 'contain',
      steps: [{ effect: { kind: 'user.suspend', userId: ada }, text: 'suspend Ada' }],
      targets: [ada],
    }
    expect(textOf(command.render!(plan, [done]))).toContain('contain: 1 other step done')
  })
})

describe('what still waits for them', () => {
  const waiting = [
    { jobId: 7, text: 'give up the welcome' },
    { jobId: 8, text: 'give up an invitation that waits', roomId: id('a') },
  ]
  const cancelled = (plan: Plan) => plan.steps.flatMap(({ effect }) => (effect.kind === 'job.cancel' ? [effect.jobId] : []))
  const world: World = { rooms: [directoryRoom(id('a')), directoryRoom(id('b'))], more: { waitingFor: () => waiting } }

  test('is given up, also when they are in no room any more', async () => {
    const there = await planOf(commandIn({ ...world, cached: { [ada]: ['a'] } }).command, await requestOf(`remove ${ada}`, { now }))
    expect(cancelled(there)).toEqual([7, 8])
    expect(effectsOf(there).indexOf('job.cancel')).toBeLessThan(effectsOf(there).indexOf('room.kick !a'))
    expect(cancelled(await planOf(commandIn(world).command, await requestOf(`remove ${ada}`, { now })))).toEqual([7, 8])
  })
})
