import { onTestFinished } from 'vitest'
import { Audit } from '../../src/audit/audit.ts'
import { declarations } from '../../src/commands/declarations.ts'
import { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { SenderTrust } from '../../src/crypto/port.ts'
import { Journal } from '../../src/matrix/journal.ts'
import type { JournalEntry } from '../../src/matrix/journal.ts'
import type { Outbox, OutgoingMessage } from '../../src/matrix/outbox.ts'
import { silentLogger } from '../../src/operations/logger.ts'
import type { EventId, Role, RoomId, RoomKind, UserId } from '../../src/types.ts'
import type { Command, CommandRequest } from '../../src/chat/command.ts'
import type { Plan } from '../../src/chat/effects.ts'
import { Elsewhere } from '../../src/chat/elsewhere.ts'
import { Executor } from '../../src/chat/execute.ts'
import type { EffectHandlers } from '../../src/chat/execute.ts'
import { HeldCommands } from '../../src/chat/held-commands.ts'
import { Lists } from '../../src/chat/lists.ts'
import { createParser } from '../../src/chat/parse.ts'
import { Pipeline } from '../../src/chat/pipeline.ts'
import type { PipelinePorts } from '../../src/chat/pipeline-ports.ts'
import { PlanStore } from '../../src/chat/plans.ts'
import type { SavedCommand } from '../../src/chat/saved.ts'

export const mod = '@mod:x' as UserId
export const bob = '@bob:x' as UserId
/** A moderator in somebody else's direct chat. */
export const carol = '@carol:x' as UserId
export const indoc = '!indoc:x' as RoomId
export const admin = '!admin:x' as RoomId
export const dm = '!dm:x' as RoomId
export const private_ = '!private:x' as RoomId
const kinds: Readonly<Record<string, RoomKind>> = { [indoc]: 'indoc', [admin]: 'admin', [dm]: 'dm' }

/** A message. In the admin room, of a moderator, from a signed device, unless it says otherwise. */
export interface Said {
  readonly keyLate?: boolean
  readonly line: string
  readonly roomId?: RoomId
  readonly sender?: UserId
  readonly trust?: SenderTrust | 'clear'
  readonly device?: string
  readonly replyFallback?: boolean
  /** As the journal gives it after a restart. */
  readonly sinceRestart?: Pick<JournalEntry, 'state' | 'receivedAt'>
}

/** The real pipeline on a database in memory; only what talks to servers is made up. */
export const pipelineBench = (
  made: { readonly plan?: (request: CommandRequest) => ReturnType<Extract<Command, { plan: unknown }>['plan']> } = {},
) => {
  const database = Database.open(':memory:')
  onTestFinished(() => database.close())
  migrate(database)
  let now = 1_000_000
  const clock = { now: () => now, sleep: () => Promise.resolve() }
  const roleOf = new Map<UserId, Role>([[mod, 'moderator']])
  const messages: OutgoingMessage[] = []
  const kicked: string[] = []
  const saved: SavedCommand[] = []
  const planned: CommandRequest[] = []
  const texts: string[] = []
  const outbox: Pick<Outbox, 'add' | 'kick' | 'sent'> = {
    add: (message) => void messages.push(message),
    kick: () => undefined,
    sent: () => Promise.resolve(undefined),
  }
  let heldCodes = 1
  const journal = new Journal(database)
  const lists = new Lists(clock)
  const plans = new PlanStore(database, () => 0)
  const onePlan = (request: CommandRequest): Plan => ({
    summary: 'the plan',
    steps: [{ effect: { kind: 'room.kick', roomId: admin, userId: bob }, text: 'kick Bob' }],
    targets: [request.arguments.raw()['matrix'] === undefined ? bob : (request.arguments.user('matrix')?.userId ?? bob)],
  })
  const commands = new Map(
    declarations.map((declaration): [string, Command] => [
      declaration.name,
      declaration.effect === 'none'
        ? { declaration, answer: () => ({ blocks: [], code: 'ok' }) }
        : {
            declaration,
            plan: (request) => {
              planned.push(request)
              return (made.plan ?? onePlan)(request)
            },
          },
    ]),
  )
  const effect = {
    act: (one: { readonly kind: string }) => {
      kicked.push(one.kind)
      return Promise.resolve({ state: 'done', code: 'done', text: '' } as const)
    },
    probe: () => Promise.resolve('absent' as const),
  }
  const handlers = new Proxy({} as EffectHandlers, { get: () => effect })
  const pipeline = new Pipeline({
    database,
    journal,
    outbox: outbox as Outbox,
    audit: new Audit(database),
    acknowledger: { begin: () => () => undefined } as unknown as PipelinePorts['acknowledger'],
    plans,
    held: new HeldCommands(database, (below) => heldCodes++ % below),
    executor: new Executor({ store: plans, handlers, clock, logger: silentLogger }),
    roles: { of: (userId: UserId) => roleOf.get(userId) ?? 'everyone' } as PipelinePorts['roles'],
    lists,
    resolverFor: () => ({
      lists,
      nameOf: (userId) => userId,
      isBridged: () => false,
      isKnown: () => Promise.resolve({ known: true, near: [] }),
      accountOf: () => undefined,
      accountsNamed: () => ({ exact: [], similar: [] }),
      peopleNamed: () => ({ exact: [], similar: [] }),
      roomsNamed: () => ({ kind: 'none', candidates: [] }),
    }),
    nameOf: (userId) => userId,
    clock,
    logger: silentLogger,
    parse: createParser(declarations),
    elsewhere: new Elsewhere({
      parse: createParser(declarations),
      address: { prefixes: ['!'], botUserId: '@bot:x' as UserId, botNames: ['Gatehouse'] },
      clock,
    }),
    commands,
    bot: { userId: '@bot:x' as UserId, names: ['Gatehouse'], prefixes: ['!'] },
    trust: 'enforce',
    confirmWithinMs: 300_000,
    roomKind: (roomId, sender) => (roomId === dm && sender === carol ? undefined : kinds[roomId]),
    roomEncrypted: (roomId) => roomId !== dm,
    roomName: (roomId) => roomId,
    directRoom: () => Promise.resolve(private_),
    save: (command) => saved.push(command) + 40,
    bridgeSaid: () => false,
    deviceHint: { look: () => undefined },
    onInvitation: () => Promise.resolve(),
    onUnreadable: () => Promise.resolve(),
    believe: (_userId, _role, transport) => transport,
    freshTrust: () => Promise.resolve(undefined),
    onText: (message) => {
      texts.push(message.body)
      return Promise.resolve(undefined)
    },
  })
  let events = 0
  const say = async ({
    line,
    roomId = admin,
    sender = mod,
    trust = 'signed',
    device = 'PHONE',
    replyFallback = false,
    keyLate = false,
    sinceRestart,
  }: Said) => {
    events += 1
    const eventId = `$${events}` as EventId
    const before = messages.length
    const entry = journal.add({ eventId, roomId, sender, kind: 'message', event: {}, late: false, receivedAt: now })
    if (entry === undefined) throw new Error('an event is claimed once')
    const { rest } = await pipeline.message(
      {
        entry: sinceRestart === undefined ? entry : { ...entry, ...sinceRestart },
        body: replyFallback ? `> <@bot:x> Please confirm:\n> the plan\n\n${line}` : line,
        formattedBody: undefined,
        msgtype: 'm.text',
        relations: { isEdit: false, replyTo: undefined, threadRoot: undefined },
        transport: trust === 'clear' ? { encrypted: false } : { encrypted: true, trust, device },
        keyLate,
      },
      new AbortController().signal,
    )
    await rest
    return messages.slice(before).map(({ roomId: to, type, content }) => ({ roomId: to, type, text: JSON.stringify(content) }))
  }
  const auditText = () => JSON.stringify(database.all(database.query.selectFrom('audit').selectAll()))
  return {
    say,
    pipeline,
    messages,
    kicked,
    saved,
    planned,
    texts,
    lists,
    roleOf,
    auditText,
    later: (milliseconds: number) => {
      now += milliseconds
    },
  }
}

/** What a plan comes to while Authentik is away. */
export const down = () => ({ unavailable: 'authentik', words: 'Authentik does not answer' })
