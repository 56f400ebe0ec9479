import { beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from './database.ts'
import { sweepDatabase } from './sweep.ts'
import type { Retention } from './sweep.ts'

const day = 24 * 3_600_000
const now = 1000 * day
const keep: Retention = { work: 90 * day, audit: 400 * day }
let database: Database
beforeEach(() => {
  database = memoryDatabase()
})
const insert = (table: string, row: Readonly<Record<string, string | number | null>>): void => {
  const names = Object.keys(row)
  database.connection
    .prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
    .run(...Object.values(row))
}
const ids = (sql: string): unknown => database.connection.prepare(sql).pluck().all()
const sweep = (retention = keep): Promise<ReadonlyMap<string, number>> =>
  sweepDatabase({ database, retention, now, pause: () => Promise.resolve() })

const event = (eventId: string, sequence: number, room: string, doneDaysAgo: number | null): void =>
  insert('journal', {
    event_id: eventId,
    sequence,
    room_id: room,
    sender: '@a:x',
    kind: 'message',
    event: '{}',
    late: 0,
    state: doneDaysAgo === null ? 'pending' : 'done',
    received_at: 0,
    done_at: doneDaysAgo === null ? null : now - doneDaysAgo * day,
  })
const plan = (planId: number, command: string, state: string, daysAgo: number, effects: readonly string[]): void => {
  const at = now - daysAgo * day
  insert('plan', {
    plan_id: planId,
    event_id: `$${planId}`,
    command,
    asker: '@m:x',
    room_id: '!r:x',
    answer_to: `$${planId}`,
    summary: '',
    details: '{}',
    state,
    created_at: at,
    finished_at: state === 'done' ? at : null,
  })
  for (const [step, of] of effects.entries()) insert('effect', { plan_id: planId, step, kind: 'k', planned: '{}', state: of })
  insert('confirmation', { code: `code${planId}`, plan_id: planId, asker: '@m:x', room_id: '!r:x', expires_at: at })
}
const job = (state: string, daysAgo: number): void =>
  insert('job', { kind: state, unique_key: `${daysAgo}`, payload: '{}', state, run_at: 0, created_at: 0, updated_at: now - daysAgo * day })
const message = (txnId: string, state: string, daysAgo: number): void =>
  insert('outbox', {
    txn_id: txnId,
    sequence: 1,
    room_id: '!r:x',
    type: 't',
    content: '{}',
    state,
    created_at: 0,
    updated_at: now - daysAgo * day,
  })
const audited = (daysAgo: number): void =>
  insert('audit', {
    at: now - daysAgo * day,
    actor: '@m:x',
    room_id: '!r:x',
    event_id: `$${daysAgo}`,
    command: 'ping',
    arguments: '{}',
    outcome: 'answered',
    code: 'ok',
    duration_ms: 1,
  })

describe('sweepDatabase', () => {
  test('events: what is open stays, and the newest of each room, where the filling of a gap ends', async () => {
    event('$old', 1, '!a:x', 91)
    event('$open', 2, '!a:x', null)
    event('$young', 3, '!a:x', 89)
    event('$quiet-old', 4, '!b:x', 500)
    event('$quiet-last', 5, '!b:x', 499)
    expect((await sweep()).get('journal')).toBe(2)
    expect(ids('SELECT event_id FROM journal ORDER BY sequence')).toEqual(['$open', '$young', '$quiet-last'])
  })

  test('messages and jobs: the open ones stay for ever, the others go when they are old, the dead ones too', async () => {
    for (const state of ['queued', 'sent', 'failed']) for (const age of [91, 89]) message(`${state}${age}`, state, age)
    for (const state of ['waiting', 'running', 'done', 'dead', 'cancelled']) for (const age of [91, 89]) job(state, age)
    const gone = await sweep()
    expect([gone.get('outbox'), gone.get('job')]).toEqual([2, 3])
    expect(ids('SELECT txn_id FROM outbox ORDER BY txn_id')).toEqual(['failed89', 'queued89', 'queued91', 'sent89'])
    expect(ids("SELECT kind FROM job WHERE unique_key = '91' ORDER BY kind")).toEqual(['running', 'waiting'])
  })

  test('plans: those that run or hold something unproven stay, and an undo as long as there is an older plan', async () => {
    plan(1, 'adduser', 'done', 200, ['done', 'failed'])
    plan(2, 'adduser', 'done', 200, ['done', 'unknown'])
    plan(3, 'remove', 'running', 200, ['intended'])
    plan(4, 'undo', 'done', 150, ['done'])
    plan(5, 'remove', 'confirming', 120, ['planned'])
    plan(6, 'adduser', 'done', 89, ['done'])
    expect((await sweep()).get('plan')).toBe(2)
    expect(ids('SELECT plan_id FROM plan')).toEqual([2, 3, 4, 6])
    expect(ids('SELECT DISTINCT plan_id FROM effect')).toEqual([2, 3, 4, 6])
    expect(ids('SELECT plan_id FROM confirmation ORDER BY 1')).toEqual([2, 3, 4, 6])
  })

  test('the audit has its own time; zero keeps all', async () => {
    for (const age of [401, 399, 91]) audited(age)
    message('sent', 'sent', 500)
    expect((await sweep({ work: 0, audit: 0 })).size).toBe(1)
    expect(ids('SELECT count(*) FROM audit')).toEqual([3])
    expect((await sweep()).get('audit')).toBe(1)
    expect(ids('SELECT count(*) FROM outbox')).toEqual([0])
  })

  test('a year of rows goes in small batches, and nobody waits for long', async () => {
    database.connection.exec(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO audit (at, actor, room_id, event_id, command, arguments, outcome, code, duration_ms)
      SELECT i, '@m' || (i % 20) || ':x', '!r:x', '$' || i, 'ping', '{}', 'answered', 'ok', 1 FROM n`)
    let last = performance.now()
    const waits: number[] = []
    const gone = await sweepDatabase({
      database,
      retention: keep,
      now,
      pause: async () => {
        waits.push(performance.now() - last)
        await new Promise((resolve) => setImmediate(resolve))
        last = performance.now()
      },
    })
    expect(gone.get('audit')).toBe(20_000)
    expect(waits.length).toBeGreaterThan(40)
    // By the median: a machine that is busy with something else may stop anybody for a moment.
    expect(waits.sort((one, other) => one - other)[Math.floor(waits.length / 2)]).toBeLessThan(50)
  })

  test('slow batches become smaller', async () => {
    for (let age = 401; age < 601; age += 1) audited(age)
    let time = 0
    const changes: number[] = []
    let before = 200
    await sweepDatabase({
      database,
      retention: keep,
      now,
      elapsed: () => (time += 40),
      pause: () => {
        const [left] = ids('SELECT count(*) FROM audit') as number[]
        if (before !== left) changes.push(before - (left ?? 0))
        before = left ?? 0
        return Promise.resolve()
      },
    })
    expect(changes.slice(0, 4)).toEqual([50, 25, 12, 10])
    expect(before).toBe(0)
  })

  test('it ends with the program', async () => {
    for (let age = 401; age < 601; age += 1) audited(age)
    const stopping = sweepDatabase({ database, retention: keep, now, pause: () => Promise.reject(new Error('stop')) })
    await expect(stopping).rejects.toThrow('stop')
  })
})
