import { bullets, paragraph } from '../../chat/answer.ts'
import type { Inline } from '../../chat/answer.ts'
import { deviceLabel } from '../../chat/authorise.ts'
import type { CommandRequest, ReadCommand } from '../../chat/command.ts'
import { roleWords } from '../../chat/help.ts'
import type { RoleConfiguration } from '../../chat/roles.ts'
import type { Link } from '../../directory/links.ts'
import type { UserId } from '../../types.ts'
import { count } from '../words.ts'
import { whoamiDeclaration } from './declaration.ts'

export interface WhoamiPorts {
  readonly configuration: RoleConfiguration
  readonly linkOf: (userId: UserId) => Link | undefined
  /** Names of the Authentik groups of an account, from the mirror. */
  readonly groupsOf: (accountPk: number) => readonly string[]
  readonly isBridged: (userId: UserId) => boolean
  /** `commands.trust` */
  readonly trust: 'off' | 'warn' | 'enforce'
  /** Rooms of the bot where the person is. */
  readonly roomsOf: (userId: UserId) => number
}

/** Why the person has the role, in words that follow "because". */
const reasonOf = (ports: WhoamiPorts, { userId, role }: CommandRequest['asker']): string => {
  const { admins, moderators, groups } = ports.configuration
  if (ports.isBridged(userId)) return 'you write through a bridge, and bridged people never have a role'
  const link = ports.linkOf(userId)
  const memberOf = link === undefined ? [] : ports.groupsOf(link.pk)
  const roleGroups = [...groups.admins, ...groups.moderators]
  const waiting = link !== undefined && !link.proven ? memberOf.find((name) => roleGroups.includes(name)) : undefined
  if (role === 'everyone') {
    return waiting === undefined
      ? 'nobody gave you a role'
      : `your account is in the group ${waiting}, but you have not proven that the account is yours`
  }
  const named = role === 'admin' ? admins : moderators
  if (named.includes(userId)) return `the configuration names you (roles.${role}s)`
  const giving = memberOf.find((name) => (role === 'admin' ? groups.admins : groups.moderators).includes(name))
  if (link?.proven === true && giving !== undefined) return `your account is in the Authentik group ${giving}`
  return 'of your power level in the admin room'
}

const linkWords = (link: Link | undefined): readonly Inline[] => {
  if (link === undefined) return ['No account is linked to you.']
  const proven = link.proven ? 'proven by you' : 'not proven by you, so it gives no role'
  return ['Your account: ', { code: link.username }, ` (${proven}).`]
}

const consequences = {
  off: 'I take commands from it all the same',
  warn: 'I take commands from it, with a warning',
  enforce: 'commands that change something are refused',
}

/** How far I can believe that this command came from its sender, and what that means here. */
const deviceWords = (transport: CommandRequest['transport'], policy: WhoamiPorts['trust']): string => {
  if (transport === undefined || !transport.encrypted) return 'This command came in clear, so I cannot know from which device.'
  const label = deviceLabel(transport)
  const device = `${label.charAt(0).toUpperCase()}${label.slice(1)}`
  switch (transport.trust) {
    case 'signed':
      return `${device} is verified by you: I take every command from it.`
    case 'identity-changed':
      return `${device} is signed by another identity than the one I know of you: ${consequences[policy]}. Another admin can accept the new one with \`!trust\`.`
    case 'not-guaranteed':
      return `The key of this message did not come from ${label} directly: ${consequences[policy]}. Send it again.`
    default:
      return `${device} is not verified by you: ${consequences[policy]}. Verify this session in the settings of your app.`
  }
}

/** `!whoami`: id, role and why, linked account, device, rooms. */
export const createWhoamiCommand = (ports: WhoamiPorts): ReadCommand => ({
  declaration: whoamiDeclaration,
  answer: ({ asker, transport }) => {
    const rooms = ports.roomsOf(asker.userId)
    return {
      blocks: [
        paragraph('You are ', { bold: asker.name }, '.'),
        bullets(
          ['Your id: ', { code: asker.userId }],
          [
            `You may use the commands for ${roleWords[asker.role]}: ${asker.role === 'everyone' ? '' : 'because '}${reasonOf(ports, asker)}.`,
          ],
          linkWords(ports.linkOf(asker.userId)),
          [deviceWords(transport, ports.trust)],
          [rooms === 0 ? 'I see you in no room but this.' : `I see you in ${count(rooms, 'room')}.`],
        ),
      ],
      code: 'ok',
    }
  },
})
