import { bullets, paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { AuditRow } from '../../audit/audit.ts'
import type { CommandRequest, ReadCommand } from '../../chat/command.ts'
import type { EventId, RoomId, UserId } from '../../types.ts'
import { ago, refusal } from '../words.ts'
import { whyDeclaration } from './declaration.ts'

export interface WhyPorts {
  /** `Audit.about` */
  readonly about: (eventId: EventId) => AuditRow | undefined
  /** `Audit.lastOf` */
  readonly lastOf: (userId: UserId, roomId: RoomId) => AuditRow | undefined
  readonly nameOf: (userId: UserId) => string
}

/** The checks of the pipeline by the code of their refusal. */
const checks: Readonly<Record<string, string>> = {
  'wrong-room': 'where the command may be used',
  'no-role': 'the role that the command needs',
  'in-clear': 'that commands are encrypted in encrypted rooms and in direct chats',
  bridged: 'that nobody commands over a bridge',
  forged: 'that the key of the message belongs to its sender',
  'untrusted-device': 'that your device is verified by you',
  late: 'that a command which changes something did not wait too long',
  'target-self': 'whom it may be done to (not yourself)',
  'target-bot': 'whom it may be done to (not me)',
  'target-role': 'whom it may be done to (nobody of your own or a higher role)',
  'role-group': 'that groups which give a role are for admins',
  'not-yours': 'that only who asked may confirm',
  expired: 'that a plan is confirmed in time',
  used: 'that a plan is confirmed once',
}

const outcomeWords: Readonly<Record<string, string>> = {
  answered: 'It was answered',
  refused: 'It was refused',
  planned: 'Its plan was shown, and nothing was done',
  ran: 'It was carried out',
  saved: 'A service was missing, so it was saved and tried again',
}

const words = (value: unknown): string => (Array.isArray(value) ? value.map(String).join(', ') : String(value))

/** The arguments as they were taken, one by one; nothing for a command without any. */
const understood = (stored: string): (readonly Inline[])[] => {
  const entries = Object.entries(JSON.parse(stored) as Record<string, unknown>)
  // A plan that was confirmed has no words of its own: they stand in the message that asked.
  if (entries.length === 1 && entries[0]?.[0] === 'plan') return [[`It was plan ${words(entries[0][1])}, as it had been shown.`]]
  if (entries.length === 0) return []
  return [
    [
      'I understood: ',
      ...entries.flatMap(([name, value], index): Inline[] => [index === 0 ? '' : ', ', `${name}: `, { code: words(value) }]),
      '.',
    ],
  ]
}

const explain = (ports: WhyPorts, row: AuditRow, request: CommandRequest): Answer => {
  const check = row.outcome === 'refused' && Object.hasOwn(checks, row.code) ? checks[row.code] : undefined
  const whose = row.actor === request.asker.userId ? 'you' : ports.nameOf(row.actor)
  const command = row.command === '' ? 'a message that I could not read' : row.command
  const rows: (readonly Inline[])[] = [
    [`${Object.hasOwn(outcomeWords, row.outcome) ? (outcomeWords[row.outcome] ?? '') : row.outcome} (`, { code: row.code }, ').'],
    ...(check === undefined ? [] : [[`The check that refused: ${check}.`]]),
    ...(row.detail === null || row.detail === '' ? [] : [[`The reason: ${row.detail}.`]]),
    ...understood(row.arguments),
  ]
  return { blocks: [paragraph({ code: command }, ` by ${whose}, ${ago(row.at, request.now)}.`), bullets(...rows)], code: 'ok' }
}

/** `!why`: what the audit says about an answer or a command. Own commands only, unless a moderator asks. */
export const createWhyCommand = (ports: WhyPorts): ReadCommand => ({
  declaration: whyDeclaration,
  answer: (request): Answer => {
    const { asker, replyTo, roomId, roomKind } = request
    const row = replyTo === undefined ? ports.lastOf(asker.userId, roomId) : ports.about(replyTo)
    if (row === undefined) {
      return replyTo === undefined
        ? refusal('not-found', 'You gave me no command here yet. Reply with ', { code: '!why' }, ' to an answer of mine.')
        : refusal('not-found', 'I know of no command behind that message: reply to an answer of mine, or to your own command.')
    }
    if (row.actor !== asker.userId && asker.role === 'everyone')
      return refusal('not-yours', 'That was not your command, so I do not explain it to you.')
    // What was asked elsewhere may name rooms that nobody here should know.
    if (row.roomId !== roomId && roomKind === 'indoc') return refusal('other-room', 'That was asked in another room: ask me there.')
    return explain(ports, row, request)
  },
})
