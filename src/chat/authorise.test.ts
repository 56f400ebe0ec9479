import { describe, expect, test } from 'vitest'
import type { SenderTrust } from '../crypto/port.ts'
import type { Role, RoomId, UserId } from '../types.ts'
import { authorise, authoriseTargets, roleReaches } from './authorise.ts'
import type { Circumstances } from './authorise.ts'
import type { CommandDeclaration } from './declaration.ts'
import type { Effect, Plan } from './effects.ts'

const declaration = (given: Partial<CommandDeclaration> = {}): CommandDeclaration => ({
  name: 'invite',
  summary: 'make an invitation',
  examples: [],
  role: 'moderator',
  rooms: ['admin', 'indoc'],
  effect: 'changes',
  positionals: [],
  options: [],
  ...given,
})

const encrypted = (trust: SenderTrust, device: string | null = 'PHONE'): Circumstances['transport'] => ({
  encrypted: true,
  trust,
  device: device ?? undefined,
})

const usual: Circumstances = {
  declaration: declaration(),
  role: 'moderator',
  roomKind: 'admin',
  roomEncrypted: true,
  transport: encrypted('signed'),
  policy: 'enforce',
  late: false,
  dryRun: false,
}
const codeOf = (given: Partial<Circumstances>): string => {
  const verdict = authorise({ ...usual, ...given })
  return verdict.allowed ? (verdict.warning === undefined ? 'allowed' : 'warned') : verdict.refusal.code
}
const looks = declaration({ name: 'rooms', role: 'everyone', effect: 'none' })

describe('the checks of a command', () => {
  test.each<[string, Partial<Circumstances>, string]>([
    ['a moderator on a signed device in the admin room', {}, 'allowed'],
    ['a room that the declaration does not name', { roomKind: 'dm' }, 'wrong-room'],
    ['nobody has a role unless somebody gave it', { role: 'everyone' }, 'no-role'],
    ['a moderator asks for what is for admins', { declaration: declaration({ role: 'admin' }) }, 'no-role'],
    ['an admin may what a moderator may', { role: 'admin' }, 'allowed'],
    ['everybody may look', { declaration: looks, role: 'everyone' }, 'allowed'],
    ['in clear in an encrypted room', { transport: { encrypted: false } }, 'in-clear'],
    ['even a command that only looks', { declaration: looks, transport: { encrypted: false } }, 'in-clear'],
    ['in clear in a room that never was encrypted', { transport: { encrypted: false }, roomEncrypted: false }, 'allowed'],
    ['the key of somebody else', { transport: encrypted('mismatched-sender') }, 'forged'],
    [
      'the key of somebody else, only looking, policy off',
      { declaration: looks, policy: 'off', transport: encrypted('mismatched-sender') },
      'forged',
    ],
    ['an unsigned device', { transport: encrypted('unsigned') }, 'untrusted-device'],
    ['an unknown device', { transport: encrypted('unknown-device', null) }, 'untrusted-device'],
    ['a changed identity', { transport: encrypted('identity-changed') }, 'identity-changed'],
    ['a changed identity that only looks', { declaration: looks, transport: encrypted('identity-changed') }, 'allowed'],
    ['a changed identity, policy warn', { transport: encrypted('identity-changed'), policy: 'warn' }, 'warned'],
    ['a key that came second-hand', { transport: encrypted('not-guaranteed') }, 'untrusted-device'],
    ['an unsigned device that only looks', { declaration: looks, transport: encrypted('unsigned') }, 'allowed'],
    ['an unsigned device, policy warn', { transport: encrypted('unsigned'), policy: 'warn' }, 'warned'],
    ['an unsigned device, policy off', { transport: encrypted('unsigned'), policy: 'off' }, 'allowed'],
    [
      'destructive is a change too',
      { declaration: declaration({ effect: 'destructive' }), transport: encrypted('unsigned') },
      'untrusted-device',
    ],
    ['a change that came while the bot was away', { late: true }, 'late'],
    ['its dry run changes nothing', { late: true, dryRun: true }, 'allowed'],
    ['a look that came while the bot was away', { declaration: looks, late: true }, 'allowed'],
    // The order: who may not be here learns nothing about roles and devices.
    ['wrong room before role', { roomKind: 'dm', role: 'everyone' }, 'wrong-room'],
    ['role before encryption', { role: 'everyone', transport: { encrypted: false } }, 'no-role'],
    ['device before lateness', { late: true, transport: encrypted('unsigned') }, 'untrusted-device'],
  ])('%s', (_what, given, code) => {
    expect(codeOf(given)).toBe(code)
  })

  test('the words name the device, the room and what helps', () => {
    const words = (given: Partial<Circumstances>): string => {
      const verdict = authorise({ ...usual, ...given })
      return verdict.allowed ? '' : verdict.refusal.words
    }
    expect(words({ transport: encrypted('unsigned', 'TABLET') })).toMatch(/TABLET.*verify this session/)
    const named = { encrypted: true, trust: 'unsigned', device: 'TABLET', deviceName: 'Ada\u202e\n tablet' } as const
    expect(words({ transport: named })).toContain('your device TABLET (Ada tablet) is not verified')
    expect(words({ transport: encrypted('identity-changed') })).toMatch(/another admin.*`!trust`/)
    expect(words({ transport: encrypted('unknown-device', null) })).toMatch(/^your device is not known/)
    expect(words({ roomKind: 'dm' })).toBe('`invite` works in the admin room and the INDOC room')
    expect(words({ role: 'everyone' })).toContain('roles.moderators')
    expect(words({ late: true })).toMatch(/arrived while I was away.*send it again/)
    expect(words({ late: true, keyLate: true })).toMatch(/key of this message arrived late.*send it again/)
  })

  test('roles in their order', () => {
    const roles: readonly Role[] = ['everyone', 'moderator', 'admin']
    expect(roles.map((have) => roles.map((need) => roleReaches(have, need)))).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ])
  })
})

describe('the rule on targets', () => {
  const bot = '@bot:x' as UserId
  const mod = '@mod:x' as UserId
  const admin = '@admin:x' as UserId
  const ada = '@ada:x' as UserId
  const room = '!room' as RoomId
  const roleOf = (userId: UserId): Role =>
    userId === admin || userId === ('@admin2:x' as UserId) ? 'admin' : userId === ada ? 'everyone' : 'moderator'
  const plan = (targets: readonly UserId[], ...effects: Effect[]): Plan => ({
    summary: '',
    targets,
    steps: effects.map((effect) => ({ effect, text: effect.kind })),
  })
  const kick: Effect = { kind: 'room.kick', roomId: room, userId: ada }
  const asMod = { userId: mod, role: 'moderator' } as const
  const asAdmin = { userId: admin, role: 'admin' } as const

  test.each<[string, Plan, { readonly userId: UserId; readonly role: Role }, string | undefined]>([
    ['a person without a role', plan([ada], kick), asMod, undefined],
    ['the bot', plan([bot], kick), asAdmin, 'target-bot'],
    ['oneself', plan([mod], kick), asMod, 'target-self'],
    ['an admin is not above oneself', plan([admin], kick), asAdmin, 'target-self'],
    ['another moderator', plan(['@mod2:x' as UserId], kick), asMod, 'target-role'],
    ['an admin, by a moderator', plan([admin], kick), asMod, 'target-role'],
    ['another admin, by an admin', plan(['@admin2:x' as UserId], kick), asAdmin, 'target-role'],
    ['a moderator, by an admin', plan([mod], kick), asAdmin, undefined],
    ['one of several', plan([ada, bot], kick), asMod, 'target-bot'],
    ['inviting is free', plan([mod], { kind: 'room.invite', roomId: room, userId: mod }), asMod, undefined],
    ['one guarded step is enough', plan([mod], { kind: 'room.invite', roomId: room, userId: mod }, kick), asMod, 'target-self'],
    ['ban', plan([bot], { kind: 'room.ban', roomId: room, userId: bot }), asMod, 'target-bot'],
    ['redact', plan([bot], { kind: 'room.redact', roomId: room, userId: bot, limit: 1 }), asMod, 'target-bot'],
    ['suspend', plan([admin], { kind: 'user.suspend', userId: admin }), asMod, 'target-role'],
    ['deactivate', plan([admin], { kind: 'account.deactivate', account: { pk: 1, username: 'a' } }), asMod, 'target-role'],
  ])('%s', (_what, given, asker, code) => {
    expect(authoriseTargets(given, asker, bot, roleOf)?.code).toBe(code)
  })
})
