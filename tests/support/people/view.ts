import type { Content, Notice, SeenEvent } from './protocol.ts'

/** A message as a person sees it now: with its edits applied, readable or not. */
export interface SeenMessage {
  readonly eventId: string
  readonly roomId: string
  readonly sender: string
  readonly at: number
  /** Of the last edit, where there is one. Empty while it cannot be decrypted. */
  readonly body: string
  readonly formattedBody: string | undefined
  readonly msgtype: string
  readonly replyTo: string | undefined
  readonly threadRoot: string | undefined
  readonly mentions: readonly string[]
  readonly encrypted: boolean
  readonly undecryptable: boolean
  readonly failure: string | undefined
  readonly shield: 'none' | 'grey' | 'red'
  readonly shieldReason: string | undefined
  readonly redacted: boolean
  /** The bodies before: the first one, then each edit but the last. Empty when it was never edited. */
  readonly earlier: readonly string[]
  /** Decrypted content of the first version. */
  readonly content: Content
}

export interface SeenReaction {
  readonly eventId: string
  readonly sender: string
  readonly target: string
  readonly key: string
}

export interface SeenMembership {
  readonly membership: string
  /** Who made it so. */
  readonly sender: string
  readonly reason: string | undefined
}

/** All that one client has seen, built up from what the hosting process tells. */
export class View {
  readonly #events = new Map<string, SeenEvent>()
  readonly #edits = new Map<string, SeenEvent[]>()
  readonly #redacted = new Set<string>()
  readonly #reactions = new Map<string, SeenReaction & { readonly roomId: string }>()
  readonly #members = new Map<string, Map<string, SeenMembership>>()
  readonly #rooms = new Map<string, { readonly name: string; readonly encrypted: boolean }>()

  take(notice: Notice): void {
    switch (notice.kind) {
      case 'event':
        this.#takeEvent(notice.event)
        return
      case 'reaction':
        this.#reactions.set(notice.eventId, notice)
        return
      case 'redaction':
        this.#redacted.add(notice.target)
        this.#reactions.delete(notice.target)
        return
      case 'membership':
        this.#membersOf(notice.roomId).set(notice.userId, { membership: notice.membership, sender: notice.sender, reason: notice.reason })
        return
      case 'room':
        this.#rooms.set(notice.roomId, { name: notice.name, encrypted: notice.encrypted })
    }
  }

  /** Oldest first; of all rooms when none is named. Edits are not messages of their own. */
  messages(roomId?: string): SeenMessage[] {
    return [...this.#events.values()]
      .filter((event) => roomId === undefined || event.roomId === roomId)
      .sort((one, other) => one.order - other.order)
      .map((event) => this.#show(event))
  }

  reactions(eventId: string): SeenReaction[] {
    return [...this.#reactions.values()].filter((reaction) => reaction.target === eventId)
  }

  membership(roomId: string, userId: string): SeenMembership | undefined {
    return this.#members.get(roomId)?.get(userId)
  }

  members(roomId: string): ReadonlyMap<string, SeenMembership> {
    return this.#membersOf(roomId)
  }

  room(roomId: string): { readonly name: string; readonly encrypted: boolean } | undefined {
    return this.#rooms.get(roomId)
  }

  /** Ids of the rooms in which the user has this membership. */
  roomsOf(userId: string, membership: string): string[] {
    return [...this.#members].filter(([, members]) => members.get(userId)?.membership === membership).map(([roomId]) => roomId)
  }

  #takeEvent(event: SeenEvent): void {
    if (event.edits === undefined) {
      this.#events.set(event.eventId, event)
      return
    }
    // An edit that could not be read at first was taken for a message.
    this.#events.delete(event.eventId)
    const others = (this.#edits.get(event.edits) ?? []).filter((edit) => edit.eventId !== event.eventId)
    this.#edits.set(
      event.edits,
      [...others, event].sort((one, other) => one.order - other.order),
    )
  }

  #membersOf(roomId: string): Map<string, SeenMembership> {
    const members = this.#members.get(roomId) ?? new Map<string, SeenMembership>()
    this.#members.set(roomId, members)
    return members
  }

  #show(event: SeenEvent): SeenMessage {
    const edits = (this.#edits.get(event.eventId) ?? []).filter((edit) => edit.sender === event.sender)
    const versions = [event.content, ...edits.map((edit) => record(edit.content['m.new_content']))]
    const last = versions.at(-1) ?? {}
    const relation = record(event.content['m.relates_to'])
    return {
      eventId: event.eventId,
      roomId: event.roomId,
      sender: event.sender,
      at: event.at,
      body: event.undecryptable ? '' : (text(last.body) ?? ''),
      formattedBody: text(last.formatted_body),
      msgtype: text(last.msgtype) ?? '',
      replyTo: text(record(relation['m.in_reply_to']).event_id),
      threadRoot: relation.rel_type === 'm.thread' ? text(relation.event_id) : undefined,
      mentions: list(record(last['m.mentions']).user_ids),
      encrypted: event.encrypted,
      undecryptable: event.undecryptable,
      failure: event.failure,
      shield: event.shield,
      shieldReason: event.shieldReason,
      redacted: this.#redacted.has(event.eventId),
      earlier: versions.slice(0, -1).map((version) => text(version.body) ?? ''),
      content: event.content,
    }
  }
}

const record = (value: unknown): Content => (typeof value === 'object' && value !== null ? (value as Content) : {})
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const list = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [])
