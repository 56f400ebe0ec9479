import { randomUUID } from 'node:crypto'
import Sqlite from 'better-sqlite3'
import { startDemo, type Demo } from '../demo/environment.ts'
import { startFakeBridge, type FakeBridge, type Ghost } from '../support/bridge.ts'
import type { User } from '../support/homeserver/admin.ts'
import { Moderator } from './moderators.ts'
import { arrivals, Visitor } from './people.ts'
import type { Arrival, Record } from './people.ts'

/** A person waits this long for anything before the day counts as failed (milliseconds). */
const patienceMs = 60 * 60_000

/** What the day came to. */
export interface DayResult {
  readonly records: readonly Record[]
  readonly problems: readonly string[]
  /** From the first approval to the last effect (milliseconds). */
  readonly tookMs: number
  /** The least that the server's default limits allow for the same requests (milliseconds), and which limit it is. */
  readonly optimum: { readonly ms: number; readonly limit: string }
  readonly requests: { readonly events: number; readonly rooms: number; readonly limited: readonly string[] }
}

/**
 * Plays a day: thirty newcomers (15 who join, 8 behind a bridge, 4 who knock, 3 without a Matrix user), three moderators at once, on a server with
 * default limits. Light clients play the people; the bot is the real one.
 * @param dir for the bot's files
 * @param rateLimits as in the bot's configuration. Default `default`: it takes them for granted, and nothing should be refused
 */
export const playDay = async (
  dir: string,
  say: (line: string) => void,
  only = arrivals(),
  rateLimits: 'default' | 'find-out' = 'default',
): Promise<DayResult> => {
  let bridge: FakeBridge | undefined
  const demo = await startDemo({
    profile: 'stranger',
    dir,
    say,
    authentik: { seed: { people: 0, groups: ['Members'] } },
    bot: {
      env: { GATEHOUSE_LOG_LEVEL: 'info', GATEHOUSE_HOMESERVER_RATE_LIMITS: rateLimits },
      envOf: async ({ admin, users }) => {
        bridge = await startFakeBridge(admin, users.bot.userId)
        return { GATEHOUSE_BRIDGES: bridge.configuration }
      },
    },
  })
  if (bridge === undefined) throw new Error('the bridge was not started')
  const day = new Day(demo, bridge, say)
  try {
    return await day.play(only)
  } finally {
    await day.end()
    await bridge.stop()
    await demo.stop()
  }
}

class Day {
  readonly #demo: Demo
  readonly #bridge: FakeBridge
  readonly #say: (line: string) => void
  readonly #visitors: Visitor[] = []
  readonly #accepting: Promise<void>[] = []
  readonly #problems: string[] = []
  readonly #records = new Map<string, Record>()
  #moderators: readonly Moderator[] = []
  #startedAt = 0
  #next = 0

  constructor(demo: Demo, bridge: FakeBridge, say: (line: string) => void) {
    this.#demo = demo
    this.#bridge = bridge
    this.#say = say
  }

  get #now(): number {
    return Date.now() - this.#startedAt
  }

  get #bot(): string {
    return this.#demo.users.bot.userId
  }

  async end(): Promise<void> {
    await Promise.all(this.#visitors.map(async (visitor) => await visitor.end()))
    await Promise.allSettled(this.#accepting)
  }

  async play(list: readonly Arrival[]): Promise<DayResult> {
    const { admin, rooms, users } = this.#demo
    // Who knows nobody may only knock; the others are let in by hand beforehand.
    await admin.as(users.admin)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(rooms.indoc)}/state/m.room.join_rules/`, {
      join_rule: 'knock',
    })
    await this.#invite(this.#bridge.bot.userId)
    await this.#bridge.bot.join(rooms.indoc)
    this.#moderators = await Promise.all(
      [users.moderator, users.freshModerator, users.admin].map(
        async (user) => new Moderator(await this.#visit(user, user.password, true), this.#bot, patienceMs),
      ),
    )
    for (const { visitor } of this.#moderators) this.#accept(visitor)
    this.#watchIntroductions(list)
    // Making the rooms has used up what the server lets the bot do at once: the day begins with what it finds in the morning.
    this.#say('Waiting a minute, until the server lets the bot send ten events at once again …')
    await new Promise((resolve) => setTimeout(resolve, 60_000))
    this.#demo.proxy.requests.clear()
    this.#startedAt = Date.now()
    const records = await Promise.all(list.map(async (arrival, index) => await this.#live(arrival, index)))
    await Promise.all(this.#moderators.map(async (moderator) => await moderator.done()))
    const last = this.#now
    this.#check(records)
    const first = Math.min(...records.map(({ approvedAt }) => approvedAt ?? Infinity))
    return { records, problems: this.#problems, tookMs: last - first, ...this.#requests() }
  }

  /** One person's day, until they are welcomed, in their rooms and out of INDOC. */
  async #live(arrival: Arrival, index: number): Promise<Record> {
    const record: Record = { arrival, userId: '', welcomes: 0 }
    await new Promise((resolve) => setTimeout(resolve, index * 2000))
    try {
      if (arrival.way === 'bridged') await this.#bridged(record)
      else if (arrival.way === 'without Matrix') await this.#withoutMatrix(record)
      else await this.#withClient(record)
      this.#say(`${this.#clock()} ${arrival.name} (${arrival.way}): welcomed, in their rooms, out of INDOC`)
    } catch (error) {
      this.#problems.push(`${arrival.name} (${arrival.way}): ${error instanceof Error ? error.message : String(error)}`)
      this.#say(`${this.#clock()} ✘ ${this.#problems.at(-1)}`)
    }
    return record
  }

  #clock(): string {
    return `${(this.#now / 1000).toFixed(0).padStart(5)} s`
  }

  async #withClient(record: Record): Promise<void> {
    const { arrival } = record
    const { admin, rooms } = this.#demo
    const visitor = await this.#newcomer(record)
    if (arrival.way === 'knocks') {
      await admin.as(visitor.user)('POST', `/_matrix/client/v3/knock/${encodeURIComponent(rooms.indoc)}`, {})
      const moderator = this.#anyModerator()
      moderator.take(async () => {
        await this.#until('the knock is seen', () => this.#row(visitor.user.userId) !== undefined)
        await this.#succeed(moderator, rooms.admin, `!gtg ${visitor.user.userId}`)
      })
    } else await this.#invite(visitor.user.userId)
    await this.#until('in INDOC', () => this.#membership(rooms.indoc, record.userId) === 'join')
    await visitor.client.join(rooms.indoc)
    await visitor.client.sendText(rooms.indoc, arrival.introduction)
    await this.#arrived(record)
  }

  async #withoutMatrix(record: Record): Promise<void> {
    const { arrival } = record
    const { rooms } = this.#demo
    const moderator = this.#anyModerator()
    const code = await new Promise<string>((resolve, reject) => {
      moderator.take(async () => {
        try {
          resolve(await this.#handOver(moderator, arrival))
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
    record.approvedAt = this.#now
    // Weeks later for a person, at once here: they have made a Matrix account.
    const visitor = await this.#newcomer(record)
    await this.#invite(record.userId)
    await this.#until('in INDOC', () => this.#membership(rooms.indoc, record.userId) === 'join')
    const made = await this.#demo.admin.as(visitor.user)('POST', '/_matrix/client/v3/createRoom', {
      is_direct: true,
      invite: [this.#bot],
      initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    const direct = String(made['room_id'])
    await this.#until('the bot comes into the direct chat', () => this.#membership(direct, this.#bot) === 'join')
    await visitor.client.join(direct)
    await visitor.client.sendText(direct, code)
    await this.#arrived(record)
  }

  /** The account, and the code that the moderator gets for the person. */
  async #handOver(moderator: Moderator, { name, email, interest }: Arrival): Promise<string> {
    const { rooms } = this.#demo
    const isNote = (body: string): boolean => body.includes(name.split(' ')[0] ?? name) && body.includes('send this code there')
    const command = `!adduser ${name} --email ${email} --interests "${interest[0]}"`
    const answer = await moderator.command(rooms.admin, command)
    const username = /the account (\S+)/.exec(answer.body)?.[1]
    // The first time there is no direct chat yet, and the bot says what to do.
    if (/join it/.test(answer.body)) {
      await this.#until('the moderator is in the direct chat', () => this.#inDirectChat(moderator.visitor.user.userId))
      await this.#succeed(moderator, rooms.admin, `!reset ${username ?? name}`)
    }
    const note = await moderator.visitor.client.waitForMessage(({ sender, body }) => sender === this.#bot && isNote(body), patienceMs)
    const code = /send this code there: `?([^\s`]+)/.exec(note.body)?.[1]
    if (code === undefined) throw new Error(`there is no code in the note: ${note.body}`)
    return code
  }

  async #bridged(record: Record): Promise<void> {
    const { rooms, admin } = this.#demo
    const ghost: Ghost = await this.#bridge.newGhost(record.arrival.name)
    record.userId = ghost.userId
    this.#records.set(ghost.userId, record)
    await this.#invite(ghost.userId)
    await this.#bridge.bring(ghost, rooms.indoc)
    await this.#bridge.say(ghost, rooms.indoc, record.arrival.introduction)
    const heard = (): readonly string[] =>
      this.#bridge.bot
        .messages(this.#bridge.portals.get(ghost.userId) ?? '')
        .filter(({ sender }) => sender === this.#bot)
        .map(({ body }) => body)
    await this.#until(`the welcome of ${ghost.name}`, () => heard().some(isWelcome))
    record.welcomeAt = this.#now
    // Such a bridge lets its people into rooms of Matrix.
    const invited = (): readonly string[] =>
      rooms.catalogue.filter(({ roomId }) => this.#membership(roomId, ghost.userId) === 'invite').map(({ roomId }) => roomId)
    await this.#until('an invitation', () => invited().length > 0)
    await this.#until('out of INDOC', async () => {
      for (const roomId of invited()) await admin.join(ghost.user, roomId)
      if (this.#inRooms(record)) record.firstRoomAt ??= this.#now
      return this.#membership(rooms.indoc, ghost.userId) === 'leave' && this.#inRooms(record)
    })
    record.welcomes = heard().filter(isWelcome).length
  }

  /** Waits for the welcome, the rooms and the good-bye of somebody with a client. */
  async #arrived(record: Record): Promise<void> {
    const visitor = this.#visitors.find(({ user }) => user.userId === record.userId)
    const heard = (): readonly string[] =>
      (visitor?.client.messages() ?? [])
        .filter(({ sender, roomId }) => sender === this.#bot && roomId !== this.#demo.rooms.indoc)
        .map(({ body }) => body)
    await this.#until(`the welcome of ${record.arrival.name}`, () => heard().some(isWelcome))
    record.welcomeAt = this.#now
    await this.#until('their rooms', () => this.#inRooms(record))
    await this.#until('out of INDOC', () => this.#membership(this.#demo.rooms.indoc, record.userId) === 'leave')
    record.welcomes = heard().filter(isWelcome).length
  }

  /** A moderator answers each introduction as it comes, in turns. */
  #watchIntroductions(list: readonly Arrival[]): void {
    const [reader] = this.#moderators
    const { rooms } = this.#demo
    const open = new Map(list.map((arrival) => [arrival.introduction, arrival]))
    reader?.visitor.client.onMessage(({ roomId, body, eventId, sender }) => {
      const arrival = open.get(body)
      if (roomId !== rooms.indoc || arrival === undefined) return
      open.delete(body)
      const moderator = this.#anyModerator()
      moderator.take(async () => {
        // Others read it a moment before the bot does.
        await this.#until('the bot has the introduction', () => this.#row(sender)?.introduction?.startsWith('{') === true)
        const record = this.#records.get(sender)
        if (record !== undefined) record.approvedAt = this.#now
        await this.#succeed(moderator, rooms.indoc, '!gtg', eventId)
      })
    })
  }

  /** Somebody with a client of their own, who accepts what they are invited to. */
  async #newcomer(record: Record): Promise<Visitor> {
    const { admin, rooms } = this.#demo
    const password = randomUUID()
    const user = await admin.registerUser({ name: 'newcomer', displayName: record.arrival.name, password })
    record.userId = user.userId
    this.#records.set(user.userId, record)
    const catalogue = new Set(rooms.catalogue.map(({ roomId }) => roomId))
    const visitor = await this.#visit(user, password, false, (roomId) => {
      if (catalogue.has(roomId)) record.firstRoomAt ??= this.#now
    })
    this.#accept(visitor)
    return visitor
  }

  async #visit(user: User, password: string, crossSign: boolean, joined?: (roomId: string) => void): Promise<Visitor> {
    const visitor = await Visitor.start(this.#demo.admin, user, password, { crossSign, ...(joined === undefined ? {} : { joined }) })
    this.#visitors.push(visitor)
    return visitor
  }

  #accept(visitor: Visitor): void {
    this.#accepting.push(
      visitor.acceptAll().catch((error: unknown) => void this.#problems.push(`${visitor.user.userId} could not accept: ${String(error)}`)),
    )
  }

  async #invite(userId: string): Promise<void> {
    const { admin, users, rooms } = this.#demo
    await admin.as(users.admin)('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(rooms.indoc)}/invite`, { user_id: userId })
  }

  #anyModerator(): Moderator {
    this.#next += 1
    const moderator = this.#moderators[this.#next % this.#moderators.length]
    if (moderator === undefined) throw new Error('there are no moderators')
    return moderator
  }

  /** Gives a command that must succeed, at least partly. */
  async #succeed(moderator: Moderator, roomId: string, text: string, replyTo?: string): Promise<void> {
    const { body } = await moderator.command(roomId, text, replyTo)
    if (!/^(?:\* )?(✅|⚠️)/u.test(body)) this.#problems.push(`${text}: ${body}`)
  }

  #membership(roomId: string, userId: string): string | undefined {
    return this.#demo.admin.database.memberships(roomId).get(userId)
  }

  #inRooms({ userId, arrival }: Record): boolean {
    const { catalogue } = this.#demo.rooms
    const of = (roomId: string): string | undefined => this.#membership(roomId, userId)
    const wanted = catalogue.find(({ name }) => name === arrival.interest[1])
    return wanted !== undefined && of(wanted.roomId) === 'join' && catalogue.every(({ roomId }) => of(roomId) !== 'invite')
  }

  /** A row of the bot's own table of newcomers. */
  #row(userId: string): { readonly introduction: string | null } | undefined {
    return this.#ofBot<{ introduction: string | null }>('SELECT introduction FROM newcomer WHERE user_id = ?', userId)[0]
  }

  #ofBot<Row>(sql: string, ...parameters: readonly unknown[]): Row[] {
    const database = new Sqlite(`${this.#demo.files.dataDir}/gatehouse.db`, { readonly: true })
    try {
      return database.prepare(sql).all(...parameters) as Row[]
    } finally {
      database.close()
    }
  }

  #inDirectChat(userId: string): boolean {
    const rooms = this.#ofBot<{ room_id: string }>('SELECT room_id FROM direct_room WHERE user_id = ?', userId)
    return rooms.some(({ room_id: roomId }) => this.#membership(roomId, userId) === 'join')
  }

  /** Waits until something is so; it looks at databases, which nobody tells about changes. */
  async #until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + patienceMs
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`this did not happen: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }

  /** Everybody has one account and one welcome, is out of INDOC and in their room. */
  #check(records: readonly Record[]): void {
    const accounts = Array.from(this.#demo.authentik.state.users.values())
    for (const record of records) {
      const { name, email, way } = record.arrival
      const count = accounts.filter((account) => account.email === email).length
      if (count !== 1) this.#problems.push(`${name} (${way}) has ${count} accounts`)
      if (record.welcomes !== 1) this.#problems.push(`${name} (${way}) got ${record.welcomes} welcomes`)
      if (this.#membership(this.#demo.rooms.indoc, record.userId) !== 'leave') this.#problems.push(`${name} (${way}) is still in INDOC`)
    }
  }

  #requests(): Pick<DayResult, 'requests' | 'optimum'> {
    const all = this.#demo.proxy.requests.list().filter(({ method, path }) => method !== 'GET' && isEvent(path))
    const done = all.filter(({ status }) => status === 200)
    const rooms = done.filter(({ path }) => path.endsWith('/createRoom')).length
    const limits = [
      { limit: 'events (0.2 a second, 10 at once)', ms: (Math.max(0, done.length - 10) / 0.2) * 1000 },
      { limit: 'rooms (0.016 a second, 10 at once)', ms: (Math.max(0, rooms - 10) / 0.016) * 1000 },
    ]
    const optimum = limits.reduce((worst, one) => (one.ms > worst.ms ? one : worst))
    const limited = all
      .filter(({ status }) => status === 429)
      .map(({ method, path }) => `${method} ${path.split('/').slice(5, 8).join('/')}`)
    return { requests: { events: done.length, rooms, limited }, optimum }
  }
}

/** What Synapse counts as an event of its sender. */
const isEvent = (path: string): boolean =>
  /\/(createRoom|invite|kick|ban|unban)$|\/(send|redact|join)\//.test(path) || path.endsWith('/join')

const isWelcome = (body: string): boolean => /Your account is ready|Welcome to Riverbend/.test(body)
