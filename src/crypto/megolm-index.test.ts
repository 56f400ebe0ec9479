import { expect, test } from 'vitest'
import { placeInSession } from './megolm-index.ts'

const event = (bytes: readonly number[], sessionId: unknown = 'session'): unknown => ({
  content: { session_id: sessionId, ciphertext: Buffer.from([...bytes, ...Array.from({ length: 40 }, () => 7)]).toString('base64') },
})

test.each([
  [[3, 8, 0, 18], 0],
  [[3, 8, 99, 18], 99],
  [[3, 8, 127], 127],
  [[3, 8, 128, 1], 128],
  [[3, 8, 0xac, 2], 300],
  [[3, 8, 255, 255, 255, 255, 15], 4_294_967_295],
])('%j is index %i', (bytes, index) => {
  expect(placeInSession(event(bytes))).toEqual({ sessionId: 'session', index })
})

test.each([
  ['another version', event([2, 8, 0])],
  ['another field', event([3, 18, 0])],
  ['an index without end', event([3, 8, 255, 255, 255, 255, 255, 255])],
  ['no session', event([3, 8, 0], 7)],
  ['an inherited ciphertext', { content: Object.create({ session_id: 's', ciphertext: 'AwgA' }) as unknown }],
  ['nothing', { content: { session_id: 's', ciphertext: '' } }],
  ['no object', null],
])('%s has no place', (_what, given) => {
  expect(placeInSession(given)).toBeUndefined()
})
