import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'
import type { Answer } from './answer.ts'
import type { ArgumentValue, CommandDeclaration, Role, RoomKind } from './declaration.ts'
import type { Outcome, Plan } from './effects.ts'
import type { Transport } from './incoming.ts'

/** A person that an argument named, looked up. */
export interface ResolvedPerson {
  /** As written. */
  readonly raw: string
  /** Absent for an account without a linked Matrix user. */
  readonly userId?: UserId
  /** The linked account, or the one that was named. */
  readonly account?: { readonly pk: number; readonly username: string }
  /** For answers: display name with badge, else username, else MXID. */
  readonly name: string
}

/** A room that an argument named, looked up. */
export interface ResolvedRoom {
  readonly roomId: RoomId
  readonly name: string
  /** The catalogue category through which it was named, if it was. */
  readonly category?: string
}

/** Arguments with people and rooms looked up. Getters throw when a name was not declared with that type: a bug, not a user's mistake. */
export interface ResolvedArguments {
  text(name: string): string | undefined
  number(name: string): number | undefined
  flag(name: string): boolean
  list(name: string): readonly string[] | undefined
  user(name: string): ResolvedPerson | undefined
  users(name: string): readonly ResolvedPerson[]
  room(name: string): ResolvedRoom | undefined
  rooms(name: string): readonly ResolvedRoom[] | undefined
  /** As parsed, for the audit. */
  raw(): Readonly<Record<string, ArgumentValue | undefined>>
}

/** One command as somebody gave it, after every check. */
export interface CommandRequest {
  readonly asker: { readonly userId: UserId; readonly name: string; readonly role: Role }
  readonly roomId: RoomId
  readonly roomKind: RoomKind
  readonly eventId: EventId
  /** The event in which its words stand, if that is another one: it was held back and has been released since. */
  readonly writtenIn?: EventId
  /** The event that the command replies to, from inside the ciphertext only. */
  readonly replyTo: EventId | undefined
  /** How the command came; absent for one that was kept and is tried again. */
  readonly transport?: Transport
  readonly arguments: ResolvedArguments
  readonly dryRun: boolean
  readonly now: Timestamp
  readonly signal: AbortSignal
}

/** A command that only looks. */
export interface ReadCommand {
  readonly declaration: CommandDeclaration
  answer(request: CommandRequest): Promise<Answer> | Answer
}

/** The service that a plan needs did not answer: nothing was changed, and the command can be kept and tried again. */
export interface Unavailable {
  readonly unavailable: string
  /** Fit for the answer: "Authentik does not answer". */
  readonly words: string
}

/** A command that changes something: it makes a plan, the pipeline does the rest. */
export interface ChangeCommand {
  readonly declaration: CommandDeclaration
  /** The plan, or the reason why there is none, or the service that is missing. Changes nothing. */
  plan(request: CommandRequest): Promise<Plan | Answer | Unavailable> | Plan | Answer | Unavailable
  /**
   * The answer once it has run. Default: `renderOutcomes` of `outcomes.ts`. Gets what stands in the database only, so that it gives the same
   * answer after a restart.
   */
  render?(plan: Plan, outcomes: readonly Outcome[]): Answer
}

export type Command = ReadCommand | ChangeCommand

/** Does it make a plan? */
export const isChange = (command: Command): command is ChangeCommand => 'plan' in command
