import { beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../../tests/support/unit.ts'
import type { RoomId, UserId } from '../types.ts'
import type { RoomEncryption } from './port.ts'
import { RoomSessions } from './room-sessions.ts'

const roomId = '!a' as RoomId
const [ada, ben] = ['@ada:x', '@ben:x'] as [UserId, UserId]
const room = (more: Partial<RoomEncryption> = {}): RoomEncryption => ({
  roomId,
  historyVisibility: 'shared',
  recipients: [ada, ben],
  sharing: 'all-devices',
  rotationPeriodMs: 60_000,
  rotationMessages: 100,
  ...more,
})

let clock: TestClock
let sessions: RoomSessions
beforeEach(() => {
  clock = new TestClock()
  sessions = open()
})
const open = (): RoomSessions => new RoomSessions(clock)
const begin = (): void => {
  sessions.begin(room())
  sessions.shared(room(), sessions.generation(roomId))
}

describe('a new session is due', () => {
  test('for the very first message, and not for the next', () => {
    expect(sessions.due(room())).toBe(true)
    begin()
    expect(sessions.due(room())).toBe(false)
  })

  test('after so many messages', () => {
    begin()
    for (let number = 0; number < 99; number += 1) sessions.count(roomId)
    expect(sessions.due(room())).toBe(false)
    sessions.count(roomId)
    expect(sessions.due(room())).toBe(true)
    begin()
    expect(sessions.due(room())).toBe(false)
  })

  test('after so long', async () => {
    begin()
    await clock.advance(59_999)
    expect(sessions.due(room())).toBe(false)
    await clock.advance(1)
    expect(sessions.due(room())).toBe(true)
  })

  test('when somebody left', () => {
    begin()
    sessions.expire(roomId)
    expect(sessions.due(room())).toBe(true)
    begin()
    expect(sessions.due(room())).toBe(false)
  })

  test.each<[string, Partial<RoomEncryption>]>([
    ['when others may read the history', { historyVisibility: 'world_readable' }],
    ['when the policy changes', { sharing: 'signed-devices' }],
  ])('%s', (_what, change) => {
    begin()
    expect(sessions.due(room(change))).toBe(true)
    sessions.begin(room(change))
    expect([sessions.due(room(change)), sessions.due(room())]).toEqual([false, true])
  })

  test('after every start: the store may be older than what was sent', () => {
    begin()
    expect([sessions.due(room()), open().due(room())]).toEqual([false, true])
  })
})

describe('the key is certainly with everybody', () => {
  beforeEach(begin)

  test('once it was shared with exactly them', () => {
    expect(sessions.clean(room())).toBe(true)
    expect(sessions.clean(room({ recipients: [ben, ada] }))).toBe(true)
    expect(sessions.clean(room({ recipients: [ada] }))).toBe(false)
    expect(sessions.clean(room({ recipients: [ada, ben, '@eve:x' as UserId] }))).toBe(false)
    expect(sessions.clean(room({ recipients: [ada, '@eve:x' as UserId] }))).toBe(false)
  })

  test.each<[string, () => void]>([
    ['a restart', () => void (sessions = open())],
    ['a change of members', () => sessions.touch(roomId)],
    ['a change of somebody’s devices', () => sessions.touchUsers([ben])],
    ['a new session', () => sessions.begin(room())],
  ])('not after %s', (_what, change) => {
    change()
    expect(sessions.clean(room())).toBe(false)
  })

  test('others’ devices do not matter', () => {
    sessions.touchUsers(['@eve:x' as UserId])
    expect(sessions.clean(room())).toBe(true)
  })

  test('it is looked at again now and then, for devices that could not be reached', async () => {
    await clock.advance(10 * 60_000)
    expect(sessions.clean(room())).toBe(true)
    await clock.advance(1)
    expect(sessions.clean(room())).toBe(false)
  })

  test('what changed while it was being shared counts', () => {
    const before = sessions.generation(roomId)
    sessions.touch(roomId)
    sessions.shared(room(), before)
    expect(sessions.clean(room())).toBe(false)
  })
})

test('the messages of a room are encrypted one after another, whatever becomes of one', async () => {
  const first = Promise.withResolvers<string>()
  const log: string[] = []
  const one = sessions.exclusive(roomId, async () => {
    log.push('one')
    return await first.promise
  })
  const two = sessions.exclusive(roomId, () => {
    log.push('two')
    return Promise.resolve('2')
  })
  await Promise.resolve()
  expect(log).toEqual(['one'])
  first.reject(new Error('no'))
  await expect(one).rejects.toThrow('no')
  expect(await two).toBe('2')
})
