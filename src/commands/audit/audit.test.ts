import { expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import type { AuditRow } from '../../audit/audit.ts'
import type { EventId, RoomId, UserId } from '../../types.ts'
import { createAuditCommand } from './audit.ts'
import type { AuditPorts } from './audit.ts'

const now = 100_000_000
const rowOf = (index: number, more: Partial<AuditRow> = {}): AuditRow => ({
  auditId: 1000 - index,
  at: now - index * 60_000,
  actor: '@mod:example.org' as UserId,
  roomId: '!r' as RoomId,
  eventId: `$${index}` as EventId,
  command: 'ping',
  arguments: '{}',
  outcome: 'answered',
  code: 'ok',
  detail: null,
  durationMs: 1,
  ...more,
})

const ask = async (line: string, rows: readonly AuditRow[], options: RequestOptions = {}) => {
  const filters: Parameters<AuditPorts['list']>[0][] = []
  const command = createAuditCommand({
    nameOf: (userId) => `<${userId}>`,
    list: (filter) => {
      filters.push(filter)
      return rows.slice(filter.offset, filter.offset + filter.limit)
    },
  })
  const answer = await command.answer(await requestOf(line, { now, ...options }))
  return { code: answer.code, text: textOf(answer), filters }
}

test('a row says when, who, what and what came of it; masked arguments as they are', async () => {
  const row = rowOf(5, {
    command: 'adduser',
    arguments: '{"first":"Ada","email":"•••","keep-in-indoc":true,"groups":["a"]}',
    outcome: 'refused',
    code: 'no-role',
    detail: 'for moderators',
  })
  const { text } = await ask('audit', [row])
  expect(text).toContain(
    '5 min ago · <@mod:example.org> · adduser first=Ada email=••• keep-in-indoc groups=["a"] · refused: no-role (for moderators)',
  )
})

test('long and strange arguments, and a message that nobody could read', async () => {
  const rows = [rowOf(1, { arguments: JSON.stringify({ a: 'x'.repeat(300) }) }), rowOf(2, { arguments: 'null', command: '', detail: '' })]
  const { text } = await ask('audit', rows)
  expect(text).toContain(`${'x'.repeat(198)}…`)
  expect(text).toContain('(unreadable) · answered: ok')
})

test('filters are the database’s, and no more is read than is shown', async () => {
  const found = await ask('audit --by @mod:example.org --command !Ping --code no-power --since 3h --page 2', [])
  expect(found.filters).toEqual([
    { actor: '@mod:example.org', command: 'ping', code: 'no-power', notBefore: now - 3 * 3_600_000, limit: 11, offset: 10 },
  ])
  expect((await ask('audit', [])).filters).toEqual([{ limit: 11, offset: 0 }])
})

test('pages of ten that know whether there is more', async () => {
  const rows = Array.from({ length: 25 }, (_, index) => rowOf(index))
  expect((await ask('audit', rows)).text).toContain('Page 1. More: the same with --page 2')
  const last = await ask('audit --page 3', rows)
  expect(last.text.match(/· ping/g)).toHaveLength(5)
  expect(last.text).toContain('Page 3.')
  expect(last.text).not.toContain('More')
  expect((await ask('audit --page 4', rows)).text).toBe('There is no page 4.')
  expect((await ask('audit', rows.slice(0, 10))).text).not.toContain('Page')
  expect((await ask('audit', [])).text).toBe('Nothing in the audit fits.')
})

test('an account without a Matrix user has given no command', async () => {
  const { code } = await ask('audit --by zoe', [], { accounts: [{ pk: 1, username: 'zoe' }] })
  expect(code).toBe('no-matrix-user')
})
