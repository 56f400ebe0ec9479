import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { afterEach, describe, expect, test } from 'vitest'
import { createStandIn, type StandIn } from './stand-in.ts'

let standIn: StandIn | undefined
let child: ChildProcess | undefined

afterEach(async () => {
  await standIn?.close()
  standIn = undefined
  if (child !== undefined && child.exitCode === null) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  child = undefined
})

const call = async (base: StandIn, method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT', path: string, body?: unknown) => {
  const answer = await request(`${base.url}/api/v3${path}`, {
    method,
    headers: { authorization: `Bearer ${base.token}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : text }
}

describe('requests that break the schema are refused and remembered', () => {
  test.each<[string, 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT', string, unknown, RegExp]>([
    ['missing slash', 'GET', '/core/users', undefined, /no path of the API/],
    ['unknown path', 'GET', '/core/people/', undefined, /no path of the API/],
    ['wrong method', 'GET', '/core/users/3/recovery/', undefined, /has no GET/],
    ['unknown query', 'GET', '/core/users/?user=ada', undefined, /query user is unknown/],
    ['empty filter', 'GET', '/core/users/?username=', undefined, /query username is empty/],
    ['wrong type of a filter', 'GET', '/core/users/?is_active=maybe', undefined, /is_active/],
    ['a password at creation', 'POST', '/core/users/', { username: 'a', name: '', password: 'x' }, /additional properties.*password/],
    ['missing name', 'POST', '/core/users/', { username: 'a' }, /name/],
    ['no body', 'POST', '/core/users/', undefined, /body is missing/],
    ['bad name of an invitation', 'POST', '/stages/invitation/invitations/', { name: 'two words' }, /pattern/],
    ['a time that is none', 'POST', '/stages/invitation/invitations/', { name: 'a', expires: 'tomorrow' }, /date-time/],
    ['user_pk instead of pk', 'POST', '/core/groups/00000000-0000-4000-8000-000000000001/add_user/', { user_pk: 3 }, /pk/],
  ])('%s', async (_name, method, path, body, words) => {
    standIn = await createStandIn()
    expect((await call(standIn, method, path, body)).status).toBe(599)
    expect(standIn.violations).toHaveLength(1)
    expect(standIn.violations[0]?.problems.join('; ')).toMatch(words)
  })

  test('an answer that breaks the schema is no answer', async () => {
    standIn = await createStandIn()
    const admin = standIn.state.users.get(3)
    if (admin !== undefined) Object.assign(admin, { last_login: 'yesterday' })
    expect((await call(standIn, 'GET', '/core/users/3/')).status).toBe(599)
    expect(standIn.violations).toMatchObject([{ side: 'answer', path: '/core/users/3/' }])
    expect(standIn.violations[0]?.problems.join('; ')).toContain('answer/last_login must match format')
  })

  test('known harmless differences of real servers pass: no e-mail, no flow', async () => {
    standIn = await createStandIn()
    expect((await call(standIn, 'POST', '/core/users/', { username: 'a', name: '', email: '' })).status).toBe(201)
    expect((await call(standIn, 'POST', '/stages/invitation/invitations/', { name: 'a', flow: null })).body).toMatchObject({
      flow_obj: null,
    })
    expect(standIn.violations).toEqual([])
  })
})

test('the query language works where the version has it', async () => {
  const query = `/core/users/?search=${encodeURIComponent('username = "akadmin" or username ~ "member-0002"')}`
  for (const [version, count] of [
    ['2026.5.0-rc1', 2],
    ['2026.2.2', 0],
  ] as const) {
    standIn = await createStandIn({ version, seed: { people: 3 } })
    expect((await call(standIn, 'GET', query)).body).toMatchObject({ pagination: { count } })
    await standIn.close()
  }
})

test('an invitation without a time lives half an hour', async () => {
  standIn = await createStandIn({ now: () => Date.UTC(2026, 10, 22) })
  const { body } = await call(standIn, 'POST', '/stages/invitation/invitations/', { name: 'a' })
  expect(body).toMatchObject({ expires: '2026-11-22T00:30:00.000000Z' })
})

test('as a process: one line with its address, control over HTTP, ends on SIGTERM', async () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  child = spawn(process.execPath, [main, '--people', '2', '--version', '2026.2.2'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  const started = JSON.parse(line) as StandIn
  expect(started.version).toBe('2026.2.2')
  const control = async (method: 'GET' | 'POST' | 'DELETE', name: string, body?: unknown) => {
    const answer = await request(`${started.url}/__control/${name}`, { method, body: body === undefined ? null : JSON.stringify(body) })
    const text = await answer.body.text()
    return text === '' ? answer.statusCode : (JSON.parse(text) as unknown)
  }
  expect(await control('POST', 'fail', { method: 'POST', pathPattern: '/core/users/', how: 'commit-then-drop' })).toBe(204)
  await expect(call(started, 'POST', '/core/users/', { username: 'ada', name: '' })).rejects.toThrow()
  expect(await control('GET', 'state')).toMatchObject({ users: { length: 5, 4: { username: 'ada', has_password: false } }, faults: 0 })
  expect(await control('GET', 'requests')).toMatchObject([{ method: 'POST', path: '/api/v3/core/users/', status: 0 }])
  expect(await control('GET', 'violations')).toEqual([])
  expect(await control('POST', 'fail', { nonsense: true })).toHaveProperty('detail')
  child.kill('SIGTERM')
  expect((await once(child, 'exit'))[0]).toBe(0)
})
