import { readIntroduction } from './introduction.ts'
import type { Introduction } from './introduction.ts'
import type { IntroductionMessage } from './newcomers.ts'

/** Messages of one person within this time may be one introduction (milliseconds). */
const windowMs = 10 * 60_000
/** More messages than this are no introduction. */
const most = 10

/** What a person's messages amount to. */
export interface Reading {
  /** Those that are (or may become) an introduction; the others are not kept. */
  readonly messages: readonly IntroductionMessage[]
  readonly introduction: Introduction | undefined
}

/** How much an introduction says. */
const weight = ({ name, organization, invitedBy, email, linkedin, interests }: Introduction): number =>
  [name, organization, invitedBy, email, linkedin, interests[0]].filter((value) => value !== null && value !== undefined).length

const read = (messages: readonly IntroductionMessage[]): Introduction => readIntroduction(messages.map(({ body }) => body).join('\n\n'))

/** The latest messages that say the most together, as few as possible: what was chatted before is no part of it. */
const best = (messages: readonly IntroductionMessage[]): Reading => {
  let found: Reading = { messages, introduction: undefined }
  for (let from = messages.length - 1; from >= 0; from -= 1) {
    const part = messages.slice(from)
    const introduction = read(part)
    if (introduction.isIntroduction && (found.introduction === undefined || weight(introduction) > weight(found.introduction)))
      found = { messages: part, introduction }
  }
  return found
}

/** A server can write what is in clear; somebody whose app encrypts writes nothing so. */
const mayBeForged = (trust: string, before: readonly IntroductionMessage[]): boolean =>
  trust === 'in-clear' && before.some((one) => one.trust !== 'in-clear')

/**
 * Reads a further message of somebody who waits.
 * @param kept what is kept of them so far, and what was understood of it
 * @returns undefined when the message changes nothing: it is chatter behind an introduction, or in clear although the person encrypts
 */
export const readMessage = (
  kept: { readonly messages: readonly IntroductionMessage[]; readonly introduction: Introduction | null },
  message: IntroductionMessage,
): Reading | undefined => {
  if (mayBeForged(message.trust, kept.messages)) return undefined
  const near = kept.messages.filter(({ sentAt }) => message.sentAt - sentAt <= windowMs).slice(-(most - 1))
  if (kept.introduction === null) return best([...near, message])
  // Whoever introduces themselves once more means the new one.
  const alone = read([message])
  if (alone.isIntroduction) return { messages: [message], introduction: alone }
  if (near.length === 0) return undefined
  const messages = [...kept.messages, message]
  const together = read(messages)
  return together.isIntroduction && weight(together) > weight(kept.introduction) ? { messages, introduction: together } : undefined
}

/** Reads an edit of a kept message. undefined = that message is not kept, or the edit is in clear although the person encrypts. */
export const readEdit = (
  messages: readonly IntroductionMessage[],
  edit: { readonly eventId: string; readonly body: string; readonly trust: string },
): Reading | undefined => {
  if (!messages.some(({ eventId }) => eventId === edit.eventId) || mayBeForged(edit.trust, messages)) return undefined
  const edited = messages.map((one) => (one.eventId === edit.eventId ? { ...one, body: edit.body, trust: edit.trust } : one))
  const introduction = read(edited)
  return { messages: edited, introduction: introduction.isIntroduction ? introduction : undefined }
}
