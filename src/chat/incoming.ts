import type { CryptoPort, SenderTrust } from '../crypto/port.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import type { EventId, JsonObject } from '../types.ts'
import { readRelations } from '../matrix/message.ts'
import type { Relations } from '../matrix/message.ts'

/** How a message came. */
export type Transport =
  | { readonly encrypted: false }
  | {
      readonly encrypted: true
      readonly trust: SenderTrust
      readonly device: string | undefined
      /** What the device is called, for words only. */
      readonly deviceName?: string | undefined
      /** Master key of the identity that has signed the device. */
      readonly identityKey?: string | undefined
    }

/** Encrypted, and by a device that can be the sender's own: a server cannot have written it by itself. */
export const isTheirOwn = (transport: Transport): boolean =>
  transport.encrypted && transport.trust !== 'mismatched-sender' && transport.trust !== 'bridge'

/** A journaled message that could be read. */
export interface IncomingMessage {
  readonly entry: JournalEntry
  readonly body: string
  readonly formattedBody: string | undefined
  readonly msgtype: string
  readonly relations: Relations
  readonly transport: Transport
  /** What an edit puts in the place of an earlier message. */
  readonly replacement?: { readonly eventId: EventId; readonly body: string }
  /** Its key came after the patience for it had ended (across a restart). */
  readonly keyLate?: boolean
}

/** What opening a journaled event gave. */
export type Opened =
  | { readonly kind: 'message'; readonly message: IncomingMessage }
  | { readonly kind: 'undecryptable'; readonly code: string; readonly withheld: string | undefined; readonly sessionId: string | undefined }
  | { readonly kind: 'not-text' }

const text = (content: JsonObject, name: string): string | undefined => {
  const value = Object.hasOwn(content, name) ? content[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** Decrypts a journaled event if need be, and reads it. What stands outside the ciphertext of an encrypted event is not believed. */
export const openMessage = async (entry: JournalEntry, crypto: CryptoPort): Promise<Opened> => {
  const event = entry.event as JsonObject
  const type = event['type']
  if (type === 'm.room.encrypted') {
    const decrypted = await crypto.decrypt(entry.roomId, event)
    if (!decrypted.ok) return { kind: 'undecryptable', code: decrypted.code, withheld: decrypted.withheld, sessionId: decrypted.sessionId }
    if (decrypted.type !== 'm.room.message') return { kind: 'not-text' }
    const { trust, deviceId: device, deviceName, identityKey } = decrypted
    return read(entry, decrypted.content, { encrypted: true, trust, device, deviceName, identityKey })
  }
  return type === 'm.room.message' ? read(entry, (event['content'] ?? {}) as JsonObject, { encrypted: false }) : { kind: 'not-text' }
}

const read = (entry: JournalEntry, content: JsonObject, transport: Transport): Opened => {
  const body = text(content, 'body')
  const msgtype = text(content, 'msgtype')
  if (body === undefined || msgtype === undefined) return { kind: 'not-text' }
  const formattedBody = text(content, 'format') === 'org.matrix.custom.html' ? text(content, 'formatted_body') : undefined
  const replacement = readReplacement(content)
  const message = { entry, body, formattedBody, msgtype, relations: readRelations(content), transport }
  return { kind: 'message', message: replacement === undefined ? message : { ...message, replacement } }
}

const object = (content: JsonObject, name: string): JsonObject | undefined => {
  const value = Object.hasOwn(content, name) ? content[name] : undefined
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

const readReplacement = (content: JsonObject): { eventId: EventId; body: string } | undefined => {
  const relates = object(content, 'm.relates_to')
  const fresh = object(content, 'm.new_content')
  if (relates === undefined || fresh === undefined || text(relates, 'rel_type') !== 'm.replace') return undefined
  const eventId = text(relates, 'event_id')
  const body = text(fresh, 'body')
  return eventId?.startsWith('$') === true && body !== undefined ? { eventId: eventId as EventId, body } : undefined
}

/** Where the answer to a message belongs. */
export const placeOf = ({ entry, relations }: IncomingMessage): { eventId: EventId; threadRoot: EventId | undefined } => ({
  eventId: entry.eventId,
  threadRoot: relations.threadRoot,
})
