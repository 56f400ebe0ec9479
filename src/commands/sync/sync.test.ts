import { expect, test } from 'vitest'
import { directoryRoom, textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import type { RoomId } from '../../types.ts'
import { createSyncCommand } from './sync.ts'
import type { SyncPorts } from './sync.ts'

const indoc = '!indoc' as RoomId
const ask = async (line: string, more: Partial<SyncPorts> = {}, options: RequestOptions = {}) => {
  const refreshed: unknown[] = []
  const command = createSyncCommand({
    indoc: () => indoc,
    room: () => directoryRoom('!indoc', { joinedCount: 7 }),
    refresh: (...given) => {
      refreshed.push(given)
      return Promise.resolve()
    },
    reconcile: () =>
      Promise.resolve({ ok: true, added: ['!a' as RoomId], left: [], repaired: ['!a' as RoomId, '!b' as RoomId], failed: [] }),
    roomName: (roomId) => `name of ${roomId}`,
    ...more,
  })
  const answer = await command.answer(await requestOf(line, { now: 1_000_000, ...options }))
  return { answer, text: textOf(answer), refreshed }
}

test('INDOC alone, with a limit of three seconds', async () => {
  const { text, refreshed } = await ask('sync indoc')
  expect(refreshed).toEqual([[[indoc], 3000]])
  expect(text).toBe('✅ INDOC was read anew: 7 people in it.')
})

test('INDOC not there in time, unknown, or without a number', async () => {
  const slow = await ask('sync indoc', { room: () => directoryRoom('!indoc', { freshness: { asOf: 940_000, dirty: true } }) })
  expect(slow.answer).toMatchObject({ mark: '⚠️', code: 'not-finished' })
  expect(slow.text).toContain('as of 60 s ago, being read again')
  expect((await ask('sync indoc', { room: () => undefined })).text).toContain('nothing is known of it yet')
  expect((await ask('sync indoc', { indoc: () => undefined })).answer.code).toBe('no-indoc')
  expect((await ask('sync indoc', { room: () => directoryRoom('!indoc', { joinedCount: null }) })).text).toContain('0 people')
})

test('everything by default', async () => {
  const { answer, text } = await ask('sync')
  expect(answer.code).toBe('ok')
  expect(text).toContain('2 member lists read anew, 1 room found that I had missed, 0 rooms dropped')
})

test('what could not be read is named, but not in INDOC', async () => {
  const failed = Array.from({ length: 12 }, (_, index) => ({
    roomId: `!r${index}` as RoomId,
    code: 'forbidden',
    text: 'the server answered 403',
  }))
  const reconcile: SyncPorts['reconcile'] = () => Promise.resolve({ ok: true, added: [], left: [], repaired: [], failed })
  const admin = await ask('sync full', { reconcile })
  expect(admin.answer).toMatchObject({ mark: '⚠️', code: 'partly' })
  expect(admin.text).toContain('name of !r0: the server answered 403')
  expect(admin.text).toContain('2 more')
  const few = await ask('sync full', {
    reconcile: () => Promise.resolve({ ok: true, added: [], left: [], repaired: [], failed: failed.slice(0, 1) }),
  })
  expect(few.text).not.toContain('more')
  const inIndoc = await ask('sync full', { reconcile }, { place: 'indoc' })
  expect(inIndoc.text).not.toContain('name of')
  expect(inIndoc.text).toContain('12: ask in the admin room for their names')
})

test('the server does not answer', async () => {
  const { answer, text } = await ask('sync', {
    reconcile: () => Promise.resolve({ ok: false, code: 'unavailable', text: 'no connection' }),
  })
  expect(answer.code).toBe('unavailable')
  expect(text).toContain('no connection')
})
