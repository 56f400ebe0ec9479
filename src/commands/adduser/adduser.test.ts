import { describe, expect, test } from 'vitest'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RequestOptions } from '../../../tests/support/commands/request.ts'
import { ada, arrivalDefaults, arrivalWorld, bot, ghost, indoc, listedRoom, mod } from '../../../tests/support/commands/arrival-world.ts'
import type { World } from '../../../tests/support/commands/arrival-world.ts'
import { done } from '../../authentik/errors.ts'
import type { AuthentikFailure } from '../../authentik/errors.ts'
import { userSchema } from '../../authentik/schemas.ts'
import type { User } from '../../authentik/schemas.ts'
import type { Answer } from '../../chat/answer.ts'
import type { Unavailable } from '../../chat/command.ts'
import type { Outcome, Plan, PlannedStep } from '../../chat/effects.ts'
import { renderAnswer } from '../../chat/render.ts'
import type { JobView } from '../../jobs/job.ts'
import type { ArrivalPorts, ArrivalSettings } from '../../onboarding/arrival-wish.ts'
import type { EarlierAccount } from '../../onboarding/earlier-account.ts'
import type { RoomId, UserId } from '../../types.ts'
import { createAdduserCommand } from './adduser.ts'

const user = (username: string, more: Partial<User> = {}): User =>
  userSchema.parse({ pk: 7, username, name: 'Ada', is_active: true, is_superuser: false, email: 'ada@example.org', ...more })

const failure = (code: 'timeout' | 'token-dead' | 'no-permission' | 'malformed'): AuthentikFailure => ({
  ok: false,
  code,
  changed: 'no',
  text: `it is ${code}`,
})

interface Setting extends World {
  readonly users?: readonly User[]
  readonly fail?: AuthentikFailure
  readonly links?: readonly { readonly userId: UserId; readonly pk: number; readonly username: string }[]
  readonly earlier?: EarlierAccount
  readonly jobs?: readonly Partial<JobView>[]
  readonly settings?: Partial<ArrivalSettings>
  readonly ports?: Partial<ArrivalPorts>
}

const groups = [
  { pk: 'g-members', name: 'Members', superuser: false },
  { pk: 'g-mods', name: 'Moderators', superuser: false },
  { pk: 'g-admins', name: 'authentik Admins', superuser: true },
]

const portsOf = (setting: Setting): ArrivalPorts => {
  const users = setting.users ?? []
  const answer = <Value>(value: Value) => Promise.resolve(setting.fail ?? done(value))
  const links = (setting.links ?? []).map((link) => ({ ...link, proven: false }))
  return {
    ...arrivalDefaults,
    ...arrivalWorld({ ...setting, members: setting.members ?? { [indoc]: { [ada]: 'join', [ghost]: 'join' } } }),
    authentik: {
      findUserByUsername: (name) =>
        answer({
          exact: users.find(({ username }) => username === name),
          similar: users.filter(({ username }) => username !== name && username.toLowerCase() === name.toLowerCase()),
        }),
      findUsersByEmail: (email) => answer(users.filter((one) => one.email.toLowerCase() === email.toLowerCase())),
      getUser: (pk) => {
        const found = users.find((one) => one.pk === pk)
        if (setting.fail !== undefined || found !== undefined) return answer(found as User)
        return Promise.resolve({ ok: false, code: 'not-found', changed: 'no', text: 'gone' })
      },
      listGroups: () =>
        answer(
          [...groups, { pk: 'g-new', name: 'New', superuser: false }].map((one) => ({
            ...one,
            is_superuser: one.superuser,
            attributes: {},
            parents: [],
          })),
        ),
    },
    accounts: { byUsername: () => [], groups: () => groups },
    links: { of: (userId) => links.find((link) => link.userId === userId), ofAccount: (pk) => links.find((link) => link.pk === pk) },
    earlier: () => setting.earlier,
    scheduler: { latest: (kind) => setting.jobs?.find((job) => job.kind === kind) as JobView | undefined },
    settings: { ...arrivalDefaults.settings, ...setting.settings },
    ...setting.ports,
  }
}

const planned = async (line: string, setting: Setting = {}, options: RequestOptions = {}) =>
  createAdduserCommand(portsOf(setting)).plan(await requestOf(line, options))

const planOf = async (line: string, setting: Setting = {}, options: RequestOptions = {}): Promise<Plan> => {
  const made = await planned(line, setting, options)
  if (!('steps' in made)) throw new Error(`expected a plan, got ${JSON.stringify(made)}`)
  return made
}

const kinds = (plan: Plan): readonly string[] =>
  plan.steps.map(
    ({ effect, blocked }) =>
      (effect.kind === 'job.schedule' ? effect.job : effect.kind) + (blocked === undefined ? '' : `!${blocked.code}`),
  )
const stepOf = (plan: Plan, kind: string): PlannedStep => {
  const step = plan.steps.find(({ effect }) => effect.kind === kind || (effect.kind === 'job.schedule' && effect.job === kind))
  if (step === undefined) throw new Error(`no step ${kind}`)
  return step
}
const wordsOf = (answer: Answer | Plan | Unavailable): string => JSON.stringify(answer)
const invites = (plan: Plan): readonly string[] => plan.steps.filter(({ effect }) => effect.kind === 'room.invite').map(({ text }) => text)
const payloadOf = (plan: Plan, kind: 'welcome' | 'graduation'): Readonly<Record<string, unknown>> => {
  const { effect } = stepOf(plan, kind)
  return effect.kind === 'job.schedule' ? effect.payload : {}
}

const maths = listedRoom('Maths', { keywords: ['maths'] })
const lobby = listedRoom('Lobby', { always: true })
const line = 'adduser Ada Lovelace --email ada@example.org --matrix @ada:example.org'

describe('the plan', () => {
  test('all of it, every step waiting for the account only', async () => {
    const plan = await planOf(`${line} --interests "maths, poetry" --organization AS --invited-by Charles --groups Members`, {
      rooms: [maths, lobby],
    })
    expect(kinds(plan)).toEqual(['account.create', 'account.group', 'welcome', 'room.invite', 'room.invite', 'graduation'])
    expect(plan.steps.map(({ after }) => after)).toEqual([undefined, [0], [0], [0], [0], [0]])
    expect(plan.steps[0]!.effect).toEqual({
      kind: 'account.create',
      username: expect.stringMatching(/^ada-[a-z]+10$/),
      name: 'Ada Lovelace',
      email: 'ada@example.org',
      attributes: {
        matrix_id: ada,
        invited_by: 'Charles',
        organization: 'AS',
        interests: ['maths', 'poetry'],
        created_by: `gatehouse:${mod}`,
      },
      userId: ada,
    })
    expect(stepOf(plan, 'account.group').effect).toMatchObject({ account: { step: 0 }, group: 'g-members', groupName: 'Members' })
    expect(stepOf(plan, 'welcome').effect).toMatchObject({ uniqueKey: ada, delayMs: 0 })
    expect(payloadOf(plan, 'welcome')).toMatchObject({
      userId: ada,
      name: 'Ada',
      account: { step: 0 },
      invited: [{ name: 'Lobby' }, { name: 'Maths' }],
      rooms: [],
      askedBy: mod,
    })
    expect(payloadOf(plan, 'graduation')).toEqual({
      userId: ada,
      name: 'Ada',
      rooms: [lobby.roomId, maths.roomId],
      deadline: 1_900_000,
      askedBy: mod,
    })
    expect(plan).toMatchObject({ summary: `Ada Lovelace (${ada})`, targets: [ada] })
    expect(plan.steps.map(({ text }) => text).join()).not.toContain('ada@example.org')
  })

  test('without a Matrix user: account and groups, and it is said how to go on', async () => {
    const plan = await planOf('adduser Ada --email ada@example.org --groups Members --interests maths', { rooms: [maths, lobby] })
    expect(kinds(plan)).toEqual(['account.create', 'account.group', 'account.hand-over'])
    expect(plan.steps[2]).toMatchObject({
      after: [0],
      effect: {
        account: { step: 0 },
        name: 'Ada',
        deliverTo: mod,
        wish: { first: 'Ada', email: 'ada@example.org', interests: ['maths'], noRooms: false, keepInIndoc: false },
      },
    })
    expect(plan.notes?.join()).toContain('linked to nobody yet')
    expect(plan).toMatchObject({ summary: 'Ada', targets: [] })
    const quiet = await planOf('adduser Ada --no-welcome')
    expect(kinds(quiet)).toEqual(['account.create'])
    expect(quiet.notes?.join()).toContain('nobody can sign in with this account yet')
  })

  test.each([
    ['--matrix old', 'no-matrix-user'],
    [`--matrix ${bot}`, 'target-bot'],
    ['--username "a b"', 'bad-username'],
  ])('%s is refused as %s', async (more, code) => {
    expect(await planned(`adduser Ada ${more}`, {}, { accounts: [{ pk: 1, username: 'old' }] })).toMatchObject({ code, mark: '❌' })
  })

  test.each([
    ['timeout', { unavailable: 'authentik' }],
    ['token-dead', { code: 'token-dead' }],
    ['no-permission', { code: 'no-permission' }],
    ['malformed', { code: 'malformed' }],
  ] as const)('Authentik fails with %s', async (code, expected) => {
    expect(await planned(line, { fail: failure(code) })).toMatchObject(expected)
    expect(await planned('adduser Ada --groups New', { fail: failure(code) })).toMatchObject(expected)
  })
})

describe('the account', () => {
  test('a linked one is completed, and what is there is left out', async () => {
    const setting: Setting = {
      users: [user('ada-maple42', { groups: ['g-members'] })],
      links: [{ userId: ada, pk: 7, username: 'ada-maple42' }],
    }
    const plan = await planOf(`${line} --groups Members --interests maths`, { ...setting, rooms: [lobby] })
    expect(kinds(plan)).toEqual(['account.attributes', 'account.group!already-member', 'welcome', 'room.invite', 'graduation'])
    expect(plan.steps.every(({ after }) => after === undefined)).toBe(true)
    expect(plan.steps[0]!.effect).toMatchObject({ attributes: { matrix_id: ada, interests: ['maths'] } })
    expect(plan.steps[0]!.effect).not.toHaveProperty('attributes.created_by')
    expect(payloadOf(plan, 'welcome')).toMatchObject({ account: { pk: 7, username: 'ada-maple42' } })
    expect(plan.notes?.join()).toContain('ada-maple42 already')
    expect(kinds(await planOf('adduser Ada --matrix @ada:example.org --username Ada-Maple42', setting))[0]).toBe('account.attributes')
  })

  test.each([
    ['another e-mail', line, user('x', { email: 'other@example.org' }), 'account-exists'],
    ['no e-mail', line, user('x', { email: '' }), 'account-exists'],
    ['another username', `${line} --username other`, user('x'), 'account-exists'],
    ['a deactivated one', line, user('x', { is_active: false }), 'account-inactive'],
  ])('a linked one with %s is refused and named', async (_, given, linked, code) => {
    const answer = await planned(given, { users: [linked], links: [{ userId: ada, pk: 7, username: 'x' }] })
    expect(answer).toMatchObject({ code })
    expect(wordsOf(answer)).toContain('{"code":"x"}')
    expect(wordsOf(answer)).not.toContain('@example.org')
  })

  test('a Matrix user who is linked under another name: the account is named, and the ways on', async () => {
    const ben = user('ben-oak11', { name: 'Ben Okri' })
    const answer = await planned(line, { users: [ben], links: [{ userId: ada, pk: 7, username: 'ben-oak11' }] })
    expect(answer).toMatchObject({ code: 'account-exists', privacy: 'personal' })
    expect(renderAnswer(answer as Answer).body).toMatch(/Ben Okri already: ben-oak11.*!welcome/s)
  })

  test('a linked one that is gone: its name is used again, so that a hidden one cannot get a twin', async () => {
    const plan = await planOf(line, { links: [{ userId: ada, pk: 7, username: 'ada-maple42' }] })
    expect(plan.steps[0]!.effect).toMatchObject({ kind: 'account.create', username: 'ada-maple42' })
    expect(plan.notes?.join()).toContain('gone from Authentik')
  })

  test('an e-mail in use is refused with the account named; its matrix_id gives nothing', async () => {
    const answer = await planned(line, { users: [user('other', { attributes: { matrix_id: ada } })] })
    expect(answer).toMatchObject({ code: 'account-exists', privacy: 'personal' })
    expect(wordsOf(answer)).toContain('other')
    const two = await planned(line, { users: [user('other'), user('third', { pk: 8 })] })
    expect(wordsOf(two)).toContain('accounts')
  })

  const earlier: EarlierAccount = { username: 'ada-oak11', email: 'ada@example.org', createdBy: `gatehouse:${mod}` }
  const ours = user('ada-oak11', { attributes: { created_by: `gatehouse:${mod}` } })

  test('one that an earlier command made is linked and completed', async () => {
    const plan = await planOf(line, { users: [ours], earlier: { ...earlier, userId: ada }, rooms: [lobby] })
    expect(kinds(plan)).toEqual(['account.link', 'account.attributes', 'welcome', 'room.invite', 'graduation'])
    expect(plan.steps.map(({ after }) => after)).toEqual([undefined, undefined, [0], [0], [0]])
    const certain = await planOf(line, { users: [user('renamed')], earlier: { ...earlier, pk: 7 } })
    expect(certain.steps[0]!.effect).toMatchObject({ kind: 'account.link', account: { pk: 7, username: 'renamed' } })
    const unlinked = await planOf('adduser Ada --email ada@example.org', { users: [ours], earlier })
    expect(kinds(unlinked)).toEqual(['account.hand-over'])
  })

  test.each([
    ['it bears not what we wrote', { users: [user('ada-oak11')], earlier }, 'account-exists'],
    ['it was made for nobody and is in use since', { users: [{ ...ours, last_login: '2026-01-01T00:00:00Z' }], earlier }, 'account-in-use'],
    ['it was made for another Matrix user', { users: [ours], earlier: { ...earlier, userId: mod } }, 'account-exists'],
    ['it is linked to another', { users: [ours], earlier, links: [{ userId: mod, pk: 7, username: 'ada-oak11' }] }, 'account-exists'],
    ['it is a superuser', { users: [{ ...ours, is_superuser: true }], earlier }, 'role-group'],
    ['it is a service account', { users: [{ ...ours, type: 'service_account' }], earlier }, 'role-group'],
    ['it is in a role group', { users: [{ ...ours, groups: ['g-mods'] }], earlier }, 'role-group'],
    ['it is deactivated', { users: [{ ...ours, is_active: false }], earlier }, 'account-inactive'],
  ] as readonly (readonly [string, Setting, string])[])('an earlier one is not handed over when %s', async (_, setting, code) => {
    expect(await planned(line, setting)).toMatchObject({ code })
  })

  test('an admin may hand over one with a role', async () => {
    const plan = await planOf(line, { users: [{ ...ours, groups: ['g-mods'] }], earlier }, { role: 'admin' })
    expect(kinds(plan)[0]).toBe('account.link')
  })

  test('an earlier one that is not there: its name again; unless a stranger has it', async () => {
    expect((await planOf(line, { earlier })).steps[0]!.effect).toMatchObject({ kind: 'account.create', username: 'ada-oak11' })
    expect((await planOf(line, { earlier: { ...earlier, pk: 9 } })).steps[0]!.effect).toMatchObject({ username: 'ada-oak11' })
    const stranger = await planOf('adduser Ada --matrix @ada:example.org', {
      users: [user('ada-oak11')],
      earlier: { ...earlier, userId: ada },
    })
    expect(stranger.steps[0]!.effect).toMatchObject({ kind: 'account.create', username: expect.stringMatching(/^ada-\w+10$/) })
  })

  test('a username that is taken in any letter case is refused with the account named', async () => {
    for (const taken of ['ada', 'ADA']) {
      const answer = await planned('adduser Ada --username Ada', { users: [user(taken)] })
      expect(answer).toMatchObject({ code: 'username-taken' })
      expect(wordsOf(answer)).toContain(`{"code":"${taken}"}`)
    }
    const mirrored = { byUsername: () => [{ username: 'Ada' }] as never, groups: () => groups }
    expect(await planned('adduser Ada --username ada', { ports: { accounts: mirrored } })).toMatchObject({ code: 'username-taken' })
    expect((await planOf('adduser Ada --username Ada.L')).steps[0]!.effect).toMatchObject({ username: 'ada.l' })
  })

  test('generated usernames that are taken are drawn again, ten times', async () => {
    let draws = 0
    const random = (): number => (draws++ < 2 ? 0 : 1)
    const first = (await planOf('adduser Ada')).steps[0]!.effect
    const name = first.kind === 'account.create' ? first.username : ''
    const second = await planOf('adduser Ada', { users: [user(name.toUpperCase())], ports: { random } })
    expect(second.steps[0]!.effect).not.toMatchObject({ username: name })
    const accounts = { byUsername: () => [{ username: name }] as never, groups: () => groups }
    expect(await planned('adduser Ada', { ports: { accounts } })).toMatchObject({ code: 'no-username' })
  })
})

describe('groups', () => {
  test.each([
    ['Members,members', 'unknown-group', 'Members'],
    ['Moderators', 'role-group', 'Moderators'],
    ['"authentik Admins"', 'role-group', 'authentik Admins'],
    ['Nothing', 'unknown-group', 'Members'],
  ])('%s is refused as %s', async (given, code, named) => {
    const answer = await planned(`adduser Ada --groups ${given}`)
    expect(answer).toMatchObject({ code })
    expect(wordsOf(answer)).toContain(named)
  })

  test('an admin may; groups that the mirror does not know are asked for', async () => {
    const plan = await planOf('adduser Ada --groups "authentik Admins,Moderators,New"', {}, { role: 'admin' })
    expect(kinds(plan)).toEqual(['account.create', 'account.group', 'account.group', 'account.group', 'account.hand-over'])
    expect(plan.steps[3]!.effect).toMatchObject({ group: 'g-new' })
  })

  const theirs = (role: 'everyone' | 'moderator' | 'admin'): Setting => ({
    users: [user('x')],
    links: [{ userId: ada, pk: 7, username: 'x' }],
    ports: { roleOf: () => role },
  })
  const line = 'adduser Ada --matrix @ada:example.org --groups Members --no-rooms'

  test.each([
    ['a moderator', 'of a moderator', theirs('moderator'), { role: 'moderator' }, 'account.group!target-role'],
    ['a moderator', 'of an admin', theirs('admin'), { role: 'moderator' }, 'account.group!target-role'],
    ['an admin', 'of an admin', theirs('admin'), { role: 'admin' }, 'account.group!target-role'],
    ['a moderator', 'of oneself', theirs('everyone'), { asker: ada }, 'account.group!target-self'],
    ['an admin', 'of a moderator', theirs('moderator'), { role: 'admin' }, 'account.group'],
    ['a moderator', 'of somebody without a role', theirs('everyone'), {}, 'account.group'],
  ] as const)('%s changes the groups %s', async (_who, _whose, setting, options, kind) => {
    expect(kinds(await planOf(line, setting, options))).toContain(kind)
    // Found by the link also where only the account is named.
    const earlier = { username: 'x', pk: 7, email: 'ada@example.org', createdBy: '' }
    const byEmail = await planOf('adduser Ada --email ada@example.org --groups Members', { ...setting, earlier }, options)
    expect(kinds(byEmail)).toContain(kind)
  })

  test('those of the configuration come too; what is wrong with them is reported and refuses nothing', async () => {
    const plan = await planOf('adduser Ada --groups Members', { settings: { groups: ['Members', 'Gone', 'Moderators', 'New'] } })
    expect(kinds(plan)).toEqual([
      'account.create',
      'account.group',
      'account.group!unknown-group',
      'account.group!role-group',
      'account.group',
      'account.hand-over',
    ])
  })
})

describe('rooms', () => {
  const many = ['A', 'B', 'C', 'D', 'E', 'F', 'G'].map((name) => listedRoom(name, { always: true }))

  test('who may be put into a room is not invited there; others are; it counts as no arrival', async () => {
    const rooms = [
      listedRoom('Hall', { always: true, access: 'admin-join' }),
      listedRoom('Maths', { keywords: ['maths'], access: 'admin-join' }),
      lobby,
    ]
    const own = await planOf(`${line} --interests maths`, { rooms, ports: { mayJoin: () => true } })
    expect(kinds(own)).toEqual(['account.create', 'welcome', 'room.join', 'room.invite', 'room.join', 'graduation'])
    expect(stepOf(own, 'room.join').text).toBe('put Ada into Hall')
    expect(payloadOf(own, 'graduation')['rooms']).toEqual([lobby.roomId])
    expect(payloadOf(own, 'welcome')['invited']).toMatchObject([{ name: 'Lobby' }])
    const far = await planOf(`${line} --interests maths`, { rooms, ports: { mayJoin: () => false } })
    expect(kinds(far).filter((kind) => kind === 'room.invite')).toHaveLength(3)
  })

  test('one invitation to the space replaces those to the rooms that are open to its people', async () => {
    const space = listedRoom('Home', { always: true, space: true })
    const inside = ['One', 'Two'].map((name) => listedRoom(name, { always: true, openTo: 'home' }))
    const plan = await planOf(line, { rooms: [...inside, space, lobby] })
    expect(plan.steps.filter(({ effect }) => effect.kind === 'room.invite').map(({ text }) => text)).toEqual([
      'invite Ada to Home',
      'invite Ada to Lobby',
    ])
    expect((payloadOf(plan, 'welcome')['rooms'] as { name: string }[]).map(({ name }) => name)).toEqual(['One', 'Two'])
    expect(plan.notes?.join()).toContain('2 rooms are open to the people of the space')
    // In the space already: no invitation at all. Not invited there: each room its own.
    const members = { [indoc]: { [ada]: 'join' as const }, [space.roomId as RoomId]: { [ada]: 'join' as const } }
    expect(kinds(await planOf(line, { rooms: [...inside, space], members }))).not.toContain('room.invite')
    expect(kinds(await planOf(line, { rooms: inside })).filter((kind) => kind === 'room.invite')).toHaveLength(2)
  })

  test('recommended rooms come with their reasons, in INDOC only those that may be named there', async () => {
    const rooms = [listedRoom('Maths', { keywords: ['maths'], visibility: 'public' }), listedRoom('Poets', { keywords: ['poetry'] }), lobby]
    const admin = await planOf(`${line} --interests "maths, poetry"`, { rooms })
    expect(admin.notes).toContain('Recommended: Maths because of maths; Poets because of poetry.')
    const open = await planOf(`${line} --interests "maths, poetry"`, { rooms }, { place: 'indoc' })
    expect(open.notes).toContain('Recommended: Maths because of maths.')
  })

  test('with the limits of a server it is said how long it takes', async () => {
    const rooms = many.slice(0, 5)
    const limited = { ports: { exempt: () => false }, rooms }
    const plan = await planOf(line, limited)
    // Five rooms and the direct chat: the sixth invitation of one person waits.
    expect(plan.estimateMs).toBe(333_334)
    expect(plan.notes?.join()).toContain('in about 6 min, the first ones at once')
    const four = await planOf(line, { ...limited, rooms: rooms.slice(0, 4) })
    expect(four.estimateMs).toBeUndefined()
    const quick = await planOf(line, { rooms, ports: { exempt: () => true } })
    expect([quick.estimateMs, quick.notes]).toEqual([undefined, undefined])
  })

  test('spaces first, no doubles, none where the person is, at most maxInvites; the rest are links', async () => {
    const home = listedRoom('Home', { space: true, keywords: ['maths'] })
    const setting: Setting = {
      rooms: [...many, home, listedRoom('Here', { always: true }), listedRoom('Asked', { always: true })],
      members: {
        [indoc]: { [ada]: 'join' },
        ['!here:example.org' as RoomId]: { [ada]: 'join' },
        ['!asked:example.org' as RoomId]: { [ada]: 'invite' },
      },
    }
    const plan = await planOf(`${line} --interests maths`, setting)
    expect(invites(plan)).toEqual(['Home', 'A', 'B', 'C', 'D'].map((name) => `invite Ada to ${name}`))
    const links = payloadOf(plan, 'welcome')['rooms'] as readonly { name: string; url: string }[]
    expect(links.map(({ name }) => name)).toEqual(['E', 'F', 'G'])
    expect(links[0]?.url).toBe('https://matrix.to/#/%21e%3Aexample.org?via=example.org&via=other.example')
    expect(plan.notes?.join()).toContain('3 more rooms fit; the welcome names them')
    expect((await planOf(`${line} --no-welcome`, { ...setting, settings: { maxInvites: 6 } })).notes?.join()).toContain(
      'One more room fits',
    )
  })

  test('named rooms replace the recommended ones, not the always-rooms', async () => {
    const tech = listedRoom('Tech')
    const rooms = {
      tech: [{ roomId: tech.roomId!, name: 'Tech' }],
      small: [{ roomId: '!small:example.org' as RoomId, name: 'Small' }],
      indoc: [{ roomId: indoc, name: 'INDOC' }],
    }
    const plan = await planOf(`${line} --interests maths --rooms tech,small,tech,indoc`, { rooms: [maths, lobby, tech] }, { rooms })
    expect(invites(plan)).toEqual(['Lobby', 'Tech', 'Small'].map((name) => `invite Ada to ${name}`))
    expect(plan.notes?.join()).toContain('INDOC is not for arrivals')
  })

  test('none with --no-rooms, and the graduation stands', async () => {
    const plan = await planOf(`${line} --no-rooms`, { rooms: [maths, lobby] })
    expect(kinds(plan)).toEqual(['account.create', 'welcome', 'graduation'])
  })

  test('what only moderators may know is not recommended; rooms of access link are linked, of access moderator neither', async () => {
    const plan = await planOf(`${line} --interests maths`, {
      rooms: [
        listedRoom('Secret', { keywords: ['maths'], visibility: 'moderators' }),
        listedRoom('Linked', { keywords: ['maths'], access: 'link', roomId: undefined, alias: '#linked:example.org' }),
        listedRoom('Nowhere', { keywords: ['maths'], access: 'link', roomId: undefined }),
        listedRoom('Guarded', { keywords: ['maths'], access: 'moderator' }),
        listedRoom('Cached', { keywords: ['maths'], configured: false }),
      ],
    })
    expect(invites(plan)).toEqual([])
    expect(payloadOf(plan, 'welcome')['rooms']).toEqual([{ name: 'Linked', url: 'https://matrix.to/#/%23linked%3Aexample.org' }])
  })

  test('in INDOC only public rooms are named', async () => {
    const open = listedRoom('Open', { always: true, visibility: 'public' })
    const unknown = listedRoom('Hidden', { always: true, roomId: undefined })
    const own = listedRoom('Own', { always: true, roomId: indoc })
    const plan = await planOf(line, { rooms: [lobby, open, unknown, own] }, { place: 'indoc' })
    expect(invites(plan)).toEqual(['invite Ada to a room that is not named here', 'invite Ada to Open'])
    expect([...(plan.notes ?? []), ...plan.steps.map(({ text }) => text)].join()).not.toMatch(/Lobby|Hidden|Own/)
    expect(payloadOf(plan, 'welcome')['invited']).toMatchObject([{ name: 'Lobby' }, { name: 'Open' }])
  })

  test('what cannot work is said beforehand, with who could help; it takes no place and blocks nothing', async () => {
    const named = ['Away', 'Closed', 'Banned', 'Old', 'Good'].map((name) =>
      listedRoom(name, { always: true, replacementRoom: name === 'Old' ? ('!new:example.org' as RoomId) : null }),
    )
    const id = (name: string): RoomId => `!${name}:example.org` as RoomId
    const plan = await planOf(line, {
      rooms: named,
      closed: [id('closed')],
      members: { [indoc]: { [ada]: 'join' }, [id('away')]: { [bot]: 'leave' }, [id('banned')]: { [ada]: 'ban' } },
      settings: { maxInvites: 1 },
    })
    expect(kinds(plan).filter((kind) => kind.startsWith('room'))).toEqual([
      'room.invite!bot-not-in-room',
      'room.invite!no-power',
      'room.invite!banned',
      'room.invite!room-replaced',
      'room.invite',
    ])
    expect(plan.steps.find(({ blocked }) => blocked?.code === 'no-power')?.blocked?.text).toContain('@boss:example.org')
    expect(payloadOf(plan, 'graduation')).toMatchObject({ rooms: [id('good')] })
    expect(payloadOf(plan, 'welcome')).toMatchObject({ invited: [{ name: 'Good' }] })
  })
})

describe('welcome and graduation', () => {
  const linked: Setting = { users: [user('x')], links: [{ userId: ada, pk: 7, username: 'x' }] }
  const job = (kind: string, state: JobView['state'], payload = {}): Partial<JobView> => ({ kind, jobId: 5, state, payload })
  const withAccount = { account: { pk: 7, username: 'x' } }

  test.each([
    ['no job yet', linked, undefined],
    ['a dead one', { ...linked, jobs: [job('welcome', 'dead', withAccount)] }, undefined],
    ['one on its way', { ...linked, jobs: [job('welcome', 'waiting', withAccount)] }, 'already-scheduled'],
    ['one that was sent', { ...linked, jobs: [job('welcome', 'done', withAccount)] }, 'already-welcomed'],
    ['one that was sent without credentials', { ...linked, jobs: [job('welcome', 'done')] }, undefined],
    ['one on its way without credentials', { ...linked, jobs: [job('welcome', 'running')] }, 'other-welcome-waits'],
    ['one of before the account', { jobs: [job('welcome', 'done', withAccount)] }, undefined],
    ['one on its way of before the account', { jobs: [job('welcome', 'waiting', withAccount)] }, 'other-welcome-waits'],
  ] as readonly (readonly [string, Setting, string | undefined])[])('%s', async (_, setting, code) => {
    expect(stepOf(await planOf(line, setting), 'welcome').blocked?.code).toBe(code)
  })

  test('--no-welcome says what is missing then', async () => {
    const plan = await planOf(`${line} --no-welcome`)
    expect(kinds(plan)).toEqual(['account.create', 'graduation'])
    expect(plan.notes?.join()).toContain('no credentials')
  })

  test('a bridged person: never shown by id, welcomed over the bridge, all else', async () => {
    const plan = await planOf(`adduser Ada --matrix ${ghost}`, { rooms: [lobby] })
    expect(kinds(plan)).toEqual(['account.create', 'bridged-welcome', 'room.invite', 'graduation'])
    expect(plan.summary).toBe('Ada (bridged)')
    expect(plan.steps.map(({ text, blocked }) => text + (blocked?.text ?? '')).join()).not.toContain(ghost)
  })

  test.each([
    ['not in INDOC', { members: {} }, '', false],
    ['invited to INDOC', { members: { [indoc]: { [ada]: 'invite' } } }, '', true],
    ['INDOC is unknown', { ports: { indoc: () => undefined } }, '', false],
    ['switched off', { settings: { autoRemoveFromIndoc: false } }, '', false],
    ['kept', {}, '--keep-in-indoc', false],
    ['a moderator', { ports: { roleOf: () => 'moderator' } }, '', false],
    ['at once', { settings: { grace: 0 } }, '', true],
    ['without welcome and rooms', {}, '--no-welcome --no-rooms', true],
  ] as readonly (readonly [string, Setting, string, boolean])[])('graduation: %s', async (_, setting, more, expected) => {
    expect(kinds(await planOf(`${line} ${more}`, setting)).includes('graduation')).toBe(expected)
  })

  test('a graduation that waits is not scheduled twice', async () => {
    expect(kinds(await planOf(line, { jobs: [job('graduation', 'waiting')] })).at(-1)).toBe('graduation!already-scheduled')
    expect(kinds(await planOf(line, { jobs: [job('graduation', 'dead')] })).at(-1)).toBe('graduation')
  })
})

describe('a dry run', () => {
  test('promises no username that the real run would draw anew', async () => {
    const [shown, given, real] = [
      await planOf(`${line} --dry-run`),
      await planOf(`${line} --username ada --dry-run`),
      await planOf(line),
    ].map((plan) => stepOf(plan, 'account.create').text)
    expect(shown).toMatch(/^create an account; its username is drawn when it is made, such as ada-[a-z]+10$/)
    expect(given).toBe('create the account ada')
    expect(real).toMatch(/^create the account ada-[a-z]+10$/)
  })
})

describe('the answer', () => {
  const render = (plan: Plan, outcomeOf: (step: PlannedStep) => Outcome): string =>
    renderAnswer(createAdduserCommand(portsOf({})).render!(plan, plan.steps.map(outcomeOf))).body
  const ok: Outcome = { state: 'done', code: 'done', text: '' }

  test('person and id first, then what is done; credentials by DM only; no e-mail', async () => {
    const text = render(await planOf(line, { rooms: [lobby] }), () => ok)
    expect(text).toMatch(/^✅ Ada Lovelace \(@ada:example\.org\): 4 done/)
    expect(text).toContain('delivered by DM only')
    expect(text).not.toContain('ada@example.org')
  })

  test('what failed comes last, with what to do', async () => {
    const plan = await planOf(line, { rooms: [lobby] })
    const text = render(plan, ({ effect }) =>
      effect.kind === 'room.invite' || effect.kind === 'job.schedule' ? { state: 'failed', code: 'x', text: 'because of y' } : ok,
    )
    expect(text).toMatch(/^⚠️ /)
    expect(text.indexOf('create the account')).toBeLessThan(text.indexOf('because of y'))
    expect(text).toContain('makes no second account')
    expect(text).not.toContain('delivered by DM')
  })
})
