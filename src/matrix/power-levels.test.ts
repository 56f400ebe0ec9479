import { describe, expect, test } from 'vitest'
import {
  canBan,
  canInvite,
  canKick,
  canRedact,
  canUnban,
  creatorsAreImmortal,
  creatorsOf,
  decide,
  parsePowerLevels,
  powerOf,
  requiredPower,
  whoCan,
} from './power-levels.ts'
import type { RoomPower } from './power-levels.ts'
import type { JsonObject, UserId } from '../types.ts'

const ada = '@ada:example.org' as UserId
const bob = '@bob:example.org' as UserId
const eve = '@eve:example.org' as UserId
const bot = '@gatehouse:example.org' as UserId

const room = (levels: JsonObject | null, version: string | null = '11', creators: readonly UserId[] = [ada]): RoomPower => ({
  version,
  creators,
  levels: parsePowerLevels(levels),
})

describe('parsePowerLevels', () => {
  test('no event is not the same as an empty one', () => {
    expect(parsePowerLevels(null)).toBeNull()
    expect(parsePowerLevels(undefined)).toBeNull()
    expect(parsePowerLevels({})).toMatchObject({ users: new Map(), kick: undefined })
  })

  test('numbers as text, fractions and nonsense', () => {
    const levels = parsePowerLevels({
      users: { [ada]: '100', [bob]: ' +50 ', [eve]: 'fifty', [bot]: 49.9 },
      events: [],
      kick: null,
      ban: '-1',
      redact: Number.NaN,
      invite: true,
    })
    expect([...(levels?.users ?? [])]).toEqual([
      [ada, 100],
      [bob, 50],
      [bot, 49],
    ])
    expect(levels).toMatchObject({ events: new Map(), kick: undefined, ban: -1, redact: undefined, invite: undefined })
  })

  test('names of the prototype are not found by accident', () => {
    const levels = room(JSON.parse('{"events":{"__proto__":1}}') as JsonObject)
    expect(requiredPower(levels, { state: 'constructor' })).toBe(50)
    expect(requiredPower(levels, { state: '__proto__' })).toBe(1)
  })
})

describe('creators', () => {
  test.each([
    ['12', true],
    ['13', true],
    ['org.matrix.hydra.11', true],
    ['11', false],
    ['1', false],
    ['org.example.12', false],
    [null, false],
  ])('version %s: immortal %s', (version, immortal) => {
    expect(creatorsAreImmortal(version)).toBe(immortal)
  })

  test.each<[string, JsonObject, readonly string[]]>([
    ['12 with more', { room_version: '12', additional_creators: [bob, ada, 7, 'x'] }, [ada, bob]],
    ['12 alone', { room_version: '12', additional_creators: 'bob' }, [ada]],
    ['12 ignores creator', { room_version: '12', creator: eve }, [ada]],
    ['11', { room_version: '11', creator: eve, additional_creators: [bob] }, [ada]],
    ['10', { room_version: '10', creator: eve }, [eve]],
    ['absent version', { creator: eve }, [eve]],
    ['10 without creator', { room_version: '10' }, [ada]],
    ['experimental', { room_version: 'org.example.1', creator: eve }, [eve]],
  ])('of %s', (_name, content, creators) => {
    expect(creatorsOf({ sender: ada, content })).toEqual(creators)
  })
})

describe('powerOf', () => {
  test('version 12: a creator is above everything, also without an event', () => {
    expect(powerOf(room({ users: { [ada]: 0 } }, '12'), ada)).toBe(Infinity)
    expect(powerOf(room(null, '12'), ada)).toBe(Infinity)
    expect(powerOf(room(null, '12'), bob)).toBe(0)
  })
  test('older: a creator is what the event says', () => {
    expect(powerOf(room({ users_default: 5 }), ada)).toBe(5)
    expect(powerOf(room({ users: { [ada]: 40 } }), ada)).toBe(40)
    expect(powerOf(room({}), ada)).toBe(0)
    expect(powerOf(room(null), ada)).toBe(100)
    expect(powerOf(room(null), bob)).toBe(0)
  })
})

describe('requiredPower', () => {
  test('defaults with an empty event', () => {
    const empty = room({})
    expect(requiredPower(empty, 'invite')).toBe(0)
    expect(requiredPower(empty, 'kick')).toBe(50)
    expect(requiredPower(empty, 'ban')).toBe(50)
    expect(requiredPower(empty, 'unban')).toBe(50)
    expect(requiredPower(empty, 'redact')).toBe(50)
    expect(requiredPower(empty, { state: 'm.room.name' })).toBe(50)
    expect(requiredPower(empty, { message: 'm.room.message' })).toBe(0)
  })
  test('defaults without an event', () => {
    const none = room(null)
    expect(requiredPower(none, 'invite')).toBe(0)
    expect(requiredPower(none, 'kick')).toBe(50)
    expect(requiredPower(none, 'ban')).toBe(50)
    expect(requiredPower(none, 'redact')).toBe(50)
    expect(requiredPower(none, { state: 'm.room.name' })).toBe(0)
    expect(requiredPower(none, { message: 'm.room.message' })).toBe(0)
  })
  test('what the event says', () => {
    const set = room({
      invite: 10,
      kick: 20,
      ban: 30,
      redact: 40,
      state_default: 60,
      events_default: 5,
      events: { 'm.room.name': 70, 'm.room.message': 7, 'm.room.redaction': 45 },
    })
    expect(requiredPower(set, 'invite')).toBe(10)
    expect(requiredPower(set, 'kick')).toBe(20)
    expect(requiredPower(set, 'ban')).toBe(30)
    expect(requiredPower(set, 'unban')).toBe(30)
    expect(requiredPower(set, 'redact')).toBe(45)
    expect(requiredPower(set, { state: 'm.room.name' })).toBe(70)
    expect(requiredPower(set, { state: 'm.room.topic' })).toBe(60)
    expect(requiredPower(set, { message: 'm.room.message' })).toBe(7)
    expect(requiredPower(set, { message: 'm.reaction' })).toBe(5)
  })
})

describe('decisions', () => {
  const moderated = room({ users: { [bot]: 50, [ada]: 100, [eve]: 50 } })

  test('enough power', () => {
    expect(canKick(moderated, bot, bob)).toEqual({ allowed: true })
    expect(canBan(moderated, ada, eve)).toEqual({ allowed: true })
    expect(canUnban(moderated, bot, bob)).toEqual({ allowed: true })
    expect(canInvite(moderated, bob)).toEqual({ allowed: true })
    expect(canRedact(moderated, bot)).toEqual({ allowed: true })
  })

  test('too little power, in words', () => {
    expect(canKick(moderated, bob, eve)).toEqual({
      allowed: false,
      code: 'no-power',
      text: 'kicking needs power 50 in this room, and @bob:example.org has 0',
    })
    expect(canBan(moderated, bob, eve)).toMatchObject({ code: 'no-power', text: expect.stringMatching(/^banning/) as string })
    expect(canUnban(moderated, bob, eve)).toMatchObject({ code: 'no-power', text: expect.stringMatching(/^unbanning/) as string })
    expect(canRedact(moderated, bob)).toMatchObject({ code: 'no-power', text: expect.stringMatching(/^removing messages/) as string })
    expect(canInvite(room({ invite: 1 }), bob)).toMatchObject({ code: 'no-power', text: expect.stringMatching(/^inviting/) as string })
    expect(decide(moderated, { state: 'm.room.name' }, bob)).toMatchObject({
      text: expect.stringMatching(/^changing m\.room\.name/) as string,
    })
    expect(decide(room({ events_default: 1 }), { message: 'm.reaction' }, bob)).toMatchObject({
      text: expect.stringMatching(/^sending m\.reaction/) as string,
    })
  })

  test('same or higher power of the target', () => {
    expect(canKick(moderated, bot, eve)).toMatchObject({ allowed: false, code: 'target-power' })
    expect(canKick(moderated, bot, ada)).toMatchObject({
      allowed: false,
      code: 'target-power',
      text: expect.stringContaining('power 100') as string,
    })
    expect(canKick(moderated, bot, bot)).toMatchObject({ allowed: false, code: 'target-power' })
  })

  test('creators of a version 12 room are out of reach, also of each other; older creators are not', () => {
    const immortal = room({ users: { [bot]: 100 } }, '12', [ada, eve])
    expect(canKick(immortal, bot, ada)).toMatchObject({ allowed: false, code: 'target-creator' })
    expect(canBan(immortal, eve, ada)).toMatchObject({ allowed: false, code: 'target-creator' })
    expect(canKick(immortal, ada, bot)).toEqual({ allowed: true })
    expect(canKick(room({ users: { [bot]: 100 } }, '11', [ada]), bot, ada)).toEqual({ allowed: true })
  })
})

describe('whoCan', () => {
  test('strongest first, then by id, the target never', () => {
    const levels = room({ users: { [eve]: 50, [bob]: 50, [bot]: 10, [ada]: 100 } })
    expect(whoCan(levels, 'kick')).toEqual({ everybody: false, people: [ada, bob, eve] })
    expect(whoCan(levels, 'kick', bob)).toEqual({ everybody: false, people: [ada] })
    expect(whoCan(levels, 'redact', undefined, new Set([eve, bot]))).toEqual({ everybody: false, people: [eve] })
  })
  test('creators of version 12 come before all numbers', () => {
    expect(whoCan(room({ users: { [eve]: 200, [bob]: 300 } }, '12', [ada, bot]), 'ban').people).toEqual([ada, bot, bob, eve])
  })
  test('everybody', () => {
    expect(whoCan(room({}), 'invite').everybody).toBe(true)
    expect(whoCan(room(null), 'invite').everybody).toBe(true)
    expect(whoCan(room({ users_default: 50 }), 'kick').everybody).toBe(true)
    expect(whoCan(room({ users_default: 50 }), 'kick', bob).everybody).toBe(false)
    expect(whoCan(room({ users_default: 50, users: { [bob]: 0 } }), 'kick', bob).everybody).toBe(true)
    expect(whoCan(room({ users_default: 50 }), 'redact', bob).everybody).toBe(true)
  })
})
