import { paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import { listOf } from '../../chat/help.ts'
import { categoriesOf, findCategory, searchRooms } from '../../directory/listing.ts'
import type { ListedRoom } from '../../directory/listing.ts'
import type { Timestamp } from '../../types.ts'
import { count, freshnessWords, pageFooter, pageOf } from '../words.ts'
import { roomsDeclaration } from './declaration.ts'
import { categoryWords, memberWords, roomInline, shortTopic } from './listed-room.ts'
import type { RoomListPorts } from './listed-room.ts'

const rowOf = (room: ListedRoom, ports: RoomListPorts, now: Timestamp): readonly Inline[] => {
  const details = [
    memberWords(room),
    categoryWords(room, ports.catalogue()),
    ...(room.space ? ['space'] : []),
    ...(room.replacementRoom === null ? [] : ['replaced by a newer room']),
    ...(room.joined ? [] : ['I am not in it']),
    // Where everything is in step, one line under the list says so for all.
    ...(room.joined && room.freshness.dirty ? [freshnessWords(room.freshness, now)] : []),
  ].filter((detail) => detail !== undefined)
  const topic = shortTopic(room.topic)
  return [`${room.mark} `, roomInline(room, ports.via), ` · ${details.join(' · ')}`, ...(topic === undefined ? [] : [` · ${topic}`])]
}

/** How old the youngest whole word about these rooms is. */
const ageWords = (rooms: readonly ListedRoom[], now: Timestamp): string => {
  const known = rooms.flatMap(({ freshness }) => (freshness.asOf === null || freshness.dirty ? [] : [freshness.asOf]))
  return known.length === 0 ? 'not read yet' : freshnessWords({ asOf: Math.min(...known), dirty: false }, now)
}

const unknownCategory = (written: string, listed: readonly ListedRoom[], ports: RoomListPorts): Answer => {
  const known = categoriesOf(listed, ports.catalogue()).map(({ key }) => key)
  const hint: readonly Inline[] = known.length === 0 ? [] : [' There are ', ...listOf(known), '.']
  return { mark: '❌', blocks: [paragraph(`There is no category “${written}”.`, ...hint)], code: 'unknown-category' }
}

/** A word as it has to be typed again. */
const quoted = (word: string): string => (/^[\p{L}\p{N}_.-]+$/u.test(word) ? word : `"${word.replaceAll(/["\\]/g, '')}"`)

/** `!rooms [query] [--category c] [--page n]`: catalogue and directory in one list, from the cache alone. */
export const createRoomsCommand = (ports: RoomListPorts): ReadCommand => ({
  declaration: roomsDeclaration,
  answer: ({ asker, roomKind, arguments: given, now }): Answer => {
    const listed = ports.visibleTo({ userId: asker.userId, role: asker.role, place: roomKind })
    const query = given.text('query')
    const written = given.text('category')
    const category = written === undefined ? undefined : findCategory(ports.catalogue(), written)
    // A category without a room that the asker may know must not be told from one that does not exist.
    if (written !== undefined && (category === undefined || !listed.some((room) => room.category === category)))
      return unknownCategory(written, listed, ports)
    const inCategory = category === undefined ? listed : listed.filter((room) => room.category === category)
    const found = query === undefined ? inCategory : searchRooms(inCategory, ports.catalogue(), query)
    if (found.length === 0) {
      const words: readonly Inline[] =
        query === undefined
          ? ['There is no room that I may name here.', ...(roomKind === 'indoc' ? [' Ask me in a direct chat for more.'] : [])]
          : [`No room fits “${query}”. All of them: `, { code: '!rooms' }]
      return { blocks: [paragraph(...words)], code: 'none' }
    }
    const page = pageOf(found, given.number('page'))
    const command = [
      '!rooms',
      ...(query === undefined ? [] : [quoted(query)]),
      ...(category === undefined ? [] : [`--category ${category}`]),
    ]
    return {
      blocks: [
        paragraph({ bold: count(page.total, 'room') }, ` (⚙ configured, 💾 only seen), ${ageWords(found, now)}.`),
        { list: page.rows.map((room) => rowOf(room, ports, now)) },
        ...pageFooter(page, command.join(' ')),
      ],
      code: 'ok',
    }
  },
})
