import { durationWords } from '../operations/durations.ts'
import { refuse } from './admission.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import { maskArguments } from './audit-arguments.ts'
import { authoriseTargets } from './authorise.ts'
import type { Command } from './command.ts'
import { isChange } from './command.ts'
import type { Outcome, Plan } from './effects.ts'
import { renderOutcomes, renderPlan } from './outcomes.ts'
import type { ParsedCommand } from './parse.ts'
import type { Handled, PipelinePorts, Turn } from './pipeline-ports.ts'
import type { StoredPlan } from './plans.ts'

type Ports = Pick<PipelinePorts, 'plans' | 'clock' | 'roles' | 'bot' | 'confirmWithinMs' | 'executor' | 'journal' | 'commands'>

/** What becomes of a plan: shown, asked about, or run. */
export class PlanRunner {
  readonly #ports: Ports

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Shows a dry run, asks for a confirmation where one is needed, runs it otherwise. Targets that are out of reach are refused. */
  async begin(turn: Turn, parsed: ParsedCommand, plan: Plan): Promise<Handled> {
    const { declaration } = parsed
    const { entry } = turn.message
    const { plans, clock, roles, bot, confirmWithinMs } = this.#ports
    const audit = { command: declaration.name, arguments: maskArguments(parsed), steps: plan.steps }
    const refusal = authoriseTargets(plan, { userId: entry.sender, role: turn.role }, bot.userId, (userId) => roles.of(userId))
    if (refusal !== undefined) {
      await refuse(turn, parsed, refusal)
      return {}
    }
    const privacy = plan.personal === true ? { privacy: 'personal' as const } : {}
    if (parsed.dryRun) {
      const blocks = renderPlan(plan, 'Nothing was done. The plan:')
      await turn.reply.finish({ blocks, code: 'dry-run', ...privacy }, { ...audit, outcome: 'planned', code: 'dry-run' })
      return {}
    }
    const given = { eventId: entry.eventId, command: declaration.name, asker: entry.sender, roomId: entry.roomId, plan, now: clock.now() }
    if ((declaration.effect === 'destructive' || plan.confirm === true) && plan.steps.some((step) => step.blocked === undefined)) {
      await turn.reply.finish(
        () => {
          const planId = plans.create({ ...given, state: 'confirming' })
          const code = plans.askConfirmation(planId, entry.sender, entry.roomId, clock.now() + confirmWithinMs)
          const ask = paragraph(
            'Answer ',
            { code: `!confirm ${code}` },
            ` (or just `,
            { code },
            `) within ${durationWords(confirmWithinMs)} to do it.`,
          )
          return { blocks: [...renderPlan(plan, 'Please confirm:'), ask], code: 'confirm', ...privacy }
        },
        { ...audit, outcome: 'planned', code: 'confirm' },
        plan.personal === true ? 'personal' : 'public',
      )
      return {}
    }
    const planId = plans.create({ ...given, state: 'running' })
    const stored = plans.get(planId)
    if (stored === undefined) throw new Error('a plan that was just stored cannot be read')
    return { rest: this.run(stored, turn) }
  }

  /** Runs (or goes on with) a plan and answers. Ends without an answer only when the program stops: the next start goes on. */
  async run(stored: StoredPlan, turn: Turn): Promise<void> {
    const { executor, plans, clock, journal, commands } = this.#ports
    turn.reply.begin()
    journal.mark(turn.message.entry.eventId, 'running', clock.now())
    const outcomes = await executor.run(stored.planId, turn.signal, (finished, total) => turn.reply.progress(finished, total))
    if (outcomes === undefined) {
      turn.reply.abandon()
      return
    }
    const command = commands.get(stored.command)
    const answer = renderedBy(command, stored.plan, outcomes)
    await turn.reply.finish(
      () => {
        plans.setState(stored.planId, 'done', clock.now())
        return answer
      },
      {
        command: stored.command,
        arguments: { plan: stored.planId },
        outcome: 'ran',
        code: answer.code,
        steps: stored.plan.steps,
        outcomes,
      },
      answer.privacy,
    )
  }
}

/** The command's own words for what came of its plan. */
export const renderedBy = (command: Command | undefined, plan: Plan, outcomes: readonly Outcome[]): Answer =>
  command !== undefined && isChange(command) && command.render !== undefined
    ? command.render(plan, outcomes)
    : renderOutcomes(plan, outcomes)
