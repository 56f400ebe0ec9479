import type { Answer } from '../../../src/chat/answer.ts'
import type { ChangeCommand, CommandRequest } from '../../../src/chat/command.ts'
import type { Plan } from '../../../src/chat/effects.ts'
import { renderAnswer } from '../../../src/chat/render.ts'
import { parseCatalogue } from '../../../src/directory/catalogue.ts'
import type { Catalogue } from '../../../src/directory/catalogue.ts'
import type { DirectoryRoom } from '../../../src/directory/lookup.ts'
import { parsePowerLevels } from '../../../src/matrix/power-levels.ts'
import type { RoomPower } from '../../../src/matrix/power-levels.ts'
import type { JsonObject, RoomId, UserId } from '../../../src/types.ts'

/** What people read. */
export const textOf = (answer: Answer): string => renderAnswer(answer).body

/** The plan of a command. @throws when it gave an answer instead */
export const planOf = async (command: ChangeCommand, request: CommandRequest): Promise<Plan> => {
  const plan = await command.plan(request)
  if ('blocks' in plan) throw new Error(`no plan: ${textOf(plan)}`)
  if ('unavailable' in plan) throw new Error(`no plan: ${plan.words}`)
  return plan
}

/** The answer that a command gave instead of a plan. @throws when there is a plan */
export const refusalOf = async (command: ChangeCommand, request: CommandRequest): Promise<Answer> => {
  const answer = await command.plan(request)
  if (!('blocks' in answer)) throw new Error(`not an answer: ${JSON.stringify(answer)}`)
  return answer
}

/** A room of the directory that the bot is in. */
export const directoryRoom = (roomId: string, more: Partial<DirectoryRoom> = {}): DirectoryRoom => ({
  roomId: roomId as RoomId,
  ownMembership: 'join',
  name: roomId.slice(1),
  topic: null,
  canonicalAlias: null,
  space: false,
  version: '11',
  joinRule: 'invite',
  historyVisibility: null,
  replacementRoom: null,
  joinedCount: 10,
  invitedCount: 0,
  freshness: { asOf: 1_000_000, dirty: false },
  ...more,
})

/** Power levels of a room. */
export const powerOfRoom = (levels: JsonObject, more: Partial<RoomPower> = {}): RoomPower => ({
  version: '11',
  creators: ['@boss:example.org' as UserId],
  levels: parsePowerLevels(levels),
  ...more,
})

/** A catalogue of YAML. @throws when it is not one */
export const catalogueOf = (text: string): Catalogue => {
  const result = parseCatalogue(text)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.catalogue
}
