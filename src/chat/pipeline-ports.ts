import type { Audit } from '../audit/audit.ts'
import type { Database } from '../database/database.ts'
import type { JournalEntry, Journal } from '../matrix/journal.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import type { Acknowledger } from './acknowledge.ts'
import type { Command } from './command.ts'
import type { Viewer } from './community.ts'
import type { Role, RoomKind } from './declaration.ts'
import type { DeviceHint } from './device-hint.ts'
import type { Elsewhere } from './elsewhere.ts'
import type { Executor } from './execute.ts'
import type { HeldCommands } from './held-commands.ts'
import type { IncomingMessage, Transport } from './incoming.ts'
import type { Lists } from './lists.ts'
import type { Parser } from './parse.ts'
import type { PlanStore } from './plans.ts'
import type { Reply, ReplyPorts } from './reply.ts'
import type { ResolverPorts } from './resolve.ts'
import type { Roles } from './roles.ts'
import type { SavedCommand } from './saved.ts'
import type { UnreadableCause } from './unreadable.ts'

/** What the pipeline is made of. */
export interface PipelinePorts extends ReplyPorts {
  readonly database: Database
  readonly journal: Journal
  readonly outbox: Outbox
  readonly audit: Audit
  readonly acknowledger: Acknowledger
  readonly plans: PlanStore
  readonly held: HeldCommands
  readonly executor: Executor
  readonly roles: Roles
  readonly lists: Lists
  readonly resolverFor: (viewer: Viewer) => ResolverPorts
  readonly nameOf: (userId: UserId) => string
  readonly clock: Clock
  readonly logger: Logger
  readonly parse: Parser
  readonly elsewhere: Elsewhere
  readonly deviceHint: Pick<DeviceHint, 'look'>
  readonly commands: ReadonlyMap<string, Command>
  readonly bot: { readonly userId: UserId; readonly names: readonly string[]; readonly prefixes: readonly string[] }
  readonly trust: 'off' | 'warn' | 'enforce'
  /** How far a message can be believed, by what is remembered of its sender's identity. */
  readonly believe: (userId: UserId, role: Role, transport: Transport) => Transport
  /** Asks the server for the sender's devices anew and looks at the message again. undefined = it could not be asked. */
  readonly freshTrust: (message: IncomingMessage) => Promise<Transport | undefined>
  readonly confirmWithinMs: number
  /** What kind of room it is for what this person says. */
  readonly roomKind: (roomId: RoomId, sender: UserId) => RoomKind | undefined
  readonly roomEncrypted: (roomId: RoomId) => boolean
  readonly roomName: (roomId: RoomId) => string
  /** Keeps a command whose service is down. Runs inside the transaction of the answer. Returns the job's number. */
  readonly save: (command: SavedCommand) => number
  /** Text that is no command: an introduction, `resend`, a yes or no. Marks nothing. Resolves with what it was, for the journal; undefined = nothing. */
  readonly onText?: (message: IncomingMessage, kind: RoomKind) => Promise<string | undefined>
  /** Is it the bot of a bridge that answers a command of ours? Then it is taken from here. */
  readonly bridgeSaid: (message: IncomingMessage) => boolean
  readonly onInvitation: (entry: JournalEntry) => Promise<void>
  /** A message that stayed unreadable. Marks the entry as done. */
  readonly onUnreadable: (entry: JournalEntry, cause: UnreadableCause) => Promise<void>
}

/** Everything about one command while it is handled. */
export interface Turn {
  readonly message: IncomingMessage
  readonly kind: RoomKind
  readonly role: Role
  readonly late: boolean
  readonly reply: Reply
  readonly signal: AbortSignal
  /** Where the words of the command stand, if another message has released it. */
  readonly writtenIn?: EventId
}

/** The next message of the room may be handled; what takes longer goes on as `rest`. */
export interface Handled {
  readonly rest?: Promise<void>
}
