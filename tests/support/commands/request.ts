import type { CommandRequest, ResolvedRoom } from '../../../src/chat/command.ts'
import type { Role, RoomKind } from '../../../src/chat/declaration.ts'
import { Lists } from '../../../src/chat/lists.ts'
import { createParser } from '../../../src/chat/parse.ts'
import { resolveArguments } from '../../../src/chat/resolve.ts'
import type { AccountName } from '../../../src/chat/resolve.ts'
import { declarations } from '../../../src/commands/declarations.ts'
import { Bridged } from '../../../src/directory/bridged.ts'
import { systemClock } from '../../../src/operations/clock.ts'
import type { EventId, RoomId, UserId } from '../../../src/types.ts'

const parse = createParser(declarations)
const bridged = new Bridged([{ users: '^@signal_' }])

/** What a request is made with besides its line. */
export interface RequestOptions {
  readonly asker?: UserId
  readonly role?: Role
  readonly place?: RoomKind
  readonly now?: number
  /** Rooms (and categories) by the names they are called in the line. */
  readonly rooms?: Readonly<Record<string, readonly ResolvedRoom[]>>
  /** Accounts by username. */
  readonly accounts?: readonly AccountName[]
}

let events = 0

/** The request that a command line becomes, by the real parser and the real look-up of arguments. @throws when it does not parse */
export const requestOf = async (line: string, options: RequestOptions = {}): Promise<CommandRequest> => {
  const parsed = parse(line, [])
  if (!parsed.ok) throw new Error(parsed.words)
  const asker = options.asker ?? ('@mod:example.org' as UserId)
  const roomId = '!here:example.org' as RoomId
  const resolved = await resolveArguments(
    parsed.declaration,
    parsed.arguments,
    asker,
    { roomId, name: 'here' },
    {
      lists: new Lists(systemClock),
      nameOf: (userId) => bridged.label(userId, null),
      isBridged: (userId) => bridged.bridgeOf(userId) !== undefined,
      isKnown: () => Promise.resolve({ known: undefined, near: [] }),
      accountOf: (userId) => options.accounts?.find((account) => account.userId === userId),
      accountsNamed: (name) => ({ exact: (options.accounts ?? []).filter(({ username }) => username === name), similar: [] }),
      peopleNamed: () => ({ exact: [], similar: [] }),
      roomsNamed: ({ value }) => {
        const rooms = options.rooms?.[value]
        return rooms === undefined ? { kind: 'none', candidates: [] } : { kind: 'rooms', rooms }
      },
    },
  )
  if (!resolved.ok) throw new Error(resolved.words)
  events += 1
  return {
    asker: { userId: asker, name: asker, role: options.role ?? 'moderator' },
    roomId,
    roomKind: options.place ?? 'admin',
    eventId: `$event-${events}` as EventId,
    replyTo: undefined,
    arguments: resolved.arguments,
    dryRun: parsed.dryRun,
    now: options.now ?? 1_000_000,
    signal: new AbortController().signal,
  }
}
