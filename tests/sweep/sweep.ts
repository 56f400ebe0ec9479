import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { startDemo, type Demo } from '../demo/environment.ts'
import type { Person } from '../support/people/people.ts'
import { testEngine } from '../support/test-engine.ts'

/** A community with a bot whose access tokens end after five seconds, and a moderator with a real client. */
export interface Swept extends AsyncDisposable {
  readonly demo: Demo
  readonly moderator: Person
}

export interface SweepOptions {
  readonly kills: number
  /** Between 0 and 1. */
  readonly random: () => number
  readonly say?: (line: string) => void
}

/** What a sweep has seen. */
export interface SweepFigures {
  readonly kills: number
  /** Killed before it was ready. */
  readonly whileStarting: number
  /** Killed when the server had renewed the tokens and the bot did not know it yet, or while it was asking. */
  readonly whileRefreshing: number
  readonly refreshes: number
  readonly commands: number
  readonly invitations: number
  readonly seconds: number
  /** What must never be, in words; empty = all is well. */
  readonly failures: readonly string[]
}

/** How long after its start, or after its last command, the bot is killed at most (milliseconds). */
const longestLife = 2200
/** Everything has an answer in this time after the last kill: a server on a busy machine takes seconds for each (milliseconds). */
const patience = 400_000

/** @param dir an empty folder */
export const startSwept = async (dir: string, say?: (line: string) => void): Promise<Swept> => {
  const demo = await startDemo({
    profile: 'own-server',
    dir,
    rooms: [],
    members: 0,
    authentik: { seed: { people: 0, groups: ['Members'] } },
    overrides: { refreshable_access_token_lifetime: '5s' },
    bot: { env: testEngine() },
    ...(say === undefined ? {} : { say }),
  })
  const moderator = await demo.people.join({ user: demo.users.moderator })
  return { demo, moderator, [Symbol.asyncDispose]: async () => await demo.stop() }
}

/**
 * Kills the bot again and again at random points, under load and in the middle of token renewals, and looks at what is left: each command answered
 * exactly once, nothing made twice, nothing in clear, no session lost, the same identity.
 */
export const sweep = async ({ demo, moderator }: Swept, options: SweepOptions): Promise<SweepFigures> => {
  const { random, say = () => undefined } = options
  const { bot, proxy, admin, rooms, users } = demo
  const begun = performance.now()
  const commands: { readonly eventId: string; readonly guest: string | undefined }[] = []
  const answersTo = (eventId: string): number =>
    moderator.timeline().filter((message) => message.sender === users.bot.userId && message.replyTo === eventId).length
  const count = { starting: 0, refreshing: 0 }
  let sending: Promise<void>[] = []

  const ask = (text: string, roomId: string, guest?: string): void => {
    sending.push(moderator.sendText(roomId, text).then((eventId) => void commands.push({ eventId, guest })))
  }
  const allAnswered = async (): Promise<void> => {
    await Promise.all(sending)
    sending = []
    await moderator.waitFor(() => (commands.every(({ eventId }) => answersTo(eventId) > 0) ? true : undefined), {
      timeoutMs: patience,
      what: 'an answer to every command',
    })
  }

  const identity = async (): Promise<unknown> => {
    const keys = await moderator.request('POST', '/_matrix/client/v3/keys/query', { device_keys: { [users.bot.userId]: [] } })
    return [keys['device_keys'], keys['master_keys'], keys['self_signing_keys']]
  }
  const before = await identity()
  const logins = (): number => proxy.requests.count({ path: /\/login$/ })
  const loginsBefore = logins()

  for (let round = 1; round <= options.kills; round += 1) {
    ask('!ping', random() < 0.5 ? rooms.indoc : rooms.admin)
    ask('!help ping', rooms.admin)
    ask(`!invite Guest${round}`, rooms.admin, `Guest${round}`)
    if (round % 4 === 0) {
      // The next renewal is cut: sometimes before the server hears of it, sometimes after it has made the new pair.
      const held = proxy.add({ match: { path: /\/refresh$/ }, how: { kind: random() < 0.3 ? 'hang' : 'hang-after-commit' }, times: 1 })
      for (const deadline = Date.now() + 20_000; held.hits === 0 && bot.running && Date.now() < deadline;) await sleep(20)
      if (held.hits > 0) count.refreshing += 1
      await sleep(random() * 200)
      await bot.kill()
      held.remove()
    } else {
      await sleep(random() * longestLife)
      const ready = await fetch(`${bot.health}/readyz`, { signal: AbortSignal.timeout(300) }).then(
        (answer) => answer.ok,
        () => false,
      )
      if (!ready) count.starting += 1
      await bot.kill()
    }
    if (bot.running) throw new Error('the bot was killed and runs')
    await bot.start({ untilReady: false })
    if (round % 20 === 0 || round === options.kills) {
      await bot.untilReady()
      await allAnswered()
      await bot.restart()
      say(`${round} kills, ${commands.length} commands answered, ${Math.round((performance.now() - begun) / 1000)} s`)
    }
  }

  // Whatever was sent before this has been dealt with when it is answered.
  for (const roomId of [rooms.indoc, rooms.admin]) ask('!ping', roomId)
  await allAnswered()
  const failures: string[] = []
  const twice = commands.filter(({ eventId }) => answersTo(eventId) !== 1)
  if (twice.length > 0) failures.push(`${twice.length} commands were answered more than once`)
  const unreadable = moderator.timeline().filter(({ sender, undecryptable }) => sender === users.bot.userId && undecryptable)
  if (unreadable.length > 0) failures.push(`${unreadable.length} messages of the bot cannot be read`)
  const plain = admin.database.plaintextMessages({ sender: users.bot.userId })
  if (plain.length > 0) failures.push(`${plain.length} messages in clear`)
  if (proxy.requests.count({ path: /\/send\/m\.room\.message\// }) > 0) failures.push('a message in clear was on the wire')
  if (logins() !== loginsBefore) failures.push('the bot logged in again')
  if (!isDeepStrictEqual(await identity(), before)) failures.push('the identity or the device keys have changed')
  const invitations = [...demo.authentik.state.invitations.values()]
  const doubled = commands.flatMap(({ guest }) =>
    guest !== undefined && invitations.filter(({ name }) => `${name}-`.startsWith(`${guest.toLowerCase()}-`)).length > 1 ? [guest] : [],
  )
  const linkTwice = invitations.filter(({ pk }) => moderator.timeline().filter(({ body }) => body.includes(`itoken=${pk}`)).length > 1)
  if (linkTwice.length > 0) failures.push(`${linkTwice.length} links were sent twice`)
  if (doubled.length > 0) failures.push(`invitations were made twice: ${doubled.join(', ')}`)
  return {
    kills: options.kills,
    whileStarting: count.starting,
    whileRefreshing: count.refreshing,
    refreshes: proxy.requests.count({ path: /\/refresh$/, status: 200 }),
    commands: commands.length,
    invitations: invitations.length,
    seconds: Math.round((performance.now() - begun) / 1000),
    failures,
  }
}
