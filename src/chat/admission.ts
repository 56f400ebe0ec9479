import { paragraph } from './answer.ts'
import { maskArguments } from './audit-arguments.ts'
import { authorise } from './authorise.ts'
import type { Refusal, Verdict } from './authorise.ts'
import type { CommandDeclaration } from './declaration.ts'
import type { Transport } from './incoming.ts'
import type { ParsedCommand } from './parse.ts'
import type { PipelinePorts, Turn } from './pipeline-ports.ts'

/** May this person give this command here, on the device it came from? A device that looks doubtful is asked for anew before anybody is refused. */
export const admit = async (
  ports: Pick<PipelinePorts, 'roomEncrypted' | 'trust' | 'believe' | 'freshTrust'>,
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
  const verdict = judge(message.transport)
  const doubtful = message.transport.encrypted && (message.transport.trust === 'unsigned' || message.transport.trust === 'unknown-device')
  const matters = verdict.allowed ? verdict.warning !== undefined : verdict.refusal.code === 'untrusted-device'
  if (!doubtful || !matters) return verdict
  // Somebody who has just signed in and verified the session is ahead of what the server told us: ask before anybody is refused.
  const fresh = await ports.freshTrust(message)
  return fresh === undefined ? verdict : judge(ports.believe(message.entry.sender, role, fresh))
}

/** Answers a command that is refused. */
export const refuse = async (turn: Turn, parsed: ParsedCommand, refusal: Refusal): Promise<void> => {
  await turn.reply.finish(
    { mark: '❌', blocks: [paragraph(refusal.words)], code: refusal.code },
    { command: parsed.declaration.name, arguments: maskArguments(parsed), outcome: 'refused', code: refusal.code, detail: refusal.words },
  )
}
