import { expect, test } from 'vitest'
import { answering, good, status } from '../../tests/support/commands/answering.ts'
import type { GateResult } from '../http/contract.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { createRedactEffect } from './redact.ts'

const ada = '@ada:x' as UserId
const event = (id: string, more: object = {}) => ({
  event_id: `$${id}`,
  type: 'm.room.message',
  sender: ada,
  origin_server_ts: 1,
  content: { body: id },
  ...more,
})

const hide = async (limit: number, refuse: readonly string[], ...answers: readonly GateResult[]) => {
  const hidden: EventId[] = []
  const effect = createRedactEffect(
    answering(...answers).homeserver as Homeserver,
    {
      redact: (_room: RoomId, eventId: EventId) => {
        if (refuse.includes(eventId)) return Promise.resolve(false)
        hidden.push(eventId)
        return Promise.resolve(true)
      },
    } as never,
  )
  const context = { planId: 1, step: 0, key: '1.0', outcomes: new Map(), signal: new AbortController().signal }
  return { outcome: await effect.act({ kind: 'room.redact', roomId: '!r:x' as RoomId, userId: ada, limit }, context), hidden }
}

test('the last messages of that person and of nobody else, whatever the server answers', async () => {
  const page = good({
    chunk: [
      event('1'),
      event('2', { sender: '@bob:x' }),
      event('3', { state_key: '' }),
      event('4', { unsigned: { redacted_because: {} } }),
      event('5'),
    ],
    end: 'more',
  })
  const { outcome, hidden } = await hide(3, [], page, good({ chunk: [event('6'), event('7')] }))
  expect(hidden).toEqual(['$1', '$5', '$6'])
  expect(outcome).toMatchObject({ state: 'done', text: '3 of 3 messages' })
})

test('what could not be hidden is told', async () => {
  expect((await hide(9, ['$2'], good({ chunk: [event('1'), event('2')] }))).outcome).toMatchObject({ state: 'failed', code: 'partly' })
  expect((await hide(9, [], good({ chunk: [] }))).outcome).toMatchObject({ state: 'skipped' })
  expect((await hide(9, [], status(403))).outcome).toMatchObject({ state: 'failed' })
  expect((await hide(9, [], good('?'))).outcome).toMatchObject({ state: 'failed' })
})
