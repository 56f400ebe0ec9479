import type { Person, SeenMessage } from '../support/people/people.ts'

export interface TranscriptOptions {
  /** Whose client is shown. */
  readonly person: Person
  /** Display name of a user id. */
  readonly nameOf: (userId: string) => string
  readonly roomName: (roomId: string) => string
  readonly print: (line: string) => void
  /** Put before each line, for a second person. Default empty. */
  readonly label?: string
  /** Rooms that somebody else's transcript shows already. */
  readonly skip?: (roomId: string) => boolean
}

/** How long a look lasts before it is renewed; ends late by as much (milliseconds). */
const lookMs = 1000

/**
 * Prints what a person's client sees as it happens: messages with their room and 🔒 if they were encrypted, edits, reactions, redactions and
 * membership changes. What was there before `follow` is not printed.
 */
export class Transcript {
  readonly #options: TranscriptOptions
  /** Event id → how many edits were shown, and whether the text could be read. */
  readonly #shown = new Map<string, { edits: number; readable: boolean; redacted: boolean }>()
  readonly #reactions = new Set<string>()
  /** Room and user → membership. */
  readonly #members = new Map<string, string>()
  #rooms: readonly string[]
  #closed = false
  #silent = true
  #following: Promise<void> | undefined

  /** @param rooms in which members are followed; rooms of an invitation are added when it comes */
  constructor(options: TranscriptOptions, rooms: readonly string[]) {
    this.#options = options
    this.#rooms = rooms
  }

  /** Begins; what the client has seen so far counts as known. */
  follow(): void {
    this.#look()
    this.#silent = false
    this.#following = this.#loop()
  }

  async close(): Promise<void> {
    this.#look()
    this.#closed = true
    await this.#following
  }

  async #loop(): Promise<void> {
    const { person } = this.#options
    while (!this.#closed) {
      const look = (): true | undefined => {
        this.#look()
        return this.#closed ? true : undefined
      }
      // The look is renewed for ever, so its deadline means nothing.
      await person.waitFor(look, { timeoutMs: lookMs }).catch(() => undefined)
    }
  }

  #look(): void {
    const { person } = this.#options
    for (const membership of ['invite', 'join'])
      for (const room of person.rooms(membership)) if (!this.#rooms.includes(room)) this.#rooms = [...this.#rooms, room]
    for (const room of this.#rooms) this.#lookAtMembers(room)
    for (const message of person.timeline()) {
      this.#lookAtMessage(message)
      for (const reaction of person.reactions(message.eventId)) {
        if (this.#reactions.has(reaction.eventId)) continue
        this.#reactions.add(reaction.eventId)
        this.#say(message.roomId, false, `${this.#options.nameOf(reaction.sender)} reacted ${reaction.key} to “${start(message.body)}”`)
      }
    }
  }

  #lookAtMembers(roomId: string): void {
    const { person, nameOf } = this.#options
    for (const [userId, { membership, sender, reason }] of person.members(roomId)) {
      const key = `${roomId} ${userId}`
      const before = this.#members.get(key)
      if (before === membership) continue
      this.#members.set(key, membership)
      const what = describe(before, membership, sender === userId)
      const by = sender === userId ? '' : ` by ${nameOf(sender)}`
      this.#say(roomId, false, `* ${nameOf(userId)} ${what}${by}${reason === undefined ? '' : ` (${reason})`}`)
    }
  }

  #lookAtMessage(message: SeenMessage): void {
    const before = this.#shown.get(message.eventId)
    const edits = message.earlier.length
    const readable = !message.undecryptable
    const { redacted } = message
    this.#shown.set(message.eventId, { edits, readable, redacted })
    const name = this.#options.nameOf(message.sender)
    if (redacted) {
      if (before?.redacted !== true) this.#say(message.roomId, false, `* a message of ${name} was removed`)
      return
    }
    if (before !== undefined && before.edits === edits && before.readable === readable) return
    const edited = before !== undefined && before.edits !== edits ? ' (edited)' : ''
    this.#say(message.roomId, message.encrypted, `${name}${edited}: ${readable ? message.body : '(cannot be decrypted yet)'}`)
  }

  #say(roomId: string, encrypted: boolean, text: string): void {
    const { print, roomName, label = '', skip } = this.#options
    if (this.#silent || skip?.(roomId) === true) return
    const head = `${label}[${roomName(roomId)}${encrypted ? ' 🔒' : ''}] `
    print(head + text.trimEnd().replaceAll('\n', `\n${' '.repeat(4)}`))
  }
}

const start = (text: string): string => {
  const line = text.split('\n', 1)[0] ?? ''
  return line.length > 40 ? `${line.slice(0, 39)}…` : line
}

const describe = (before: string | undefined, now: string, own: boolean): string => {
  switch (now) {
    case 'join':
      return 'joined'
    case 'invite':
      return 'was invited'
    case 'ban':
      return 'was banned'
    case 'knock':
      return 'asks to be let in'
    default:
      if (own) return before === 'invite' ? 'declined the invitation' : 'left'
      return before === 'ban' ? 'was unbanned' : 'was removed'
  }
}
