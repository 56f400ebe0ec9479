import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ActiveRule, Proxy, Rule } from '../support/homeserver/proxy.ts'
import { startLightUser } from '../support/people/light.ts'
import {
  accountsOf,
  arriveAtIndoc,
  directRooms,
  eventually,
  finalAnswer,
  groupNames,
  sendTo,
  startArrivalWorld,
  untilGraduated,
  untilOffered,
  type ArrivalWorld,
} from './arrivals.ts'
import { pointsOf } from './points.ts'
import { patience, stopClean } from './world.ts'

// The bot is killed at each step of an arrival, before the step has its effect and after it, and started again: afterwards everything is there
// exactly once.

interface Point {
  readonly step: string
  readonly at: 'homeserver' | 'authentik'
  readonly match: (roomIds: { readonly direct: string }) => Rule['match']
  /** The first so many requests of this kind pass. */
  readonly after?: number
}

/**
 * The tests of a file: kills at the steps of an arrival until the direct chat is joined (`early`), or after it (`late`).
 */
export const testKills = (part: 'early' | 'late'): void => {
  let world: ArrivalWorld

  beforeAll(async () => {
    world = await startArrivalWorld({
      // The question to who comes is a message in INDOC too: the kill shall hit the answer.
      bot: { env: { GATEHOUSE_INTRODUCTION_PROMPT: 'false' } },
    })
  })
  afterEach(async () => {
    world.proxy.clear()
    world.authentikProxy.clear()
    if (!world.bot.running) await world.bot.start()
  })
  afterAll(() => stopClean(world))

  const always =
    (method: string, path: RegExp): Point['match'] =>
    () => ({ method, path })

  /** Until the direct chat is joined. */
  const early: readonly Point[] = [
    { step: 'POST core/users', at: 'authentik', match: always('POST', /\/core\/users\/$/) },
    { step: 'add_user', at: 'authentik', match: always('POST', /\/add_user\/$/) },
    { step: 'invite', at: 'homeserver', match: always('POST', /\/invite$/) },
    { step: 'the second invite', at: 'homeserver', match: always('POST', /\/invite$/), after: 1 },
    { step: 'createRoom', at: 'homeserver', match: always('POST', /\/createRoom$/) },
    { step: 'reading m.direct', at: 'homeserver', match: always('GET', /\/account_data\/m\.direct$/) },
    { step: 'writing m.direct', at: 'homeserver', match: always('PUT', /\/account_data\/m\.direct$/) },
    { step: 'keys/claim', at: 'homeserver', match: always('POST', /\/keys\/claim$/) },
    { step: 'sendToDevice', at: 'homeserver', match: always('PUT', /\/sendToDevice\//) },
    { step: 'the final answer', at: 'homeserver', match: () => sendTo(world.indoc) },
    { step: 'hiding the command', at: 'homeserver', match: always('PUT', /\/redact\//) },
  ]

  /** After the direct chat was joined. */
  const late: readonly Point[] = [
    { step: 'keys/query', at: 'homeserver', match: always('POST', /\/keys\/query$/) },
    { step: 'sendToDevice', at: 'homeserver', match: always('PUT', /\/sendToDevice\//) },
    { step: 'sending hello', at: 'homeserver', match: ({ direct }) => sendTo(direct) },
    { step: 'recovery', at: 'authentik', match: always('POST', /\/recovery\/$/) },
    { step: 'sending welcome', at: 'homeserver', match: ({ direct }) => sendTo(direct), after: 1 },
    { step: 'good-bye', at: 'homeserver', match: () => sendTo(world.indoc) },
    { step: 'kick', at: 'homeserver', match: always('POST', /\/kick$/) },
  ]

  const moments = [
    ['before', 'hang'],
    ['after', 'hang-after-commit'],
  ] as const

  /** Before these too: what is made there is the hardest to find again. */
  const usualBefore = new Set(['POST core/users', 'createRoom', 'the final answer', 'sending welcome', 'kick'])
  const cases = (points: readonly Point[]) =>
    pointsOf(
      points.flatMap((point) => moments.map(([when, kind]) => [when, point.step, point, kind] as const)),
      ([when, step]) => when === 'after' || usualBefore.has(step),
    )

  /** One arrival with a kill in the middle of it. */
  const playWithKill = async (point: Point, kind: 'hang' | 'hang-after-commit', onlyAfterJoin: boolean): Promise<void> => {
    const proxy: Proxy = point.at === 'homeserver' ? world.proxy : world.authentikProxy
    const hold = (direct: string) =>
      proxy.add({ match: point.match({ direct }), how: { kind }, times: 1, ...(point.after === undefined ? {} : { after: point.after }) })
    const held = async (rule: ActiveRule): Promise<void> => {
      const there = (): number => (kind === 'hang' ? rule.hits : rule.committed)
      await eventually(`the bot is held at ${point.step}`, () => (there() > 0 ? true : undefined))
    }
    const ada = await arriveAtIndoc(world)
    const client = await startLightUser(world.homeserver, { user: ada.user })
    await world.settle(world.adminRoom)

    let direct: string
    let commandId: string
    if (onlyAfterJoin) {
      commandId = await world.moderator.sendText(world.indoc, ada.command())
      await finalAnswer(world, world.indoc, commandId)
      direct = await untilOffered(world, ada.userId)
      const rule = hold(direct)
      await client.join(direct)
      await held(rule)
    } else {
      const rule = hold('')
      commandId = await world.moderator.sendText(world.indoc, ada.command())
      await held(rule)
    }
    await world.bot.kill()
    await world.bot.start()
    direct = await untilOffered(world, ada.userId)
    if (!onlyAfterJoin) await client.join(direct)

    await finalAnswer(world, world.indoc, commandId)
    await client.waitForMessage(({ roomId, body }) => roomId === direct && /Your account is ready/.test(body), patience)
    await untilGraduated(world, ada.userId)
    // Whatever would come twice comes before the answers to these.
    await world.settle(world.indoc)
    await world.settle(world.adminRoom)

    const [account, ...others] = accountsOf(world, ada.email)
    expect(others).toEqual([])
    expect(groupNames(world, account)).toEqual(['Members'])
    expect(world.query('SELECT 1 FROM link WHERE user_id = ?', ada.userId)).toHaveLength(1)
    expect(directRooms(world, ada.userId)).toEqual([direct])
    // The create event of a room of version 12 does not hold its room's id.
    const marked = world.admin.database
      .query(
        `SELECT room_id FROM events JOIN event_json USING (event_id, room_id) WHERE type = 'm.room.create' AND json LIKE '%"org.gatehouse.direct"%'`,
      )
      .filter(({ room_id }) => world.admin.database.memberships(String(room_id)).has(ada.userId))
    expect(marked).toHaveLength(1)
    expect(client.messages(direct).map(({ body }) => body.split(/[,!\n]/, 1)[0])).toEqual(['Hello Ada', 'Welcome to Riverbend Makers'])
    expect(client.messages(direct).every(({ encrypted }) => encrypted)).toBe(true)
    // On the server too: nothing that the newcomer cannot read.
    expect(world.admin.database.countEvents({ roomId: direct, sender: world.botId, type: 'm.room.encrypted' })).toBe(2)
    const answers = world.answersTo(commandId)
    expect(answers.map(({ body }) => body.slice(0, 2))).toEqual([expect.stringMatching(/^(✅|⚠)/u)])
    expect(goodByes(ada.userId)).toBe(1)
    await eventually('the command is hidden', () =>
      world.admin.database
        .events({ roomId: world.indoc, sender: world.botId, type: 'm.room.redaction' })
        .find(({ content }) => content['redacts'] === commandId),
    )
    await client.stop()
  }

  const goodByes = (userId: string): number =>
    world.moderator
      .timeline(world.indoc)
      .filter(({ sender, mentions, body }) => sender === world.botId && mentions.includes(userId) && /you have arrived/.test(body)).length

  const [title, points] =
    part === 'early'
      ? (['killed before the direct chat is joined', early] as const)
      : (['killed after the direct chat was joined', late] as const)
  describe(title, () => {
    test.each(cases(points))('%s %s', async (_when, _step, point, kind) => {
      await playWithKill(point, kind, part === 'late')
    })
  })

  if (part === 'late') return
  test('killed while a progress message stands there: it becomes the answer', async () => {
    const ada = await arriveAtIndoc(world)
    await world.settle(world.indoc)
    world.authentikProxy.add({ match: { method: 'POST', path: /\/core\/users\/$/ }, how: { kind: 'hang' }, times: 1 })
    const commandId = await world.moderator.sendText(world.indoc, ada.command())
    const progress = await world.moderator.waitForMessage(world.indoc, { replyTo: commandId, body: /^⏳/ }, patience)
    await world.bot.kill()
    await world.bot.start()
    const answer = await finalAnswer(world, world.indoc, commandId)
    await world.settle(world.indoc)
    expect(answer).toMatchObject({ eventId: progress.eventId, earlier: [progress.body] })
    expect(answer.body).toMatch(/^✅/)
    expect(world.answersTo(commandId)).toHaveLength(1)
    expect(accountsOf(world, ada.email)).toHaveLength(1)
  })
}
