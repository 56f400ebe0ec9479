import type { User } from '../tests/support/homeserver/admin.ts'
import { startLightUser } from '../tests/support/people/light.ts'
import { FloorProcess } from './floor-process.ts'
import { isSync, matrixRequests, until } from './quiet.ts'
import { Pairs } from './statistics.ts'
import type { Town } from './town.ts'

/** How much is measured. */
export interface Amounts {
  /** `!ping`s that count, of each. */
  readonly pings: number
  readonly arrivals: number
  readonly starts: number
  readonly commands: number
  readonly manyRooms: number
}

/** What came of the pings. */
export interface PingResult {
  readonly times: Pairs
  /** Milliseconds of processor time per command. */
  readonly botCpu: number
  readonly floorCpu: number
  /** Timeline events that the bot sent per command. */
  readonly events: number
  readonly memoryAfterStart: number
}

/** `!ping` against the echo, one at a time. */
export const measurePings = async ({ demo, asker, floor, floorRoom, metric }: Town, { pings }: Amounts): Promise<PingResult> => {
  const room = demo.rooms.admin
  const warmUp = 10
  // The first answers share keys and load code.
  const before = { events: 0, bot: 0, floor: 0 }
  const memoryAfterStart = await metric('gatehouse_memory_bytes')
  const sent = (): number => demo.admin.database.countEvents({ roomId: room, sender: demo.users.bot.userId })
  const times = await Pairs.measure(
    pings,
    warmUp,
    async (round) => {
      if (round === warmUp)
        Object.assign(before, { events: sent(), bot: await metric('gatehouse_cpu_seconds_total'), floor: await floor.cpu() })
      return (await asker.ask(floorRoom, '!floor')).ms
    },
    async () => (await asker.ask(room, '!ping')).ms,
  )
  const perCommand = (seconds: number): number => (seconds * 1000) / pings
  return {
    times,
    botCpu: perCommand((await metric('gatehouse_cpu_seconds_total')) - before.bot),
    floorCpu: perCommand((await floor.cpu()) - before.floor),
    events: (sent() - before.events) / pings,
    memoryAfterStart,
  }
}

/** Gives that many commands, a few at a time, and answers with the bot's memory afterwards (bytes). */
export const memoryAfter = async ({ demo, asker, metric }: Town, commands: number): Promise<number> => {
  for (let given = 0; given < commands; given += 5) {
    await Promise.all(Array.from({ length: 5 }, async () => await asker.ask(demo.rooms.admin, '!ping')))
  }
  return await metric('gatehouse_memory_bytes')
}

/** Times from the start of a process to its answer to a message that was sent while it was down. */
export const measureStarts = async (town: Town, { starts }: Amounts): Promise<Pairs> => {
  const { demo, asker, starter: user, clearRoom } = town
  const { url } = demo.homeserver
  const floorStart = async (): Promise<number> => {
    const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1 } } }))
    const { next_batch } = await demo.admin.as(user)('GET', `/_matrix/client/v3/sync?timeout=0&filter=${filter}`)
    const questionId = await asker.user.sendText(clearRoom, '!floor')
    const begun = performance.now()
    const role = { be: 'starter', url, userId: user.userId, accessToken: user.accessToken, since: String(next_batch) } as const
    const starter = FloorProcess.start(role)
    const { at } = await asker.answerTo(questionId, '!floor')
    await starter.stop()
    return at - begun
  }
  const botStart = async (): Promise<number> => {
    await town.bot.stop()
    const questionId = await asker.user.sendText(demo.rooms.admin, '!ping')
    const begun = performance.now()
    await town.bot.start({ untilReady: false })
    const { at } = await asker.answerTo(questionId, '!ping')
    await town.bot.untilReady()
    return at - begun
  }
  return await Pairs.measure(starts, 1, floorStart, botStart)
}

/** Requests of a warm start, counted until the bot rests; the long poll that then waits for news is counted as well. */
export interface StartCount {
  readonly matrix: number
  readonly authentik: number
  readonly routes: Readonly<Record<string, number>>
}

/** Counts a warm start. The proxied bot must run and have come to rest. */
export const countStart = async (town: Town): Promise<StartCount> => {
  const { demo } = town
  await town.bot.stop()
  demo.proxy.requests.clear()
  const authentik = demo.authentik.requests.length
  await town.bot.start()
  await town.quiet()
  const answered = demo.proxy.requests.list()
  return { matrix: answered.length + 1, authentik: demo.authentik.requests.length - authentik, routes: routesOf(answered) }
}

/** What a command cost in requests. */
export interface CommandCount {
  readonly matrix: number
  readonly authentik: number
  /** Requests that only ask something: none of them changes anything. */
  readonly reads: number
  readonly routes: Readonly<Record<string, number>>
}

/** Counts the requests of a command until the bot rests again, without `/sync`. The proxied bot must run and have come to rest. */
export const countCommand = async (town: Town, text: string, then?: () => Promise<void>): Promise<CommandCount> => {
  const { demo, asker } = town
  demo.proxy.requests.clear()
  const before = demo.authentik.requests.length
  const { words } = await asker.ask(demo.rooms.admin, text)
  if (/^[❌❔⚠]/u.test(words)) throw new Error(`${text} did not work: ${words}`)
  await then?.()
  await town.quiet()
  const matrix = matrixRequests(demo)
  const authentik = demo.authentik.requests.slice(before)
  const reads = [...matrix, ...authentik].filter(({ method, path }) => method === 'GET' || path.endsWith('/keys/query')).length
  return { matrix: matrix.length, authentik: authentik.length, reads, routes: { ...routesOf(matrix), ...routesOf(authentik) } }
}

const routesOf = (requests: readonly { readonly method: string; readonly path: string }[]): Record<string, number> => {
  const routes: Record<string, number> = {}
  for (const { method, path } of requests) {
    const short = isSync(path)
      ? path
      : path
          .replace(/^\/_matrix\/client\/v3|^\/api\/v3/, '')
          .replaceAll(/\/([!@#$]|%21|%40|%23|%24)[^/]*/g, '/…')
          .replaceAll(/\/[0-9a-f-]{36}|\/gh[\w-]{20,}|\/\d+(?=\/)/g, '/…')
    routes[`${method} ${short}`] = (routes[`${method} ${short}`] ?? 0) + 1
  }
  return routes
}

/** A person of the community who has not arrived yet. */
export const newcomer = async ({ demo }: Town, inIndoc: boolean): Promise<User> => {
  const user = await demo.admin.registerUser({ name: 'newcomer', displayName: 'Ada' })
  if (inIndoc) await demo.admin.join(user, demo.rooms.indoc)
  return user
}

/** The rooms that an arrival of the bench invites to. */
export const arrivalRooms = ['Hiking', 'Music', 'Tech'] as const

/** @returns the command for the arrival of a person, with as many rooms as `arrivalRooms` has */
export const arrivalCommand = ({ userId, localpart }: User): string =>
  `!adduser Ada Lovelace --email ${localpart}@example.test --matrix ${userId} --rooms "${arrivalRooms.join(', ')}"`

/** `!adduser` to its final mark against the same chain of dependent requests without anything around it. */
export const measureArrivals = async (town: Town, { arrivals }: Amounts): Promise<Pairs> => {
  const { demo, asker, floor, floorRoom, floorUser } = town
  const matrix = { url: demo.homeserver.url, accessToken: floorUser.accessToken }
  const authentik = { url: demo.authentik.url, token: demo.authentik.token }
  return await Pairs.measure(
    arrivals,
    2,
    async () => {
      const person = await newcomer(town, false)
      const { userId, localpart } = person
      await floor.prepare({ authentik, matrix, username: localpart, name: 'Ada', userId, roomId: demo.rooms.id(arrivalRooms[0]) })
      return (await asker.ask(floorRoom, '!chain')).ms
    },
    async () => {
      const person = await newcomer(town, true)
      // The bot hears of the newcomer first, as it does when a person has been in INDOC for a while.
      await asker.ask(demo.rooms.admin, '!ping')
      const { ms, words } = await asker.ask(demo.rooms.admin, arrivalCommand(person))
      if (!words.startsWith('✅')) throw new Error(`!adduser did not work: ${words}`)
      // The direct room of its welcome is made in the background and is not to meet the next one.
      await until('the direct room', () => demo.admin.database.roomsOf(person.userId, 'invite').length > arrivalRooms.length)
      return ms
    },
  )
}

/** Joins what the person is invited to, until they are out of INDOC: the whole arrival. */
export const arrive = async ({ demo }: Town, person: User): Promise<void> => {
  const light = await startLightUser({ url: demo.homeserver.url }, { user: person })
  try {
    for (const roomId of new Set([await light.waitForInvite(), ...light.invites()])) await light.join(roomId)
    await until('the end of the stay in INDOC', async () => {
      for (const roomId of light.invites()) await light.join(roomId)
      return demo.admin.database.memberships(demo.rooms.indoc).get(person.userId) !== 'join'
    })
  } finally {
    await light.stop()
  }
}
