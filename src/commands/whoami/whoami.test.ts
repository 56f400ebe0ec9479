import { expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { Role } from '../../chat/declaration.ts'
import type { UserId } from '../../types.ts'
import { createWhoamiCommand } from './whoami.ts'
import type { WhoamiPorts } from './whoami.ts'

const ada = '@ada:example.org' as UserId
const link = { userId: ada, pk: 1, username: 'ada-maple42', proven: true }
const ports = (more: Partial<WhoamiPorts> = {}): WhoamiPorts => ({
  configuration: {
    admins: ['@root:example.org' as UserId],
    moderators: ['@mod:example.org' as UserId],
    powerLevels: {},
    groups: { admins: ['Admins'], moderators: ['Mods'] },
  },
  linkOf: () => undefined,
  groupsOf: () => [],
  isBridged: () => false,
  trust: 'enforce',
  roomsOf: () => 3,
  ...more,
})
const say = async (asker: string, role: Role, more?: Partial<WhoamiPorts>) =>
  textOf(await createWhoamiCommand(ports(more)).answer(await requestOf('whoami', { asker: asker as UserId, role })))

test.each<[string, string, Role, Partial<WhoamiPorts>, string]>([
  ['named moderator', '@mod:example.org', 'moderator', {}, 'for moderators: because the configuration names you (roles.moderators)'],
  ['named admin', '@root:example.org', 'admin', {}, 'for admins: because the configuration names you (roles.admins)'],
  ['by group', ada, 'moderator', { linkOf: () => link, groupsOf: () => ['Mods'] }, 'because your account is in the Authentik group Mods'],
  [
    'admin by group',
    ada,
    'admin',
    { linkOf: () => link, groupsOf: () => ['Admins'] },
    'because your account is in the Authentik group Admins',
  ],
  ['by power', ada, 'moderator', {}, 'because of your power level in the admin room'],
  ['nobody', ada, 'everyone', {}, 'for everyone: nobody gave you a role'],
  [
    'a group, but not proven',
    ada,
    'everyone',
    { linkOf: () => ({ ...link, proven: false }), groupsOf: () => ['Mods'] },
    'your account is in the group Mods, but you have not proven that the account is yours',
  ],
  ['a group without a role', ada, 'everyone', { linkOf: () => link, groupsOf: () => ['Hikers'] }, 'nobody gave you a role'],
  ['bridged', ada, 'everyone', { isBridged: () => true }, 'bridged people never have a role'],
])('%s', async (_, asker, role, more, words) => expect(await say(asker, role, more)).toContain(words))

test('id, account and rooms', async () => {
  const bare = await say(ada, 'everyone', { roomsOf: () => 0 })
  expect(bare).toContain('Your id: @ada:example.org')
  expect(bare).toContain('No account is linked to you.')
  expect(bare).toContain('I see you in no room but this.')
  expect(await say(ada, 'everyone', { linkOf: () => link })).toContain('Your account: ada-maple42 (proven by you).')
  expect(await say(ada, 'everyone', { linkOf: () => ({ ...link, proven: false }) })).toContain('not proven by you, so it gives no role')
  expect(await say(ada, 'everyone')).toContain('I see you in 3 rooms.')
})

test.each([
  [{ encrypted: false }, 'in clear'],
  [{ encrypted: true, trust: 'signed', device: 'PHONE' }, 'Your device PHONE is verified by you'],
  [{ encrypted: true, trust: 'unsigned', device: 'PHONE', deviceName: 'Element' }, 'Your device PHONE (Element) is not verified by you'],
  [{ encrypted: true, trust: 'unknown-device', device: undefined }, 'not verified by you'],
  [{ encrypted: true, trust: 'identity-changed', device: 'PHONE' }, 'another identity than the one I know'],
  [{ encrypted: true, trust: 'not-guaranteed', device: 'PHONE' }, 'did not come from your device PHONE directly'],
] as const)('the device of %o', async (transport, words) => {
  const request = { ...(await requestOf('whoami')), transport }
  expect(JSON.stringify(await createWhoamiCommand(ports()).answer(request))).toContain(words)
})

test.each([
  ['enforce', 'are refused'],
  ['warn', 'with a warning'],
  ['off', 'all the same'],
] as const)('what an unsigned device means under the policy %s', async (trust, words) => {
  const request = { ...(await requestOf('whoami')), transport: { encrypted: true, trust: 'unsigned', device: 'PHONE' } as const }
  const text = JSON.stringify(await createWhoamiCommand(ports({ trust })).answer(request))
  expect(text).toContain(words)
  expect(text.includes('refused')).toBe(trust === 'enforce')
})
