/** A place in a Megolm session: each may be read once. */
export interface MessagePlace {
  readonly sessionId: string
  readonly index: number
}

const own = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined

/**
 * Reads which place of its session an encrypted event takes (Megolm specification, "Message format": version 3, then protobuf field 1 with the
 * index). It is proven only when the event could be decrypted: the message's own signature covers it.
 * @param event a raw `m.room.encrypted` event
 * @returns undefined for what is no Megolm message
 */
export const placeInSession = (event: unknown): MessagePlace | undefined => {
  const content = own(event, 'content')
  const [sessionId, ciphertext] = [own(content, 'session_id'), own(content, 'ciphertext')]
  if (typeof sessionId !== 'string' || typeof ciphertext !== 'string') return undefined
  // The longest index takes five bytes of seven bits.
  const [version, tag, ...rest] = Buffer.from(ciphertext.slice(0, 12), 'base64')
  if (version !== 3 || tag !== 8) return undefined
  const last = rest.findIndex((byte) => byte < 128)
  if (last < 0 || last > 4) return undefined
  const index = rest.slice(0, last + 1).reduceRight((sum, byte) => sum * 128 + (byte & 127), 0)
  return { sessionId, index }
}
