import { describe, expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Arguments, CommandDeclaration, RoomReference, UserReference } from './declaration.ts'
import { Lists } from './lists.ts'
import { resolveArguments } from './resolve.ts'
import type { ResolverPorts } from './resolve.ts'

const [ada, ben, mo] = ['@ada:x', '@ben:x', '@mo:x'] as [UserId, UserId, UserId]
const tech = { roomId: '!tech' as RoomId, name: 'Tech' }
const cats = { roomId: '!cats' as RoomId, name: 'Cats' }
const here = { roomId: '!here' as RoomId, name: 'Here' }
const declaration: CommandDeclaration = {
  name: 'test',
  summary: '',
  examples: [],
  role: 'everyone',
  rooms: [],
  effect: 'none',
  positionals: [
    { name: 'who', type: { kind: 'user' }, required: false, summary: '' },
    { name: 'all', type: { kind: 'users' }, required: false, summary: '' },
  ],
  options: [
    { name: 'room', type: { kind: 'room' }, summary: '' },
    { name: 'rooms', type: { kind: 'rooms' }, summary: '' },
    { name: 'note', type: { kind: 'text' }, summary: '' },
    { name: 'times', type: { kind: 'integer', min: 0, max: 9 }, summary: '' },
    { name: 'words', type: { kind: 'list' }, summary: '' },
    { name: 'really', summary: '' },
  ],
}

const lists = new Lists(new TestClock())
const ports: ResolverPorts = {
  lists,
  nameOf: (userId) => `name of ${userId}`,
  isBridged: (userId) => userId.startsWith('@signal_'),
  isKnown: (userId) =>
    Promise.resolve(
      userId === ('@nobody:x' as UserId) ? { known: false, near: [ada] } : { known: userId === ada ? true : undefined, near: [] },
    ),
  accountOf: (userId) => (userId === ada ? { pk: 1, username: 'ada-maple42', userId } : undefined),
  accountsNamed: (name) => ({
    exact:
      name === 'ada-maple42'
        ? [{ pk: 1, username: 'ada-maple42', userId: ada }]
        : name === 'lonely'
          ? [{ pk: 2, username: 'lonely' }]
          : name === 'twice'
            ? [
                { pk: 3, username: 'twice' },
                { pk: 4, username: 'Twice', userId: ben },
              ]
            : [],
    similar: name === 'adda' ? ['ada-maple42'] : [],
  }),
  peopleNamed: (name) => ({
    exact: name === 'Ben' ? [ben] : name === 'Gus' ? ['@signal_123456:x' as UserId] : name === 'Sam' ? [ada, ben] : [],
    similar: name === 'adda' ? [ada] : [],
  }),
  roomsNamed: ({ value }) => {
    if (value === 'tech') return { kind: 'rooms', rooms: [tech] }
    if (value === 'animals') return { kind: 'rooms', rooms: [cats, { ...tech, category: 'animals' }] }
    return value === 't' ? { kind: 'several', candidates: ['Tech', 'Tea'] } : { kind: 'none', candidates: ['Cats'] }
  },
}
const user = (value: string, as: UserReference['as'] = 'username'): UserReference => ({ raw: value, as, value })
const room = (value: string, as: RoomReference['as'] = 'name'): RoomReference => ({ raw: value, as, value })
const resolve = (parsed: Arguments) => resolveArguments(declaration, parsed, mo, here, ports)
const resolved = async (parsed: Arguments) => {
  const result = await resolve(parsed)
  if (!result.ok) throw new Error(result.words)
  return result.arguments
}
const codeOf = async (parsed: Arguments): Promise<unknown> => {
  const result = await resolve(parsed)
  return result.ok ? 'ok' : [result.code, result.suggestions]
}

describe('people', () => {
  test.each<[string, UserReference, unknown]>([
    [
      'an id, with its account',
      user(ada, 'mxid'),
      { raw: ada, userId: ada, name: `name of ${ada}`, account: { pk: 1, username: 'ada-maple42' } },
    ],
    ['an id of whom nobody could tell', user(ben, 'mxid'), { raw: ben, userId: ben, name: `name of ${ben}` }],
    [
      'a username',
      user('ada-maple42'),
      { raw: 'ada-maple42', userId: ada, name: `name of ${ada}`, account: { pk: 1, username: 'ada-maple42' } },
    ],
    ['an account without a Matrix user', user('lonely'), { raw: 'lonely', name: 'lonely', account: { pk: 2, username: 'lonely' } }],
  ])('%s', async (_what, reference, expected) => {
    expect((await resolved({ who: reference })).user('who')).toEqual(expected)
  })

  test('rows and handles mean the asker’s own lists', async () => {
    const handle = lists.add(mo, [ben, ada])
    expect((await resolved({ who: user('2', 'row') })).user('who')?.userId).toBe(ada)
    expect((await resolved({ all: [user(handle, 'handle')] })).users('all').map(({ userId }) => userId)).toEqual([ben, ada])
    expect(await codeOf({ who: user('3', 'row') })).toEqual(['unknown-row', []])
    const other = lists.add(ada, [ben])
    expect(await codeOf({ all: [user(other, 'handle')] })).toEqual(['unknown-row', []])
  })

  test('named twice is one person', async () => {
    const all = [user(ada, 'mxid'), user('ada-maple42'), user('lonely'), user('lonely')]
    expect((await resolved({ all })).users('all').map(({ name }) => name)).toEqual([`name of ${ada}`, 'lonely'])
  })

  test.each<[string, UserReference, unknown]>([
    ['an id that certainly is nobody’s', user('@nobody:x', 'mxid'), ['unknown-user', [ada]]],
    ['a name that nobody has', user('adda'), ['unknown-user', ['ada-maple42', ada]]],
    ['several accounts', user('twice'), ['ambiguous-user', ['twice', ben]]],
    // Anybody may call themselves Ben: the id is offered, never taken.
    ['a display name', user('Ben'), ['ambiguous-user', [ben]]],
    ['a display name of a bridged person, without their id', user('Gus'), ['ambiguous-user', ['name of @signal_123456:x']]],
    ['a display name of several', user('Sam'), ['ambiguous-user', [ada, ben]]],
  ])('%s is asked back', async (_what, reference, expected) => {
    expect(await codeOf({ who: reference })).toEqual(expected)
    expect(await codeOf({ all: [user(ada, 'mxid'), reference] })).toEqual(expected)
  })
})

describe('rooms', () => {
  test('names, categories and here, without doubles', async () => {
    const values = await resolved({ rooms: [room('tech'), room('animals'), room('here', 'here')], room: room('tech') })
    expect(values.rooms('rooms')?.map(({ name }) => name)).toEqual(['Tech', 'Cats', 'Here'])
    expect(values.room('room')).toEqual(tech)
  })

  test.each<[string, Arguments, unknown]>([
    ['nothing', { room: room('dogs') }, ['unknown-room', ['Cats']]],
    ['several', { rooms: [room('tech'), room('t')] }, ['ambiguous-room', ['Tech', 'Tea']]],
    ['a category where one room is wanted', { room: room('animals') }, ['one-room-only', ['Cats', 'Tech']]],
  ])('%s is asked back', async (_what, parsed, expected) => {
    expect(await codeOf(parsed)).toEqual(expected)
  })
})

test('values by their declared type; what is not given is absent', async () => {
  const values = await resolved({ note: 'hello', times: 3, words: ['a', 'b'], really: true })
  expect([values.text('note'), values.number('times'), values.list('words'), values.flag('really')]).toEqual(['hello', 3, ['a', 'b'], true])
  const none = await resolved({})
  expect([
    none.text('note'),
    none.number('times'),
    none.list('words'),
    none.flag('really'),
    none.user('who'),
    none.users('all'),
    none.rooms('rooms'),
  ]).toEqual([undefined, undefined, undefined, false, undefined, [], undefined])
  // Asking for what was not declared is a bug, never silently nothing.
  expect(() => values.text('nota')).toThrow('declares no argument nota')
  expect(() => values.text('times')).toThrow('is integer, not text')
})
