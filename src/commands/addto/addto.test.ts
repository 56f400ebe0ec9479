import { describe, expect, test } from 'vitest'
import { directoryRoom, planOf, powerOfRoom, refusalOf, textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { Membership } from '../../database/schema.ts'
import type { RoomId, UserId } from '../../types.ts'
import { createAddtoCommand } from './addto.ts'
import type { AddtoPorts } from './addto.ts'

const bot = '@gatehouse:example.org' as UserId
const ada = '@ada:example.org' as UserId
const boss = '@boss:example.org' as UserId
const rooms = {
  tech: [{ roomId: '!tech' as RoomId, name: 'Tech' }],
  all: ['tech', 'space', 'closed', 'left', 'dirty', 'more'].map((name) => ({ roomId: `!${name}` as RoomId, name, category: 'all' })),
}

const commandWith = (more: Partial<AddtoPorts> = {}, cached?: Membership, live?: Membership) =>
  createAddtoCommand({
    botUserId: bot,
    nameOf: (userId) => userId,
    directory: {
      room: (roomId) =>
        directoryRoom(roomId, {
          space: roomId === '!space',
          ownMembership: roomId === '!left' ? 'leave' : 'join',
          freshness: { asOf: 0, dirty: roomId === '!dirty' },
        }),
      membership: () => cached,
      power: (roomId) => powerOfRoom(roomId === '!closed' ? { invite: 50, users: { [boss]: 100 } } : {}),
      memberIds: () => [bot, boss],
    },
    liveMembership: () => Promise.resolve(live),
    isBridged: () => false,
    exempt: () => false,
    ...more,
  })

describe('addto', () => {
  test('one invitation for each person and room, the space first; where the bot cannot, who could', async () => {
    const plan = await planOf(commandWith(), await requestOf(`addto all ${ada}`, { rooms }))
    expect(plan.summary).toBe('invite @ada:example.org to 6 rooms')
    expect(plan.steps.map(({ text, blocked }) => [text, blocked?.code])).toEqual([
      ['invite @ada:example.org to space', undefined],
      ['invite @ada:example.org to tech', undefined],
      ['invite @ada:example.org to closed', 'no-power'],
      ['invite @ada:example.org to left', 'bot-not-in-room'],
      ['invite @ada:example.org to dirty', undefined],
      ['invite @ada:example.org to more', undefined],
    ])
    expect(plan.steps[2]?.blocked?.text).toBe('inviting needs power 50 there, and I have 0. Who could: @boss:example.org')
    expect(plan.steps[0]?.effect).toEqual({ kind: 'room.invite', roomId: '!space', userId: ada })
    expect(plan.targets).toEqual([ada])
    expect(plan.notes).toEqual([])
  })

  test.each([
    ['join', 'skipped', 'already-member'],
    ['invite', 'skipped', 'already-invited'],
    ['ban', 'failed', 'banned'],
    ['leave', undefined, undefined],
    ['knock', undefined, undefined],
  ] as const)('somebody whose membership is %s', async (membership, state, code) => {
    const request = await requestOf(`addto tech ${ada}`, { rooms })
    const plan = await planOf(commandWith({}, membership), request)
    expect([plan.steps[0]?.blocked?.state, plan.steps[0]?.blocked?.code]).toEqual([state, code])
    expect(plan.summary).toBe('invite @ada:example.org to Tech')
  })

  test('where the cache is not in step the server is asked', async () => {
    const dirty = { dirty: [{ roomId: '!dirty' as RoomId, name: 'Dirty' }] }
    const plan = await planOf(commandWith({}, 'leave', 'ban'), await requestOf(`addto dirty ${ada}`, { rooms: dirty }))
    expect(plan.steps[0]?.blocked).toMatchObject({ code: 'banned' })
    const inStep = await planOf(commandWith({}, 'leave', 'ban'), await requestOf(`addto tech ${ada}`, { rooms }))
    expect(inStep.steps[0]?.blocked).toBeUndefined()
  })

  test('bridged people and the bot itself are told, not invited', async () => {
    const bridged = await planOf(commandWith({ isBridged: () => true }), await requestOf(`addto tech ${ada}`, { rooms }))
    expect(bridged.steps[0]?.blocked).toMatchObject({ state: 'failed', code: 'bridged' })
    const self = await planOf(commandWith(), await requestOf(`addto tech ${bot}`, { rooms }))
    expect(self.steps[0]?.blocked).toMatchObject({ state: 'skipped', code: 'is-bot' })
  })

  test('people without a Matrix user are named', async () => {
    const accounts = [{ pk: 1, username: 'zoe' }]
    const answer = await refusalOf(commandWith(), await requestOf('addto tech zoe', { rooms, accounts }))
    expect(answer.code).toBe('no-matrix-user')
    expect(textOf(answer)).toContain('zoe: no Matrix user is linked')
    const plan = await planOf(commandWith(), await requestOf(`addto tech zoe ${ada}`, { rooms, accounts }))
    expect(plan.steps).toHaveLength(1)
    expect(plan.notes?.[0]).toContain('zoe: no Matrix user is linked')
  })

  test('more invitations of one person than the server lets through at once', async () => {
    const many = { many: Array.from({ length: 6 }, (_, index) => ({ roomId: `!r${index}` as RoomId, name: `r${index}` })) }
    const request = await requestOf(`addto many ${ada}`, { rooms: many })
    expect((await planOf(commandWith(), request)).notes?.[0]).toContain('5 times at once')
    expect((await planOf(commandWith({ exempt: () => true }), request)).notes).toEqual([])
  })
})
