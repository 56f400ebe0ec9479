import { admit } from './admission.ts'
import { authoriseTargets } from './authorise.ts'
import { codeOf, codeProblemWords, refuseConfirm } from './confirm-code.ts'
import type { ParsedCommand } from './parse.ts'
import type { Handled, PipelinePorts, Turn } from './pipeline-ports.ts'
import type { PlanRunner } from './run-plan.ts'

type Ports = Pick<
  PipelinePorts,
  'plans' | 'clock' | 'commands' | 'roles' | 'bot' | 'nameOf' | 'roomEncrypted' | 'trust' | 'believe' | 'freshTrust'
>

/** `!confirm <code>`: the plan that was shown is the plan that runs, for the person who asked, where they asked. */
export class Confirmations {
  readonly #ports: Ports
  readonly #runner: PlanRunner

  constructor(ports: Ports, runner: PlanRunner) {
    this.#ports = ports
    this.#runner = runner
  }

  /** Takes a confirmation and runs its plan. Rights are checked again. */
  async take(turn: Turn, parsed: ParsedCommand): Promise<Handled> {
    const { entry } = turn.message
    const { plans, clock, commands, roles, bot } = this.#ports
    const code = codeOf(parsed)
    const refuse = async (reason: string, words: string): Promise<Handled> => {
      await refuseConfirm(turn, reason, words)
      return {}
    }
    const stored = plans.ofCode(code)
    const command = stored === undefined ? undefined : commands.get(stored.command)
    if (stored === undefined || command === undefined || stored.roomId !== entry.roomId) {
      return refuse('unknown', 'I asked nobody here for that code. Look at the plan again: the code stands in its last line')
    }
    if (stored.asker !== entry.sender)
      return refuse('not-yours', `this plan waits for ${this.#ports.nameOf(stored.asker)}; only the person who asked can confirm it`)
    // Rights are checked again: role, device and targets may have changed since the plan was shown.
    const verdict = await admit(this.#ports, turn, command.declaration, false)
    if (!verdict.allowed) return refuse(verdict.refusal.code, verdict.refusal.words)
    const targets = authoriseTargets(stored.plan, { userId: entry.sender, role: turn.role }, bot.userId, (userId) => roles.of(userId))
    if (targets !== undefined) return refuse(targets.code, targets.words)
    const confirmed = plans.confirm(code, entry.sender, entry.roomId, entry.eventId, clock.now())
    if (!confirmed.ok) {
      return refuse(confirmed.code, codeProblemWords(confirmed.code, 'only the person who asked can confirm this'))
    }
    const running = plans.get(confirmed.planId)
    if (running === undefined) throw new Error('a confirmed plan cannot be read')
    turn.reply.begin()
    return { rest: this.#runner.run(running, turn) }
  }
}
