import { bullets, paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { CommandRequest, ReadCommand } from '../../chat/command.ts'
import { uncataloguedRoom } from '../../directory/listing.ts'
import type { ListedRoom } from '../../directory/listing.ts'
import type { DirectoryRoom } from '../../directory/lookup.ts'
import type { RoomId } from '../../types.ts'
import { categoryWords, memberWords } from '../rooms/listed-room.ts'
import type { RoomListPorts } from '../rooms/listed-room.ts'
import { count, freshnessWords, refusal } from '../words.ts'
import { roomDeclaration } from './declaration.ts'

export interface RoomPorts extends RoomListPorts {
  readonly directoryRoom: (roomId: RoomId) => DirectoryRoom | undefined
}

const joinRules: Readonly<Record<string, string>> = {
  public: 'anybody can join',
  knock: 'one can ask to join',
  restricted: 'people of certain rooms or spaces can join',
  knock_restricted: 'people of certain rooms or spaces can join, others can ask',
  invite: 'one needs an invitation',
  private: 'one needs an invitation',
}

const access: Readonly<Record<ListedRoom['access'], string>> = {
  invite: 'newcomers are invited when their interests fit',
  'admin-join': 'newcomers of this server are put into it when their interests fit, others are invited',
  link: 'newcomers get its link and are never invited',
  moderator: 'only moderators invite to it',
}

const ruleWords = (rule: string | null | undefined): string | undefined => {
  if (rule === null || rule === undefined) return undefined
  return Object.hasOwn(joinRules, rule) ? joinRules[rule] : `its join rule is ${rule}`
}

const render = (room: ListedRoom, known: DirectoryRoom | undefined, ports: RoomPorts, request: CommandRequest): Answer => {
  const { asker, roomKind, now } = request
  const category = categoryWords(room, ports.catalogue())
  const rule = ruleWords(known?.joinRule)
  const invited = known?.invitedCount ?? 0
  const rows: (readonly Inline[])[] = [
    ...(room.topic === null ? [] : [[room.topic]]),
    [`${memberWords(room)}${invited === 0 ? '' : `, ${count(invited, 'open invitation')}`}, ${freshnessWords(room.freshness, now)}`],
    ...(category === undefined ? [] : [[`Category: ${category}`]]),
    ...(rule === undefined ? [] : [[`How to join: ${rule}`]]),
    ...(room.configured ? [[`In the catalogue: ${room.always ? 'everybody who arrives is invited' : access[room.access]}`]] : []),
    ...(room.replacementRoom === null
      ? []
      : [['It was replaced: ', { room: room.replacementRoom, name: 'the newer room', via: ports.via(room.replacementRoom) }]]),
    ...(room.joined ? [] : [['I am not in it.']]),
    ...(room.roomId === undefined ? [] : [['Link: ', { room: room.roomId, name: room.alias ?? room.name, via: ports.via(room.roomId) }]]),
    ...(asker.role === 'everyone' || roomKind === 'indoc' || room.roomId === undefined ? [] : [['Id: ', { code: room.roomId }]]),
  ]
  return { blocks: [paragraph(`${room.mark} `, { bold: room.name }, room.space ? ' (space)' : ''), bullets(...rows)], code: 'ok' }
}

/** `!room <room>`: one room, as far as the asker may know it, from the cache alone. */
export const createRoomCommand = (ports: RoomPorts): ReadCommand => ({
  declaration: roomDeclaration,
  answer: (request): Answer => {
    const { asker, roomKind } = request
    const given = request.arguments.room('room')
    if (given === undefined) throw new Error('a required argument is missing')
    const known = ports.directoryRoom(given.roomId)
    const listed = ports.visibleTo({ userId: asker.userId, role: asker.role, place: roomKind }).find((room) => room.roomId === given.roomId)
    if (listed !== undefined) return render(listed, known, ports, request)
    if (known !== undefined && asker.role !== 'everyone' && roomKind !== 'indoc')
      return render(uncataloguedRoom(known, 'moderators'), known, ports, request)
    // The same words as for a room that does not exist: a hidden room stays hidden.
    return refusal('unknown-room', 'I know no such room that I may name here. All of them: ', { code: '!rooms' })
  },
})
