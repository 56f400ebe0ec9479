import type { EventId, JsonObject, UserId } from '../types.ts'

/** Where an answer belongs: the event it answers, and the thread that was asked in. */
export interface ReplyPlace {
  readonly eventId: EventId
  readonly threadRoot?: EventId | undefined
}

/** A text as it goes into an event. `formattedBody` is HTML whose every piece of user data has been escaped. */
export interface MessageText {
  readonly body: string
  readonly formattedBody?: string
  readonly mentions?: readonly UserId[] | { readonly user_ids?: readonly UserId[] }
}

/**
 * The content of an `m.room.message` (spec v1.19). `m.mentions` is always there: without it older push rules would search the text.
 * @param msgtype `m.notice` for a bot's answers (never answered by other bots), `m.text` for messages to newcomers (they notify)
 */
export const messageContent = (text: MessageText, msgtype: 'm.notice' | 'm.text', place?: ReplyPlace): JsonObject => {
  const named = text.mentions ?? []
  const mentions = [...new Set('user_ids' in named ? named.user_ids : Array.isArray(named) ? named : [])]
  return {
    msgtype,
    body: text.body,
    ...(text.formattedBody === undefined ? {} : { format: 'org.matrix.custom.html', formatted_body: text.formattedBody }),
    'm.mentions': mentions.length === 0 ? {} : { user_ids: mentions },
    ...(place === undefined ? {} : { 'm.relates_to': relation(place) }),
  }
}

const relation = ({ eventId, threadRoot }: ReplyPlace): JsonObject => ({
  ...(threadRoot === undefined ? {} : { rel_type: 'm.thread', event_id: threadRoot, is_falling_back: true }),
  'm.in_reply_to': { event_id: eventId },
})

/** An edit of an earlier message of ours (spec: event replacements). Mentions in the new content notify nobody a second time. */
export const editContent = (original: EventId, text: MessageText, msgtype: 'm.notice' | 'm.text'): JsonObject => ({
  ...messageContent(
    { ...text, body: `* ${text.body}`, ...(text.formattedBody === undefined ? {} : { formattedBody: `* ${text.formattedBody}` }) },
    msgtype,
  ),
  'm.new_content': messageContent(text, msgtype),
  'm.relates_to': { rel_type: 'm.replace', event_id: original },
})

/** The relations of a received message, from inside the ciphertext where there is one. */
export interface Relations {
  readonly replyTo: EventId | undefined
  readonly threadRoot: EventId | undefined
  readonly isEdit: boolean
}

const own = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
const eventId = (value: unknown): EventId | undefined =>
  typeof value === 'string' && value.startsWith('$') ? (value as EventId) : undefined

/** Reads `m.relates_to`. A thread's fallback reply is no reply. */
export const readRelations = (content: JsonObject): Relations => {
  const relates = own(content, 'm.relates_to')
  const type = own(relates, 'rel_type')
  const threadRoot = type === 'm.thread' ? eventId(own(relates, 'event_id')) : undefined
  const fallback = threadRoot !== undefined && own(relates, 'is_falling_back') === true
  return {
    replyTo: fallback ? undefined : eventId(own(own(relates, 'm.in_reply_to'), 'event_id')),
    threadRoot,
    isEdit: type === 'm.replace' || own(content, 'm.new_content') !== undefined,
  }
}
