import type { EventId, RoomId, UserId } from '../types.ts'
import type { Arguments, RoomKind } from './declaration.ts'

/** A command that is kept because a service it needs is down. It stands in the jobs table. */
export interface SavedCommand {
  readonly command: string
  readonly arguments: Arguments
  readonly asker: UserId
  readonly roomId: RoomId
  readonly roomKind: RoomKind
  readonly eventId: EventId
  readonly threadRoot: EventId | undefined
  readonly replyTo: EventId | undefined
}
