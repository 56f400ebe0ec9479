import { describe, expect, test } from 'vitest'
import { createRecoveryEmail } from '../../src/onboarding/recovery-email.ts'
import { addSession, addUser } from '../support/authentik/state.ts'
import { setUp, valueOf, versions } from './client-of.ts'

describe.each(versions)('accounts on %s', (version) => {
  test('me and version', async () => {
    const { authentik, standIn } = await setUp({ version })
    expect(valueOf(await authentik.me())).toMatchObject({
      pk: standIn.botPk,
      username: 'matrix-bot',
      is_superuser: false,
      type: 'service_account',
    })
    expect(valueOf(await authentik.version())).toBe(version)
  })

  test('create, get, change, switch off and on', async () => {
    const { authentik, standIn } = await setUp({ version })
    const wish = {
      username: 'ada.l',
      name: 'Ada L.',
      email: 'ada@example.org',
      path: 'users/matrix',
      attributes: { matrix_id: '@ada:example.org' },
    }
    const ada = valueOf(await authentik.createUser(wish))
    expect(ada).toMatchObject({ ...wish, is_active: true, is_superuser: false, groups: [] })
    expect(valueOf(await authentik.getUser(ada.pk))).toEqual(ada)
    expect(valueOf(await authentik.patchUser(ada.pk, { name: 'Ada', email: '' }))).toMatchObject({
      name: 'Ada',
      email: '',
      username: 'ada.l',
    })
    addSession(standIn.state, ada.pk, Date.now())
    expect(valueOf(await authentik.setActive(ada.pk, false)).is_active).toBe(false)
    expect(standIn.state.sessions.size).toBe(0)
    expect(valueOf(await authentik.setActive(ada.pk, true)).is_active).toBe(true)
  })

  test('an account without e-mail and name is fine', async () => {
    const { authentik } = await setUp({ version })
    expect(valueOf(await authentik.createUser({ username: 'plain', name: '' }))).toMatchObject({ email: '', name: '', path: 'users' })
  })

  test('a username in use is a conflict; the other letter case is not, and is found', async () => {
    const { authentik } = await setUp({ version })
    valueOf(await authentik.createUser({ username: 'Ada', name: '' }))
    expect(await authentik.createUser({ username: 'Ada', name: '' })).toMatchObject({
      ok: false,
      code: 'conflict',
      changed: 'no',
      fields: { username: [expect.any(String)] },
    })
    expect(valueOf(await authentik.findUserByUsername('ada'))).toMatchObject({ exact: undefined, similar: [{ username: 'Ada' }] })
    valueOf(await authentik.createUser({ username: 'ada', name: '' }))
    expect(valueOf(await authentik.findUserByUsername('ada'))).toMatchObject({ exact: { username: 'ada' }, similar: [] })
    const other = valueOf(await authentik.createUser({ username: 'grace', name: '' }))
    expect(await authentik.patchUser(other.pk, { username: 'ada' })).toMatchObject({ code: 'conflict' })
  })

  test('what Authentik refuses comes back by field', async () => {
    const { authentik } = await setUp({ version })
    expect(await authentik.patchUser(3, { path: '/users' })).toMatchObject({
      code: 'invalid',
      changed: 'no',
      fields: { path: ['No leading or trailing slashes allowed.'] },
    })
  })

  test('a missing account', async () => {
    const { authentik } = await setUp({ version })
    expect(await authentik.getUser(99_999)).toMatchObject({ ok: false, code: 'not-found', changed: 'no' })
    expect(await authentik.setActive(99_999, false)).toMatchObject({ ok: false, code: 'not-found' })
    expect(await authentik.setPassword(99_999, 'seven-otters')).toMatchObject({ ok: false, code: 'not-found' })
    expect(await authentik.recoveryLink(99_999)).toMatchObject({ ok: false, code: 'not-found' })
  })

  test('an empty username finds nobody and asks nobody', async () => {
    const { authentik, log } = await setUp({ version, seed: { people: 30 } })
    for (const name of ['', '  ', 'a\0b'])
      expect(valueOf(await authentik.findUserByUsername(name))).toEqual({ exact: undefined, similar: [] })
    expect(valueOf(await authentik.findUsersByEmail(''))).toEqual([])
    expect(valueOf(await authentik.searchUsers(' = ~ '))).toEqual([])
    expect(log()).toEqual([])
  })

  test('e-mail in any letter case, all who share it', async () => {
    const { authentik } = await setUp({ version })
    for (const [username, email] of [
      ['one', 'Ada@Example.org'],
      ['two', 'ada@example.org'],
      ['three', 'not-ada@example.org'],
    ] as const) {
      valueOf(await authentik.createUser({ username, name: '', email }))
    }
    expect(
      valueOf(await authentik.findUsersByEmail('ADA@example.org'))
        .map((user) => user.username)
        .toSorted(),
    ).toEqual(['one', 'two'])
  })

  test('search takes words, not the query language, and no digits of UUIDs', async () => {
    const { authentik } = await setUp({ version, seed: { people: 25 } })
    valueOf(await authentik.createUser({ username: 'zoe', name: 'is_active True' }))
    expect(valueOf(await authentik.searchUsers('is_active = True')).map((user) => user.username)).toEqual(['zoe'])
    expect(valueOf(await authentik.searchUsers('member 0007')).map((user) => user.username)).toEqual(['member-0007'])
    expect(valueOf(await authentik.searchUsers('username ~ "member" or username = "x"'))).toEqual([])
    expect(valueOf(await authentik.searchUsers('f')).every((user) => `${user.username}${user.name}${user.email}`.includes('f'))).toBe(true)
  })

  test('attributes are merged, not replaced', async () => {
    const { authentik, log } = await setUp({ version })
    const { pk } = valueOf(await authentik.createUser({ username: 'ada', name: '', attributes: { keep: { deep: [1] }, drop: 1 } }))
    expect(valueOf(await authentik.mergeAttributes(pk, { matrix_id: '@ada:example.org' }, ['drop'])).attributes).toEqual({
      keep: { deep: [1] },
      matrix_id: '@ada:example.org',
    })
    const before = log().length
    valueOf(await authentik.mergeAttributes(pk, { matrix_id: '@ada:example.org', keep: { deep: [1] } }, ['drop']))
    expect(log().slice(before)).toEqual([`GET /core/users/${pk}/`])
  })

  test('merges for one account wait for each other, so none is lost', async () => {
    const { authentik, standIn } = await setUp({ version })
    const { pk } = valueOf(await authentik.createUser({ username: 'ada', name: '' }))
    const results = await Promise.all([1, 2, 3, 4].map((number) => authentik.mergeAttributes(pk, { [`key${number}`]: number })))
    expect(results.every((one) => one.ok)).toBe(true)
    expect(standIn.state.users.get(pk)?.attributes).toEqual({ key1: 1, key2: 2, key3: 3, key4: 4 })
  })

  test('recovery link: same until used, at the public host, asked for in whole minutes', async () => {
    const { authentik, standIn } = await setUp({ version, publicUrl: 'https://id.example.org/auth' })
    const { pk } = valueOf(await authentik.createUser({ username: 'ada', name: '' }))
    const link = valueOf(await authentik.recoveryLink(pk, 2 * 3_600_000))
    expect(link).toMatch(/^https:\/\/id\.example\.org\/auth\/if\/flow\/default-recovery-flow\/\?flow_token=\S{20,}$/)
    expect(valueOf(await authentik.recoveryLink(pk))).toBe(link)
    standIn.state.recoveryKeys.delete(pk)
    expect(valueOf(await authentik.recoveryLink(pk))).not.toBe(link)
  })

  test('a recovery e-mail by Authentik itself; no address and a wrong stage are told, and another way is taken', async () => {
    const { authentik, standIn } = await setUp({ version })
    const stage = standIn.state.emailStage
    const email = createRecoveryEmail({ authentik, stage, linkLifetime: 2 * 3_600_000 })
    const ada = valueOf(await authentik.createUser({ username: 'ada', name: '', email: 'ada@example.org' }))
    expect(await email(ada)).toBe('sent')
    expect(standIn.state.recoveryMails).toEqual(['ada@example.org'])
    const nameless = valueOf(await authentik.createUser({ username: 'bob', name: '' }))
    expect(await email(nameless)).toBe('not-possible')
    expect(await createRecoveryEmail({ authentik, stage: '00000000-0000-4000-8000-000000000000', linkLifetime: 0 })(ada)).toBe(
      'not-possible',
    )
    expect(await createRecoveryEmail({ authentik, stage: undefined, linkLifetime: 0 })(ada)).toBe('not-possible')
    standIn.failNext({ pathPattern: 'recovery_email', how: { status: 503 }, times: 5 })
    expect(await email(ada)).toBe('failed')
    expect(standIn.state.recoveryMails).toHaveLength(1)
    expect(standIn.violations).toEqual([])
  })

  test('no recovery flow', async () => {
    const { authentik } = await setUp({ version, seed: { recovery: false } })
    expect(await authentik.recoveryLink(3)).toMatchObject({ ok: false, code: 'no-recovery-flow', changed: 'no' })
  })

  test('password; one with white space around it is a programming error', async () => {
    const { authentik, standIn } = await setUp({ version })
    const { pk } = valueOf(await authentik.createUser({ username: 'ada', name: '' }))
    valueOf(await authentik.setPassword(pk, 'seven-otters-jump-4'))
    expect(standIn.state.users.get(pk)?.password).toBe('seven-otters-jump-4')
    await expect(authentik.setPassword(pk, ' padded ')).rejects.toThrow(TypeError)
  })

  test('end sessions of one account only', async () => {
    const { authentik, standIn } = await setUp({ version })
    addSession(standIn.state, standIn.botPk, Date.now())
    const ada = addUser(standIn.state, { username: 'ada' }, Date.now())
    addSession(standIn.state, ada.pk, Date.now())
    addSession(standIn.state, ada.pk, Date.now())
    valueOf(await authentik.endSessions(ada.pk))
    expect(Array.from(standIn.state.sessions.values(), (one) => one.user)).toEqual([standIn.botPk])
  })

  test('1,314 accounts come complete in 14 pages', async () => {
    const { authentik, log } = await setUp({ version, seed: { people: 1_312 } })
    const counts: number[] = []
    const keys = new Set<number>()
    for await (const page of authentik.userPages()) {
      const { items, count } = valueOf(page)
      counts.push(count)
      for (const user of items) keys.add(user.pk)
    }
    expect(keys.size).toBe(1_314)
    expect(log()).toHaveLength(14)
    expect(new Set(counts)).toEqual(new Set([1_314]))
    expect(valueOf(await authentik.listAllUsers())).toHaveLength(1_314)
  })
})

describe('a list that moves while it is read', () => {
  test('doubles are dropped, a page that has gone ends it', async () => {
    const { authentik, standIn } = await setUp({ seed: { people: 199 } })
    const keys: number[] = []
    for await (const page of authentik.userPages()) {
      keys.push(...valueOf(page).items.map((user) => user.pk))
      // Somebody sorts before all others: page two repeats the last of page one.
      if (standIn.requests.length === 1) addUser(standIn.state, { username: 'aaa' }, Date.now())
      if (standIn.requests.length === 2)
        for (const user of Array.from(standIn.state.users.values()))
          if (user.username.startsWith('member')) standIn.state.users.delete(user.pk)
    }
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toHaveLength(199)
    expect(standIn.requests.at(-1)?.status).toBe(404)
  })

  test('a failing page is the end, and listAllUsers gives no half list', async () => {
    const { authentik, standIn } = await setUp({ seed: { people: 250 } })
    const pages = authentik.userPages()
    expect((await pages.next()).value).toMatchObject({ ok: true })
    standIn.failNext({ pathPattern: '/core/users/', how: { status: 500, html: '<html>' } })
    expect((await pages.next()).value).toMatchObject({ ok: false, code: 'server' })
    expect((await pages.next()).done).toBe(true)
    standIn.failNext({ pathPattern: '/core/users/', how: { status: 403, json: { detail: 'Token invalid/expired' } } })
    expect(await authentik.listAllUsers()).toMatchObject({ ok: false, code: 'token-dead' })
  })

  test('a list whose next page never comes nearer is a fault, not a loop', async () => {
    const { authentik, standIn } = await setUp()
    const pagination = { next: 1, previous: 0, count: 1, current: 1, total_pages: 1, start_index: 0, end_index: 0 }
    standIn.failNext({ pathPattern: '/core/groups/', how: { status: 200, json: { pagination, results: [], autocomplete: {} } } })
    expect(await authentik.listGroups()).toMatchObject({ ok: false, code: 'malformed' })
  })
})
