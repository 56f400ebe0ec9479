import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase, TestClock, turns } from '../../tests/support/unit.ts'
import { Audit } from '../audit/audit.ts'
import type { Database } from '../database/database.ts'
import { Journal } from '../matrix/journal.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox, OutgoingMessage } from '../matrix/outbox.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, JsonObject, RoomId, RoomKind, UserId } from '../types.ts'
import type { Acknowledger } from './acknowledge.ts'
import type { Answer } from './answer.ts'
import { paragraph } from './answer.ts'
import { Reply } from './reply.ts'

const entry = { eventId: '$ask' as EventId, roomId: '!indoc' as RoomId, sender: '@mo:x' as UserId }
const dm = '!dm' as RoomId
const part = { command: 'user', arguments: {}, outcome: 'answered', code: 'ok' } as const
const progressTxn = transactionId('$ask', 'answer-progress')

let database: Database
let clock: TestClock
let journal: Journal
let messages: OutgoingMessage[]
/** Ids of messages that are on the server, by transaction id. */
let onServer: Map<string, EventId>
let showProgress: (() => void) | undefined
let direct: () => Promise<RoomId | undefined>

beforeEach(() => {
  database = memoryDatabase()
  clock = new TestClock()
  journal = new Journal(database)
  journal.add({ ...entry, kind: 'message', event: {}, late: false, receivedAt: 1 })
  messages = []
  onServer = new Map()
  showProgress = undefined
  direct = () => Promise.resolve(dm)
})
afterEach(() => {
  database.close()
})

const reply = (kind: RoomKind = 'admin', threadRoot?: EventId): Reply =>
  new Reply(
    {
      database,
      journal,
      audit: new Audit(database),
      outbox: {
        add: (message: OutgoingMessage) => {
          messages.push(message)
          if (message.txnId === progressTxn) onServer.set(progressTxn, '$progress' as EventId)
        },
        kick: () => undefined,
        sent: (txnId: string) => Promise.resolve(onServer.get(txnId)),
      } as unknown as Outbox,
      acknowledger: {
        begin: (_roomId: string, _eventId: string, onProgress: () => void) => {
          showProgress = onProgress
          return () => {
            showProgress = undefined
          }
        },
      } as unknown as Acknowledger,
      clock,
      logger: silentLogger,
      directRoom: () => direct(),
    },
    entry,
    { eventId: entry.eventId, threadRoot },
    kind,
  )
const answer = (words = 'hello', more: Partial<Answer> = {}): Answer => ({ blocks: [paragraph(words)], code: 'ok', ...more })
const texts = (): readonly string[] => messages.map(({ roomId, content }) => `${roomId} ${content['body'] as string}`)
const relations = (): readonly unknown[] => messages.map(({ content }) => content['m.relates_to'])
const audits = (): readonly { readonly code: string; readonly answer_txn: string | null }[] =>
  database.all(database.query.selectFrom('audit').select(['code', 'answer_txn']))

describe('the end of a command', () => {
  test('answer, audit row and journal mark are one transaction', async () => {
    await reply('admin', '$root' as EventId).finish(answer(), part)
    expect(texts()).toEqual(['!indoc hello'])
    expect(relations()).toEqual([{ rel_type: 'm.thread', event_id: '$root', is_falling_back: true, 'm.in_reply_to': { event_id: '$ask' } }])
    expect(audits()).toEqual([{ code: 'ok', answer_txn: messages[0]?.txnId }])
    expect(journal.open()).toEqual([])
  })

  test('none of it stays when one part fails', async () => {
    const failing = (): Answer => {
      database.setMeta('half', 'way')
      throw new Error('no')
    }
    await expect(reply().finish(failing, part)).rejects.toThrow('no')
    expect([audits(), journal.open().length, database.meta('half')]).toEqual([[], 1, undefined])
  })

  test('the same command again gives the same transaction id', async () => {
    await reply().finish(answer(), part)
    await reply().finish(answer(), part)
    expect(new Set(messages.map(({ txnId }) => txnId)).size).toBe(1)
    expect(audits()).toHaveLength(1)
  })

  test('work over half a minute ends with a mention', async () => {
    const long = reply()
    await clock.advance(30_001)
    await long.finish(answer(), part)
    expect(messages[0]?.content['m.mentions']).toEqual({ user_ids: [entry.sender] })
  })

  test('a long answer comes in parts, each a reply, each with its own id', async () => {
    await reply().finish(answer(Array.from({ length: 3000 }, (_, line) => `line ${line} of a long list`).join('\n')), part)
    expect(messages.length).toBeGreaterThan(1)
    expect(new Set(messages.map(({ txnId }) => txnId)).size).toBe(messages.length)
    expect(relations()).toEqual(messages.map(() => ({ 'm.in_reply_to': { event_id: '$ask' } })))
  })
})

describe('progress', () => {
  test('one message that is edited in place and becomes the answer', async () => {
    const slow = reply()
    slow.begin()
    showProgress?.()
    await clock.advance(6000)
    slow.progress(3, 9)
    await turns()
    // Not more often than the server's limits allow.
    slow.progress(4, 9)
    await turns()
    await slow.finish(answer('all done'), part)
    expect(texts()).toEqual(['!indoc ⏳ Working on it…', '!indoc * ⏳ 3 of 9 done…', '!indoc * all done'])
    const replaced = { rel_type: 'm.replace', event_id: '$progress' }
    expect(relations()).toEqual([{ 'm.in_reply_to': { event_id: '$ask' } }, replaced, replaced])
    // People reply to what they see.
    expect(audits()[0]?.answer_txn).toBe(progressTxn)
  })

  test('of before a restart becomes the answer too', async () => {
    onServer.set(progressTxn, '$progress' as EventId)
    await reply().finish(answer('all done'), part)
    expect(relations()).toEqual([{ rel_type: 'm.replace', event_id: '$progress' }])
  })

  test('a mention needs a new message; the progress message says where', async () => {
    const slow = reply()
    slow.begin()
    showProgress?.()
    await clock.advance(40_000)
    await slow.finish(answer('all done'), part)
    expect(texts()).toEqual(['!indoc ⏳ Working on it…', '!indoc all done', '!indoc * ⏳ Finished: see the answer below.'])
  })

  test('that is shown while a direct chat is opened becomes the answer, and does not stay', async () => {
    const opened = Promise.withResolvers<RoomId>()
    direct = () => opened.promise
    const slow = reply('indoc')
    slow.begin()
    const finishing = slow.finish(answer('secret', { privacy: 'personal' }), part)
    await turns()
    showProgress?.()
    opened.resolve(dm)
    await finishing
    expect(texts()).toEqual(['!indoc ⏳ Working on it…', '!indoc * Sent privately.', '!dm secret'])
  })
})

describe('personal data', () => {
  const personal = answer('ada@example.org', { privacy: 'personal', mark: '✅' })

  test('goes by direct chat from INDOC', async () => {
    await reply('indoc').finish(personal, part)
    expect(texts()).toEqual(['!indoc ✅ Sent privately.', '!dm ✅ ada@example.org'])
  })

  test('goes with what INDOC may read of it', async () => {
    const inPublic = [paragraph('There is an account already.')]
    await reply('indoc').finish({ ...personal, inPublic }, part)
    expect(texts()).toEqual(['!indoc ✅ There is an account already.\n\nSent privately.', '!dm ✅ ada@example.org'])
    await reply('admin').finish({ ...personal, inPublic }, part)
    expect(texts().at(-1)).toBe('!indoc ✅ ada@example.org')
  })

  test('stays unsaid when there is none', async () => {
    direct = () => Promise.resolve(undefined)
    await reply('indoc').finish(personal, part)
    expect(texts().join(' ')).not.toContain('ada@example.org')
    expect(texts()[0]).toMatch(/Ask again in the admin room/)
  })

  test.each(['admin', 'dm'] as const)('is shown in the %s room', async (kind) => {
    await reply(kind).finish(personal, part)
    expect(texts()).toEqual(['!indoc ✅ ada@example.org'])
  })

  test('of an answer that is made inside the transaction', async () => {
    await reply('indoc').finish(() => personal, part, 'personal')
    expect(texts()).toEqual(['!indoc ✅ Sent privately.', '!dm ✅ ada@example.org'])
  })

  test('in the command itself is hidden, in the transaction of the answer', async () => {
    const hiding = reply('indoc')
    hiding.redactCommand()
    await hiding.finish(answer(), part)
    expect(messages.at(-1)).toMatchObject({ type: 'm.room.redaction', content: { redacts: '$ask' } satisfies JsonObject })
  })
})
