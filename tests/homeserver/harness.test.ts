import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openAdmin, rest, HomeserverAnswerError, type Admin } from '../support/homeserver/admin.ts'
import { startProxy, strangerRules, type Fault, type Proxy } from '../support/homeserver/proxy.ts'
import { findPython } from '../support/homeserver/python.ts'
import { startSynapse, type HomeserverCoordinates, type Synapse } from '../support/homeserver/synapse.ts'
import { startLightUser } from '../support/people/light.ts'
import { startPeople, type People } from '../support/people/people.ts'

// The tools that the other tests stand on: what they claim to show must be able to fail.

describe('people and the server database', () => {
  let admin: Admin
  let people: People

  beforeAll(async () => {
    const homeserver = inject('homeserver')
    admin = await openAdmin(homeserver)
    people = startPeople(homeserver)
  })

  afterAll(async () => {
    await people.stop()
    admin.close()
  })

  const twoInARoom = async () => {
    const [ada, bob] = await Promise.all(
      ['ada', 'bob'].map(async (name) => await people.join({ user: await admin.registerUser({ name }) })),
    )
    const room = await ada!.createRoom({ encrypted: true, name: 'INDOC', invite: [bob!.userId] })
    expect(await bob!.waitForInvite(ada!.userId)).toBe(room)
    await bob!.joinRoom(room)
    await ada!.waitForMembership(room, bob!.userId, 'join')
    return { ada: ada!, bob: bob!, room }
  }

  test('two real clients talk encrypted: reply, thread, mention, edit, reaction', async () => {
    const { ada, bob, room } = await twoInARoom()
    const question = await ada.sendText(room, 'Are you there?', { mentions: [bob.userId], formattedBody: '<b>Are you there?</b>' })
    const heard = await bob.waitForMessage(room, { sender: ada.userId })
    expect(heard).toMatchObject({ body: 'Are you there?', mentions: [bob.userId], encrypted: true, undecryptable: false, shield: 'none' })
    expect(heard.formattedBody).toBe('<b>Are you there?</b>')

    const answer = await bob.sendText(room, 'Yes', { thread: question })
    expect(await ada.waitForMessage(room, { threadRoot: question })).toMatchObject({ body: 'Yes', replyTo: question })
    await bob.sendText(room, 'No', { edit: answer })
    expect(await ada.waitForMessage(room, { body: 'No' })).toMatchObject({ eventId: answer, earlier: ['Yes'] })
    await ada.react(room, answer, '✅')
    expect(await bob.waitForReaction(answer, '✅')).toMatchObject({ sender: ada.userId })
    await expect(ada.waitForMessage(room, { body: 'never said' }, 100)).rejects.toThrow('never said')
  })

  test('the database shows a message that went in clear into an encrypted room, and only that', async () => {
    const { ada, room } = await twoInARoom()
    await ada.sendText(room, 'this is encrypted')
    expect(admin.database.plaintextMessages({ roomId: room })).toEqual([])
    const leak = await ada.sendText(room, 'this is not', { plain: true })
    expect(admin.database.plaintextMessages({ roomId: room }).map((event) => event.event_id)).toEqual([leak])
    expect(admin.database.plaintextMessages({ sender: ada.userId })).toHaveLength(1)
    expect(admin.database.countEvents({ roomId: room, type: 'm.room.encrypted' })).toBe(1)
    expect(admin.database.memberships(room).get(ada.userId)).toBe('join')

    const open = await admin.createRoom(await admin.registerUser(), { name: 'not encrypted' })
    expect(admin.database.state(open, 'm.room.encryption')).toBeUndefined()
    expect(admin.database.state(room, 'm.room.encryption')).toEqual({ algorithm: 'm.megolm.v1.aes-sha2' })
  })

  test('an unsigned device is shown as such, and a strict client does not read it', async () => {
    const { ada, room } = await twoInARoom()
    const newcomer = await people.join({ user: await admin.registerUser({ name: 'newcomer' }), crossSign: false })
    const strict = await people.join({ user: await admin.registerUser({ name: 'strict' }), strict: true })
    for (const person of [newcomer, strict]) {
      await ada.invite(room, person.userId)
      await person.joinRoom(room)
      await ada.waitForMembership(room, person.userId, 'join')
    }
    await newcomer.waitForMembership(room, strict.userId, 'join')
    await newcomer.sendText(room, 'I am new')
    expect(await ada.waitForMessage(room, { sender: newcomer.userId })).toMatchObject({ shield: 'red', shieldReason: 'UNSIGNED_DEVICE' })
    const unread = await strict.waitForMessage(room, { sender: newcomer.userId, undecryptable: true })
    expect(unread.body).toBe('')
    expect(await ada.deviceTrust(newcomer.userId, newcomer.deviceId)).toMatchObject({ known: true, signedByOwner: false })
    expect(await ada.deviceTrust(strict.userId, strict.deviceId)).toMatchObject({ known: true, signedByOwner: true })
    expect(await ada.devicesOf(strict.userId)).toEqual([strict.deviceId])
  })

  test('a relation forged outside the ciphertext is on the wire but not inside', async () => {
    const { ada, room } = await twoInARoom()
    const target = await ada.sendText(room, 'target')
    const forged = await ada.sendText(room, 'forged', { outerRelation: { 'm.in_reply_to': { event_id: target } } })
    const stored = admin.database.events(room).find((event) => event.event_id === forged)
    expect(stored?.content['m.relates_to']).toEqual({ 'm.in_reply_to': { event_id: target } })
  })

  test('a light user reads and answers a real client, over the change of the room key', async () => {
    const { ada, room } = await twoInARoom()
    const light = await startLightUser(admin.homeserver, { user: await admin.registerUser({ name: 'light' }), crossSign: true })
    await ada.invite(room, light.userId)
    await light.join(await light.waitForInvite())
    await ada.waitForMembership(room, light.userId, 'join')
    const question = await ada.sendText(room, 'ping')
    expect(await light.waitForMessage((message) => message.body === 'ping')).toMatchObject({ eventId: question, encrypted: true })
    for (let number = 1; number <= 102; number++) await light.sendText(room, `pong ${number}`)
    expect(await ada.waitForMessage(room, { body: 'pong 102' })).toMatchObject({ shield: 'none', encrypted: true })
    await light.stop()
  })
})

describe('the proxy', () => {
  let proxy: Proxy
  let admin: Admin
  let userId: string
  let accessToken: string
  const path = /\/account\/whoami$/

  beforeAll(async () => {
    admin = await openAdmin(inject('homeserver'))
    ;({ userId, accessToken } = await admin.registerUser())
    proxy = await startProxy({ target: inject('homeserver').url, recordBodies: true })
  })

  afterAll(async () => {
    await proxy.stop()
    admin.close()
  })

  const whoami = async (signal?: AbortSignal): Promise<Response> =>
    await fetch(`${proxy.url}/_matrix/client/v3/account/whoami?secret=1`, {
      headers: { Authorization: `Bearer ${accessToken}` },
      ...(signal ? { signal } : {}),
    })
  const once429 = (tell: 'header' | 'body' | 'neither'): Fault => ({ kind: 'rate-limit', tell, waitMs: 1500 })

  test('passes requests on and logs them without query or token', async () => {
    proxy.requests.clear()
    expect((await whoami()).status).toBe(200)
    const logged = await proxy.requests.waitFor({ path })
    expect(logged).toMatchObject({ method: 'GET', path: '/_matrix/client/v3/account/whoami', status: 200 })
    expect(logged.bytes).toBeGreaterThan(10)
    expect(JSON.stringify(proxy.requests.list())).not.toMatch(new RegExp(`${accessToken}|secret`))
    expect(proxy.requests.count({ path, status: 500 })).toBe(0)
  })

  test('limits rates with the wait in the header, in the body, or nowhere; each rule only as often as told', async () => {
    for (const [tell, header, wait] of [
      ['header', '2', undefined],
      ['body', null, 1500],
      ['neither', null, undefined],
    ] as const) {
      const rule = proxy.add({ match: { method: 'GET', path }, times: 1, how: once429(tell) })
      const answer = await whoami()
      const body = (await answer.json()) as { retry_after_ms?: number; errcode: string }
      expect([answer.status, answer.headers.get('retry-after'), body.retry_after_ms, body.errcode]).toEqual([
        429,
        header,
        wait,
        'M_LIMIT_EXCEEDED',
      ])
      expect((await whoami()).status).toBe(200)
      expect(rule.hits).toBe(1)
      rule.remove()
    }
  })

  test('answers with HTML, hangs, resets, delays, transforms, holds back', async () => {
    proxy.add({ match: { path }, times: 1, how: { kind: 'bad-gateway' } })
    const html = await whoami()
    expect([html.status, await html.text()]).toEqual([502, expect.stringContaining('<h1>502 Bad Gateway</h1>')])

    proxy.add({ match: { path }, times: 1, how: { kind: 'hang' } })
    await expect(whoami(AbortSignal.timeout(200))).rejects.toThrow(/timeout/)

    proxy.add({ match: { path }, times: 1, how: { kind: 'reset' } })
    await expect(whoami()).rejects.toThrow('fetch failed')

    proxy.add({ match: { path }, times: 1, how: { kind: 'delay', ms: 150 } })
    proxy.requests.clear()
    expect((await whoami()).status).toBe(200)
    expect((await proxy.requests.waitFor({ path })).ms).toBeGreaterThan(140)

    proxy.add({
      match: { path },
      times: 1,
      how: { kind: 'transform', change: (body) => ({ ...(body as object), user_id: '@other:test' }) },
    })
    expect(await (await whoami()).json()).toMatchObject({ user_id: '@other:test' })

    const held = proxy.add({ match: { path }, how: { kind: 'hold' } })
    const answer = whoami()
    expect(await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 150, 'waiting'))])).toBe('waiting')
    held.remove()
    expect((await answer).status).toBe(200)

    await proxy.down()
    await expect(whoami()).rejects.toThrow('fetch failed')
    await proxy.up()
    expect((await whoami()).status).toBe(200)
  })

  test('cuts the connection after the server has done the work', async () => {
    // Other test files make rooms on the same server.
    const made = { type: 'm.room.create', sender: userId }
    const before = admin.database.countEvents(made)
    proxy.requests.clear()
    proxy.add({ match: { method: 'POST', path: /\/createRoom$/ }, times: 1, how: { kind: 'cut-after-commit' } })
    await expect(rest(proxy.url, accessToken)('POST', '/_matrix/client/v3/createRoom', { name: 'made all the same' })).rejects.toThrow(
      'fetch failed',
    )
    expect(admin.database.countEvents(made)).toBe(before + 1)
    const logged = await proxy.requests.waitFor({ path: /createRoom$/ })
    expect(logged).toMatchObject({ status: undefined, fault: 'cut-after-commit', body: '{"name":"made all the same"}' })
  })
})

describe('somebody else’s server', () => {
  let synapse: Synapse
  let proxy: Proxy
  let admin: Admin

  beforeAll(async () => {
    synapse = await startSynapse({ profile: 'stranger', overrides: { refreshable_access_token_lifetime: '1s' } })
    admin = await openAdmin(synapse)
    proxy = await startProxy({ target: synapse.url, standing: strangerRules })
  })

  afterAll(async () => {
    await proxy.stop()
    admin.close()
    await synapse.stop()
  })

  test('its limits hold for the bot, not for the people of the test', async () => {
    const [moderator, bot] = await Promise.all([admin.registerUser({ name: 'mod' }), admin.registerUser({ name: 'bot', exempt: false })])
    const room = await admin.createRoom(moderator, { invite: [bot.userId] })
    await admin.join(bot, room)
    const flood = async (user: { readonly accessToken: string }): Promise<number[]> =>
      await Promise.all(
        Array.from({ length: 15 }, async (_, number) => {
          try {
            await admin.as(user)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${number}`, {
              msgtype: 'm.text',
              body: 'x',
            })
            return 200
          } catch (error) {
            if (!(error instanceof HomeserverAnswerError)) throw error
            expect(error.errcode === 'M_LIMIT_EXCEEDED' && error.retryAfterMs !== undefined).toBe(true)
            return error.status
          }
        }),
      )
    expect(await flood(moderator)).not.toContain(429)
    // With its own log-in: the token that the admin made counts as the admin, whom the limits spare.
    expect(await flood(await admin.login(bot.localpart, bot.password))).toContain(429)
  })

  test('the admin API and mutual rooms are closed', async () => {
    const through = rest(proxy.url, admin.accessToken)
    expect(await through('GET', '/_matrix/client/versions')).toHaveProperty('versions')
    for (const path of ['/_synapse/admin/v1/server_version', '/_matrix/client/v1/mutual_rooms?user_id=@a:b']) {
      await expect(through('GET', path)).rejects.toMatchObject({ status: 404, errcode: 'M_UNRECOGNIZED' })
    }
  })

  test('access tokens expire and are refreshed', async () => {
    const bot = await admin.registerUser({ name: 'bot', exempt: false })
    const login = await admin.login(bot.localpart, bot.password, { refresh: true })
    expect(login.expiresInMs).toBeLessThanOrEqual(1000)
    const whoami = '/_matrix/client/v3/account/whoami'
    await expect
      .poll(async () => await rest(proxy.url, login.accessToken)('GET', whoami).catch((error: unknown) => error), { timeout: 10_000 })
      .toMatchObject({ status: 401, errcode: 'M_UNKNOWN_TOKEN' })
    const renewed = await rest(proxy.url)('POST', '/_matrix/client/v3/refresh', { refresh_token: login.refreshToken })
    expect(await rest(proxy.url, String(renewed.access_token))('GET', whoami)).toMatchObject({
      user_id: bot.userId,
      device_id: login.deviceId,
    })
  })

  test('it comes back with its data after being killed', async () => {
    const user = await admin.registerUser()
    const before = synapse.pid
    await synapse.kill()
    await expect(fetch(`${synapse.url}/health`)).rejects.toThrow('fetch failed')
    await synapse.restart()
    expect(synapse.pid).not.toBe(before)
    expect(await admin.as(user)('GET', '/_matrix/client/v3/account/whoami')).toMatchObject({ user_id: user.userId })
  })
})

describe('the homeserver’s life', () => {
  test('it ends when the process that started it is killed', async () => {
    const synapseModule = fileURLToPath(new URL('../support/homeserver/synapse.ts', import.meta.url))
    const starter = `
      const { startSynapse } = await import(${JSON.stringify(synapseModule)})
      const synapse = await startSynapse({ profile: 'own-server' })
      console.log(JSON.stringify(synapse.coordinates))
      setInterval(() => undefined, 1000)
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { url, pid } = JSON.parse(line.toString()) as HomeserverCoordinates
    expect((await fetch(`${url}/health`)).status).toBe(200)
    child.kill('SIGKILL')
    await expect.poll(() => isRunning(pid), { timeout: 15_000 }).toBe(false)
  })

  test('a start that fails tells why, with the end of the log', async () => {
    await expect(startSynapse({ profile: 'own-server', overrides: { database: { name: 'nonsense' } } })).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringMatching(/Synapse ended at its start[\s\S]*nonsense/),
    })
  })

  test('an unfit Python is refused with the fix', async () => {
    const folder = mkdtempSync(`${tmpdir()}/gatehouse-python-`)
    const fake = (name: string, answer: object): string => {
      writeFileSync(`${folder}/${name}`, `#!/bin/sh\necho '${JSON.stringify({ executable: `/opt/${name}`, ...answer })}'\n`)
      chmodSync(`${folder}/${name}`, 0o755)
      return `${folder}/${name}`
    }
    const old = fake('old', { version: [3, 9], venv: true })
    const bare = fake('bare', { version: [3, 11], venv: false })
    const good = fake('good', { version: [3, 12], venv: true })
    await expect(findPython([`${folder}/none`])).rejects.toMatchObject({
      code: 'no-python',
      message: expect.stringContaining('apt-get install python3'),
    })
    await expect(findPython([old])).rejects.toMatchObject({ code: 'python-too-old', message: expect.stringContaining('/opt/old is 3.9') })
    await expect(findPython([old, bare])).rejects.toMatchObject({
      code: 'no-venv',
      message: expect.stringContaining('apt-get install python3-venv'),
    })
    expect(await findPython([old, bare, good])).toEqual({ executable: '/opt/good', minor: '3.12' })
    rmSync(folder, { recursive: true })
  })
})

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
