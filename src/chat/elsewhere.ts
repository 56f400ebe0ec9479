import type { Clock } from '../operations/clock.ts'
import type { JsonObject, Timestamp, UserId } from '../types.ts'
import { determine } from './address.ts'
import type { AddressContext } from './address.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import type { CommandDeclaration, Role } from './declaration.ts'
import type { IncomingMessage } from './incoming.ts'
import type { ParseResult, Parser } from './parse.ts'

/** How many rows of the audit one person without a role can fill in an hour by typing commands in rooms that are none of the bot's. */
const rowsPerHour = 20
const hourMs = 3_600_000

/** A command that somebody typed where the bot takes none. */
export interface Misplaced {
  readonly declaration: CommandDeclaration
  readonly parsed: ParseResult
  readonly line: string
  /** The person is told. Others are not: the room may have another bot with the same prefix. */
  readonly told: boolean
}

/**
 * Commands in rooms that are neither INDOC, the admin room nor a DM: never run, always audited. Only people with a role are answered.
 * Other bots live in such rooms too, so only a line that is one of our commands counts.
 */
export class Elsewhere {
  readonly #parse: Parser
  readonly #address: AddressContext
  readonly #clock: Clock
  readonly #rows = new Map<UserId, readonly Timestamp[]>()

  constructor(options: { readonly parse: Parser; readonly address: AddressContext; readonly clock: Clock }) {
    this.#parse = options.parse
    this.#address = options.address
    this.#clock = options.clock
  }

  /**
   * Is it worth keeping an event of such a room? What is in clear can be looked at; what is encrypted is only read of people with a role.
   * @param event as the server sent it
   */
  concerns(event: { readonly type: string; readonly content: JsonObject }, role: Role): boolean {
    if (event.type === 'm.room.encrypted') return role !== 'everyone'
    const { body, msgtype, format, formatted_body: formatted } = event.content
    if (event.type !== 'm.room.message' || typeof body !== 'string' || typeof msgtype !== 'string') return false
    const html = format === 'org.matrix.custom.html' && typeof formatted === 'string' ? { formattedBody: formatted } : {}
    return this.#command({ body, msgtype, isEdit: Object.hasOwn(event.content, 'm.new_content'), ...html }) !== undefined
  }

  /** @returns the command; undefined = none of ours, or more of the same person than the audit has room for */
  find(message: IncomingMessage, role: Role): Misplaced | undefined {
    const { body, msgtype, formattedBody, relations, entry } = message
    const html = formattedBody === undefined ? {} : { formattedBody }
    const command = this.#command({ body, msgtype, isEdit: relations.isEdit, ...html })
    if (command === undefined) return undefined
    if (role !== 'everyone') return { ...command, told: true }
    return this.#hasRoom(entry.sender) ? { ...command, told: false } : undefined
  }

  #command(text: Parameters<typeof determine>[0]): Omit<Misplaced, 'told'> | undefined {
    const addressed = determine(text, this.#address)
    if (addressed.kind === 'ignored') return undefined
    const parsed = this.#parse(addressed.line, addressed.pills)
    return parsed.declaration === undefined ? undefined : { declaration: parsed.declaration, parsed, line: addressed.line }
  }

  #hasRoom(userId: UserId): boolean {
    const now = this.#clock.now()
    const recent = (this.#rows.get(userId) ?? []).filter((at) => now - at < hourMs)
    if (recent.length >= rowsPerHour) return false
    // Who has been quiet for an hour is forgotten, so that the map stays as small as the hour is.
    for (const [other, times] of this.#rows) if (now - (times.at(-1) ?? 0) >= hourMs) this.#rows.delete(other)
    this.#rows.set(userId, [...recent, now])
    return true
  }
}

/** What a person with a role is told. */
export const elsewhereAnswer: Answer = {
  mark: '❌',
  blocks: [paragraph('Nothing was done: I take no commands in this room. Please use INDOC, the admin room or a direct chat with me.')],
  code: 'other-room',
}
