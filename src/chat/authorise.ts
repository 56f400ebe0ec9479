import type { UserId } from '../types.ts'
import type { CommandDeclaration, Role, RoomKind } from './declaration.ts'
import type { Plan } from './effects.ts'
import { cleanName } from './escape.ts'
import type { Transport } from './incoming.ts'
import { holdsPersonalData } from './personal.ts'

/** Why a command was refused. `words` say what would help. */
export interface Refusal {
  readonly code:
    | 'wrong-room'
    | 'no-role'
    | 'in-clear'
    | 'forged'
    | 'bridged'
    | 'untrusted-device'
    | 'identity-changed'
    | 'late'
    | 'target-self'
    | 'target-bot'
    | 'target-role'
    | 'role-group'
  readonly words: string
}

/** Whether an allowed command carries a warning. */
export type Verdict = { readonly allowed: true; readonly warning?: string } | { readonly allowed: false; readonly refusal: Refusal }

const ranks: Readonly<Record<Role, number>> = { everyone: 0, moderator: 1, admin: 2 }

/** Is `have` at least `need`? */
export const roleReaches = (have: Role, need: Role): boolean => ranks[have] >= ranks[need]

const roomWords: Readonly<Record<RoomKind, string>> = { indoc: 'the INDOC room', admin: 'the admin room', dm: 'a direct chat with me' }
const refuse = (code: Refusal['code'], words: string): Verdict => ({ allowed: false, refusal: { code, words } })

/** What is known of a command before its arguments are looked up. */
export interface Circumstances {
  readonly declaration: CommandDeclaration
  readonly role: Role
  readonly roomKind: RoomKind
  readonly roomEncrypted: boolean
  /** How the event came: in clear, or encrypted with this trust. */
  readonly transport: Transport
  readonly policy: 'off' | 'warn' | 'enforce'
  readonly late: boolean
  /** It is late because its key was. */
  readonly keyLate?: boolean
  readonly dryRun: boolean
}

/**
 * The checks of a command, in order: room, role, encryption, device, lateness. Deny by default: a role must be given by somebody; in encrypted
 * rooms and in direct chats a command that changes something must come encrypted and from a device its owner has signed.
 */
export const authorise = (given: Circumstances): Verdict => {
  const { declaration, role, roomKind, transport, policy } = given
  if (!declaration.rooms.includes(roomKind)) {
    return refuse('wrong-room', `\`${declaration.name}\` works in ${declaration.rooms.map((kind) => roomWords[kind]).join(' and ')}`)
  }
  if (!roleReaches(role, declaration.role)) {
    return refuse(
      'no-role',
      `\`${declaration.name}\` is for ${declaration.role}s; you are not one here. An admin can add you to the configuration (roles.${declaration.role}s)`,
    )
  }
  if (given.roomEncrypted && !transport.encrypted) {
    return refuse('in-clear', 'this room is encrypted, but your message was not: send it from an app that encrypts')
  }
  if (transport.encrypted && transport.trust === 'mismatched-sender') {
    return refuse('forged', 'the key of this message belongs to somebody else than its sender; the message may be forged')
  }
  if (transport.encrypted && transport.trust === 'bridge') {
    return refuse('bridged', 'people behind a bridge cannot give commands: the bridge could speak for them')
  }
  const changes = declaration.effect !== 'none'
  const distrust = changes && policy !== 'off' ? originProblem(roomKind, transport) : undefined
  if (distrust !== undefined && policy === 'enforce') return refuse(codeOf(transport), distrust)
  if (given.late && changes && !given.dryRun) {
    const why = given.keyLate === true ? 'the key of this message arrived late' : 'this arrived while I was away'
    return refuse('late', `${why}, so I did not run it. Please send it again if it is still wanted`)
  }
  return distrust === undefined ? { allowed: true } : { allowed: true, warning: distrust }
}

/**
 * INDOC and the admin room may be open because their operator wants them so. A direct chat in clear is nobody's decision: any server could make
 * one up, with commands of a moderator in it.
 */
const originProblem = (roomKind: RoomKind, transport: Circumstances['transport']): string | undefined => {
  if (transport.encrypted) return deviceProblem(transport, 'send the command again')
  return roomKind === 'dm'
    ? 'this chat is not encrypted, so I cannot know that it was you. Give the command in the admin room, or switch encryption on in the settings of this chat and send it again'
    : undefined
}

const codeOf = (transport: Transport): Refusal['code'] => {
  if (!transport.encrypted) return 'in-clear'
  return transport.trust === 'identity-changed' ? 'identity-changed' : 'untrusted-device'
}

/** `your device PHONE (Element on a telephone)`: the id tells it apart, the name is how its owner knows it. */
export const deviceLabel = ({ device, deviceName }: Extract<Transport, { encrypted: true }>): string => {
  const given = cleanName(deviceName ?? '')
  const name = holdsPersonalData(given) ? '' : given
  if (device === undefined) return 'your device'
  return name === '' || name === device ? `your device ${device}` : `your device ${device} (${name})`
}

/**
 * Why an encrypted message cannot be believed, and what helps; undefined = its owner has signed the device.
 * @param again what the person is to do then, such as `send the command again`
 */
export const deviceProblem = (transport: Extract<Transport, { encrypted: true }>, again: string): string | undefined => {
  const name = deviceLabel(transport)
  switch (transport.trust) {
    case 'signed':
      return undefined
    case 'unsigned':
      return `${name} is not verified by you, so I cannot know that it is yours. Open Settings → Sessions in your app, verify this session with another device or your recovery key, then ${again}`
    case 'unknown-device':
      return `${name} is not known to the server any more. Sign in again, verify the session, then ${again}`
    case 'identity-changed':
      return `your identity is not the one I know: you have reset it, or somebody else has. Tell another admin, in person or by telephone: they answer \`!trust\` with your id, then ${again}. Where there is no other admin, the operator runs \`gatehouse crypto trust\` with your id`
    case 'not-guaranteed':
      return `the key of this message did not come from ${name} directly. Please ${again}`
    case 'bridge':
      return `this message came over a bridge, which could speak for anybody behind it`
    case 'mismatched-sender':
      return `the key of this message belongs to somebody else`
  }
}

/** Effects that take something from a person: never against oneself, the bot, or one's own or a higher role. */
const guarded: ReadonlySet<string> = new Set(['room.kick', 'room.ban', 'room.redact', 'user.suspend', 'account.deactivate'])

/**
 * The rule on targets. Checked when a plan is made and again when it is confirmed.
 * @param roleOf the role a person has now
 */
export const authoriseTargets = (
  plan: Plan,
  asker: { readonly userId: UserId; readonly role: Role },
  bot: UserId,
  roleOf: (userId: UserId) => Role,
): Refusal | undefined => {
  if (!plan.steps.some((step) => guarded.has(step.effect.kind))) return undefined
  for (const target of plan.targets) {
    if (target === bot) return { code: 'target-bot', words: 'that is me: I do not act against myself' }
    if (target === asker.userId) return { code: 'target-self', words: 'you cannot do this to yourself. Ask another moderator' }
    const role = roleOf(target)
    if (role !== 'everyone' && !(asker.role === 'admin' && role === 'moderator')) {
      return {
        code: 'target-role',
        words: `${target} is ${role === 'admin' ? 'an admin' : 'a moderator'}: only somebody with a higher role may do this`,
      }
    }
  }
  return undefined
}
