import { setTimeout as sleep } from 'node:timers/promises'
import type { Person, SeenMessage } from '../support/people/people.ts'
import { Cast, type Actor } from './cast.ts'
import type { Demo } from './environment.ts'

/** Something that the story wanted to see was not there. */
export class StoryError extends Error {
  override readonly name = 'StoryError'
}

/** What can be seen on the servers of changes; compared before and after what must change nothing. */
interface Changes {
  readonly authentikWrites: number
  readonly botState: number
}

/** How long an answer or an effect may take (milliseconds). The stranger's bot is held to one event in five seconds. */
const patienceMs = { 'own-server': 30_000, stranger: 150_000 } as const
const explainAfterMs = 7000
const lookEveryMs = 100

/** Where the story is played: it sends what the people type, waits for effects and counts what failed. */
export class Stage {
  readonly demo: Demo
  readonly cast: Cast
  readonly print: (line: string) => void
  /** What the bot was given to pass on, by what it is: looked for at the end where it must not be. */
  readonly secrets = new Map<string, string>()
  readonly #signal: AbortSignal
  readonly #failed: string[] = []
  #steps = 0

  constructor(demo: Demo, print: (line: string) => void, signal: AbortSignal) {
    this.demo = demo
    this.print = print
    this.cast = new Cast(demo, print)
    this.#signal = signal
  }

  get steps(): number {
    return this.#steps
  }

  get failed(): readonly string[] {
    return this.#failed
  }

  /**
   * Plays one step. One that fails is counted, and the story goes on.
   * @param work answers with what was found on the servers, in words
   */
  async step(title: string, work: () => Promise<string>): Promise<void> {
    this.#signal.throwIfAborted()
    this.#steps += 1
    this.print(`\n── ${title}`)
    const begun = performance.now()
    try {
      const seen = await work()
      this.print(`   ✔ ${seen} (${((performance.now() - begun) / 1000).toFixed(1)} s)`)
    } catch (error) {
      this.#signal.throwIfAborted()
      const words = error instanceof Error ? (error instanceof StoryError ? error.message : (error.stack ?? error.message)) : String(error)
      this.#failed.push(title)
      this.print(`   ✘ ${words}`)
    }
  }

  /** Sends a line and waits for its final answer, which must have reached the server encrypted. */
  async ask(
    actor: Actor,
    roomId: string,
    text: string,
    options: { readonly replyTo?: string } = {},
  ): Promise<SeenMessage & { readonly commandId: string }> {
    const person = await this.cast.person(actor)
    const commandId = await person.sendText(roomId, text, options)
    const answer = await this.#patiently(
      async (timeoutMs) =>
        await person.waitForMessage(
          roomId,
          { sender: this.demo.users.bot.userId, replyTo: commandId, fits: (message) => !message.body.startsWith('⏳') },
          timeoutMs,
        ),
    )
    this.expect(answer.encrypted, 'the answer came in clear')
    const stored = this.demo.admin.database.events({ roomId, type: 'm.room.encrypted' }).find((event) => event.event_id === answer.eventId)
    this.expect(stored !== undefined, 'the answer is not on the server as an encrypted event')
    return { ...answer, commandId }
  }

  /** Waits until something is there, on the servers or with a person. */
  async until<Found>(what: string, find: () => Found | undefined): Promise<Found> {
    return await this.#patiently(async (timeoutMs) => {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const found = find()
        if (found !== undefined) return found
        this.#signal.throwIfAborted()
        if (performance.now() > deadline) throw new StoryError(`${what}: this did not happen in ${timeoutMs / 1000} s`)
        await sleep(lookEveryMs)
      }
    })
  }

  /** Waits for a message that a person can read. */
  async message(person: Person, roomId: string | undefined, match: Parameters<Person['waitForMessage']>[1]): Promise<SeenMessage> {
    return await this.#patiently(async (timeoutMs) => await person.waitForMessage(roomId, match, timeoutMs))
  }

  /** Waits until a moment, saying why. */
  async pause(untilTime: number, why: string): Promise<void> {
    const left = untilTime - performance.now()
    if (left <= 0) return
    this.print(`   … ${Math.ceil(left / 1000)} s: ${why}`)
    await sleep(left, undefined, { signal: this.#signal })
  }

  expect(condition: boolean, problem: string): asserts condition {
    if (!condition) throw new StoryError(problem)
  }

  /** What the bot has changed so far, as the servers know it. */
  changes(): Changes {
    const { authentik, admin, users } = this.demo
    const [row] = admin.database.query('SELECT count(*) AS count FROM events WHERE sender = ? AND state_key IS NOT NULL', users.bot.userId)
    return { authentikWrites: authentik.requests.filter(({ method }) => method !== 'GET').length, botState: Number(row?.count ?? 0) }
  }

  /** Plays something that must change nothing. */
  async withoutChange<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.changes()
    const result = await work()
    const after = this.changes()
    this.expect(after.authentikWrites === before.authentikWrites, 'something was written to Authentik')
    this.expect(after.botState === before.botState, 'the bot changed something on the homeserver')
    return result
  }

  membership(roomId: string, userId: string): string | undefined {
    return this.demo.admin.database.memberships(roomId).get(userId)
  }

  async #patiently<Found>(wait: (timeoutMs: number) => Promise<Found>): Promise<Found> {
    const timer = setTimeout(() => {
      this.print(
        this.demo.profile === 'stranger'
          ? "   … waiting: by this server's default limits the bot may send ten events at once, then one in 5 s"
          : '   … waiting',
      )
    }, explainAfterMs)
    const interrupted = Promise.withResolvers<never>()
    const interrupt = (): void => interrupted.reject(new StoryError('interrupted'))
    this.#signal.addEventListener('abort', interrupt, { once: true })
    try {
      return await Promise.race([wait(patienceMs[this.demo.profile]), interrupted.promise])
    } finally {
      clearTimeout(timer)
      this.#signal.removeEventListener('abort', interrupt)
    }
  }
}
