import { beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../operations/logger.ts'
import { OlmRepair, sendersOfDummies } from './olm-repair.ts'
import type { BrokenDevice } from './olm-repair.ts'

let log: string[]
let opens: 'opened' | 'not-needed' | 'failed'
let sends: boolean
let repair: OlmRepair
const name = ({ sender, senderKey }: BrokenDevice): string => `${sender} ${senderKey}`
const raw = (sender: unknown, senderKey: unknown): string =>
  JSON.stringify({ type: 'm.room.encrypted', sender, content: { sender_key: senderKey } })

beforeEach(() => {
  log = []
  opens = 'opened'
  sends = true
  repair = new OlmRepair({
    openSession: (device) => {
      log.push(`open ${name(device)}`)
      return Promise.resolve(opens)
    },
    sendDummy: (device) => {
      log.push(`dummy ${name(device)}`)
      return Promise.resolve(sends)
    },
    logger: silentLogger,
  })
})

test('a device that cannot be read gets one new session and one m.dummy, however many messages there were', async () => {
  repair.note([raw('@ada:x', 'A'), raw('@ada:x', 'A'), raw('@ben:x', 'B')])
  await repair.run()
  await repair.run()
  expect(log).toEqual(['open @ada:x A', 'dummy @ada:x A', 'open @ben:x B', 'dummy @ben:x B'])
})

test('none where the engine wants no new session', async () => {
  opens = 'not-needed'
  repair.note([raw('@ada:x', 'A')])
  await repair.run()
  opens = 'opened'
  await repair.run()
  expect(log).toEqual(['open @ada:x A'])
})

test('what fails is tried again', async () => {
  opens = 'failed'
  repair.note([raw('@ada:x', 'A')])
  await repair.run()
  opens = 'opened'
  sends = false
  await repair.run()
  sends = true
  await repair.run()
  await repair.run()
  // A second session is not opened for a message that did not go out.
  expect(log).toEqual(['open @ada:x A', 'open @ada:x A', 'dummy @ada:x A', 'dummy @ada:x A'])
})

test('nonsense is left alone, and a flood of it has an end', async () => {
  repair.note(['{}', raw(7, 'A'), raw('@ada:x', 7), raw('@ada:x', 'x'.repeat(100))])
  await repair.run()
  expect(log).toEqual([])
  repair.note(Array.from({ length: 2000 }, (_, index) => raw('@eve:x', `key${index}`)))
  await repair.run()
  expect(log.filter((line) => line.startsWith('open'))).toHaveLength(50)
})

test('who sent an m.dummy', () => {
  const events = [{ type: 'm.dummy', sender: '@ada:x', content: {} }, { type: 'm.room_key', sender: '@ben:x', content: {} }, {}]
  expect(sendersOfDummies(events.map((event) => JSON.stringify(event)))).toEqual(['@ada:x'])
})
