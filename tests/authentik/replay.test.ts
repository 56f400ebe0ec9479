import { readFileSync } from 'node:fs'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createStandIn, type StandIn } from '../support/authentik/stand-in.ts'
import { addFlow, addInvitationStage, addToken, addUser, botPermissions } from '../support/authentik/state.ts'
import { versions } from './client-of.ts'

interface Recording {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly auth: string
  readonly body: unknown
  readonly status: number
  readonly type?: string | null
  readonly response: unknown
}

const recordings = (version: string): Recording[] =>
  readFileSync(new URL(`../fixtures/authentik/${version}.jsonl`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recording)

/** What each recorded token may do, by the beginning of the recording's name. */
const rights: readonly (readonly [prefix: string, permissions: readonly string[]])[] = [
  ['noperm', []],
  ['viewer', ['authentik_core.view_user']],
  ['resetter_add_user', ['authentik_core.view_user', 'authentik_core.reset_user_password', 'authentik_core.add_user']],
  ['resetter', ['authentik_core.view_user', 'authentik_core.reset_user_password']],
  ['resetonly', ['authentik_core.reset_user_password']],
  ['resetadd', ['authentik_core.reset_user_password', 'authentik_core.add_user']],
  ['grouper_', ['authentik_core.add_user_to_group', 'authentik_core.view_group']],
  [
    'grouper2',
    ['authentik_core.add_user_to_group', 'authentik_core.remove_user_from_group', 'authentik_core.view_group', 'authentik_core.view_user'],
  ],
  ['grouper3', ['authentik_core.add_user_to_group', 'authentik_core.view_user']],
  ['creator', ['authentik_core.add_user']],
  [
    'inviter_',
    [
      'authentik_stages_invitation.add_invitation',
      'authentik_stages_invitation.view_invitation',
      'authentik_stages_invitation.delete_invitation',
      'authentik_flows.view_flow',
    ],
  ],
  ['inviter2', ['authentik_stages_invitation.add_invitation']],
  ['bot_', botPermissions.filter((one) => !one.endsWith('view_invitationstage'))],
]

/** Free-form parts: their keys are data, not shape. */
const freeForm = new Set([
  'attributes',
  'fixed_data',
  'settings',
  'autocomplete',
  'system_permissions',
  'stages',
  'groups',
  'groups_obj',
  'roles',
  'roles_obj',
  'users',
  'users_obj',
])

/** Keys and types; a list is the shape of its first item; errors keep their words. */
const shapeOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])]
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => left.localeCompare(right))
      .map(([key, inner]) => [
        key,
        freeForm.has(key) ? (inner === null ? 'null' : Array.isArray(inner) ? 'list' : typeof inner) : shapeOf(inner),
      ]),
  )
}

describe.each(versions)('the stand-in answers like the real %s', (version) => {
  let standIn: StandIn
  const tokens = new Map<string, string>()
  /** Recorded key to the stand-in's key. */
  const keys = new Map<string, string>()

  beforeAll(async () => {
    standIn = await createStandIn({ version, strictRequests: false, seed: { people: 258, recovery: false } })
    const { state } = standIn
    const stage = addInvitationStage(state, 'invitation-enrollment-invitation-internal')
    addFlow(state, { slug: 'invitation-enrollment-flow-internal', designation: 'enrollment', stages: [stage.pk] })
    addFlow(state, { slug: 'default-enrollment-flow', designation: 'enrollment' })
    for (const [prefix, permissions] of rights) {
      tokens.set(prefix, addToken(state, addUser(state, { username: `holder-${prefix}`, permissions }, Date.now()).pk))
    }
  })
  afterAll(() => standIn.close())

  const mapped = (text: string): string => {
    let result = text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uuid) => keys.get(uuid) ?? uuid)
    result = result.replace(/\/users\/(\d+)\//g, (whole, pk: string) => (keys.has(pk) ? `/users/${keys.get(pk) ?? ''}/` : whole))
    return result.replace(/"pk":(\d+)/g, (whole, pk: string) => (keys.has(pk) ? `"pk":${keys.get(pk) ?? ''}` : whole))
  }

  const authorization = ({ auth, name }: Recording): Record<string, string> => {
    if (auth === 'none') return {}
    if (auth === '<ADMIN>') return { authorization: `Bearer ${standIn.adminToken}` }
    if (auth === '<OTHER>') {
      const prefix = rights.find(([one]) => name.startsWith(one))?.[0]
      return { authorization: `Bearer ${tokens.get(prefix ?? '') ?? 'dead'}` }
    }
    return { authorization: auth }
  }

  const remember = (recorded: unknown, real: unknown): void => {
    if (typeof recorded !== 'object' || recorded === null || typeof real !== 'object' || real === null) return
    const [from, to] = [recorded as Record<string, unknown>, real as Record<string, unknown>]
    if ('pk' in from && 'pk' in to) keys.set(String(from['pk']), String(to['pk']))
    for (const key of ['results', 'flow_set']) {
      const [left, right] = [from[key], to[key]]
      if (!Array.isArray(left) || !Array.isArray(right)) continue
      for (const item of left as Record<string, unknown>[]) {
        const twin = (right as Record<string, unknown>[]).find(
          (one) => (item['slug'] ?? item['username']) === (one['slug'] ?? one['username']),
        )
        remember(item, twin)
      }
    }
  }

  // One test: the requests build on each other, as they did when they were recorded.
  test('status, kind and shape of every recorded answer', async () => {
    const differences: unknown[] = []
    const all = recordings(version)
    for (const one of all) {
      if (one.name === 'recovery_ok') standIn.state.recoveryFlow = 'default-recovery-flow'
      const response = await request(standIn.url + mapped(one.path), {
        method: one.method,
        headers: { ...authorization(one), 'content-type': 'application/json' },
        body: one.body === null || one.method === 'GET' ? null : typeof one.body === 'string' ? one.body : mapped(JSON.stringify(one.body)),
      })
      const text = await response.body.text()
      const kind = String(response.headers['content-type'] ?? '').split(';')[0]
      const body: unknown = kind === 'application/json' ? JSON.parse(text) : null
      const expectedKind = one.type?.split(';')[0] ?? ''
      const expected = expectedKind === 'application/json' ? one.response : null
      const isError = one.status >= 400
      remember(one.response, body)
      const seen = { status: response.statusCode, kind, body: isError ? body : shapeOf(body) }
      const wanted = {
        status: one.status,
        kind: expectedKind,
        body: isError ? (JSON.parse(mapped(JSON.stringify(expected))) as unknown) : shapeOf(expected),
      }
      if (JSON.stringify(seen) !== JSON.stringify(wanted)) differences.push({ name: one.name, seen, wanted })
    }
    expect(differences).toEqual([])
    expect(all.length).toBeGreaterThan(150)
    expect(standIn.violations).toEqual([])
  }, 30_000)
})
