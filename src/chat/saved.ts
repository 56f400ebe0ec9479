import type { EventId, RoomId, UserId } from '../types.ts'
import type { ResolvedArguments, ResolvedPerson } from './command.ts'
import type { Arguments, CommandDeclaration, RoomKind, UserReference } from './declaration.ts'

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

const asReference = ({ raw, userId, account }: ResolvedPerson): UserReference =>
  userId === undefined ? { raw, as: 'username', value: account?.username ?? raw } : { raw, as: 'mxid', value: userId }

/**
 * The arguments with every person under their own name. A row or a handle means something only in the list that was shown last: an hour later
 * it could be somebody else.
 */
export const pinned = (declaration: CommandDeclaration, parsed: Arguments, resolved: ResolvedArguments): Arguments => {
  const people = [...declaration.positionals, ...declaration.options].flatMap(
    ({ name, type }): (readonly [string, Arguments[string]])[] => {
      if (parsed[name] === undefined || (type?.kind !== 'user' && type?.kind !== 'users')) return []
      if (type.kind === 'users') return [[name, resolved.users(name).map(asReference)]]
      const person = resolved.user(name)
      return person === undefined ? [] : [[name, asReference(person)]]
    },
  )
  return { ...parsed, ...Object.fromEntries(people) }
}
