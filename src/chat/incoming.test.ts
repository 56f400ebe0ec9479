import { describe, expect, test } from 'vitest'
import type { CryptoPort, Decrypted, Undecryptable } from '../crypto/port.ts'
import type { DeviceId, EventId, JsonObject, RoomId, UserId } from '../types.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import { openMessage, placeOf } from './incoming.ts'

const entry = (event: JsonObject): JournalEntry => ({
  eventId: '$e' as EventId,
  roomId: '!r' as RoomId,
  sender: '@ada:x' as UserId,
  kind: 'message',
  event,
  late: false,
  state: 'pending',
  receivedAt: 1,
})
const decrypting = (result: Decrypted | Undecryptable): CryptoPort => ({ decrypt: () => Promise.resolve(result) }) as unknown as CryptoPort
const never = { decrypt: () => Promise.reject(new Error('nothing to decrypt')) } as unknown as CryptoPort
const inside = (content: JsonObject, more: Partial<Decrypted> = {}): CryptoPort =>
  decrypting({ ok: true, type: 'm.room.message', content, trust: 'signed', deviceId: 'PHONE' as DeviceId, ...more })
const text = (more: JsonObject = {}): JsonObject => ({ msgtype: 'm.text', body: '!ping', ...more })
const encrypted = (more: JsonObject = {}): JsonObject => ({ type: 'm.room.encrypted', content: { ciphertext: 'x', ...more } })

describe('opening', () => {
  test('in clear', async () => {
    const opened = await openMessage(entry({ type: 'm.room.message', content: text() }), never)
    expect(opened).toMatchObject({ kind: 'message', message: { body: '!ping', msgtype: 'm.text', transport: { encrypted: false } } })
  })

  test('encrypted, with what is known of the device', async () => {
    const opened = await openMessage(entry(encrypted()), inside(text(), { trust: 'unsigned' }))
    expect(opened).toMatchObject({ kind: 'message', message: { transport: { encrypted: true, trust: 'unsigned', device: 'PHONE' } } })
  })

  test('a relation counts only from inside the ciphertext', async () => {
    const forged = { 'm.relates_to': { 'm.in_reply_to': { event_id: '$victim' } }, 'm.new_content': {} }
    const opened = await openMessage(entry(encrypted(forged)), inside(text()))
    expect(opened).toMatchObject({ message: { relations: { replyTo: undefined, isEdit: false } } })
    const real = await openMessage(entry(encrypted(forged)), inside(text({ 'm.relates_to': { rel_type: 'm.thread', event_id: '$root' } })))
    expect(real.kind === 'message' && placeOf(real.message)).toEqual({ eventId: '$e', threadRoot: '$root' })
  })

  test('HTML only where the format says so', async () => {
    const html = { formatted_body: '<b>x</b>' }
    const without = await openMessage(entry({ type: 'm.room.message', content: text(html) }), never)
    const withIt = await openMessage(entry({ type: 'm.room.message', content: text({ ...html, format: 'org.matrix.custom.html' }) }), never)
    expect([without, withIt].map((one) => one.kind === 'message' && one.message.formattedBody)).toEqual([undefined, '<b>x</b>'])
  })

  test('what cannot be decrypted says why', async () => {
    const failure = { ok: false, code: 'withheld', withheld: 'm.unverified', sessionId: 's' } as const
    expect(await openMessage(entry(encrypted()), decrypting(failure))).toEqual({
      kind: 'undecryptable',
      code: 'withheld',
      withheld: 'm.unverified',
      sessionId: 's',
    })
  })

  test.each<[string, JsonObject, CryptoPort]>([
    ['another type inside', encrypted(), inside(text(), { type: 'm.reaction' })],
    ['another type', { type: 'm.sticker', content: text() }, never],
    ['no body', { type: 'm.room.message', content: { msgtype: 'm.text' } }, never],
    ['a body that is no text', { type: 'm.room.message', content: { msgtype: 'm.text', body: ['!ping'] } }, never],
    ['no msgtype', { type: 'm.room.message', content: { body: '!ping' } }, never],
    ['no content', { type: 'm.room.message' }, never],
  ])('%s is no text', async (_what, event, crypto) => {
    expect(await openMessage(entry(event), crypto)).toEqual({ kind: 'not-text' })
  })
})
