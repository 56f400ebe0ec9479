import { paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import { recommend, splitInterests } from '../../directory/recommend.ts'
import type { Recommendation } from '../../directory/recommend.ts'
import type { RoomId, UserId } from '../../types.ts'
import { memberWords, roomInline } from '../rooms/listed-room.ts'
import type { RoomListPorts } from '../rooms/listed-room.ts'
import { enumerate, refusal } from '../words.ts'
import { recommendDeclaration } from './declaration.ts'

export interface RecommendPorts extends RoomListPorts {
  /** Rooms the person is in or invited to: they need no recommendation. */
  readonly roomsOf: (userId: UserId) => ReadonlySet<RoomId>
}

const rowOf = ({ room, because }: Recommendation, ports: RecommendPorts): readonly Inline[] => [
  roomInline(room, ports.via),
  ` · ${memberWords(room)} · because of: ${because.join(', ')}`,
]

/** `!recommend <interests>`: rooms that fit, with reasons. Reads only the directory. */
export const createRecommendCommand = (ports: RecommendPorts): ReadCommand => ({
  declaration: recommendDeclaration,
  answer: ({ asker, roomKind, arguments: given }): Answer => {
    const interests = splitInterests((given.list('interests') ?? []).join(','))
    if (interests.length === 0)
      return refusal('no-interests', 'Name interests, separated by commas: ', { code: '!recommend hiking, board games' })
    const listed = ports.visibleTo({ userId: asker.userId, role: asker.role, place: roomKind })
    const found = recommend(interests, listed, ports.catalogue(), ports.roomsOf(asker.userId))
    if (found.length === 0) {
      const words = `Nothing fits ${enumerate(interests)} among the rooms that I may name here and that you are not in yet. All of them: `
      return { blocks: [paragraph(words, { code: '!rooms' })], code: 'none' }
    }
    return {
      blocks: [paragraph({ bold: 'These could be for you' }), { list: found.map((one) => rowOf(one, ports)) }],
      code: 'ok',
    }
  },
})
