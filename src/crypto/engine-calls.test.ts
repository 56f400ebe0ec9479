import { expect, test } from 'vitest'
import { memoryDatabase, TestClock } from '../../tests/support/unit.ts'
import { silentLogger } from '../operations/logger.ts'
import { EngineCalls } from './engine-calls.ts'
import { Quarantine } from './quarantine.ts'
import type { EngineInput } from './quarantine.ts'

const input: EngineInput = { kind: 'to-device', event: { type: 'm.room.encrypted', sender: '@eve:x', content: {} } }
const make = () => {
  const database = memoryDatabase()
  const options = { database, clock: new TestClock(), logger: silentLogger }
  const broken: string[] = []
  const isPanic = (error: unknown): boolean => String(error).includes('panic')
  const quarantine = new Quarantine(options)
  return {
    quarantine,
    broken,
    calls: new EngineCalls(quarantine, ({ message }) => broken.push(message), isPanic),
    again: () => new Quarantine(options),
  }
}

test('a call that fails because the engine panicked ends the process, and what it had to read is set aside', async () => {
  const { calls, broken, quarantine, again } = make()
  await expect(calls.run('receiveSyncChanges', () => Promise.reject(new Error('a panic')), [input])).rejects.toThrow('a panic')
  expect(broken).toEqual(['the crypto engine panicked in receiveSyncChanges'])
  expect(quarantine.has(input)).toBe(true)
  expect(again().has(input)).toBe(true)
})

test('any other failure is the caller’s matter', async () => {
  const { calls, broken, quarantine } = make()
  await expect(calls.run('decryptRoomEvent', () => Promise.reject(new Error('no key')), [input])).rejects.toThrow('no key')
  expect(broken).toEqual([])
  expect(quarantine.has(input)).toBe(false)
})

test('nothing goes into a closed engine', async () => {
  const { calls } = make()
  calls.close()
  await expect(calls.run('outgoingRequests', () => Promise.resolve([]))).rejects.toThrow('the crypto engine is closed')
})
