import { afterEach, beforeEach, expect, test } from 'vitest'
import { answered, limited, memoryDatabase, refused, TestClock, timedOut, turns } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { GateResult } from '../http/contract.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { backfill } from './backfill.ts'
import type { Homeserver, HomeserverRequest } from './client.ts'
import { Journal } from './journal.ts'

const roomId = '!a' as RoomId
let database: Database
let journal: Journal
let clock: TestClock
let asked: (HomeserverRequest['query'] & object)[]
let stop: AbortController

beforeEach(() => {
  database = memoryDatabase()
  journal = new Journal(database)
  clock = new TestClock()
  asked = []
  stop = new AbortController()
})
afterEach(() => {
  database.close()
})

const event = (name: string) => ({
  event_id: `$${name}`,
  type: 'm.room.message',
  sender: '@ada:x',
  origin_server_ts: 1,
  content: { body: name },
})
const page = (names: readonly string[], end?: string): GateResult =>
  answered({ chunk: names.map(event), ...(end === undefined ? {} : { end }) })
const fill = (answers: GateResult[] | ((call: number) => GateResult)) =>
  backfill({
    homeserver: {
      request: (_method: string, _path: string, options: HomeserverRequest) => {
        asked.push(options.query ?? {})
        const result = Array.isArray(answers) ? answers.shift() : answers(asked.length)
        if (result === undefined) throw new Error('asked too often')
        return Promise.resolve(result)
      },
    } as unknown as Homeserver,
    journal,
    roomId,
    from: 'gap',
    to: 'since',
    clock,
    signal: stop.signal,
  })
const names = (found: Awaited<ReturnType<typeof fill>>): readonly string[] => found.events.map((one) => one.event_id)

test('pages backwards from the gap to the last token, oldest first', async () => {
  const found = await fill([page(['d', 'c'], 'p1'), page(['b', 'a'])])
  expect([names(found), found.complete]).toEqual([['$a', '$b', '$c', '$d'], true])
  expect(asked).toMatchObject([
    { dir: 'b', from: 'gap', to: 'since', limit: 100 },
    { dir: 'b', from: 'p1', to: 'since' },
  ])
})

test('ends with the page that holds a journaled event; what is missing behind it was missed too', async () => {
  journal.add({ eventId: '$b' as EventId, roomId, sender: '@ada:x' as UserId, kind: 'message', event: {}, late: false, receivedAt: 1 })
  const found = await fill([page(['d', 'c', 'b', 'a'], 'p1')])
  expect([names(found), found.complete]).toEqual([['$a', '$c', '$d'], true])
})

test('ends at the same place again', async () => {
  expect(await fill([page(['b'], 'gap')])).toMatchObject({ complete: true })
})

test('goes on behind a page of which the bot may see nothing', async () => {
  expect(names(await fill([page(['b'], 'p1'), page([], 'p2'), page(['a'])]))).toEqual(['$a', '$b'])
})

test('a bad event does not spoil the page', async () => {
  const found = await fill([answered({ chunk: [event('b'), { type: 5 }, 'x', null, event('a')] })])
  expect(names(found)).toEqual(['$a', '$b'])
})

test.each<[string, GateResult, number]>([
  ['a 502', refused(502), 2000],
  ['no answer', timedOut, 2000],
  ['a wait', limited(9000), 9000],
  // The session may be renewed; if not, the process ends elsewhere.
  ['an ended token', refused(401, 'M_UNKNOWN_TOKEN'), 2000],
])('%s passes: giving up would lose messages', async (_what, failure, wait) => {
  const filling = fill([failure, failure, page(['a'])])
  await turns()
  expect(clock.sleeping).toEqual([wait])
  await clock.advance(wait)
  await clock.advance(wait)
  expect(await filling).toMatchObject({ complete: true, events: [{ event_id: '$a' }] })
})

test('a server that fails with one room does not keep the bot from all others for ever', async () => {
  const filling = fill((call) => (call === 1 ? page(['b'], 'p1') : refused(500, 'M_UNKNOWN')))
  await turns()
  for (let waited = 0; waited < 5 * 60_000; waited += 2000) await clock.advance(2000)
  const found = await filling
  expect([names(found), found.complete, found.reason]).toEqual([['$b'], false, 'the server answered 500 M_UNKNOWN'])
})

test.each([403, 404, 400])('a refusal (%i) is final, keeps what there is, and says so', async (status) => {
  const found = await fill([page(['b'], 'p1'), refused(status, 'M_FORBIDDEN')])
  expect([names(found), found.complete, found.reason]).toEqual([['$b'], false, `the server answered ${status} M_FORBIDDEN`])
})

test('the shutdown ends it, incomplete', async () => {
  const filling = fill(() => refused(502))
  await turns()
  stop.abort(new Error('stop'))
  expect((await filling).complete).toBe(false)
})

test('an endless gap has an end', async () => {
  const found = await fill((call) => page([`e${call}`], `p${call}`))
  expect([found.complete, asked.length, found.reason]).toEqual([false, 50, 'more than 5000 messages were missed'])
})
