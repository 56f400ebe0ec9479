import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import { maskArguments } from './audit-arguments.ts'
import { authoriseTargets, roleReaches } from './authorise.ts'
import type { Unavailable } from './command.ts'
import { isChange } from './command.ts'
import type { Arguments } from './declaration.ts'
import type { ParsedCommand } from './parse.ts'
import type { PipelinePorts, Turn } from './pipeline-ports.ts'
import { Reply } from './reply.ts'
import { unresolvedAnswer } from './problem-answer.ts'
import { resolveArguments } from './resolve.ts'
import { renderedBy } from './run-plan.ts'
import type { SavedCommand } from './saved.ts'
import { askAboutUnchecked } from './unchecked.ts'

/** Commands whose service is down: kept where they may be run later without a further word, and tried again. */
export class SavedCommands {
  readonly #ports: PipelinePorts

  constructor(ports: PipelinePorts) {
    this.#ports = ports
  }

  /** Answers a command that cannot run now and is not kept. */
  async refuse(turn: Turn, parsed: ParsedCommand, missing: Unavailable): Promise<void> {
    await turn.reply.finish(
      { mark: '❌', blocks: [paragraph(`${missing.words}. Nothing was changed. Send the command again in a while.`)], code: 'unavailable' },
      {
        command: parsed.declaration.name,
        arguments: maskArguments(parsed),
        outcome: 'refused',
        code: 'unavailable',
        detail: missing.unavailable,
      },
    )
  }

  /** Keeps a command and says so. */
  async keep(turn: Turn, parsed: ParsedCommand, given: Arguments, missing: Unavailable): Promise<void> {
    const { entry, relations } = turn.message
    const saved: SavedCommand = {
      command: parsed.declaration.name,
      arguments: given,
      asker: entry.sender,
      roomId: entry.roomId,
      roomKind: turn.kind,
      eventId: entry.eventId,
      threadRoot: relations.threadRoot,
      replyTo: relations.replyTo,
    }
    await turn.reply.finish(
      () => {
        const job = this.#ports.save(saved)
        const words = `${missing.words}. Nothing was changed. Saved as #${job}: I keep trying for an hour, or `
        return { mark: '⚠️', blocks: [paragraph(words, { code: `!retry ${job}` }, ' / ', { code: `!cancel ${job}` }, '.')], code: 'saved' }
      },
      { command: saved.command, arguments: maskArguments(parsed), outcome: 'saved', code: 'saved', detail: missing.unavailable },
    )
  }

  /**
   * Tries a saved command again.
   * @returns whether it was answered; false = the service is still missing
   */
  async run(saved: SavedCommand, signal: AbortSignal): Promise<boolean> {
    const { plans, clock, commands, roles, nameOf, bot } = this.#ports
    const command = commands.get(saved.command)
    if (command === undefined || !isChange(command)) return true
    const entry = { eventId: saved.eventId, roomId: saved.roomId, sender: saved.asker }
    const reply = new Reply(this.#ports, entry, { eventId: saved.eventId, threadRoot: saved.threadRoot }, saved.roomKind, 'saved')
    const audit = { command: saved.command, arguments: {} }
    let stored = plans.byEvent(saved.eventId)
    if (stored === undefined) {
      const role = roles.of(saved.asker)
      const here = { roomId: saved.roomId, name: this.#ports.roomName(saved.roomId) }
      const resolved = await resolveArguments(
        command.declaration,
        saved.arguments,
        saved.asker,
        here,
        this.#ports.resolverFor({ userId: saved.asker, role, place: saved.roomKind }),
      )
      if (!resolved.ok) {
        await reply.finish(unresolvedAnswer(resolved), {
          ...audit,
          outcome: 'refused',
          code: resolved.code,
        })
        return true
      }
      const made = await command.plan({
        asker: { userId: saved.asker, name: nameOf(saved.asker), role },
        roomId: saved.roomId,
        roomKind: saved.roomKind,
        eventId: saved.eventId,
        replyTo: saved.replyTo,
        arguments: resolved.arguments,
        dryRun: false,
        now: clock.now(),
        signal,
      })
      const plan = askAboutUnchecked(made, resolved.unchecked)
      if ('unavailable' in plan) return false
      const refusal =
        'blocks' in plan ? undefined : authoriseTargets(plan, { userId: saved.asker, role }, bot.userId, (userId) => roles.of(userId))
      const lost = roleReaches(role, command.declaration.role) ? undefined : 'you have lost the role for this since'
      if ('blocks' in plan || refusal !== undefined || lost !== undefined) {
        const answer: Answer =
          'blocks' in plan ? plan : { mark: '❌', blocks: [paragraph(refusal?.words ?? lost ?? '')], code: refusal?.code ?? 'no-role' }
        await reply.finish(answer, { ...audit, outcome: 'refused', code: answer.code })
        return true
      }
      if (plan.confirm === true) {
        const words =
          'The service is back, but something about this has to be looked at first, so nothing was done. Give the command again to see and confirm it.'
        const notes = (plan.notes ?? []).map((note) => paragraph({ italic: note }))
        await reply.finish(
          { mark: '⚠️', blocks: [paragraph(words), ...notes], code: 'confirm-first', mentions: [saved.asker] },
          { ...audit, outcome: 'refused', code: 'confirm-first' },
        )
        return true
      }
      const planId = plans.create({
        eventId: saved.eventId,
        command: saved.command,
        asker: saved.asker,
        roomId: saved.roomId,
        plan,
        state: 'running',
        now: clock.now(),
      })
      stored = plans.get(planId)
    }
    if (stored === undefined || stored.state !== 'running') return true
    const { planId, plan } = stored
    const outcomes = await this.#ports.executor.run(planId, signal)
    if (outcomes === undefined) return false
    const answer = renderedBy(command, plan, outcomes)
    await reply.finish(
      () => {
        plans.setState(planId, 'done', clock.now())
        return { ...answer, mentions: [...(answer.mentions ?? []), saved.asker] }
      },
      { ...audit, outcome: 'ran', code: answer.code, steps: plan.steps, outcomes },
      answer.privacy,
    )
    return true
  }
}
