import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LightCrypto } from '../support/people/light-crypto.ts'
import { confirmCode, patience, startWorld, type World } from './world.ts'

// A homeserver that lies: about relations, about encryption, about devices, about what is new. Nothing is approved, nothing goes out in clear.

type Fields = Record<string, unknown>
interface RawEvent extends Fields {
  readonly type: string
  readonly event_id: string
}
interface RawRoom {
  readonly state?: { events: RawEvent[] }
  readonly timeline?: { events: RawEvent[] }
}
interface RawSync {
  readonly rooms?: { readonly join?: Record<string, RawRoom> }
  device_lists?: { changed?: string[]; left?: string[] }
}

let world: World

beforeAll(async () => {
  world = await startWorld()
  await world.settle(world.indoc)
})
afterEach(() => {
  world.proxy.clear()
})
afterAll(async () => {
  expectNothingInClear(world)
  await world.stop()
})

/** Neither the server has a text of the bot in clear, nor was one on the wire. */
const expectNothingInClear = ({ admin, botId, proxy }: World): void => {
  expect(admin.database.plaintextMessages({ sender: botId })).toEqual([])
  expect(proxy.requests.list({ path: /\/send\/m\.room\.message\// })).toEqual([])
}

/** Lets the proxy change what the bot sees of a sync. */
const alterSync = (of: World, change: (sync: RawSync) => void, times?: number): void => {
  of.proxy.add({
    match: { path: /\/sync$/ },
    ...(times === undefined ? {} : { times }),
    how: {
      kind: 'transform',
      change: (body) => {
        change(body as RawSync)
        return body
      },
    },
  })
}

const changesInAuthentik = (): number => world.authentik.requests.filter(({ method }) => method !== 'GET').length
const plansRun = (): number => world.query("SELECT * FROM plan WHERE state NOT IN ('confirming', 'expired', 'cancelled')").length

/** Shows that nothing of what `work` does changes anything. */
const expectNothingDone = async (work: () => Promise<void>): Promise<void> => {
  const before = [changesInAuthentik(), plansRun()]
  await work()
  // In INDOC, where every device gets the keys, also one that the server has made look unsigned.
  await world.settle(world.indoc)
  expect([changesInAuthentik(), plansRun()]).toEqual(before)
}

describe('a relation put outside the ciphertext', () => {
  test('of a !confirm approves nothing', async () => {
    const [newcomer, fresh] = [world.users.newcomer.userId, world.users.freshNewcomer.userId]
    const plan = await world.ask(world.adminRoom, `!remove ${newcomer} --rooms ${world.indoc}`)
    expect(confirmCode(plan)).not.toBe('')
    const asked = plan.replyTo ?? ''
    await expectNothingDone(async () => {
      for (const outer of [
        { 'm.in_reply_to': { event_id: plan.eventId } },
        { 'm.in_reply_to': { event_id: asked } },
        { rel_type: 'm.thread', event_id: asked, is_falling_back: false, 'm.in_reply_to': { event_id: plan.eventId } },
        { rel_type: 'm.replace', event_id: plan.eventId },
      ]) {
        await world.ask(world.adminRoom, '!confirm', { outerRelation: outer })
        await world.moderator.sendText(world.adminRoom, 'yes', { outerRelation: outer })
      }
    })
    // A code is for the plan that it stands in, whatever the server says it replies to.
    const other = await world.ask(world.adminRoom, `!remove ${fresh} --rooms ${world.indoc}`)
    const done = await world.ask(world.adminRoom, `!confirm ${confirmCode(other)}`, {
      outerRelation: { 'm.in_reply_to': { event_id: plan.eventId } },
    })
    await world.moderator.waitForMembership(world.indoc, fresh, 'leave', patience)
    expect(done.body).not.toMatch(/^❌/)
    expect(world.moderator.membership(world.indoc, newcomer)?.membership).toBe('join')
  })

  test.each(['!gtg', '!approve', '!welcome', '!remove', '!decline', '!user', '!link', '!addto'])(
    'of a bare %s means nobody',
    async (command) => {
      const newcomer = world.admin.as(world.users.newcomer)
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(world.indoc)}/send/m.room.message/${randomUUID()}`
      const { event_id } = await newcomer('PUT', path, {
        msgtype: 'm.text',
        body: 'I am Nadia\nof Riverbend\nby Ada\nn@example.org\nhiking',
      })
      await expectNothingDone(async () => {
        const outerRelation = { 'm.in_reply_to': { event_id: String(event_id) } }
        for (const room of [world.indoc, world.adminRoom]) {
          const answer = await world.ask(room, command, { outerRelation })
          expect(answer.body).not.toContain(world.users.newcomer.userId)
        }
      })
    },
  )
})

describe('encryption that the server denies', () => {
  const isEncryption = (event: RawEvent): boolean => event.type === 'm.room.encryption'
  /** The room's setting, wherever the bot could look for it. */
  const deny = (of: World, how: 'dropped' | 'none' | 'lower' | 'empty'): void => {
    const content = {
      none: { algorithm: 'none' },
      lower: { algorithm: 'm.megolm.v0.rot13', rotation_period_msgs: 1e9 },
      empty: {},
      dropped: {},
    }[how]
    const lie = (events: RawEvent[]): RawEvent[] =>
      how === 'dropped'
        ? events.filter((event) => !isEncryption(event))
        : events.map((event) => (isEncryption(event) ? { ...event, content } : event))
    alterSync(of, ({ rooms }) => {
      for (const room of Object.values(rooms?.join ?? {})) {
        if (room.state !== undefined) room.state.events = lie(room.state.events)
        if (room.timeline === undefined) continue
        room.timeline.events = lie(room.timeline.events)
        if (how === 'dropped') continue
        const stranger = { type: 'm.room.encryption', state_key: '', sender: of.users.admin.userId, origin_server_ts: 1, content }
        room.timeline.events.push({ ...stranger, event_id: `$${randomUUID()}` })
      }
    })
    const answer =
      how === 'dropped' ? { status: 404, json: { errcode: 'M_NOT_FOUND', error: 'Event not found.' } } : { status: 200, json: content }
    of.proxy.add({ match: { path: /\/state\/m\.room\.encryption/ }, how: { kind: 'answer', ...answer } })
    of.proxy.add({
      match: { method: 'GET', path: /\/state$/ },
      how: { kind: 'transform', change: (body) => (Array.isArray(body) ? lie(body as RawEvent[]) : body) },
    })
  }

  test.each(['dropped', 'none', 'lower', 'empty'] as const)('%s, for rooms that it has shown as encrypted before', async (how) => {
    deny(world, how)
    await world.bot.restart()
    for (const room of [world.indoc, world.adminRoom]) {
      expect(await world.ask(room, '!ping')).toMatchObject({ encrypted: true, shield: 'none' })
    }
    // What a person types in clear because their client believes it is refused, and not in clear.
    const leak = await world.moderator.sendText(world.adminRoom, '!invite Ada', { plain: true })
    expect(await world.answerTo(world.adminRoom, leak)).toMatchObject({ encrypted: true })
    expect(world.audit(leak)).toMatchObject([{ outcome: 'refused', code: 'in-clear' }])
    expectNothingInClear(world)
  })

  test('an error instead of the state, members or keys: the message waits', async () => {
    const errors = [404, 500].flatMap((status) =>
      [/\/state(\/|$)/, /\/(joined_)?members$/, /\/keys\/query$/].map((path) =>
        world.proxy.add({ match: { path }, times: 3, how: { kind: 'answer', status, json: { errcode: 'M_UNKNOWN', error: 'no' } } }),
      ),
    )
    const room = await world.moderator.createRoom({ encrypted: true, direct: true, invite: [world.botId] })
    await world.moderator.waitForMembership(room, world.botId, 'join', patience)
    expect(await world.ask(room, '!ping')).toMatchObject({ encrypted: true })
    for (const error of errors) error.remove()
    expectNothingInClear(world)
  })

  test('not shown from the first sync of all on', async () => {
    const fresh = await startWorld({ bot: { start: false } })
    try {
      deny(fresh, 'dropped')
      await fresh.bot.start()
      // Who writes encrypted there knows better.
      for (const room of [fresh.indoc, fresh.adminRoom])
        expect(await fresh.ask(room, '!ping')).toMatchObject({ encrypted: true, shield: 'none' })
      expectNothingInClear(fresh)
    } finally {
      await fresh.stop()
    }
  })
})

describe('what was sent before, once more', () => {
  /** Lets the server deliver an event again with the next sync, changed as wanted. */
  const replay = async (eventId: string, change: (event: RawEvent) => RawEvent, roomId = world.adminRoom): Promise<void> => {
    const stored = world.admin.database.events(world.adminRoom).find((event) => event.event_id === eventId)
    if (stored === undefined) throw new Error('there is no such event')
    const event = change(stored as unknown as RawEvent)
    let delivered = false
    alterSync(world, ({ rooms }) => {
      const room = rooms?.join?.[roomId]
      if (delivered || room === undefined) return
      delivered = true
      const timeline = room.timeline ?? { events: [] }
      timeline.events.unshift(event)
      Object.assign(room, { timeline })
    })
    // The long poll that is open already brings the question, the next one the answer.
    await world.settle(roomId)
    await expect.poll(() => delivered, { timeout: patience }).toBe(true)
    await world.settle(roomId)
    world.proxy.clear()
  }

  const again = (event: RawEvent): RawEvent => ({ ...event, event_id: `$${randomUUID()}` })
  test.each([
    ['the same event', 0, (event: RawEvent): RawEvent => event],
    ['the same ciphertext as another event', 1, again],
    ['the same ciphertext as a newer event', 2, (event: RawEvent): RawEvent => ({ ...again(event), origin_server_ts: Date.now() })],
  ])('%s: done once, answered once', async (_what, replayed, change) => {
    const asked = await world.moderator.sendText(world.adminRoom, `!invite Guest ${randomUUID().slice(0, 6)}`)
    await world.answerTo(world.adminRoom, asked)
    await world.settle(world.adminRoom)
    const sent = (): number => world.admin.database.countEvents({ roomId: world.adminRoom, sender: world.botId, type: 'm.room.encrypted' })
    const before = [changesInAuthentik(), sent()]
    await replay(asked, change)
    // The two answers of `replay` itself and nothing else.
    expect([changesInAuthentik(), sent() - 2]).toEqual(before)
    expect(world.answersTo(asked)).toHaveLength(1)
    // It did come as an event of its own, where it was one.
    expect(world.query("SELECT event_id FROM journal WHERE note = 'replayed'")).toHaveLength(replayed)
  })

  test('in another room', async () => {
    const asked = await world.moderator.sendText(world.adminRoom, '!invite Elsewhere')
    await world.answerTo(world.adminRoom, asked)
    const before = changesInAuthentik()
    await replay(asked, (event) => ({ ...again(event), room_id: world.indoc }), world.indoc)
    expect(changesInAuthentik()).toBe(before)
  })
})

test('a member whom the server adds gets the room key, as from any client, but no command of theirs counts', async () => {
  const ghost = await world.admin.registerUser({ name: 'ghost' })
  alterSync(world, ({ rooms }) => {
    const join = {
      type: 'm.room.member',
      state_key: ghost.userId,
      sender: ghost.userId,
      origin_server_ts: 1,
      content: { membership: 'join' },
    }
    const room = rooms?.join?.[world.adminRoom]
    room?.timeline?.events.push({ ...join, event_id: `$${randomUUID()}` })
    const path = { type: 'm.room.message', sender: ghost.userId, origin_server_ts: 1, content: { msgtype: 'm.text', body: '!invite Boo' } }
    room?.timeline?.events.push({ ...path, event_id: `$${randomUUID()}` })
  })
  await expectNothingDone(async () => {
    await world.settle(world.adminRoom)
  })
  // It shows in the bot's directory, so that moderators can see it there.
  expect(world.query('SELECT membership FROM member WHERE room_id = ? AND user_id = ?', world.adminRoom, ghost.userId)).toEqual([
    { membership: 'join' },
  ])
})

describe('devices that the server makes up', () => {
  /** A device of the moderator that the server has made: it speaks with the moderator's own token. */
  const forge = async (deviceId: string, identity: boolean): Promise<LightCrypto> => {
    const { moderator } = world
    const forged: { device: Fields; master?: Fields; selfSigning?: Fields } = { device: {} }
    const call = async (method: string, path: string, body?: string): Promise<string> => {
      const given = JSON.parse(body ?? '{}') as Fields
      if (path.endsWith('/keys/upload')) {
        if (given['device_keys'] !== undefined) forged.device = given['device_keys'] as Fields
        return '{"one_time_key_counts":{"signed_curve25519":50}}'
      }
      if (path.endsWith('/device_signing/upload')) {
        forged.master = given['master_key'] as Fields
        forged.selfSigning = given['self_signing_key'] as Fields
        return '{}'
      }
      if (path.endsWith('/signatures/upload')) {
        const signed = (given[moderator.userId] as Record<string, Fields> | undefined)?.[deviceId]
        if (signed !== undefined) forged.device = signed
        return '{"failures":{}}'
      }
      const answer = await moderator.request(method, path, body === undefined ? undefined : given)
      if (!path.endsWith('/keys/query')) return JSON.stringify(answer)
      // To itself it is the device that it pretends to be.
      const devices = answer['device_keys'] as Record<string, Record<string, unknown>>
      if (devices[moderator.userId] !== undefined) devices[moderator.userId] = { [deviceId]: forged.device }
      return JSON.stringify(answer)
    }
    const crypto = await LightCrypto.open(moderator.userId, deviceId, call)
    if (identity) await crypto.crossSign()
    world.proxy.add({
      match: { path: /\/keys\/query$/ },
      how: {
        kind: 'transform',
        change: (body) => {
          const answer = body as { device_keys: Record<string, Fields>; master_keys: Fields; self_signing_keys: Fields }
          const own = answer.device_keys[moderator.userId]
          if (own !== undefined) own[deviceId] = forged.device
          if (forged.master !== undefined && own !== undefined) {
            answer.master_keys[moderator.userId] = forged.master
            answer.self_signing_keys[moderator.userId] = forged.selfSigning
          }
          return answer
        },
      },
    })
    // The server says that the moderator's devices have changed, as often as it likes.
    alterSync(world, (sync) => {
      sync.device_lists = { ...sync.device_lists, changed: [...(sync.device_lists?.changed ?? []), moderator.userId] }
    })
    return crypto
  }

  const command = async (crypto: LightCrypto, body: string): Promise<string> => {
    const text = await crypto.encrypt(world.adminRoom, [world.botId], 'm.room.message', { msgtype: 'm.text', body })
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(world.adminRoom)}/send/m.room.encrypted/${randomUUID()}`
    return String((await world.moderator.request('PUT', path, JSON.parse(text)))['event_id'])
  }

  test.each([
    ['other keys for a device that the bot knows', true, false, /^✅/],
    ['a new device that nobody has signed', false, false, /^✅/],
    ['a new identity that signs a new device', false, true, /your identity is not the one I know/],
  ])('%s: its commands are not obeyed', async (_what, known, identity, afterwards) => {
    await world.ask(world.adminRoom, '!invite Before')
    const forged = await forge(known ? world.moderator.deviceId : `FORGED${randomUUID().slice(0, 4).toUpperCase()}`, identity)
    await expectNothingDone(async () => {
      const eventId = await command(forged, '!invite Mallory')
      await expect
        .poll(() => world.query('SELECT state FROM journal WHERE event_id = ?', eventId), { timeout: patience })
        .toEqual([{ state: 'done' }])
      for (const { outcome } of world.audit(eventId)) expect(outcome).toBe('refused')
    })
    forged.close()
    // The server tells the truth again. The real device is obeyed as before; an identity that goes to and fro is for an admin to decide.
    world.proxy.clear()
    alterSync(world, (sync) => {
      sync.device_lists = { changed: [world.moderator.userId] }
    })
    const queries = (): number => world.proxy.requests.count({ path: /\/keys\/query$/, status: 200 })
    const before = queries()
    await world.settle(world.indoc)
    await expect.poll(queries, { timeout: patience }).toBeGreaterThan(before)
    await world.settle(world.indoc)
    expect((await world.ask(world.adminRoom, '!invite After')).body).toMatch(afterwards)
  })
})
