import { paragraph } from './answer.ts'
import { maskArguments } from './audit-arguments.ts'
import { authorise, deviceProblem } from './authorise.ts'
import type { Refusal, Verdict } from './authorise.ts'
import type { CommandDeclaration, Role } from './declaration.ts'
import type { IncomingMessage, Transport } from './incoming.ts'
import type { ParsedCommand } from './parse.ts'
import type { PipelinePorts, Turn } from './pipeline-ports.ts'

/** Whom a device is believed to belong to, by what is remembered and by what the server says when it is asked anew. */
type BeliefPorts = Pick<PipelinePorts, 'believe' | 'freshTrust'>

/**
 * Judges a message by where it came from. A device that looks doubtful is asked for anew before anybody is refused: somebody who has just signed in
 * and verified the session is ahead of what the server told us.
 * @param matters whether another look could change the judgement to the better
 */
const judgeOrigin = async <Judgement>(
  ports: BeliefPorts,
  message: IncomingMessage,
  role: Role,
  judge: (transport: Transport) => Judgement,
  matters: (judgement: Judgement) => boolean,
): Promise<Judgement> => {
  const judgement = judge(message.transport)
  const doubtful = message.transport.encrypted && (message.transport.trust === 'unsigned' || message.transport.trust === 'unknown-device')
  if (!doubtful || !matters(judgement)) return judgement
  const fresh = await ports.freshTrust(message)
  return fresh === undefined ? judgement : judge(ports.believe(message.entry.sender, role, fresh))
}

/** May this person give this command here, on the device it came from? */
export const admit = (
  ports: BeliefPorts & Pick<PipelinePorts, 'roomEncrypted' | 'trust'>,
  turn: Turn,
  declaration: CommandDeclaration,
  dryRun: boolean,
): Promise<Verdict> => {
  const { message, kind, role, late } = turn
  const judge = (transport: Transport): Verdict =>
    authorise({
      declaration,
      role,
      roomKind: kind,
      roomEncrypted: ports.roomEncrypted(message.entry.roomId),
      transport,
      policy: ports.trust,
      late,
      keyLate: message.keyLate === true,
      dryRun,
    })
  return judgeOrigin(ports, message, role, judge, (verdict) =>
    verdict.allowed ? verdict.warning !== undefined : verdict.refusal.code === 'untrusted-device',
  )
}

/** Why somebody's word is not taken, or taken with a warning. */
export interface WordDoubt {
  readonly words: string
  /** It counts all the same: the operator wants no more than a warning. */
  readonly counts: boolean
}

/**
 * Can a short answer in a direct chat (a "yes" that others rely on) be believed as this person's own word? The same gate as for commands that change
 * something; but nothing counts in clear, nor under somebody else's key, whatever the policy says.
 * @returns undefined = yes
 */
export const doubtOf = async (
  ports: BeliefPorts & Pick<PipelinePorts, 'trust'>,
  message: IncomingMessage,
  role: Role,
): Promise<WordDoubt | undefined> => {
  const judge = (transport: Transport): WordDoubt | undefined => {
    if (!transport.encrypted)
      return { words: 'it was not encrypted, so I cannot know that it was you. Please send it from an app that encrypts', counts: false }
    const never = transport.trust === 'mismatched-sender' || transport.trust === 'bridge'
    if (ports.trust === 'off' && !never) return undefined
    const words = deviceProblem(transport, 'answer again')
    return words === undefined ? undefined : { words, counts: ports.trust === 'warn' && !never }
  }
  const transport = ports.believe(message.entry.sender, role, message.transport)
  return judgeOrigin(ports, { ...message, transport }, role, judge, (doubt) => doubt !== undefined)
}

/** Answers a command that is refused. */
export const refuse = async (turn: Turn, parsed: ParsedCommand, refusal: Refusal): Promise<void> => {
  await turn.reply.finish(
    { mark: '❌', blocks: [paragraph(refusal.words)], code: refusal.code },
    { command: parsed.declaration.name, arguments: maskArguments(parsed), outcome: 'refused', code: refusal.code, detail: refusal.words },
  )
}
