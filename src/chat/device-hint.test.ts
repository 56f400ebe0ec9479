import { expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { OutgoingMessage } from '../matrix/outbox.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, RoomId, UserId } from '../types.ts'
import { DeviceHint } from './device-hint.ts'
import type { IncomingMessage, Transport } from './incoming.ts'

const admin = '!admin:x' as RoomId
const indoc = '!indoc:x' as RoomId
const direct = '!direct:x' as RoomId

const bench = (room: RoomId | undefined = direct) => {
  const clock = new TestClock()
  const sent: OutgoingMessage[] = []
  const fresh: { transport?: Transport } = {}
  const hint = new DeviceHint({
    outbox: { add: (message) => void sent.push(message), kick: () => undefined },
    directRoom: () => Promise.resolve(room),
    freshTrust: (message) => Promise.resolve(fresh.transport ?? message.transport),
    sharing: (roomId) => (roomId === admin ? 'signed-devices' : 'all-devices'),
    roomName: () => 'Admin',
    clock,
    logger: silentLogger,
  })
  let events = 0
  const command = async (transport: Transport, roomId = admin): Promise<void> => {
    events += 1
    const entry = { eventId: `$${events}` as EventId, roomId, sender: '@mo:x' as UserId }
    hint.look({ entry, transport } as unknown as IncomingMessage)
    await clock.advance(0)
  }
  return { clock, sent, command, fresh }
}
const from = (trust: Extract<Transport, { encrypted: true }>['trust'], device = 'PHONE'): Transport => ({ encrypted: true, trust, device })

test('who could not read the answer is told by direct chat, once for each device and hour', async () => {
  const { clock, sent, command } = bench()
  await command(from('unsigned'))
  await command(from('unsigned'))
  expect(sent).toHaveLength(1)
  expect(sent[0]?.roomId).toBe(direct)
  expect(JSON.stringify(sent[0]?.content)).toMatch(/PHONE.*verify this session/)
  await command(from('unknown-device', 'TABLET'))
  expect(sent).toHaveLength(2)
  await clock.advance(3_600_000)
  await command(from('unsigned'))
  expect(sent).toHaveLength(3)
})

test.each<[string, Transport, RoomId]>([
  ['a signed device', from('signed'), admin],
  ['a room that every device can read', from('unsigned'), indoc],
  ['a message in clear', { encrypted: false }, admin],
])('not for %s', async (_what, transport, roomId) => {
  const { sent, command } = bench()
  await command(transport, roomId)
  expect(sent).toEqual([])
})

test('not for a device that is signed by now: the server is asked before anybody is told', async () => {
  const { sent, command, fresh } = bench()
  fresh.transport = from('signed')
  await command(from('unknown-device'))
  expect(sent).toEqual([])
  // It was not told, so it is not counted as told.
  fresh.transport = from('unsigned')
  await command(from('unsigned'))
  expect(sent).toHaveLength(1)
})
