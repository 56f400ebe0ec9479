import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import Sqlite from 'better-sqlite3'
import { expect, inject } from 'vitest'
import { startDemo, type Demo, type DemoOptions } from '../demo/environment.ts'
import type { Person, SeenMessage } from '../support/people/people.ts'
import { onDisk, secretsIn } from '../support/secrets-on-disk.ts'
import { testEngine } from '../support/test-engine.ts'

/** One line of the bot's audit. */
export interface AuditLine {
  readonly actor: string
  readonly room_id: string
  readonly event_id: string
  readonly command: string
  readonly arguments: string
  readonly outcome: string
  readonly code: string
}

/** A small community of its own on the run's shared homeserver, with a moderator who has a real encrypted client, and the bot. */
export interface World extends Demo {
  readonly moderator: Person
  readonly indoc: string
  readonly adminRoom: string
  readonly botId: string
  /** Asks in a room and waits for the answer, which is a reply to the question. */
  ask(roomId: string, text: string, options?: Parameters<Person['sendText']>[2]): Promise<SeenMessage>
  /** Waits for the answer to an event. On a slow machine progress may stand there first (⏳), which is none. */
  answerTo(roomId: string, eventId: string): Promise<SeenMessage>
  /** The bot's messages that answer an event, as the moderator's client shows them. */
  answersTo(eventId: string): readonly SeenMessage[]
  /** Waits until everything that was sent before has been dealt with: the rooms' events are handled in their order. */
  settle(roomId: string): Promise<void>
  /** Rows of the bot's audit about an event. */
  audit(eventId: string): readonly AuditLine[]
  /** Any question to the bot's own database, read-only. */
  query<Row>(sql: string, ...parameters: readonly unknown[]): Row[]
}

/** Two busy cores may make a 100 ms answer last seconds: what is waited for is a condition, this is only when to give up (milliseconds). */
export const patience = 45_000

/** Starts a world. The bot speaks to Synapse through `proxy`; everything ends with `stop`. */
export const startWorld = async (options: Partial<DemoOptions> = {}): Promise<World> => {
  const dir = mkdtempSync(`${tmpdir()}/gatehouse-world-`)
  const demo = await startDemo({
    profile: 'own-server',
    dir,
    rooms: [],
    members: 1,
    authentik: { seed: { people: 0, groups: ['Members'] } },
    ...(options.profile === 'stranger' || options.overrides !== undefined ? {} : { homeserver: inject('homeserver') }),
    ...options,
    bot: { ...options.bot, env: { GATEHOUSE_LOG_LEVEL: 'debug', ...testEngine(), ...options.bot?.env } },
  })
  const botId = demo.users.bot.userId
  const moderator = await demo.people.join({ user: demo.users.moderator })
  const answerTo = async (roomId: string, eventId: string): Promise<SeenMessage> =>
    await moderator.waitForMessage(roomId, { sender: botId, replyTo: eventId, fits: ({ body }) => !body.startsWith('⏳') }, patience)
  const ask: World['ask'] = async (roomId, text, more) => await answerTo(roomId, await moderator.sendText(roomId, text, more))
  const query = <Row>(sql: string, ...parameters: readonly unknown[]): Row[] => {
    const database = new Sqlite(`${demo.files.dataDir}/gatehouse.db`, { readonly: true })
    try {
      return database.prepare(sql).all(...parameters) as Row[]
    } finally {
      database.close()
    }
  }
  return {
    ...demo,
    moderator,
    indoc: demo.rooms.indoc,
    adminRoom: demo.rooms.admin,
    botId,
    ask,
    answerTo,
    answersTo: (eventId) => moderator.timeline().filter((message) => message.sender === botId && message.replyTo === eventId),
    settle: async (roomId) => void (await ask(roomId, '!ping')),
    audit: (eventId) => query('SELECT * FROM audit WHERE event_id = ? ORDER BY audit_id', eventId),
    query,
    stop: async () => {
      await demo.bot.stop()
      const leaks = secretsIn(onDisk(demo.files), secretsOf(demo))
      await demo.stop()
      rmSync(dir, { recursive: true, force: true })
      // Whatever a test did: no secret of its world stands in a log, an audit row or anywhere else in the data directory.
      if (leaks.length > 0) throw new Error(leaks.join('; '))
    },
  }
}

/** Every secret that a world has come to know. */
const secretsOf = (demo: Demo): Readonly<Record<string, string>> => {
  const { users, recoveryKeys, invitations } = demo.authentik.state
  const file = `${demo.files.dataDir}/recovery-key`
  const recoveryKey = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  const numbered = (what: string, secrets: Iterable<string>): readonly (readonly [string, string])[] =>
    [...secrets].map((secret, index) => [`${what} ${index + 1}`, secret])
  return Object.fromEntries([
    ['the password of the bot', demo.users.bot.password],
    ['the passphrase', demo.files.passphrase],
    ['the token of Authentik', demo.authentik.token],
    ...(recoveryKey === '' ? [] : numbered('the recovery key, form', [recoveryKey, recoveryKey.replaceAll(' ', '')])),
    ...numbered('token', demo.proxy.tokens),
    ...numbered(
      'password of a person',
      [...users.values()].flatMap(({ password }) => (password === undefined ? [] : [password])),
    ),
    ...numbered(
      'recovery link',
      [...recoveryKeys.values()].map(({ key }) => key),
    ),
    ...numbered(
      'invitation link',
      [...invitations.values()].map(({ pk }) => `itoken=${pk}`),
    ),
  ])
}

/** Ends a world in which the bot has sent every message encrypted, and asked Authentik for nothing but what its schema knows. */
export const stopClean = async (world: World): Promise<void> => {
  const plain = world.admin.database.plaintextMessages({ sender: world.botId })
  const { violations } = world.authentik
  await world.stop()
  expect(plain).toEqual([])
  expect(violations).toEqual([])
}

/** Sends texts as fast as the moderator's client can, in their order. Answers with their event ids. */
export const sendAll = async (person: Person, roomId: string, texts: readonly string[]): Promise<string[]> =>
  await Promise.all(texts.map(async (text) => await person.sendText(roomId, text)))

/** The code that a message asks to confirm with; empty = it asks for none. */
export const confirmCode = ({ body }: Pick<SeenMessage, 'body'>): string => /!confirm ([a-z2-9]{5})/.exec(body)?.[1] ?? ''

/** The devices of the bot and its master key, as the server shows them to the moderator. */
export const keysOfBot = async ({ moderator, botId }: World): Promise<{ readonly devices: readonly string[]; readonly master: string }> => {
  const shown = await moderator.request('POST', '/_matrix/client/v3/keys/query', { device_keys: { [botId]: [] } })
  const { device_keys, master_keys } = shown as unknown as {
    readonly device_keys: Record<string, Record<string, unknown>>
    readonly master_keys: Record<string, { readonly keys: Record<string, string> }>
  }
  return { devices: Object.keys(device_keys[botId] ?? {}), master: Object.values(master_keys[botId]?.keys ?? {})[0] ?? '' }
}
