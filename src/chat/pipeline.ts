import type { Audit } from '../audit/audit.ts'
import type { Database } from '../database/database.ts'
import type { JournalEntry, Journal } from '../matrix/journal.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Acknowledger } from './acknowledge.ts'
import { determine, ownText } from './address.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import { maskArguments, masked } from './audit-arguments.ts'
import { authorise, authoriseTargets, roleReaches } from './authorise.ts'
import type { Refusal, Verdict } from './authorise.ts'
import type { Command, CommandRequest, ResolvedArguments, Unavailable } from './command.ts'
import { isChange } from './command.ts'
import type { Arguments, CommandDeclaration, Role, RoomKind } from './declaration.ts'
import type { Handlers } from './dispatcher.ts'
import type { Outcome, Plan } from './effects.ts'
import { elsewhereAnswer } from './elsewhere.ts'
import type { Elsewhere } from './elsewhere.ts'
import type { Executor } from './execute.ts'
import { placeOf } from './incoming.ts'
import type { IncomingMessage, Transport } from './incoming.ts'
import type { Lists } from './lists.ts'
import { renderOutcomes, renderPlan } from './outcomes.ts'
import { durationWords } from '../operations/durations.ts'
import type { ParsedCommand, ParseResult, Parser } from './parse.ts'
import { problemAnswer } from './problem-answer.ts'
import type { PlanStore, StoredPlan } from './plans.ts'
import { holdsPersonalData, isPersonalCommand } from './personal.ts'
import { renderBlocks } from './render.ts'
import { Reply } from './reply.ts'
import type { ReplyPorts } from './reply.ts'
import type { Viewer } from './community.ts'
import { resolveArguments } from './resolve.ts'
import type { ResolverPorts } from './resolve.ts'
import type { Roles } from './roles.ts'
import { pinned } from './saved.ts'
import type { SavedCommand } from './saved.ts'

/** What the pipeline is made of. */
export interface PipelinePorts extends ReplyPorts {
  readonly database: Database
  readonly journal: Journal
  readonly outbox: Outbox
  readonly audit: Audit
  readonly acknowledger: Acknowledger
  readonly plans: PlanStore
  readonly executor: Executor
  readonly roles: Roles
  readonly lists: Lists
  readonly resolverFor: (viewer: Viewer) => ResolverPorts
  readonly nameOf: (userId: UserId) => string
  readonly clock: Clock
  readonly logger: Logger
  readonly parse: Parser
  readonly elsewhere: Elsewhere
  readonly commands: ReadonlyMap<string, Command>
  readonly bot: { readonly userId: UserId; readonly names: readonly string[]; readonly prefixes: readonly string[] }
  readonly trust: 'off' | 'warn' | 'enforce'
  /** Asks the server for the sender's devices anew and looks at the message again. undefined = it could not be asked. */
  readonly freshTrust: (message: IncomingMessage) => Promise<Transport | undefined>
  readonly confirmWithinMs: number
  readonly roomKind: (roomId: RoomId) => RoomKind | undefined
  readonly roomEncrypted: (roomId: RoomId) => boolean
  readonly roomName: (roomId: RoomId) => string
  /** Keeps a command whose service is down. Runs inside the transaction of the answer. Returns the job's number. */
  readonly save: (command: SavedCommand) => number
  /** Text that is no command: an introduction, `resend`, a yes or no. Marks nothing. */
  readonly onText?: (message: IncomingMessage, kind: RoomKind) => Promise<void>
  readonly onInvitation: (entry: JournalEntry) => Promise<void>
  readonly onUnreadable: (
    entry: JournalEntry,
    cause: { readonly code: string; readonly withheld: string | undefined },
  ) => Answer | undefined
}

/** A command that was journaled this long before it is begun is as good as one that arrived late (milliseconds). */
const staleAfterMs = 10 * 60_000

/** Everything about one command while it is handled. */
interface Turn {
  readonly message: IncomingMessage
  readonly kind: RoomKind
  readonly role: Role
  readonly late: boolean
  readonly reply: Reply
  readonly signal: AbortSignal
}

/**
 * The way of a command: address → parse → authorise → look up → plan → confirm → execute → answer. Each end is one transaction that stores the
 * answer, the audit row and the journal mark together, so that a restart neither loses nor repeats one of them.
 */
export class Pipeline implements Handlers {
  readonly #ports: PipelinePorts

  constructor(ports: PipelinePorts) {
    this.#ports = ports
  }

  async invitation(entry: JournalEntry): Promise<void> {
    await this.#ports.onInvitation(entry)
    this.#ports.journal.mark(entry.eventId, 'done', this.#ports.clock.now(), 'invitation')
  }

  async broken(entry: JournalEntry): Promise<void> {
    const kind = this.#ports.roomKind(entry.roomId)
    if (kind === undefined) return
    const reply = new Reply(this.#ports, entry, { eventId: entry.eventId }, kind, 'broken')
    const words =
      'An internal error happened, and I do not know how far I came. Please look before you repeat it; the operator finds the error in the log.'
    await reply.finish(
      { mark: '❔', blocks: [paragraph(words)], code: 'bug' },
      { command: '', arguments: {}, outcome: 'refused', code: 'bug' },
    )
  }

  async unreadable(entry: JournalEntry, cause: { readonly code: string; readonly withheld: string | undefined }): Promise<void> {
    const { journal, clock } = this.#ports
    // What nobody could read while the bot was away is not answered: it may be long forgotten.
    const answer = entry.late || this.#ports.roomKind(entry.roomId) === undefined ? undefined : this.#ports.onUnreadable(entry, cause)
    if (answer === undefined) {
      journal.mark(entry.eventId, 'done', clock.now(), `unreadable-${cause.code}`)
      return
    }
    const reply = new Reply(this.#ports, entry, { eventId: entry.eventId }, this.#ports.roomKind(entry.roomId) ?? 'dm')
    await reply.finish(answer, { command: '', arguments: {}, outcome: 'refused', code: answer.code })
  }

  async message(message: IncomingMessage, signal: AbortSignal): Promise<{ readonly rest?: Promise<void> }> {
    const { entry } = message
    const { journal, clock, roles, plans, bot } = this.#ports
    const kind = this.#ports.roomKind(entry.roomId)
    const done = (note: string): { readonly rest?: Promise<void> } => {
      journal.mark(entry.eventId, 'done', clock.now(), note)
      return {}
    }
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
      if (message.msgtype !== 'm.text' || message.relations.isEdit || !plans.isCode(ownText(message.body), entry.roomId)) {
        await this.#ports.onText?.(message, kind)
        return done(`ignored-${addressed.why}`)
      }
      line = `confirm ${ownText(message.body)}`
      pills = []
    }
    const late = entry.late || (entry.state !== 'running' && clock.now() - entry.receivedAt > staleAfterMs)
    const reply = new Reply(this.#ports, entry, placeOf(message), kind)
    const turn: Turn = { message, kind, role: roles.of(entry.sender), late, reply, signal }
    const parsed = this.#ports.parse(line, pills)
    // A moderator's own command is hidden whatever becomes of it, also when it is refused, mistyped or taken up again after a restart.
    if (kind === 'indoc' && turn.role !== 'everyone' && isPersonalCommand(parsed, line)) reply.redactCommand()
    const running = plans.answering(entry.eventId)
    if (running?.state === 'running') return { rest: this.#run(running, turn) }
    // "Gatehouse is nice" begins with the bot's name and is still no command.
    if (!parsed.ok && parsed.code === 'unknown-command' && addressed.kind === 'command' && addressed.by === 'name')
      return done('ignored-chatter')
    return this.#command(turn, line, parsed)
  }

  /** A command in a room where the bot takes none: refused and audited. */
  async #elsewhere(message: IncomingMessage): Promise<{ readonly rest?: Promise<void> }> {
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

  async #command(turn: Turn, line: string, parsed: ParseResult): Promise<{ readonly rest?: Promise<void> }> {
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
    const verdict = await this.#authorise(turn, parsed.declaration, parsed.dryRun)
    if (!verdict.allowed) {
      await this.#refuse(turn, parsed, verdict.refusal)
      return {}
    }
    return this.#answerOrPlan(turn, parsed, verdict.warning)
  }

  async #authorise(turn: Turn, declaration: CommandDeclaration, dryRun: boolean): Promise<Verdict> {
    const { message, kind, role, late } = turn
    const judge = (transport: Transport): Verdict =>
      authorise({
        declaration,
        role,
        roomKind: kind,
        roomEncrypted: this.#ports.roomEncrypted(message.entry.roomId),
        transport,
        policy: this.#ports.trust,
        late,
        dryRun,
      })
    const verdict = judge(message.transport)
    const doubtful = message.transport.encrypted && (message.transport.trust === 'unsigned' || message.transport.trust === 'unknown-device')
    const matters = verdict.allowed ? verdict.warning !== undefined : verdict.refusal.code === 'untrusted-device'
    if (!doubtful || !matters) return verdict
    // Somebody who has just signed in and verified the session is ahead of what the server told us: ask before anybody is refused.
    const fresh = await this.#ports.freshTrust(message)
    return fresh === undefined ? verdict : judge(fresh)
  }

  async #refuse(turn: Turn, parsed: ParsedCommand, refusal: Refusal): Promise<void> {
    await turn.reply.finish(
      { mark: '❌', blocks: [paragraph(refusal.words)], code: refusal.code },
      { command: parsed.declaration.name, arguments: maskArguments(parsed), outcome: 'refused', code: refusal.code, detail: refusal.words },
    )
  }

  async #answerOrPlan(turn: Turn, parsed: ParsedCommand, warning: string | undefined): Promise<{ readonly rest?: Promise<void> }> {
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
      await turn.reply.finish(discreet(resolveAnswer(resolved.code, resolved.words, resolved.suggestions), turn), {
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
    const plan = await command.plan(request)
    if ('unavailable' in plan) {
      // Kept is what would be done later without a further word: never a dry run, nor what has to be confirmed first.
      if (parsed.dryRun || declaration.effect === 'destructive') await this.#notNow(turn, parsed, plan)
      else await this.#save(turn, parsed, pinned(declaration, parsed.arguments, resolved.arguments), plan)
      return {}
    }
    if ('blocks' in plan) {
      await turn.reply.finish(discreet(warned(plan, warning), turn), { ...audit, outcome: 'refused', code: plan.code })
      return {}
    }
    return this.#planned(turn, parsed, withWarning(plan, warning))
  }

  #request(turn: Turn, resolved: ResolvedArguments, dryRun: boolean): CommandRequest {
    const { entry, relations } = turn.message
    return {
      asker: { userId: entry.sender, name: this.#ports.nameOf(entry.sender), role: turn.role },
      roomId: entry.roomId,
      roomKind: turn.kind,
      eventId: entry.eventId,
      replyTo: relations.replyTo,
      transport: turn.message.transport,
      arguments: resolved,
      dryRun,
      now: this.#ports.clock.now(),
      signal: turn.signal,
    }
  }

  async #planned(turn: Turn, parsed: ParsedCommand, plan: Plan): Promise<{ readonly rest?: Promise<void> }> {
    const { declaration } = parsed
    const { entry } = turn.message
    const { plans, clock, roles, bot, confirmWithinMs } = this.#ports
    const audit = { command: declaration.name, arguments: maskArguments(parsed), steps: plan.steps }
    const refusal = authoriseTargets(plan, { userId: entry.sender, role: turn.role }, bot.userId, (userId) => roles.of(userId))
    if (refusal !== undefined) {
      await this.#refuse(turn, parsed, refusal)
      return {}
    }
    const privacy = plan.personal === true ? { privacy: 'personal' as const } : {}
    if (parsed.dryRun) {
      const blocks = renderPlan(plan, 'Nothing was done. The plan:')
      await turn.reply.finish({ blocks, code: 'dry-run', ...privacy }, { ...audit, outcome: 'planned', code: 'dry-run' })
      return {}
    }
    const given = { eventId: entry.eventId, command: declaration.name, asker: entry.sender, roomId: entry.roomId, plan, now: clock.now() }
    if (declaration.effect === 'destructive' && plan.steps.some((step) => step.blocked === undefined)) {
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
    return { rest: this.#run(stored, turn) }
  }

  async #confirm(turn: Turn, parsed: ParsedCommand): Promise<{ readonly rest?: Promise<void> }> {
    const { entry } = turn.message
    const { plans, clock, commands, roles, bot } = this.#ports
    const given = parsed.arguments['code']
    const code = typeof given === 'string' ? given : ''
    const refuse = async (reason: string, words: string): Promise<{ readonly rest?: Promise<void> }> => {
      await turn.reply.finish(
        { mark: '❌', blocks: [paragraph(words)], code: reason },
        { command: 'confirm', arguments: {}, outcome: 'refused', code: reason, detail: words },
      )
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
    const verdict = await this.#authorise(turn, command.declaration, false)
    if (!verdict.allowed) return refuse(verdict.refusal.code, verdict.refusal.words)
    const targets = authoriseTargets(stored.plan, { userId: entry.sender, role: turn.role }, bot.userId, (userId) => roles.of(userId))
    if (targets !== undefined) return refuse(targets.code, targets.words)
    const confirmed = plans.confirm(code, entry.sender, entry.roomId, entry.eventId, clock.now())
    if (!confirmed.ok) {
      const words = {
        unknown: 'I asked nobody here for that code',
        'not-yours': 'only the person who asked can confirm this',
        used: 'this code was used already',
        expired: 'this code has run out. Give the command again',
      }[confirmed.code]
      return refuse(confirmed.code, words)
    }
    const running = plans.get(confirmed.planId)
    if (running === undefined) throw new Error('a confirmed plan cannot be read')
    turn.reply.begin()
    return { rest: this.#run(running, turn) }
  }

  /** Runs (or goes on with) a plan and answers. Ends without an answer only when the program stops: the next start goes on. */
  async #run(stored: StoredPlan, turn: Turn): Promise<void> {
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

  async #notNow(turn: Turn, parsed: ParsedCommand, missing: Unavailable): Promise<void> {
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

  async #save(turn: Turn, parsed: ParsedCommand, given: Arguments, missing: Unavailable): Promise<void> {
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
  async runSaved(saved: SavedCommand, signal: AbortSignal): Promise<boolean> {
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
        await reply.finish(resolveAnswer(resolved.code, resolved.words, resolved.suggestions), {
          ...audit,
          outcome: 'refused',
          code: resolved.code,
        })
        return true
      }
      const plan = await command.plan({
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

const renderedBy = (command: Command | undefined, plan: Plan, outcomes: readonly Outcome[]): Answer =>
  command !== undefined && isChange(command) && command.render !== undefined
    ? command.render(plan, outcomes)
    : renderOutcomes(plan, outcomes)

const resolveAnswer = (code: string, words: string, suggestions: readonly string[]): Answer => ({
  mark: '❌',
  blocks: [
    paragraph(`${words}.`),
    ...(suggestions.length === 0
      ? []
      : [paragraph('Did you mean ', ...suggestions.flatMap((one, index) => [...(index === 0 ? [] : [', ']), { code: one }]), '?')]),
  ],
  code,
})

/** An answer that repeats personal data of a command which is being hidden: not in INDOC. */
const discreet = (answer: Answer, turn: Turn): Answer =>
  turn.kind === 'indoc' && turn.role !== 'everyone' && holdsPersonalData(renderBlocks(answer.blocks).plain)
    ? { ...answer, privacy: 'personal' }
    : answer

const warned = (answer: Answer, warning: string | undefined): Answer =>
  warning === undefined ? answer : { ...answer, blocks: [...answer.blocks, paragraph({ italic: `Warning: ${warning}.` })] }

const withWarning = (plan: Plan, warning: string | undefined): Plan =>
  warning === undefined ? plan : { ...plan, notes: [...(plan.notes ?? []), `Warning: ${warning}.`] }
