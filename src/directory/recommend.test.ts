import { describe, expect, test } from 'vitest'
import { listedRoom } from '../../tests/support/commands/arrival-world.ts'
import type { RoomId } from '../types.ts'
import type { ListedRoom } from './listing.ts'
import { recommend, splitInterests } from './recommend.ts'

const room = (name: string, more: Partial<ListedRoom> = {}): ListedRoom => listedRoom(name, { visibility: 'public', ...more })

const catalogue = {
  categories: {
    tech: { name: 'Technology', keywords: ['linux', 'open source', 'machine learning'] },
    outdoor: { name: undefined, keywords: ['hiking', 'mountains'] },
  },
  synonyms: { hiking: ['trekking'], ai: ['machine learning', 'künstliche Intelligenz'] },
}

const scores = (interests: string, rooms: readonly ListedRoom[], inRooms: readonly RoomId[] = []) =>
  recommend(splitInterests(interests), rooms, catalogue, new Set(inRooms)).map(({ room: { name }, score, because }) => [
    name,
    score,
    because,
  ])

test.each([
  ['Hiking, AI , hiking', ['Hiking', 'AI']],
  ['one;two，three、four\nfive', ['one', 'two', 'three', 'four', 'five']],
  [' , ,', []],
  ['Café, cafe', ['Café']],
])('splits %j', (text, expected) => {
  expect(splitInterests(text)).toEqual(expected)
})

describe('scores', () => {
  test.each<[string, string, Partial<ListedRoom>, number]>([
    ['keyword of the category', 'linux', { category: 'tech' }, 15],
    ['two keywords', 'linux, open source', { category: 'tech' }, 30],
    ['keyword of the room', 'go', { keywords: ['Go'] }, 15],
    ['the same keyword of room and category counts once', 'linux', { category: 'tech', keywords: ['Linux'] }, 15],
    ['category by shown name', 'technology', { category: 'tech' }, 10],
    ['category by key', 'tech', { category: 'tech' }, 10],
    ['category without a name', 'outdoor', { category: 'outdoor' }, 10],
    ['category name once, whoever meets it', 'tech, technology', { category: 'tech' }, 10],
    ['name', 'rooms', { name: 'About rooms' }, 5],
    ['topic', 'chess', { topic: 'We play chess and go' }, 2],
    ['all four', 'linux', { name: 'Linux', category: 'tech', topic: 'Linux at home', keywords: ['servers'] }, 22],
    ['synonym', 'trekking', { category: 'outdoor' }, 15],
    ['synonym, the other way', 'hiking', { name: 'Trekking' }, 5],
    ['synonym among its kin', 'künstliche intelligenz', { name: 'Talk', category: 'tech' }, 15],
    ['case and accents', 'HÍKING', { category: 'outdoor' }, 15],
    ['an interest of several words holds the keyword', 'hiking in winter', { category: 'outdoor' }, 15],
    ['a keyword of several words holds the interest', 'learning', { category: 'tech' }, 15],
  ])('%s', (_name, interests, more, score) => {
    expect(scores(interests, [room('x', more)])).toEqual([[more.name ?? 'x', score, splitInterests(interests)]])
  })

  test.each<[string, string, Partial<ListedRoom>]>([
    ['never "ai" in "training"', 'ai', { name: 'Training', topic: 'Daily training, maintained by Aida', keywords: ['training', 'brain'] }],
    ['never "art" in "party"', 'art', { name: 'Party start', category: 'outdoor', topic: 'smart' }],
    ['never "training" by "ai"', 'training', { keywords: ['ai'], name: 'AI' }],
    ['a topic must hold the whole interest', 'chess in the park', { topic: 'chess' }],
    ['a synonym is not searched for shorter words', 'ai', { keywords: ['learning'] }],
    ['a category that is not known', 'x', { category: 'constructor', topic: null }],
    ['interests without words', '🎉', { name: '🎉' }],
    ['keywords without words', 'x', { keywords: ['🎉'] }],
  ])('%s', (_name, interests, more) => {
    expect(scores(interests, [room('y', more)])).toEqual([])
  })
})

test('at most five, best first; ties by members, then by name', () => {
  const rooms = [
    room('C', { category: 'tech', joinedCount: 5 }),
    room('B', { category: 'tech', joinedCount: 5 }),
    room('é', { category: 'tech', joinedCount: 5 }),
    room('D', { category: 'tech', joinedCount: 9 }),
    room('Nobody', { category: 'tech', joinedCount: null }),
    room('Zero', { category: 'tech', joinedCount: 0 }),
    room('Best', { category: 'tech', keywords: ['linux', 'kernel'], name: 'Linux', joinedCount: 1 }),
  ]
  expect(scores('linux', rooms).map(([name]) => name)).toEqual(['Linux', 'D', 'B', 'C', 'é'])
})

test('rooms the person is in are left out; rooms without an id are not', () => {
  const rooms = [
    room('In', { category: 'tech' }),
    room('Out', { category: 'tech' }),
    room('Unresolved', { category: 'tech', roomId: undefined, joinedCount: 1 }),
  ]
  expect(scores('linux', rooms, ['!in:example.org' as RoomId]).map(([name]) => name)).toEqual(['Out', 'Unresolved'])
})

test('reasons are the interests as written, in their order, only those that led there', () => {
  const rooms = [room('Mountain huts', { category: 'outdoor' })]
  expect(scores('Chess, TREKKING, Mountains', rooms)).toEqual([['Mountain huts', 30, ['TREKKING', 'Mountains']]])
})

test('no interests, no recommendation', () => {
  expect(scores('', [room('x')])).toEqual([])
})
