import { describe, expect, test } from 'vitest'
import { directoryRoom } from '../../tests/support/commands/answers.ts'
import { systemClock } from '../operations/clock.ts'
import type { UserId } from '../types.ts'
import { Community } from './community.ts'
import type { RoomKind } from './declaration.ts'
import { Lists } from './lists.ts'

const mod = '@mod:x' as UserId

const communityOf = (directory: object, profileExists = (): Promise<boolean | undefined> => Promise.resolve(false)): Community =>
  new Community({
    config: { directory: { minMembers: 5 }, homeserver: { userId: '@bot:x' } } as never,
    directory: directory as never,
    catalogue: { current: { rooms: [], categories: {}, synonyms: [] } } as never,
    places: { indoc: undefined, admin: undefined, kindOf: () => undefined },
    accounts: {} as never,
    links: { of: () => undefined } as never,
    lists: new Lists(systemClock),
    queries: { profileExists },
  })

describe('a room that is on no list, named by its address', () => {
  const secret = directoryRoom('!secret:x', { name: 'Moderators’ table' })
  const community = communityOf({ joinedRooms: () => [], room: () => secret, roomsOf: () => [] })
  const nameIn = (place: RoomKind, role: 'moderator' | 'everyone' = 'moderator') => {
    const meaning = community.meaningOf({ raw: '!secret:x', as: 'id', value: '!secret:x' }, { userId: mod, role, place })
    return meaning.kind === 'rooms' ? meaning.rooms.map(({ name }) => name) : meaning.kind
  }

  test('has its name in the admin room and in direct chats', () => {
    expect(nameIn('admin')).toEqual(['Moderators’ table'])
    expect(nameIn('dm')).toEqual(['Moderators’ table'])
  })

  test('and not in INDOC, where newcomers read along', () => expect(nameIn('indoc')).toEqual(['!secret:x']))
  test('is unknown to people without a role', () => expect(nameIn('dm', 'everyone')).toBe('none'))
})

describe('an id that was never seen', () => {
  const unseen = { joinedRooms: () => [], roomsOf: () => [], displayName: () => null, findPeople: () => [] }
  const known = async (userId: string, answer: boolean | undefined, role: 'moderator' | 'everyone' = 'moderator') => {
    const asked: (AbortSignal | undefined)[] = []
    const community = communityOf(unseen, (...[, signal]: readonly [UserId?, AbortSignal?]) => {
      asked.push(signal)
      return Promise.resolve(answer)
    })
    const found = await community.resolverFor({ userId: mod, role, place: 'admin' }).isKnown(userId as UserId)
    return { ...found, limited: asked.map((signal) => signal !== undefined) }
  }

  test.each([
    ['@ada:x', true, { known: true, limited: [false] }],
    ['@ada:x', false, { known: false, remote: false, limited: [false] }],
    ['@ada:elsewhere', true, { known: true, limited: [true] }],
    ['@ada:elsewhere', false, { known: false, remote: true, limited: [true] }],
    ['@ada:elsewhere', undefined, { known: undefined, limited: [true] }],
  ])('%s, of whom the server says %s', async (userId, answer, expected) => {
    expect(await known(userId, answer)).toMatchObject(expected)
  })
  test('who has no role does not send our server to others', async () => {
    expect(await known('@ada:elsewhere', true, 'everyone')).toEqual({ known: undefined, near: [], limited: [] })
    expect(await known('@ada:x', true, 'everyone')).toMatchObject({ known: true })
  })
})
