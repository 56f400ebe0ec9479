import { describe, expect, test } from 'vitest'
import { directoryRoom } from '../../tests/support/commands/answers.ts'
import type { RoomId } from '../types.ts'
import { parseCatalogue } from './catalogue.ts'
import type { Catalogue } from './catalogue.ts'
import { categoriesOf, categoryName, findCategory, findRoom, isMember, listRooms, searchRooms, visibleTo } from './listing.ts'
import type { Asker } from './listing.ts'
import type { DirectoryRoom } from './lookup.ts'

const id = (text: string): RoomId => text as RoomId
const fresh = { asOf: 1000, dirty: false }

const room = (roomId: string, more: Partial<DirectoryRoom> = {}): DirectoryRoom =>
  directoryRoom(roomId, { name: null, freshness: fresh, ...more })

const catalogueOf = (text: string): Catalogue => {
  const result = parseCatalogue(text)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.catalogue
}

const catalogue = catalogueOf(`
categories:
  tech: {name: Technology, keywords: [linux]}
  empty: {}
  talk: {}
rooms:
  - {id: "!lobby", name: Lobby, category: talk, visibility: public}
  - {alias: "#tech:x", name: Tech talk, category: tech, keywords: [code]}
  - {alias: "#resolved:x", name: Techno music, category: talk, access: link}
  - {alias: "#unknown:x", name: Unknown, visibility: moderators, access: moderator}
  - {id: "!indoc", name: Indoc, visibility: public}
`)

const rooms = [
  room('!lobby', { name: 'Old name', canonicalAlias: '#lobby:x', topic: 'Say hello', space: true, joinedCount: 2 }),
  room('!tech', { canonicalAlias: '#tech:x' }),
  room('!resolved'),
  room('!indoc'),
  room('!small', { joinedCount: 4 }),
  room('!uncounted', { joinedCount: null }),
  room('!upgraded', { replacementRoom: id('!new') }),
  room('!open', { name: 'Open', joinRule: 'public', joinedCount: 5 }),
  room('!private', { canonicalAlias: '#private:x', joinedCount: 50 }),
  room('!bare', { joinedCount: 5 }),
]

const listed = listRooms({
  catalogue,
  rooms,
  minMembers: 5,
  exclude: new Set([id('!indoc')]),
  resolve: (alias) => (alias === '#resolved:x' ? id('!resolved') : undefined),
})

const asker = (more: Partial<Asker> = {}): Asker => ({ role: 'everyone', place: 'dm', rooms: new Set(), ...more })
const seen = (who: Asker) => visibleTo(listed, who).map(({ name }) => name)

describe('listRooms', () => {
  test('configured rooms in the order of the file, then cached ones by members; small, replaced and excluded ones are left out', () => {
    expect(listed.map(({ mark, name }) => `${mark} ${name}`)).toEqual([
      '⚙ Lobby',
      '⚙ Tech talk',
      '⚙ Techno music',
      '⚙ Unknown',
      '💾 #private:x',
      '💾 !bare',
      '💾 Open',
    ])
  })

  test('the file names the room, the directory tells the rest', () => {
    expect(listed[0]).toEqual({
      roomId: '!lobby',
      alias: '#lobby:x',
      name: 'Lobby',
      topic: 'Say hello',
      category: 'talk',
      keywords: [],
      visibility: 'public',
      access: 'invite',
      always: false,
      configured: true,
      mark: '⚙',
      space: true,
      joined: true,
      joinedCount: 2,
      replacementRoom: null,
      freshness: fresh,
    })
    expect(listed[2]).toMatchObject({ roomId: '!resolved', alias: '#resolved:x' })
    expect(listed[3]).toMatchObject({
      roomId: undefined,
      alias: '#unknown:x',
      joined: false,
      joinedCount: null,
      freshness: { asOf: null, dirty: true },
    })
  })

  test('two entries of one room show once; without a resolver the canonical alias counts', () => {
    const twice = catalogueOf('rooms:\n  - {id: "!tech", name: A}\n  - {alias: "#tech:x", name: B}')
    expect(listRooms({ catalogue: twice, rooms: [rooms[1]!], minMembers: 5, exclude: new Set() }).map(({ name }) => name)).toEqual(['A'])
  })
})

describe('who may know what', () => {
  test.each<[string, Asker, readonly string[]]>([
    ['a stranger in a DM', asker(), ['Lobby']],
    ['a member in a DM', asker({ rooms: new Set([id('!lobby')]) }), ['Lobby', 'Tech talk', 'Techno music', 'Open']],
    ['somebody who is in a cached room only', asker({ rooms: new Set([id('!private')]) }), ['Lobby', '#private:x']],
    [
      'a moderator in the admin room',
      asker({ role: 'moderator', place: 'admin' }),
      ['Lobby', 'Tech talk', 'Techno music', 'Unknown', '#private:x', '!bare', 'Open'],
    ],
    ['a moderator in INDOC', asker({ role: 'moderator', place: 'indoc' }), ['Lobby']],
    ['an admin in INDOC', asker({ role: 'admin', place: 'indoc', rooms: new Set([id('!tech')]) }), ['Lobby']],
    ['a member in INDOC', asker({ place: 'indoc', rooms: new Set([id('!tech')]) }), ['Lobby']],
  ])('%s', (_name, who, names) => {
    expect(seen(who)).toEqual(names)
  })

  test('a member is in a room of the catalogue', () => {
    expect(isMember(listed, new Set([id('!tech')]))).toBe(true)
    expect(isMember(listed, new Set([id('!private'), id('!indoc')]))).toBe(false)
  })
})

describe('findRoom', () => {
  test.each([
    ['LOBBY', 'Lobby', 'exact'],
    ['#tech:x', 'Tech talk', 'exact'],
    ['!resolved', 'Techno music', 'exact'],
    ['lob', 'Lobby', 'prefix'],
    ['tech t', 'Tech talk', 'prefix'],
  ])('%s is %s (%s)', (text, name, match) => {
    expect(findRoom(listed, text)).toMatchObject({ found: { name }, match })
  })

  test.each([
    ['tech', 'several', ['Tech talk', 'Techno music']],
    ['music', 'none', ['Techno music']],
    ['nothing', 'none', []],
    ['  ', 'none', []],
  ])('%s: %s', (text, reason, names) => {
    const result = findRoom(listed, text)
    expect(result).toMatchObject({ found: undefined, reason })
    expect(result.found === undefined && result.candidates.map(({ name }) => name)).toEqual(names)
  })

  test('an exact name wins over a longer one; the same name twice is nobody', () => {
    const names = ['Tech', 'Technology', 'tech'].map((name, index) => ({ ...listed[0]!, roomId: id(`!${index}`), alias: null, name }))
    expect(findRoom(names.slice(0, 2), 'tech')).toMatchObject({ found: { name: 'Tech' } })
    expect(findRoom(names, 'tech')).toMatchObject({ found: undefined, reason: 'several' })
  })
})

test('search in all that is shown', () => {
  const names = (text: string) => searchRooms(listed, catalogue, text).map(({ name }) => name)
  expect(names('hello')).toEqual(['Lobby'])
  expect(names('technology')).toEqual(['Tech talk'])
  expect(names('CODE talk')).toEqual(['Tech talk'])
  expect(names('hello code')).toEqual([])
  expect(names('')).toHaveLength(listed.length)
})

test('categories', () => {
  expect(categoriesOf(listed, catalogue)).toEqual([
    { key: 'tech', name: 'Technology', rooms: 1 },
    { key: 'talk', name: 'talk', rooms: 2 },
  ])
  expect(categoryName(catalogue, 'constructor')).toBe('constructor')
  expect(findCategory(catalogue, 'technology')).toBe('tech')
  expect(findCategory(catalogue, 'TECH')).toBe('tech')
  expect(findCategory(catalogue, 'x')).toBeUndefined()
})

test('a room is open to the people of a space only where its own join rule says so', () => {
  const spaces = catalogueOf(
    'rooms:\n  - {id: "!home", name: Home}\n  - {id: "!in", name: In, space: Home}\n  - {id: "!shut", name: Shut, space: Home}',
  )
  const rooms = [room('!home', { space: true }), room('!in', { joinRule: 'restricted' }), room('!shut')]
  expect(listRooms({ catalogue: spaces, rooms, minMembers: 0, exclude: new Set() }).map(({ name, openTo }) => [name, openTo])).toEqual([
    ['Home', undefined],
    ['In', 'Home'],
    ['Shut', undefined],
  ])
})
