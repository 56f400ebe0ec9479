import type { JournalEntry } from '../matrix/journal.ts'
import type { RoomId, UserId } from '../types.ts'
import { determine, ownText } from './address.ts'
import { admit, refuse } from './admission.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import { maskArguments, masked } from './audit-arguments.ts'
import type { CommandRequest, ResolvedArguments } from './command.ts'
import { isChange } from './command.ts'
import { Confirmations } from './confirmations.ts'
import type { RoomKind } from './declaration.ts'
import type { Handlers } from './dispatcher.ts'
import type { Plan } from './effects.ts'
import { elsewhereAnswer } from './elsewhere.ts'
import { placeOf } from './incoming.ts'
import type { IncomingMessage } from './incoming.ts'
import type { ParsedCommand, ParseResult } from './parse.ts'
import { holdsPersonalData, isPersonalCommand } from './personal.ts'
import type { Handled, PipelinePorts, Turn } from './pipeline-ports.ts'
import { problemAnswer, unresolvedAnswer } from './problem-answer.ts'
import { renderBlocks } from './render.ts'
import { Reply } from './reply.ts'
import { resolveArguments } from './resolve.ts'
import { PlanRunner } from './run-plan.ts'
import { pinned } from './saved.ts'
import type { SavedCommand } from './saved.ts'
import { SavedCommands } from './saved-commands.ts'
import { askAboutUnchecked } from './unchecked.ts'
import { Vouching } from './vouching.ts'
import type { UnreadableCause } from './unreadable.ts'

/** A command that was journaled this long before it is begun is as good as one that arrived late (milliseconds). */
const staleAfterMs = 10 * 60_000

/**
 * The way of a command: address → parse → authorise → look up → plan → confirm → execute → answer. Each end is one transaction that stores the
 * answer, the audit row and the journal mark together, so that a restart neither loses nor repeats one of them.
 */
export class Pipeline implements Handlers {
  readonly #ports: PipelinePorts
  readonly #runner: PlanRunner
  readonly #confirmations: Confirmations
  readonly #saved: SavedCommands
  readonly #vouching: Vouching

  constructor(ports: PipelinePorts) {
    this.#ports = ports
    this.#runner = new PlanRunner(ports)
    this.#confirmations = new Confirmations(ports, this.#runner)
    this.#saved = new SavedCommands(ports)
    this.#vouching = new Vouching(ports)
  }

  async invitation(entry: JournalEntry): Promise<void> {
    await this.#ports.onInvitation(entry)
    this.#ports.journal.mark(entry.eventId, 'done', this.#ports.clock.now(), 'invitation')
  }

  async broken(entry: JournalEntry): Promise<void> {
    const kind = this.#ports.roomKind(entry.roomId, entry.sender)
    if (kind === undefined) return
    const reply = new Reply(this.#ports, entry, { eventId: entry.eventId }, kind, 'broken')
    const words =
      'An internal error happened, and I do not know how far I came. Please look before you repeat it; the operator finds the error in the log.'
    await reply.finish(
      { mark: '❔', blocks: [paragraph(words)], code: 'bug' },
      { command: '', arguments: {}, outcome: 'refused', code: 'bug' },
    )
  }

  async unreadable(entry: JournalEntry, cause: UnreadableCause): Promise<void> {
    await this.#ports.onUnreadable(entry, cause)
  }

  async message(message: IncomingMessage, signal: AbortSignal): Promise<Handled> {
    const { entry } = message
    const { journal, clock, roles, plans, bot } = this.#ports
    const kind = this.#ports.roomKind(entry.roomId, entry.sender)
    const done = (note: string): Handled => {
      journal.mark(entry.eventId, 'done', clock.now(), note)
      return {}
    }
    if (this.#ports.bridgeSaid(message)) return done('bridge')
    if (kind === undefined) return this.#elsewhere(message)
    const addressed = determine(
      {
        body: message.body,
        msgtype: message.msgtype,
        isEdit: message.relations.isEdit,
        ...(message.formattedBody === undefined ? {} : { formattedBody: message.formattedBody }),
      },
      { prefixes: bot.prefixes, botUserId: bot.userId, botNames: bot.names },
    )
    let { line, pills } = addressed.kind === 'command' ? addressed : { line: '', pills: [] }
    if (addressed.kind === 'ignored') {
      // The bare code answers a confirmation too.
      if (message.msgtype !== 'm.text' || message.relations.isEdit || !this.#isCode(ownText(message.body), entry.roomId)) {
        return done((await this.#takeText(message, kind)) ?? `ignored-${addressed.why}`)
      }
      line = `confirm ${ownText(message.body)}`
      pills = []
    }
    const late = entry.late || message.keyLate === true || (entry.state !== 'running' && clock.now() - entry.receivedAt > staleAfterMs)
    const reply = new Reply(this.#ports, entry, placeOf(message), kind)
    const role = roles.of(entry.sender)
    const transport = this.#ports.believe(entry.sender, role, message.transport)
    const turn: Turn = { message: { ...message, transport }, kind, role, late, reply, signal }
    const parsed = this.#ports.parse(line, pills)
    // A moderator's own command is hidden whatever becomes of it, also when it is refused, mistyped or taken up again after a restart.
    if (kind === 'indoc' && turn.role !== 'everyone' && isPersonalCommand(parsed, line)) reply.redactCommand()
    const running = plans.answering(entry.eventId)
    if (running?.state === 'running') return { rest: this.#runner.run(running, turn) }
    // "Gatehouse is nice" begins with the bot's name and is still no command.
    if (!parsed.ok && parsed.code === 'unknown-command' && addressed.kind === 'command' && addressed.by === 'name') {
      return done((await this.#takeText(message, kind)) ?? 'ignored-chatter')
    }
    this.#ports.deviceHint.look(message)
    return this.#command(turn, line, parsed)
  }

  #isCode(text: string, roomId: RoomId): boolean {
    return this.#ports.plans.isCode(text, roomId) || this.#ports.held.roomOf(text) === roomId
  }

  /** An introduction is data, however late its key was. Words that do something in a direct chat are not taken then. */
  async #takeText(message: IncomingMessage, kind: RoomKind): Promise<string | undefined> {
    return message.keyLate !== true || kind === 'indoc' ? this.#ports.onText?.(message, kind) : undefined
  }

  /** A command in a room where the bot takes none: refused and audited. */
  async #elsewhere(message: IncomingMessage): Promise<Handled> {
    const { entry } = message
    const { elsewhere, roles, journal, audit, database, clock } = this.#ports
    const found = elsewhere.find(message, roles.of(entry.sender))
    if (found === undefined) {
      journal.mark(entry.eventId, 'done', clock.now(), 'not-watched')
      return {}
    }
    const part = {
      command: found.declaration.name,
      arguments: found.parsed.ok ? maskArguments(found.parsed) : {},
      outcome: 'refused' as const,
      code: elsewhereAnswer.code,
    }
    if (found.told) {
      const reply = new Reply(this.#ports, entry, placeOf(message), 'indoc')
      if (isPersonalCommand(found.parsed, found.line)) reply.redactCommand()
      await reply.finish(elsewhereAnswer, part)
      return {}
    }
    database.transaction(() => {
      audit.add({ at: clock.now(), actor: entry.sender, roomId: entry.roomId, eventId: entry.eventId, durationMs: 0, ...part })
      journal.mark(entry.eventId, 'done', clock.now(), part.code)
    })
    return {}
  }

  async #command(turn: Turn, line: string, parsed: ParseResult): Promise<Handled> {
    if (!parsed.ok) {
      const word = parsed.declaration?.name ?? line.split(/\s/, 1)[0] ?? ''
      await turn.reply.finish(discreet(problemAnswer(parsed, line, this.#ports.bot.prefixes[0]), turn), {
        command: holdsPersonalData(word) ? masked : word.slice(0, 40),
        arguments: {},
        outcome: 'refused',
        code: parsed.code,
      })
      return {}
    }
    if (parsed.declaration.name === 'confirm') return this.#confirm(turn, parsed)
    const verdict = await admit(this.#ports, turn, parsed.declaration, parsed.dryRun)
    if (!verdict.allowed) {
      const { refusal } = verdict
      const { code } = refusal
      if (code === 'untrusted-device' || code === 'identity-changed') await this.#vouching.refuse(turn, parsed, { ...refusal, code })
      else await refuse(turn, parsed, refusal)
      return {}
    }
    return this.#answerOrPlan(turn, parsed, verdict.warning)
  }

  /** A code stands for a plan that was shown, or for a command that came from a device nobody has vouched for. */
  async #confirm(turn: Turn, parsed: ParsedCommand): Promise<Handled> {
    const released = await this.#vouching.release(turn, parsed)
    if (released === 'no-code') return this.#confirmations.take(turn, parsed)
    return released === 'answered' ? {} : this.#answerOrPlan(released.turn, released.parsed, released.warning)
  }

  async #answerOrPlan(turn: Turn, parsed: ParsedCommand, warning: string | undefined): Promise<Handled> {
    const { declaration } = parsed
    const { entry } = turn.message
    const command = this.#ports.commands.get(declaration.name)
    const audit = { command: declaration.name, arguments: maskArguments(parsed) }
    if (command === undefined) {
      const words = `\`${declaration.name}\` is not part of this version yet`
      await turn.reply.finish(
        { mark: '❌', blocks: [paragraph(words)], code: 'not-available' },
        { ...audit, outcome: 'refused', code: 'not-available' },
      )
      return {}
    }
    turn.reply.begin()
    const here = { roomId: entry.roomId, name: this.#ports.roomName(entry.roomId) }
    const resolved = await resolveArguments(
      declaration,
      parsed.arguments,
      entry.sender,
      here,
      this.#ports.resolverFor({ userId: entry.sender, role: turn.role, place: turn.kind }),
    )
    if (!resolved.ok) {
      await turn.reply.finish(discreet(unresolvedAnswer(resolved), turn), {
        ...audit,
        outcome: 'refused',
        code: resolved.code,
      })
      return {}
    }
    const request = this.#request(turn, resolved.arguments, parsed.dryRun)
    if (!isChange(command)) {
      const answer = await command.answer(request)
      await turn.reply.finish(this.#withRows(warned(answer, warning), entry.sender), { ...audit, outcome: 'answered', code: answer.code })
      return {}
    }
    const plan = askAboutUnchecked(await command.plan(request), resolved.unchecked)
    if ('unavailable' in plan) {
      // Kept is what would be done later without a further word: never a dry run, nor what has to be confirmed first.
      if (parsed.dryRun || declaration.effect === 'destructive') await this.#saved.refuse(turn, parsed, plan)
      else await this.#saved.keep(turn, parsed, pinned(declaration, parsed.arguments, resolved.arguments), plan)
      return {}
    }
    if ('blocks' in plan) {
      await turn.reply.finish(discreet(warned(plan, warning), turn), { ...audit, outcome: 'refused', code: plan.code })
      return {}
    }
    return this.#runner.begin(turn, parsed, withWarning(plan, warning))
  }

  #request(turn: Turn, resolved: ResolvedArguments, dryRun: boolean): CommandRequest {
    const { entry, relations } = turn.message
    return {
      asker: { userId: entry.sender, name: this.#ports.nameOf(entry.sender), role: turn.role },
      roomId: entry.roomId,
      roomKind: turn.kind,
      eventId: entry.eventId,
      ...(turn.writtenIn === undefined ? {} : { writtenIn: turn.writtenIn }),
      replyTo: relations.replyTo,
      transport: turn.message.transport,
      arguments: resolved,
      dryRun,
      now: this.#ports.clock.now(),
      signal: turn.signal,
    }
  }

  /**
   * Tries a saved command again.
   * @returns whether it was answered; false = the service is still missing
   */
  runSaved(saved: SavedCommand, signal: AbortSignal): Promise<boolean> {
    return this.#saved.run(saved, signal)
  }

  /** Remembers the rows of a list and names its handle. */
  #withRows(answer: Answer, asker: UserId): Answer {
    if (answer.rows === undefined || answer.rows.length === 0) return answer
    const handle = this.#ports.lists.add(asker, answer.rows)
    return {
      ...answer,
      blocks: [...answer.blocks, paragraph({ italic: `Rows can be named in commands for 15 minutes; all of them are #${handle}.` })],
    }
  }
}

/** An answer that repeats personal data of a command which is being hidden: not in INDOC. */
const discreet = (answer: Answer, turn: Turn): Answer =>
  turn.kind === 'indoc' && turn.role !== 'everyone' && holdsPersonalData(renderBlocks(answer.blocks).plain)
    ? { ...answer, privacy: 'personal' }
    : answer

const warned = (answer: Answer, warning: string | undefined): Answer =>
  warning === undefined ? answer : { ...answer, blocks: [...answer.blocks, paragraph({ italic: `Warning: ${warning}.` })] }

const withWarning = (plan: Plan, warning: string | undefined): Plan =>
  warning === undefined ? plan : { ...plan, notes: [...(plan.notes ?? []), `Warning: ${warning}.`] }
