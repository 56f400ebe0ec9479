import { describe, expect, test } from 'vitest'
import { catalogueOf, directoryRoom, textOf } from '../../../tests/support/commands/answers.ts'
import { listedRoom } from '../../../tests/support/commands/arrival-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import type { ListedRoom } from '../../directory/listing.ts'
import type { RoomId } from '../../types.ts'
import { createRecommendCommand } from '../recommend/recommend.ts'
import { createRoomCommand } from '../room/room.ts'
import { shortTopic } from './listed-room.ts'
import { createRoomsCommand } from './rooms.ts'

const now = 100_000_000
const fresh = { asOf: now - 30_000, dirty: false }
const catalogue = catalogueOf('categories: {outdoor: {name: Out of doors, keywords: [hiking]}, empty: {}}')
const listed: readonly ListedRoom[] = [
  listedRoom('Hikers', { category: 'outdoor', topic: 'Walks\nand more', joinedCount: 12, freshness: fresh }),
  listedRoom('Lobby', { joinedCount: 1, space: true, freshness: fresh, alias: '#lobby:example.org' }),
  listedRoom('Ghost', { roomId: undefined, joined: false, joinedCount: null, freshness: { asOf: null, dirty: true } }),
  listedRoom('Old', {
    mark: '💾',
    configured: false,
    replacementRoom: '!new' as RoomId,
    freshness: { asOf: now - 3 * 3_600_000, dirty: true },
  }),
]
const ports = (rooms: readonly ListedRoom[] = listed) => ({
  visibleTo: () => rooms,
  catalogue: () => catalogue,
  via: () => ['example.org'],
})

describe('rooms', () => {
  const ask = async (line: string, rooms?: readonly ListedRoom[], options: RequestOptions = {}) => {
    const answer = await createRoomsCommand(ports(rooms)).answer(await requestOf(line, { now, ...options }))
    return { code: answer.code, text: textOf(answer) }
  }

  test('catalogue and directory in one list, with marks, members, category and age', async () => {
    const { text } = await ask('rooms')
    expect(text).toContain('4 rooms (⚙ configured, 💾 only seen), as of 30 s ago.')
    expect(text).toContain('⚙ Hikers · 12 people · Out of doors · Walks')
    expect(text).toContain('⚙ Lobby · 1 person · space')
    expect(text).toContain('⚙ Ghost · members not counted yet · I am not in it')
    expect(text).toContain('💾 Old · 10 people · replaced by a newer room · as of 3 h ago, being read again')
  })

  test('a search, a category, nothing', async () => {
    expect((await ask('rooms hik')).text).toContain('1 room ')
    expect((await ask('rooms --category "out of doors"')).text).toContain('Hikers')
    expect(await ask('rooms nonsense')).toMatchObject({ code: 'none', text: 'No room fits “nonsense”. All of them: !rooms' })
    expect((await ask('rooms', [])).text).toBe('There is no room that I may name here.')
    expect((await ask('rooms', [], { place: 'indoc' })).text).toContain('Ask me in a direct chat')
    expect((await ask('rooms', [listed[2]!])).text).toContain('not read yet')
  })

  test('a category of hidden rooms is as unknown as one that does not exist', async () => {
    const unknown = await ask('rooms --category nope')
    const hidden = await ask('rooms --category empty')
    expect(unknown).toMatchObject({ code: 'unknown-category', text: '❌ There is no category “nope”. There are outdoor.' })
    expect(hidden.text).toBe('❌ There is no category “empty”. There are outdoor.')
    expect((await ask('rooms --category outdoor', [])).text).toBe('❌ There is no category “outdoor”.')
  })

  test('pages of ten that say how to go on', async () => {
    const many = Array.from({ length: 25 }, (_, index) => listedRoom(`Big room ${index}`, { category: 'outdoor', freshness: fresh }))
    const first = await ask('rooms big room --category outdoor', many)
    expect(first.text).toContain('Page 1 of 3. Next: !rooms "big room" --category outdoor --page 2')
    expect(first.text.match(/Big room/g)).toHaveLength(10)
    expect((await ask('rooms --page 3', many)).text.match(/Big room/g)).toHaveLength(5)
    expect((await ask('rooms big', many)).text).toContain('!rooms big --page 2')
  })

  test('topics in one short line', () => {
    expect([shortTopic(null), shortTopic('  \n x'), shortTopic('a\nb')]).toEqual([undefined, undefined, 'a'])
    expect(shortTopic('😀'.repeat(100))).toBe(`${'😀'.repeat(79)}…`)
  })
})

describe('room', () => {
  const ask = async (roomId: string, options: RequestOptions = {}, rooms = listed, known = directoryRoom(roomId)) => {
    const request = await requestOf('room x', { now, rooms: { x: [{ roomId: roomId as RoomId, name: 'x' }] }, ...options })
    const answer = createRoomCommand({ ...ports(rooms), directoryRoom: (wanted) => (wanted === known.roomId ? known : undefined) }).answer(
      request,
    )
    const settled = await answer
    return { code: settled.code, text: textOf(settled) }
  }

  test('everything about a room', async () => {
    const known = directoryRoom('!lobby:example.org', { joinRule: 'public', invitedCount: 2 })
    const { text } = await ask('!lobby:example.org', {}, listed, known)
    for (const words of [
      '⚙ Lobby (space)',
      '1 person, 2 open invitations, as of 30 s ago',
      'anybody can join',
      'newcomers are invited when',
      'Id: !lobby',
    ])
      expect(text).toContain(words)
    expect(text).toContain('Link: #lobby:example.org')
    const plain = await ask('!hikers:example.org', { role: 'everyone' }, listed, directoryRoom('!hikers:example.org', { joinRule: null }))
    expect(plain.text).toContain('Category: Out of doors')
    expect(plain.text).toContain('Walks')
    expect(plain.text).not.toContain('Id:')
    expect(plain.text).not.toContain('How to join')
  })

  test('a replaced room, an always-room, a strange rule, a room without the bot', async () => {
    const rooms = [...listed, listedRoom('Always', { always: true, joined: false })]
    expect((await ask('!old:example.org', {}, rooms)).text).toContain('It was replaced: the newer room')
    const always = await ask('!always:example.org', {}, rooms, directoryRoom('!always:example.org', { joinRule: 'constructor' }))
    expect(always.text).toContain('everybody who arrives is invited')
    expect(always.text).toContain('its join rule is constructor')
    expect(always.text).toContain('I am not in it.')
  })

  test('unlisted rooms are for moderators, outside INDOC; for the others they do not exist', async () => {
    const small = directoryRoom('!small', { name: null, canonicalAlias: null })
    expect((await ask('!small', {}, listed, small)).text).toContain('💾 !small')
    for (const options of [{ role: 'everyone' }, { place: 'indoc' }] as const)
      expect((await ask('!small', options, listed, small)).code).toBe('unknown-room')
    expect((await ask('!nothing', {}, listed, small)).code).toBe('unknown-room')
  })
})

describe('recommend', () => {
  const ask = async (line: string, inRooms: readonly string[] = []) => {
    const command = createRecommendCommand({ ...ports(), roomsOf: () => new Set(inRooms as RoomId[]) })
    const answer = await command.answer(await requestOf(line, { now, role: 'everyone' }))
    return { code: answer.code, text: textOf(answer) }
  }

  test('rooms with their reasons', async () => {
    expect((await ask('recommend Hiking, chess')).text).toContain('Hikers · 12 people · because of: Hiking')
  })

  test('not the rooms that one is in; nothing fits', async () => {
    const { code, text } = await ask('recommend hiking, chess', ['!hikers:example.org'])
    expect(code).toBe('none')
    expect(text).toContain('Nothing fits hiking and chess')
  })

  test('no interest at all', async () => expect((await ask('recommend "."')).code).toMatch(/none|no-interests/))
})
