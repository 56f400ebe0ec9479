import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answered, limited, memoryDatabase, refused, TestClock, timedOut, turns, unconnected } from '../../tests/support/unit.ts'
import type { CryptoPort, Encrypted } from '../crypto/port.ts'
import type { EncryptionState, RoomEncryptions } from '../crypto/room-encryption.ts'
import type { Database } from '../database/database.ts'
import type { GateResult } from '../http/contract.ts'
import { silentLogger } from '../operations/logger.ts'
import type { RoomId } from '../types.ts'
import type { Homeserver } from './client.ts'
import { Outbox, transactionId } from './outbox.ts'

const a = '!a' as RoomId
const b = '!b' as RoomId
const room = {
  roomId: a,
  historyVisibility: 'shared',
  recipients: [],
  sharing: 'all-devices',
  rotationPeriodMs: 1,
  rotationMessages: 1,
} as const

let database: Database
let clock: TestClock
let outbox: Outbox
let sent: string[]
let state: EncryptionState
let encrypted: Encrypted
/** What is known once the member list was fetched. */
let list: EncryptionState
let fetched: number
let server: (room: string, txnId: string) => GateResult | Promise<GateResult>

const open = (): Outbox =>
  new Outbox({
    database,
    homeserver: {
      send: async (roomId: string, type: string, txnId: string, content: unknown) => {
        sent.push(`${roomId} ${type} ${txnId} ${JSON.stringify(content)}`)
        return await server(roomId, txnId)
      },
      request: (_method: string, path: string) => {
        sent.push(path)
        return Promise.resolve(server(path, ''))
      },
    } as unknown as Homeserver,
    crypto: { encrypt: () => Promise.resolve(encrypted) } as unknown as CryptoPort,
    encryptions: { of: () => state } as unknown as RoomEncryptions,
    fetchMembers: () => {
      fetched += 1
      state = list
      return Promise.resolve()
    },
    clock,
    logger: silentLogger,
  })

beforeEach(() => {
  database = memoryDatabase()
  clock = new TestClock()
  sent = []
  list = state = { state: 'encrypted', room }
  fetched = 0
  encrypted = { ok: true, content: { ciphertext: 'x' } }
  server = (_room, txnId) => answered({ event_id: `$${txnId}` })
  outbox = open()
})
afterEach(async () => {
  await outbox.close()
  database.close()
})

const message = (txnId: string, roomId = a, type = 'm.room.message') => ({ txnId, roomId, type, content: { body: txnId } })
const rows = () => database.all(database.query.selectFrom('outbox').select(['txn_id', 'state', 'event_id', 'content']).orderBy('sequence'))

describe('sending', () => {
  test('an encrypted room gets ciphertext, never the text', async () => {
    outbox.add(message('one'))
    outbox.kick(a)
    expect(await outbox.sent('one')).toBe('$one')
    expect(sent).toEqual(['!a m.room.encrypted one {"ciphertext":"x"}'])
    // The text is gone from the disk as well.
    expect(rows()).toEqual([{ txn_id: 'one', state: 'sent', event_id: '$one', content: '{}' }])
  })

  test.each<[string, EncryptionState, Encrypted]>([
    ['it is not known whether the room is encrypted', { state: 'unknown' }, { ok: true, content: {} }],
    ['the key could not be shared', { state: 'encrypted', room }, { ok: false, code: 'keys-not-shared', words: 'no' }],
  ])('nothing is sent while %s; then it is', async (_what, given, result) => {
    state = given
    encrypted = result
    outbox.add(message('one'))
    outbox.kick(a)
    await turns()
    expect(sent).toEqual([])
    expect(rows()[0]?.state).toBe('queued')
    state = { state: 'encrypted', room }
    encrypted = { ok: true, content: { ciphertext: 'y' } }
    await clock.advance(500)
    expect(sent).toEqual(['!a m.room.encrypted one {"ciphertext":"y"}'])
  })

  test('a member list with a gap is fetched first: who is not known to be there would not get the key', async () => {
    state = { state: 'members-unknown' }
    expect(await outbox.send(message('one'))).toEqual({ ok: true, eventId: '$one' })
    expect(await outbox.send(message('two'))).toEqual({ ok: true, eventId: '$two' })
    expect(fetched).toBe(1)
    state = list = { state: 'members-unknown' }
    expect(await outbox.send(message('three'))).toMatchObject({ ok: false, code: 'retry' })
    // A mark needs no key.
    expect(await outbox.send(message('four', a, 'm.reaction'))).toEqual({ ok: true, eventId: '$four' })
    expect(fetched).toBe(2)
  })

  test('a secret is refused where there is no encryption', async () => {
    state = { state: 'clear' }
    expect(await outbox.send(message('one'), true)).toMatchObject({ ok: false, code: 'not-encryptable' })
    expect(sent).toEqual([])
    expect(await outbox.send(message('one'))).toEqual({ ok: true, eventId: '$one' })
    expect(sent).toEqual(['!a m.room.message one {"body":"one"}'])
  })

  test('a reaction stays in clear: its key is a mark without content', async () => {
    await outbox.send(message('one', a, 'm.reaction'))
    expect(sent).toEqual(['!a m.reaction one {"body":"one"}'])
  })

  test('one after another in a room, rooms beside each other', async () => {
    const first = Promise.withResolvers<GateResult>()
    server = (roomId, txnId) => (roomId === a && txnId === 'one' ? first.promise : answered({ event_id: `$${txnId}` }))
    for (const given of [message('one'), message('two'), message('three', b)]) outbox.add(given)
    outbox.kick(a)
    outbox.kick(b)
    await outbox.sent('three')
    expect(sent.map((line) => line.split(' ')[2])).toEqual(['one', 'three'])
    first.resolve(answered({ event_id: '$one' }))
    await outbox.sent('two')
    expect(sent.map((line) => line.split(' ')[2])).toEqual(['one', 'three', 'two'])
  })

  test('the same transaction id again is the same message', async () => {
    outbox.add(message('one'))
    outbox.add({ ...message('one'), content: { body: 'other' } })
    outbox.kick(a)
    await outbox.sent('one')
    outbox.add(message('one'))
    outbox.kick(a)
    await turns()
    expect(sent).toHaveLength(1)
  })

  test('everybody who waits for a message is told', async () => {
    const first = Promise.withResolvers<GateResult>()
    server = () => first.promise
    outbox.add(message('one'))
    outbox.kick(a)
    const both = [outbox.sent('one'), outbox.sent('one')]
    first.resolve(answered({ event_id: '$one' }))
    expect(await Promise.all(both)).toEqual(['$one', '$one'])
    expect([await outbox.sent('one'), await outbox.sent('never')]).toEqual(['$one', undefined])
  })
})

describe('redactions', () => {
  test('have a request of their own, in turn with the messages of the room', async () => {
    server = (_where, txnId) => answered({ event_id: `$${txnId === '' ? 'redaction' : txnId}` })
    outbox.add(message('one'))
    outbox.add({ ...message('two', a, 'm.room.redaction'), content: { redacts: '$command', reason: 'personal data' } })
    outbox.kick(a)
    expect(await outbox.sent('two')).toBe('$redaction')
    expect(sent).toEqual(['!a m.room.encrypted one {"ciphertext":"x"}', '/_matrix/client/v3/rooms/!a/redact/%24command/two'])
  })

  test('one that the bot may not do is given up and holds nothing back', async () => {
    server = (where) => (where === a ? answered({ event_id: '$one' }) : refused(403))
    outbox.add({ ...message('two', a, 'm.room.redaction'), content: { redacts: '$command' } })
    outbox.add(message('one'))
    outbox.kick(a)
    expect(await outbox.sent('one')).toBe('$one')
    expect(rows().map((row) => row.state)).toEqual(['failed', 'sent'])
  })
})

describe('trouble', () => {
  test('a bug on the way is not repeated without a pause, and loses nothing', async () => {
    let tries = 0
    server = () => {
      tries += 1
      if (tries < 3) throw new Error('a bug')
      return answered({ event_id: '$one' })
    }
    outbox.add(message('one'))
    outbox.kick(a)
    await turns()
    expect(tries).toBe(1)
    await clock.advance(500)
    expect(tries).toBe(2)
    await clock.advance(999)
    expect(tries).toBe(2)
    await clock.advance(1)
    expect(await outbox.sent('one')).toBe('$one')
  })

  test.each<[string, GateResult]>([
    ['a 502', refused(502)],
    ['no answer', timedOut],
    ['no connection', unconnected],
    ['an ended token', refused(401, 'M_UNKNOWN_TOKEN')],
    ['a 404 of a proxy', refused(404)],
    ['a 404 of the wrong worker', refused(404, 'M_UNRECOGNIZED')],
    ['a 408', refused(408, 'M_UNKNOWN')],
    ['a 200 of somebody in between', answered('<html>')],
    ['a 200 without an event id', answered({})],
  ])('%s: it is sent again under the same transaction id', async (_what, result) => {
    const answers = [result, result]
    server = (_room, txnId) => answers.shift() ?? answered({ event_id: `$${txnId}` })
    outbox.add(message('one'))
    outbox.kick(a)
    await turns()
    await clock.advance(500)
    expect(rows()[0]?.state).toBe('queued')
    await clock.advance(1000)
    expect(rows()[0]).toMatchObject({ state: 'sent', event_id: '$one' })
    expect(sent.map((line) => line.split(' ')[2])).toEqual(['one', 'one', 'one'])
  })

  test('it waits as long as the server asks', async () => {
    const answers: GateResult[] = [limited(40_000)]
    server = (_room, txnId) => answers.shift() ?? answered({ event_id: `$${txnId}` })
    outbox.add(message('one'))
    outbox.kick(a)
    await turns()
    expect(clock.sleeping).toEqual([40_000])
    await clock.advance(40_000)
    expect(rows()[0]?.state).toBe('sent')
  })

  test('a refused message is given up and does not hold up the next', async () => {
    server = (_room, txnId) => (txnId === 'one' ? refused(403, 'M_FORBIDDEN') : answered({ event_id: `$${txnId}` }))
    outbox.add(message('one'))
    outbox.add(message('two'))
    const first = outbox.sent('one')
    outbox.kick(a)
    expect(await outbox.sent('two')).toBe('$two')
    expect(await first).toBeUndefined()
    expect(rows().map((row) => row.state)).toEqual(['failed', 'sent'])
  })

  test('after a day nobody is answered any more', async () => {
    server = () => refused(502)
    outbox.add(message('one'))
    await clock.advance(24 * 3_600_000 + 1)
    outbox.kick(a)
    expect(await outbox.sent('one')).toBeUndefined()
    expect(rows()[0]?.state).toBe('failed')
  })

  test('what an earlier run left is sent, in its order, before what is new', async () => {
    outbox.add(message('one'))
    outbox.add(message('two', b))
    await outbox.close()
    expect(await outbox.sent('one')).toBeUndefined()
    outbox = open()
    outbox.add(message('three'))
    outbox.start()
    await Promise.all(['one', 'two', 'three'].map((txnId) => outbox.sent(txnId)))
    expect(sent.filter((line) => line.startsWith('!a')).map((line) => line.split(' ')[2])).toEqual(['one', 'three'])
  })

  test('closing ends the waits, and nothing begins any more', async () => {
    server = () => refused(502)
    outbox.add(message('one'))
    outbox.kick(a)
    const waiting = outbox.sent('one')
    await turns()
    await outbox.close()
    expect(await waiting).toBeUndefined()
    outbox.kick(a)
    await turns()
    expect(sent).toHaveLength(1)
    expect(rows()[0]?.state).toBe('queued')
  })
})

test('transaction ids are stable, fit into a path, and differ by part', () => {
  const id = transactionId('$event:x', 'answer')
  expect(id).toBe(transactionId('$event:x', 'answer'))
  expect(id).toMatch(/^gh[\w-]{26}$/)
  expect(
    new Set([id, transactionId('$event:x', 'answer-1'), transactionId('$event:xanswer', ''), transactionId('$other', 'answer')]).size,
  ).toBe(4)
})
