import { beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { Audit } from './audit.ts'

let database: Database
let audit: Audit
beforeEach(() => {
  database = memoryDatabase()
  audit = new Audit(database)
  for (let at = 0; at < 40; at += 1) {
    audit.add({
      at,
      actor: (at % 2 === 0 ? '@mod:x' : '@ada:x') as UserId,
      roomId: '!r:x' as RoomId,
      eventId: `$${at}` as EventId,
      command: at % 4 === 0 ? 'invite' : 'ping',
      arguments: {},
      outcome: 'ran',
      code: at % 10 === 0 ? 'no-power' : 'ok',
      durationMs: 1,
    })
  }
})
const times = (filter: Partial<Parameters<Audit['list']>[0]>): readonly number[] =>
  audit.list({ limit: 100, offset: 0, ...filter }).map(({ at }) => at)

describe('Audit.list', () => {
  test('filters by person, command, code and time together, newest first, page by page', () => {
    expect(times({ limit: 3 })).toEqual([39, 38, 37])
    expect(times({ limit: 3, offset: 3 })).toEqual([36, 35, 34])
    expect(times({ code: 'no-power' })).toEqual([30, 20, 10, 0])
    expect(times({ code: 'no-power', notBefore: 15 })).toEqual([30, 20])
    expect(times({ actor: '@mod:x' as UserId, command: 'invite', code: 'no-power' })).toEqual([20, 0])
    expect(times({ notBefore: 40 })).toEqual([])
  })

  test('no filter reads the table from one end to the other, nor sorts it', () => {
    const planOf = (where: string): string =>
      database.connection
        .prepare(`EXPLAIN QUERY PLAN SELECT * FROM audit WHERE ${where} ORDER BY audit_id DESC LIMIT 11`)
        .all()
        .map((row) => (row as { detail: string }).detail)
        .join('; ')
    for (const [column, index] of [
      ['actor', 'audit_actor'],
      ['command', 'audit_command'],
      ['code', 'audit_code'],
    ]) {
      expect(planOf(`${column} = 'x'`)).toContain(`USING INDEX ${index}`)
      expect(planOf(`${column} = 'x'`)).not.toContain('TEMP B-TREE')
    }
    expect(planOf('audit_id >= 30 AND at >= 30')).toContain('SEARCH audit USING INTEGER PRIMARY KEY')
  })
})
