import type { DirectoryLookup } from './lookup.ts'
import { decide, powerOf, requiredPower, whoCan } from '../matrix/power-levels.ts'
import type { RoomPower } from '../matrix/power-levels.ts'
import type { RoomId, UserId } from '../types.ts'

/** What the words about power are made from. */
export interface PowerPorts {
  readonly botUserId: UserId
  readonly nameOf: (userId: UserId) => string
  readonly directory: Pick<DirectoryLookup, 'power' | 'memberIds'>
}

type Action = 'invite' | 'kick' | 'ban' | 'redact'

const doing: Readonly<Record<Action, string>> = { invite: 'inviting', kick: 'kicking', ban: 'banning', redact: 'hiding messages' }

/** So many helpers are named. */
const mostHelpers = 5

/** Who in the room could do what the bot may not; a sentence. */
export const whoCouldHelp = (ports: PowerPorts, roomId: RoomId, action: Action, target?: UserId): string => {
  const power = ports.directory.power(roomId)
  const { everybody, people } =
    power === undefined ? { everybody: false, people: [] } : whoCan(power, action, target, new Set(ports.directory.memberIds(roomId)))
  const others = people.filter((person) => person !== ports.botUserId)
  if (others.length > 0) {
    const more = others.length > mostHelpers ? ` and ${others.length - mostHelpers} more` : ''
    return `Who could: ${others.slice(0, mostHelpers).map(ports.nameOf).join(', ')}${more}`
  }
  return everybody ? 'Everybody in the room could' : 'Nobody in the room could'
}

const reason = (power: RoomPower, code: string, action: Action, ports: PowerPorts, target: UserId): string => {
  const own = powerOf(power, ports.botUserId)
  if (code === 'target-creator') return `${ports.nameOf(target)} created the room, and nobody can act against its creators`
  if (code === 'target-power') return `${ports.nameOf(target)} has power ${powerOf(power, target)} there, and I have ${own}: not more`
  return `${doing[action]} needs power ${requiredPower(power, action)} there, and I have ${own}`
}

/** What stands in the way of the bot in a room, with names, and who could help. undefined = nothing that is known. */
export const powerProblem = (
  ports: PowerPorts,
  roomId: RoomId,
  action: Action,
  target: UserId,
): { readonly code: string; readonly text: string } | undefined => {
  const power = ports.directory.power(roomId)
  if (power === undefined) return undefined
  const decision = decide(power, action, ports.botUserId, target)
  if (decision.allowed) return undefined
  return {
    code: decision.code,
    text: `${reason(power, decision.code, action, ports, target)}. ${whoCouldHelp(ports, roomId, action, target)}`,
  }
}

/** The bot is not in the room: who is could let it in. */
export const absentProblem = (): { readonly code: string; readonly text: string } => ({
  code: 'bot-not-in-room',
  text: 'I am not in that room. Somebody who is can do it, or invite me and give me the power for it',
})
