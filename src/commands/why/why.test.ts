import { expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import type { AuditRow } from '../../audit/audit.ts'
import type { EventId, RoomId, UserId } from '../../types.ts'
import { createWhyCommand } from './why.ts'

const ada = '@ada:example.org' as UserId
const here = '!here:example.org' as RoomId
const now = 1_000_000
const row: AuditRow = {
  auditId: 1,
  at: now - 60_000,
  actor: ada,
  roomId: here,
  eventId: '$cmd' as EventId,
  command: 'remove',
  arguments: '{"users":["@bob:x"]}',
  outcome: 'refused',
  code: 'no-role',
  detail: '`remove` is for moderators',
  durationMs: 3,
}

const ask = async (found: Partial<AuditRow> | undefined, options: RequestOptions & { replyTo?: string } = {}) => {
  const asked: string[] = []
  const answerOf = (): AuditRow | undefined => (found === undefined ? undefined : { ...row, ...found })
  const command = createWhyCommand({
    about: (eventId) => {
      asked.push(`about ${eventId}`)
      return answerOf()
    },
    lastOf: (userId, roomId) => {
      asked.push(`last ${userId} ${roomId}`)
      return answerOf()
    },
    nameOf: (userId) => `name of ${userId}`,
  })
  const request = await requestOf('why', { asker: ada, role: 'everyone', now, ...options })
  const answer = await command.answer({ ...request, replyTo: options.replyTo as EventId | undefined })
  return { answer, text: textOf(answer), asked }
}

test('a reply asks about that message, otherwise about the last command here', async () => {
  expect((await ask({}, { replyTo: '$answer' })).asked).toEqual(['about $answer'])
  expect((await ask({})).asked).toEqual([`last ${ada} ${here}`])
})

test('names the check, the reason and what was understood', async () => {
  const { text } = await ask({})
  expect(text).toContain('remove by you, 60 s ago.')
  expect(text).toContain('It was refused (no-role).')
  expect(text).toContain('The check that refused: the role that the command needs.')
  expect(text).toContain('The reason: `remove` is for moderators.')
  expect(text).toContain('I understood: users: @bob:x.')
})

test.each<[string, Partial<AuditRow>, string]>([
  ['ran', { outcome: 'ran', code: 'partly', detail: null, arguments: '{}' }, 'It was carried out (partly).'],
  ['a code that is no check', { code: 'unknown-user', detail: '' }, 'It was refused (unknown-user).'],
  ['an outcome of a later version', { outcome: 'constructor', code: 'x' }, 'constructor (x).'],
  ['an unreadable message', { command: '' }, 'a message that I could not read by you'],
])('%s', async (_, found, words) => {
  const { text } = await ask(found)
  expect(text).toContain(words)
  if (found.detail !== undefined) expect(text).not.toContain('The check')
})

test('the commands of others are for moderators', async () => {
  expect((await ask({ actor: '@bob:x' as UserId })).answer.code).toBe('not-yours')
  expect((await ask({ actor: '@bob:x' as UserId }, { role: 'moderator' })).text).toContain('by name of @bob:x')
})

test('INDOC hears nothing of other rooms', async () => {
  const elsewhere = { roomId: '!other' as RoomId }
  expect((await ask(elsewhere, { place: 'indoc', replyTo: '$a' })).answer.code).toBe('other-room')
  expect((await ask(elsewhere, { place: 'admin', replyTo: '$a' })).answer.code).toBe('ok')
})

test('nothing known', async () => {
  expect((await ask(undefined)).text).toContain('You gave me no command here yet')
  expect((await ask(undefined, { replyTo: '$a' })).text).toContain('I know of no command behind that message')
})
