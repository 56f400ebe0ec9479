import { beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import { Audit } from '../audit/audit.ts'
import type { Database } from '../database/database.ts'
import { Journal } from '../matrix/journal.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import type { Outbox, OutgoingMessage } from '../matrix/outbox.ts'
import { silentLogger } from '../operations/logger.ts'
import type { DeviceId, EventId, JsonObject, RoomId, UserId } from '../types.ts'
import type { Acknowledger } from './acknowledge.ts'
import { Unreadable } from './unreadable.ts'

const indoc = '!indoc:x' as RoomId
const admin = '!admin:x' as RoomId
const mod = '@mod:x' as UserId
const ada = '@ada:x' as UserId

let database: Database
let journal: Journal
let clock: TestClock
let sent: OutgoingMessage[]
let told: EventId[]

beforeEach(() => {
  database = memoryDatabase()
  journal = new Journal(database)
  clock = new TestClock(10_000_000)
  sent = []
  told = []
})

const start = (): Unreadable =>
  new Unreadable({
    database,
    journal,
    audit: new Audit(database),
    clock,
    logger: silentLogger,
    acknowledger: {} as Acknowledger,
    directRoom: () => Promise.resolve(undefined),
    outbox: {
      // As the real one: what is known is left alone.
      add: (message: OutgoingMessage) => void (sent.some(({ txnId }) => txnId === message.txnId) ? undefined : sent.push(message)),
      kick: () => undefined,
      sent: () => Promise.resolve(undefined),
    } as unknown as Outbox,
    deviceId: 'BOTDEVICE' as DeviceId,
    roomKind: (roomId) => ({ [indoc]: 'indoc' as const, [admin]: 'admin' as const })[roomId],
    onIndoc: ({ eventId }) => void told.push(eventId),
  })

let serial = 0
const entry = (roomId: RoomId, sender: UserId, more: { readonly event?: JsonObject; readonly late?: boolean } = {}): JournalEntry => {
  const added = journal.add({
    eventId: `$event${(serial += 1)}` as EventId,
    roomId,
    sender,
    kind: 'message',
    event: { type: 'm.room.encrypted', origin_server_ts: clock.now(), ...more.event },
    late: more.late ?? false,
    receivedAt: clock.now(),
  })
  if (added === undefined) throw new Error('claimed before')
  return added
}
const missing = { code: 'missing-key', withheld: undefined }
const texts = (roomId: RoomId): readonly string[] =>
  sent.filter((message) => message.roomId === roomId).map(({ content }) => content['body'] as string)

describe('one answer by cause', () => {
  test.each([
    [missing, /key did not reach me.*send it again.*discardsession.*Nothing was done/s, 'unreadable-missing-key'],
    [
      { code: 'withheld', withheld: 'm.unverified' },
      /device BOTDEVICE.*verified.*signed by its owner.*Nothing was done/s,
      'unreadable-m.unverified',
    ],
    [{ code: 'withheld', withheld: 'm.blacklisted' }, /blocked my device BOTDEVICE.*Unblock/s, 'unreadable-m.blacklisted'],
    [{ code: 'withheld', withheld: 'm.no_olm' }, /m\.no_olm.*discardsession/s, 'unreadable-m.no_olm'],
    [{ code: 'forged', withheld: undefined }, /key belongs to somebody else/, 'unreadable-forged'],
  ])('%o', async (cause, words, code) => {
    const message = entry(admin, mod)
    await start().close(message, cause)
    expect(texts(admin)).toHaveLength(1)
    expect(texts(admin)[0]).toMatch(words)
    expect(sent[0]?.content).toMatchObject({ 'm.relates_to': { 'm.in_reply_to': { event_id: message.eventId } } })
    expect(journal.open()).toEqual([])
    expect(database.all(database.query.selectFrom('audit').select(['outcome', 'code', 'actor']))).toEqual([
      { outcome: 'refused', code, actor: mod },
    ])
  })

  test('a person whose messages are all unreadable is told once in ten minutes', async () => {
    const unreadable = start()
    await unreadable.close(entry(admin, mod), missing)
    await unreadable.close(entry(admin, mod), missing)
    await clock.advance(599_999)
    await unreadable.close(entry(admin, mod), missing)
    expect(texts(admin)).toHaveLength(1)
    await clock.advance(1)
    await unreadable.close(entry(admin, mod), missing)
    expect(texts(admin)).toHaveLength(2)
    expect(journal.open()).toEqual([])
  })
})

describe('silence', () => {
  test.each<[string, RoomId, Parameters<typeof entry>[2]]>([
    ['in a room where the bot does not listen', '!other:x' as RoomId, {}],
    ['to what was sent before the bot joined', indoc, { event: { unsigned: { membership: 'leave' } } }],
    ['to what was sent while the bot was only invited', indoc, { event: { unsigned: { membership: 'invite' } } }],
    ['to what was sent hours ago, while the bot was away', admin, { late: true, event: { origin_server_ts: 1 } }],
  ])('%s', async (_what, roomId, more) => {
    await start().close(entry(roomId, mod, more), missing)
    expect([sent, journal.open()]).toEqual([[], []])
  })

  test('not to what was sent just now, whatever else the server tells about it', async () => {
    await start().close(entry(admin, mod, { late: true, event: { unsigned: { membership: 'join', age: 5 } } }), missing)
    expect(texts(admin)).toHaveLength(1)
  })
})

describe('in INDOC, where it may be an introduction', () => {
  test('who looks after newcomers is told of each, also of what was sent while the bot was away for long', async () => {
    const [first, old] = [entry(indoc, ada), entry(indoc, ada, { late: true, event: { origin_server_ts: 1 } })]
    await start().close(first, missing)
    await start().close(old, missing)
    expect(told).toEqual([first.eventId, old.eventId])
    expect(texts(indoc)).toHaveLength(1)
  })

  test('not of what was sent before the bot was there, nor elsewhere', async () => {
    await start().close(entry(indoc, ada, { event: { unsigned: { membership: 'leave' } } }), missing)
    await start().close(entry(admin, ada), missing)
    expect(told).toEqual([])
  })
})
