import { expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import { restoredMark } from '../database/restore.ts'
import type { OutgoingMessage } from '../matrix/outbox.ts'
import type { RoomId } from '../types.ts'
import { reportRestore } from './restore-report.ts'

test('the admin room is told once, as soon as it is known, what waits for somebody', () => {
  const database = memoryDatabase()
  const told: string[] = []
  const report = (adminRoom: RoomId | undefined): void =>
    reportRestore({
      database,
      adminRoom,
      outbox: { add: ({ content }: OutgoingMessage) => void told.push(JSON.stringify(content['body'])), kick: () => undefined },
    })
  const admin = '!admin:x' as RoomId
  report(admin)
  database.setMeta(restoredMark, JSON.stringify({ at: 5, stateOf: Date.UTC(2026, 10, 22, 12), jobs: 2, plans: 1 }))
  report(undefined)
  expect(told).toEqual([])
  report(admin)
  report(admin)
  expect(told).toHaveLength(1)
  expect(told[0]).toContain('ends on 2026-11-22 12:00 UTC')
  expect(told[0]).toContain('2 jobs were open then and wait for you')
  expect(told[0]).toContain('1 command was in the middle')
})
