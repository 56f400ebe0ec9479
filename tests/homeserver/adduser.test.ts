import { appendFileSync, readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { LoggedRequest } from '../support/homeserver/proxy.ts'
import type { Person } from '../support/people/people.ts'
import {
  accountsOf,
  arriveAtIndoc,
  directRooms,
  eventually,
  filesWith,
  finalAnswer,
  groupNames,
  jobOf,
  membershipOf,
  startArrivalWorld,
  untilGraduated,
  untilMirrored,
  untilOffered,
  type ArrivalWorld,
  type Newcomer,
} from './arrivals.ts'
import { patience, stopClean } from './world.ts'

// The main job, on a real homeserver with real clients.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld()
})
afterEach(() => {
  world.proxy.clear()
  world.authentikProxy.clear()
})
afterAll(() => stopClean(world))

/** Gives the command in a room and waits for its answer. */
const add = async (newcomer: Newcomer, more?: string, roomId = world.indoc) => {
  const commandId = await world.moderator.sendText(roomId, newcomer.command(more))
  return { commandId, answer: await finalAnswer(world, roomId, commandId) }
}

/** Waits until nothing is left to do from before: no request but the long poll for longer than new room keys are gathered for their backup. */
const untilQuiet = async (): Promise<void> => {
  const idle = (): true | undefined => {
    const last = world.proxy.requests.list().findLast(({ path }) => !path.endsWith('/sync'))
    return last === undefined || Date.now() - last.at > 3_000 ? true : undefined
  }
  await eventually('the bot is quiet', idle)
}

/** The requests of the bot until the answer was on the server; long polls are not counted, everything else is. */
const untilAnswer = async (roomId: string): Promise<readonly LoggedRequest[]> => {
  const path = new RegExp(`/rooms/${encodeURIComponent(roomId)}/send/m\\.room\\.encrypted/`)
  const answer = await world.proxy.requests.waitFor({ method: 'PUT', path })
  return world.proxy.requests.list().filter((request) => request.at <= answer.at && !request.path.endsWith('/sync'))
}

const short = ({ method, path }: LoggedRequest): string => `${method} ${path.replace('/_matrix/client/', '')}`

describe('the arrival of Ada', () => {
  let ada: Newcomer
  let client: Person
  let direct: string
  let commandId: string

  test('one command makes account, groups, attributes, invitations and a direct chat, with few requests', async () => {
    ada = await arriveAtIndoc(world)
    client = await world.people.join({ user: ada.user, crossSign: false })
    // She and her device are known to everybody before the command comes.
    await world.settle(world.indoc)
    await untilQuiet()
    world.proxy.requests.clear()
    world.authentikProxy.requests.clear()

    const asked = await add(ada)
    ;({ commandId } = asked)
    expect(asked.answer).toMatchObject({ encrypted: true, shield: 'none' })
    expect(asked.answer.body).toMatch(/^✅/)
    direct = await untilOffered(world, ada.userId)
    const requests = await untilAnswer(world.indoc)
    const invited = ['Riverbend', 'Lobby', 'Hiking']
    expect(requests.filter(({ path }) => path.endsWith('/invite'))).toHaveLength(invited.length)
    // Everything counts, but 👀: it is a sign of a slow machine, and of no rate limits.
    const counted = requests.map(short).filter((line) => !line.includes('/m.reaction/'))
    expect(counted.length, counted.join('\n')).toBeLessThanOrEqual(invited.length + 8)
    const toAuthentik = world.authentikProxy.requests.list()
    expect(toAuthentik.length, toAuthentik.map(short).join('\n')).toBeLessThanOrEqual(9)

    const [account, ...others] = accountsOf(world, ada.email)
    expect(others).toEqual([])
    expect(account).toMatchObject({
      name: 'Ada Lovelace',
      is_active: true,
      attributes: {
        matrix_id: ada.userId,
        invited_by: 'Mo',
        organization: 'Analytical Engines',
        interests: ['hiking'],
        created_by: `gatehouse:${world.moderator.userId}`,
      },
    })
    expect(account?.username).toMatch(/^ada-[a-z]+\d\d$/)
    expect(groupNames(world, account)).toEqual(['Members'])
    for (const { name, roomId } of world.rooms.catalogue) {
      expect([name, membershipOf(world, roomId, ada.userId)]).toEqual([name, invited.includes(name) ? 'invite' : undefined])
    }
    expect(membershipOf(world, world.indoc, ada.userId)).toBe('join')
  })

  test('the e-mail address does not stay in INDOC, and the command costs two events there', async () => {
    await eventually('the command is redacted', () =>
      world.admin.database
        .events({ roomId: world.indoc, sender: world.botId, type: 'm.room.redaction' })
        .find((event) => event.content['redacts'] === commandId),
    )
    expect(world.answersTo(commandId)).toHaveLength(1)
    expect(world.answersTo(commandId)[0]?.body).not.toContain(ada.email)
  })

  test('while the welcome waits for her there are no secrets in the log and in the files of the bot', async () => {
    const waiting = await eventually('the welcome waits', () => {
      const job = jobOf(world, 'welcome', ada.userId)
      return job?.state === 'waiting' ? job : undefined
    })
    expect(waiting.last_error).toMatch(/until the person joins/)
    expect(world.authentikProxy.requests.count({ path: /recovery/ })).toBe(0)
    expect(filesWith(world, 'flow_token')).toEqual([])
    expectNoSecrets()
    // The search finds what is there.
    expect(filesWith(world, ada.userId)).not.toEqual([])
  })

  test('she joins late, and reads hello and welcome in that order; her link is in her own chat only', async () => {
    await client.waitForInvite(world.botId)
    // She is late: the bot has nothing left to do but to wait for her.
    await untilQuiet()
    expect(jobOf(world, 'welcome', ada.userId)).toMatchObject({ state: 'waiting' })
    await client.joinRoom(direct)
    const hello = await client.waitForMessage(direct, { sender: world.botId, body: /^Hello Ada/ }, patience)
    const welcome = await client.waitForMessage(direct, { sender: world.botId, body: /Your account is ready/ }, patience)
    expect(client.timeline(direct).map(({ eventId }) => eventId)).toEqual([hello.eventId, welcome.eventId])
    for (const message of [hello, welcome]) expect(message).toMatchObject({ encrypted: true, undecryptable: false })
    const [account] = accountsOf(world, ada.email)
    const recovery = world.authentik.state.recoveryKeys.get(account?.pk ?? 0)
    expect(recovery).toBeDefined()
    const key = recovery?.key ?? ''
    expect(welcome.body).toContain(`${world.authentik.url}/if/flow/default-recovery-flow/?flow_token=${key}`)
    expect(welcome.body).toContain(account?.username)
    expect(welcome.body).toMatch(/Riverbend.*Lobby.*Hiking/)

    await untilGraduated(world, ada.userId)
    await world.settle(world.indoc)
    for (const room of client.rooms('invite')) await client.joinRoom(room)
    const elsewhere = [...world.moderator.timeline(), ...client.timeline().filter(({ roomId }) => roomId !== direct)]
    expect(elsewhere.length).toBeGreaterThan(0)
    expect(elsewhere.filter((message) => JSON.stringify(message.content).includes(key))).toEqual([])
    expect(filesWith(world, key)).toEqual([])
    expect(filesWith(world, 'flow_token')).toEqual([])
    expectNoSecrets()
  })

  test('she has left INDOC: a good-bye with a mention, then the kick with a reason', async () => {
    const kick = world.admin.database
      .events({ roomId: world.indoc, sender: world.botId, type: 'm.room.member', stateKey: ada.userId })
      .find((event) => event.content['membership'] === 'leave')
    expect(kick?.content['reason']).toMatch(/Arrived/)
    const goodBye = await world.moderator.waitForMessage(
      world.indoc,
      { sender: world.botId, fits: (message) => message.mentions.includes(ada.userId) && /you have arrived/.test(message.body) },
      patience,
    )
    const order = world.admin.database.events(world.indoc).map((event) => event.event_id)
    expect(order.indexOf(goodBye.eventId)).toBeLessThan(order.indexOf(kick?.event_id ?? ''))
  })

  test('the same command again makes no second account, no second chat and no second welcome', async () => {
    const before = client.timeline(direct).length
    const { answer } = await add(ada)
    expect(answer.body).toMatch(/^✅/)
    expect(answer.body).toMatch(/no second one/)
    expect(accountsOf(world, ada.email)).toHaveLength(1)
    await world.settle(world.indoc)
    expect(directRooms(world, ada.userId)).toEqual([direct])
    expect(client.timeline(direct)).toHaveLength(before)
  })
})

/** Everything secret that the bot has been given or has made, and the files where it must not stand. */
const expectNoSecrets = (): void => {
  const tokens = world.admin.database.query(
    'SELECT token FROM access_tokens WHERE user_id = ? UNION SELECT token FROM refresh_tokens WHERE user_id = ?',
    world.botId,
    world.botId,
  )
  expect(tokens.length).toBeGreaterThan(0)
  const recoveryFile = `${world.files.dataDir}/recovery-key`
  const recoveryKey = readFileSync(recoveryFile, 'utf8')
    .split('\n')
    .findLast((line) => line.trim() !== '')
  expect(recoveryKey).toMatch(/^(\w{4} ){11}/)
  const secrets = [
    world.files.passphrase,
    world.authentik.token,
    world.users.bot.password,
    recoveryKey ?? '',
    ...tokens.map(({ token }) => String(token)),
  ]
  for (const [index, secret] of secrets.entries()) {
    const found = filesWith(world, secret).filter((path) => path !== recoveryFile)
    expect([index, ...found]).toEqual([index])
  }
}

test('accepted late and without a device, and a device later still: the first message is readable', async () => {
  const hana = await arriveAtIndoc(world, 'Hana')
  await world.settle(world.indoc)
  await add(hana, '--no-rooms')
  const direct = await untilOffered(world, hana.userId)
  const waitsUntil = async (what: RegExp): Promise<void> => {
    await eventually(`the welcome waits until ${what}`, () => {
      const job = jobOf(world, 'welcome', hana.userId)
      return job?.state === 'waiting' && what.test(job.last_error ?? '') ? true : undefined
    })
  }
  await waitsUntil(/joins/)
  // Late: there is nothing left to do but to wait. The minutes of it pass on a virtual clock in src/onboarding/first-message.test.ts.
  await untilQuiet()
  await world.admin.join(hana.user, direct)
  await waitsUntil(/has a device/)
  await untilQuiet()
  expect(world.admin.database.countEvents({ roomId: direct, sender: world.botId, type: 'm.room.encrypted' })).toBe(0)
  const client = await world.people.join({ user: hana.user, crossSign: false })
  const welcome = await client.waitForMessage(direct, { sender: world.botId, body: /Your account is ready/ }, patience)
  const [first, ...others] = client.timeline(direct).filter(({ sender }) => sender === world.botId)
  expect(first).toMatchObject({ encrypted: true, undecryptable: false, body: expect.stringMatching(/^Hello Hana/) as string })
  expect(others.map(({ eventId }) => eventId)).toEqual([welcome.eventId])
})

describe('graduation stands on its own', () => {
  test('without rooms: the direct chat alone is arrival', async () => {
    const bob = await arriveAtIndoc(world, 'Bob')
    const { answer } = await add(bob, '--no-rooms')
    expect(answer.body).toMatch(/^✅/)
    expect(world.rooms.catalogue.filter(({ roomId }) => membershipOf(world, roomId, bob.userId) !== undefined)).toEqual([])
    await world.admin.join(bob.user, await untilOffered(world, bob.userId))
    await untilGraduated(world, bob.userId)
  })

  test('when every invitation fails, which is told with the reason', async () => {
    const forbidden = { errcode: 'M_FORBIDDEN', error: 'You may not invite' }
    const rule = world.proxy.add({ match: { path: /\/invite$/ }, how: { kind: 'answer', status: 403, json: forbidden } })
    const cleo = await arriveAtIndoc(world, 'Cleo')
    const { answer } = await add(cleo)
    expect(rule.hits).toBe(3)
    expect(answer.body).toMatch(/^⚠️/)
    for (const name of ['Riverbend', 'Lobby', 'Hiking'])
      expect(answer.body).toMatch(new RegExp(`invite Cleo to ${name}: the server forbids it`))
    expect(accountsOf(world, cleo.email)).toHaveLength(1)
    await world.admin.join(cleo.user, await untilOffered(world, cleo.userId))
    await untilGraduated(world, cleo.userId)
  })
})

describe('when Authentik is away', () => {
  test.each([
    ['gone', 'Dina'],
    ['silent', 'Emil'],
  ] as const)('%s: an answer within 5 s, nothing changed, and a saved command that ends well', async (how, name) => {
    const newcomer = await arriveAtIndoc(world, name)
    await world.moderator.waitForMembership(world.indoc, newcomer.userId, 'join')
    await world.settle(world.indoc)
    if (how === 'gone') await world.authentikProxy.down()
    else world.authentikProxy.add({ match: {}, how: { kind: 'hang' } })
    const begun = performance.now()
    const commandId = await world.moderator.sendText(world.indoc, newcomer.command())
    const answer = await finalAnswer(world, world.indoc, commandId, 5_000)
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(answer.body).toMatch(/Nothing was changed\. Saved as #\d+/)
    expect(accountsOf(world, newcomer.email)).toEqual([])
    expect(directRooms(world, newcomer.userId)).toEqual([])

    if (how === 'gone') await world.authentikProxy.up()
    else world.authentikProxy.clear()
    const job = /#(\d+)/.exec(answer.body)?.[1]
    const told = await world.ask(world.indoc, `!retry ${job}`)
    expect(told.body).toMatch(/^✅/)
    const done = await world.moderator.waitForMessage(
      world.indoc,
      { sender: world.botId, replyTo: commandId, after: answer.eventId, body: /^✅/ },
      patience,
    )
    expect(done.mentions).toContain(world.moderator.userId)
    expect(done.body).toContain(`${name} Lovelace`)
    const [account, ...others] = accountsOf(world, newcomer.email)
    expect(others).toEqual([])
    expect(groupNames(world, account)).toEqual(['Members'])
    await world.admin.join(newcomer.user, await untilOffered(world, newcomer.userId))
    await untilGraduated(world, newcomer.userId)
  })
})

describe('what a command costs', () => {
  test('!rooms makes no request but its answer', async () => {
    await world.settle(world.adminRoom)
    await untilQuiet()
    world.proxy.requests.clear()
    world.authentikProxy.requests.clear()
    const answer = await world.ask(world.adminRoom, '!rooms')
    for (const { name } of world.rooms.catalogue) expect(answer.body).toContain(name)
    expect((await untilAnswer(world.adminRoom)).map(short).filter((line) => !line.includes('/receipt/'))).toEqual([
      expect.stringContaining('/send/m.room.encrypted/'),
    ])
    expect(world.authentikProxy.requests.list()).toEqual([])
  })

  test.each(['!ping', '!help', '!whoami', '!rooms', '!room Lobby', '!recommend hiking', '!status', '!why', '!invite Ada --dry-run'])(
    '%s costs two events at most',
    async (text) => {
      await world.settle(world.adminRoom)
      const count = () => world.admin.database.countEvents({ roomId: world.adminRoom, sender: world.botId })
      const before = count()
      await world.ask(world.adminRoom, text)
      // One of them is the answer of the question that settles.
      await world.settle(world.adminRoom)
      expect(count() - before - 1).toBeLessThanOrEqual(2)
    },
  )
})

test('without a grace people are taken out at once, whatever else is still open', async () => {
  await world.bot.stop()
  appendFileSync(world.files.configFile, 'graduation:\n  grace: 0s\n')
  await world.bot.start()
  await untilMirrored(world)
  const fay = await arriveAtIndoc(world, 'Fay')
  await world.settle(world.indoc)
  const { answer } = await add(fay, '--no-rooms --no-welcome')
  expect(answer.body).toMatch(/^✅/)
  await untilGraduated(world, fay.userId)
  expect(directRooms(world, fay.userId)).toEqual([])

  const gus = await arriveAtIndoc(world, 'Gus')
  await world.settle(world.indoc)
  await add(gus, '--keep-in-indoc')
  await untilOffered(world, gus.userId)
  await world.settle(world.indoc)
  expect(membershipOf(world, world.indoc, gus.userId)).toBe('join')
})
