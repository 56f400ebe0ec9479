import type { Database } from '../database/database.ts'
import type { Directory } from '../directory/directory.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'

/** One entry of `bridges` in the configuration. */
export interface BridgeSettings {
  /** Regular expression on the user ids of its ghosts. */
  readonly users: string
  /** The user that speaks for the bridge itself. */
  readonly bot: UserId
  readonly managementRoom?: string | undefined
  /** Command that opens a chat; `{identifier}` stands for the person. */
  readonly startChat?: string | undefined
}

/** Which job welcomes a person. */
export type WelcomeJob = 'welcome' | 'bridged-welcome'

/** A bridged person is welcomed over the bridge, everybody else by DM. */
export const welcomeJobOf = (directory: Pick<Directory, 'bridged'>, userId: UserId): WelcomeJob =>
  directory.bridged.bridgeOf(userId) === undefined ? 'welcome' : 'bridged-welcome'

/** What a bridge's bot said to a command. */
export interface BridgeAnswer {
  readonly body: string
  readonly at: Timestamp
}

/** Longer answers are cut: the text is only shown to moderators when a chat could not be opened. */
const longestAnswer = 500

/** How the bridge knows a ghost: the first group of the configured expression if it has one, else what follows its match in the local part. */
export const identifierOf = (userId: UserId, users: string): string | undefined => {
  const match = new RegExp(users, 'u').exec(userId)
  if (match === null) return undefined
  const local = userId.slice(0, userId.indexOf(':'))
  const identifier = match[1] ?? local.slice(match.index + match[0].length)
  // It is put into a command: nothing in it may end the word.
  return /^[\p{L}\p{N}+_.=-]{1,255}$/u.test(identifier) ? identifier : undefined
}

/** The bridges of the configuration: whose ghosts are whose, where their chats are, and what their bots answered. */
export class Bridges {
  readonly #settings: readonly BridgeSettings[]
  readonly #database: Database
  readonly #directory: Directory
  /** The job that is opening a chat, by bridge: a second one waits, so that every new chat belongs to one question. */
  readonly #busy = new Map<number, number>()

  constructor(options: { readonly settings: readonly BridgeSettings[]; readonly database: Database; readonly directory: Directory }) {
    this.#settings = options.settings
    this.#database = options.database
    this.#directory = options.directory
  }

  /** The bridge that speaks for a person; undefined = none. */
  of(userId: UserId): (BridgeSettings & { readonly index: number }) | undefined {
    const index = this.#directory.bridged.bridgeOf(userId)
    const settings = index === undefined ? undefined : this.#settings[index]
    return index === undefined || settings === undefined ? undefined : { ...settings, index }
  }

  /** Is it the room where the bridge takes commands, and its bot who speaks? */
  speaks(roomId: RoomId, sender: UserId): boolean {
    return this.#settings.some(({ bot, managementRoom }) => managementRoom === roomId && bot === sender)
  }

  isManagementRoom(roomId: RoomId): boolean {
    return this.#settings.some(({ managementRoom }) => managementRoom === roomId)
  }

  /** May this user invite the bot to chats: the bot of a configured bridge, or one of its ghosts? */
  mayInvite(userId: UserId): boolean {
    return this.#settings.some(({ bot }) => bot === userId) || this.of(userId) !== undefined
  }

  /** The chat with a bridged person: the bot, the ghost and the bridge's bot are its whole membership, and the list of members is complete. */
  portalOf(userId: UserId): RoomId | undefined {
    const bridge = this.of(userId)
    if (bridge === undefined) return undefined
    const allowed = new Set([userId, bridge.bot, this.#directory.ownUserId])
    const isPortal = (roomId: RoomId): boolean => {
      const members = this.#directory.memberIds(roomId, ['join', 'invite'])
      return this.#directory.membership(roomId, userId) === 'join' && members.every((member) => allowed.has(member))
    }
    return this.#directory
      .joinedRooms()
      .find(({ roomId, freshness }) => freshness.asOf !== null && !this.isManagementRoom(roomId) && isPortal(roomId))?.roomId
  }

  /** Takes the bridge for one chat that is to be opened. Returns whether it was free (or this job's own). */
  take(bridge: number, jobId: number): boolean {
    const holder = this.#busy.get(bridge) ?? jobId
    if (holder === jobId) this.#busy.set(bridge, jobId)
    return holder === jobId
  }

  /** Gives the bridge free. */
  release(bridge: number, jobId: number): void {
    if (this.#busy.get(bridge) === jobId) this.#busy.delete(bridge)
  }

  /** Keeps what the bridge's bot answered. Join it with the mark in the journal by calling it inside a transaction. */
  note(inReplyTo: EventId, body: string, at: Timestamp): void {
    this.#database.run(
      this.#database.query
        .insertInto('bridge_answer')
        .values({ event_id: inReplyTo, body: body.slice(0, longestAnswer), at })
        .onConflict((conflict) => conflict.column('event_id').doNothing()),
    )
  }

  /**
   * What became of the chats that a bridge's bot has offered since a moment: `open` = the bot has not answered an invitation yet (it may have to wait
   * for the server's limits), a time = when it answered the last one, undefined = there was none.
   */
  offered(bot: UserId, since: Timestamp): 'open' | Timestamp | undefined {
    const { query } = this.#database
    const invitations = this.#database.all(
      query
        .selectFrom('journal')
        .select(['state', 'done_at'])
        .where('kind', '=', 'invite')
        .where('sender', '=', bot)
        .where('received_at', '>=', since),
    )
    const [waiting] = this.#database.all(
      query
        .selectFrom('job')
        .select('job_id')
        .where('kind', '=', 'invitation')
        .where('unique_key', 'like', `% ${bot}`)
        .where('state', 'in', ['waiting', 'running'])
        .where('created_at', '>=', since),
    )
    if (waiting !== undefined || invitations.some(({ state }) => state !== 'done')) return 'open'
    return invitations.length === 0 ? undefined : Math.max(...invitations.map(({ done_at: doneAt }) => doneAt ?? 0))
  }

  /** What the bridge's bot answered to an event of ours. */
  answerTo(eventId: EventId): BridgeAnswer | undefined {
    return this.#database.first(this.#database.query.selectFrom('bridge_answer').select(['body', 'at']).where('event_id', '=', eventId))
  }
}
