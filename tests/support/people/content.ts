import type { Content } from './protocol.ts'

/** What a person may add to a text. */
export interface TextOptions {
  readonly formattedBody?: string
  /** The event replied to. */
  readonly replyTo?: string
  /** The root of the thread. */
  readonly thread?: string
  /** User ids; the field m.mentions is always there. */
  readonly mentions?: readonly string[]
  /** The event that this text replaces. */
  readonly edit?: string
  /** An m.notice, as bots send. */
  readonly notice?: boolean
}

/** The content of an m.room.message as Element would send it (Matrix v1.17: replies without a fallback text). */
export const textContent = (body: string, options: TextOptions = {}): Content => {
  const text = {
    msgtype: options.notice === true ? 'm.notice' : 'm.text',
    body,
    ...(options.formattedBody === undefined ? {} : { format: 'org.matrix.custom.html', formatted_body: options.formattedBody }),
    'm.mentions': options.mentions === undefined || options.mentions.length === 0 ? {} : { user_ids: options.mentions },
  }
  if (options.edit !== undefined) {
    return { ...text, body: `* ${body}`, 'm.new_content': text, 'm.relates_to': { rel_type: 'm.replace', event_id: options.edit } }
  }
  const relation = relationOf(options)
  return relation ? { ...text, 'm.relates_to': relation } : text
}

const relationOf = ({ replyTo, thread }: TextOptions): Content | undefined => {
  const reply = replyTo === undefined ? {} : { 'm.in_reply_to': { event_id: replyTo } }
  if (thread !== undefined) {
    return {
      rel_type: 'm.thread',
      event_id: thread,
      is_falling_back: replyTo === undefined,
      'm.in_reply_to': { event_id: thread },
      ...reply,
    }
  }
  return replyTo === undefined ? undefined : reply
}
