import { describe, expect, test } from 'vitest'
import type { Authentik } from '../../src/authentik/client.ts'
import type { AuthentikFailure, AuthentikResult } from '../../src/authentik/errors.ts'
import type { FaultHow } from '../support/authentik/faults.ts'
import { addToken, addUser } from '../support/authentik/state.ts'
import { setUp, valueOf } from './client-of.ts'

/** For the one fault that is a time-out; with the others it would only fail on a busy machine. */
const impatient = { readMs: 1_000, writeMs: 1_000, longMs: 1_000 }

/** Every call of the client, with what it needs on a fresh stand-in, where pk 3 is akadmin. */
const calls: Record<string, (authentik: Authentik) => Promise<AuthentikResult<unknown>>> = {
  me: (one) => one.me(),
  version: (one) => one.version(),
  findUserByUsername: (one) => one.findUserByUsername('ada'),
  findUsersByEmail: (one) => one.findUsersByEmail('ada@example.org'),
  searchUsers: (one) => one.searchUsers('ada'),
  listAllUsers: (one) => one.listAllUsers(),
  getUser: (one) => one.getUser(3),
  createUser: (one) => one.createUser({ username: 'new', name: '' }),
  patchUser: (one) => one.patchUser(3, { name: 'x' }),
  mergeAttributes: (one) => one.mergeAttributes(3, { a: 1 }),
  setActive: (one) => one.setActive(3, true),
  recoveryLink: (one) => one.recoveryLink(3),
  setPassword: (one) => one.setPassword(3, 'otters'),
  endSessions: (one) => one.endSessions(3),
  listGroups: (one) => one.listGroups(),
  findGroup: (one) => one.findGroup('Members'),
  addToGroup: (one) => one.addToGroup('00000000-0000-4000-8000-000000000001', 3),
  removeFromGroup: (one) => one.removeFromGroup('00000000-0000-4000-8000-000000000001', 3),
  getFlow: (one) => one.getFlow('x'),
  getEnrollmentFlow: (one) => one.getEnrollmentFlow('x'),
  getInvitationStages: (one) => one.getInvitationStages('x'),
  createInvitation: (one) =>
    one.createInvitation({ name: 'x', flow: { pk: '00000000-0000-4000-8000-000000000001' }, expires: 0, singleUse: true, nonce: 'n' }),
  listInvitations: (one) => one.listInvitations(),
  findInvitationByNonce: (one) => one.findInvitationByNonce('n'),
  deleteInvitation: (one) => one.deleteInvitation('00000000-0000-4000-8000-000000000001'),
}
const names = Object.keys(calls)
/** Calls that begin with a request that changes something. */
const writes = [
  'createUser',
  'patchUser',
  'setActive',
  'recoveryLink',
  'setPassword',
  'endSessions',
  'addToGroup',
  'removeFromGroup',
  'createInvitation',
  'deleteInvitation',
]

describe('every call turns every failure into a value', () => {
  const page = '<!DOCTYPE html><html>nginx</html>'
  const faults: [string, FaultHow, string, 'no' | 'maybe'][] = [
    ['dead token', { status: 403, json: { detail: 'Token invalid/expired' } }, 'token-dead', 'no'],
    ['401', { status: 401, json: { detail: 'x' } }, 'token-dead', 'no'],
    ['500 HTML', { status: 500, html: page }, 'server', 'maybe'],
    ['502 HTML', { status: 502, html: page }, 'server', 'maybe'],
    ['empty 405', { status: 405, html: '' }, 'server', 'maybe'],
    ['200 HTML', { status: 200, html: page }, 'malformed', 'maybe'],
    ['404 HTML', { status: 404, html: page }, 'malformed', 'no'],
    ['redirect', { status: 301, html: '', headers: { location: 'https://elsewhere.example/' } }, 'malformed', 'no'],
    ['429 with a long wait', { status: 429, html: page, headers: { 'retry-after': '120' } }, 'limited', 'no'],
    ['reset', 'reset', 'unreachable', 'maybe'],
    ['hang', 'hang', 'timeout', 'maybe'],
  ]

  test.each(faults)('%s', async (_name, how, code, changed) => {
    const patience = how === 'hang' ? impatient : {}
    const { authentik, standIn } = await setUp({ patience, gate: { breaker: { failures: 1_000, openMs: 1 } } })
    standIn.failNext({ pathPattern: '/api/v3/', times: Number.POSITIVE_INFINITY, how })
    const results = await Promise.all(names.map(async (name) => [name, await calls[name]?.(authentik)] as const))
    for (const [name, result] of results) {
      expect(result, name).toMatchObject({ ok: false, code, text: expect.stringMatching(/\S{3}/) })
      // A read changes nothing whatever happens.
      const expected = writes.includes(name) ? changed : 'no'
      expect((result as AuthentikFailure).changed, name).toBe(expected)
    }
  })

  test('missing permissions', async () => {
    const { authentik, standIn } = await setUp()
    standIn.state.users.get(standIn.botPk)?.permissions.clear()
    for (const name of names) {
      if (name === 'me' || name === 'version') continue
      const code = name === 'getInvitationStages' ? 'stage-not-visible' : 'no-permission'
      expect(await calls[name]?.(authentik), name).toMatchObject({ ok: false, code, changed: 'no' })
    }
  })

  test('a token that was revoked, one of an inactive account, an unknown one', async () => {
    const { authentik, standIn } = await setUp()
    const sleeper = addUser(standIn.state, { username: 'sleeper', is_active: false }, Date.now())
    const other = await setUp({ useToken: addToken(standIn.state, sleeper.pk) })
    expect(await other.authentik.me()).toMatchObject({ code: 'token-dead' })
    standIn.state.tokens.delete(standIn.token)
    expect(await authentik.me()).toMatchObject({ code: 'token-dead', text: expect.stringContaining('token') })
    expect(JSON.stringify(await authentik.me())).not.toContain(standIn.token)
  })
})

describe('Authentik down', () => {
  test('nothing listens: an answer well below 5 s, then at once', async () => {
    const { authentik, standIn } = await setUp()
    await standIn.close()
    const begun = performance.now()
    expect(await authentik.findUserByUsername('ada')).toMatchObject({ code: 'unreachable', changed: 'no' })
    const first = performance.now() - begun
    expect(first).toBeLessThan(2_000)
    expect(await authentik.createUser({ username: 'x', name: '' })).toMatchObject({
      code: 'down',
      changed: 'no',
      retryAfterMs: expect.any(Number),
    })
    expect(performance.now() - begun - first).toBeLessThan(500)
  })

  test('it accepts and hangs: reads end before 5 s with the default patience', async () => {
    const { authentik, standIn } = await setUp()
    standIn.failNext({ pathPattern: '/api/v3/', times: Number.POSITIVE_INFINITY, how: 'hang' })
    const begun = performance.now()
    expect(await authentik.findUserByUsername('ada')).toMatchObject({ code: 'timeout', changed: 'no' })
    expect(performance.now() - begun).toBeLessThan(4_500)
  })

  test('it comes back: the probe closes the breaker', async () => {
    let skew = 0
    const clock = { now: () => Date.now() + skew, sleep: () => Promise.resolve() }
    const { authentik, standIn } = await setUp({ gate: { clock } })
    standIn.failNext({ pathPattern: '/', times: 3, how: 'reset' })
    expect(await authentik.me()).toMatchObject({ code: 'unreachable' })
    expect(await authentik.me()).toMatchObject({ code: 'down' })
    skew += 10_000
    expect(valueOf(await authentik.me()).username).toBe('matrix-bot')
  })
})

describe('lost answers', () => {
  test('an account whose answer got lost is there, and nothing was sent twice', async () => {
    const { authentik, standIn, log } = await setUp()
    standIn.failNext({ method: 'POST', pathPattern: '/core/users/', how: 'commit-then-drop' })
    expect(await authentik.createUser({ username: 'ada', name: 'Ada' })).toMatchObject({ ok: false, code: 'unreachable', changed: 'maybe' })
    expect(log()).toEqual(['POST /core/users/'])
    expect(valueOf(await authentik.findUserByUsername('ada')).exact).toMatchObject({ name: 'Ada' })
  })

  test('changes that may be repeated are repeated', async () => {
    const { authentik, standIn, log } = await setUp()
    for (const pathPattern of ['/core/users/3/', 'add_user', 'recovery']) standIn.failNext({ pathPattern, how: 'commit-then-drop' })
    expect(valueOf(await authentik.patchUser(3, { name: 'Boss' })).name).toBe('Boss')
    const group = Array.from(standIn.state.groups.values()).find((one) => one.name === 'Members')
    valueOf(await authentik.addToGroup(group?.pk ?? '', 3))
    valueOf(await authentik.recoveryLink(3))
    expect(log()).toHaveLength(6)
  })

  test('a merge whose read-back fails says that it may have happened', async () => {
    const { authentik, standIn } = await setUp({ gate: { limits: { attempts: 1 } } })
    standIn.failNext({ method: 'GET', pathPattern: '/core/users/3/', after: 1, how: 'reset' })
    expect(await authentik.mergeAttributes(3, { a: 1 })).toMatchObject({ ok: false, code: 'unreachable', changed: 'maybe' })
    expect(standIn.state.users.get(3)?.attributes).toEqual({ a: 1 })
  })
})

describe('links', () => {
  test('a recovery link to a foreign host, or to something else than a flow, is not handed on', async () => {
    const { authentik, standIn } = await setUp()
    for (const link of ['https://evil.example/if/flow/x/?flow_token=1', `${standIn.url}/if/admin/`, 'javascript:alert(1)']) {
      standIn.failNext({ pathPattern: 'recovery', how: { status: 200, json: { link } } })
      expect(await authentik.recoveryLink(3)).toMatchObject({ ok: false, code: 'foreign-link' })
    }
  })

  test('an invitation without a flow is not handed on', async () => {
    const { authentik, standIn } = await setUp()
    const made = {
      pk: '00000000-0000-4000-8000-000000000001',
      name: 'x',
      flow: null,
      flow_obj: null,
    }
    standIn.failNext({ pathPattern: 'invitations', how: { status: 201, json: made } })
    const wish = { name: 'x', flow: { pk: made.pk }, expires: 0, singleUse: true, nonce: 'n' }
    expect(await authentik.createInvitation(wish)).toMatchObject({ ok: false, code: 'malformed', changed: 'maybe' })
  })
})

describe('answers from a newer server', () => {
  test('unknown keys, unknown types and missing optional fields pass', async () => {
    const { authentik, standIn } = await setUp()
    const json = {
      pk: 3,
      username: 'a',
      name: '',
      is_active: true,
      is_superuser: false,
      type: 'agent',
      shiny: { new: 1 },
      attributes: { ['__proto__x']: 1 },
    }
    standIn.failNext({ pathPattern: '/core/users/3/', how: { status: 200, json } })
    expect(valueOf(await authentik.getUser(3))).toMatchObject({ type: 'agent', email: '', groups: [], attributes: { ['__proto__x']: 1 } })
  })

  test('a missing essential is malformed, and the failure names the place', async () => {
    const { authentik, standIn } = await setUp()
    standIn.failNext({ pathPattern: '/core/users/3/', how: { status: 200, json: { pk: '3' } } })
    expect(await authentik.getUser(3)).toMatchObject({ code: 'malformed', text: expect.stringContaining('at pk') })
  })
})
