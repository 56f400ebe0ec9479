import type { IncomingMessage, Transport } from '../../../src/chat/incoming.ts'
import type { Membership } from '../../../src/database/schema.ts'
import { noChanges } from '../../../src/directory/changes.ts'
import { Links } from '../../../src/directory/links.ts'
import { Scheduler } from '../../../src/jobs/scheduler.ts'
import { silentLogger } from '../../../src/operations/logger.ts'
import type { OutgoingMessage } from '../../../src/matrix/outbox.ts'
import { Indoc } from '../../../src/onboarding/indoc.ts'
import type { IntroductionJobOptions } from '../../../src/onboarding/introduction-jobs.ts'
import { Newcomers } from '../../../src/onboarding/newcomers.ts'
import { loadTemplates } from '../../../src/onboarding/templates.ts'
import type { EventId, RoomId, UserId } from '../../../src/types.ts'
import { memoryDatabase, TestClock } from '../unit.ts'
import { ada, bot, ghost, indoc, mod } from './arrival-world.ts'

export { ada, bot, ghost, indoc, mod }
export const admin = '!admin:example.org' as RoomId
export const full = '1. Ada Lovelace\n2. Engines\n3. Mo\n4. ada@example.org\n5. maths'
export const hour = 3_600_000

let events = 0

/** A message in INDOC as it was read. */
export const said = (
  body: string,
  more: Partial<IncomingMessage> & { readonly sender?: UserId; readonly at?: number } = {},
): IncomingMessage => {
  events += 1
  const { sender = ada, at, ...rest } = more
  return {
    entry: {
      eventId: `$m${events}` as EventId,
      roomId: indoc,
      sender,
      kind: 'message',
      event: at === undefined ? {} : { origin_server_ts: at },
      late: false,
      state: 'pending',
      receivedAt: at ?? 1_000_000,
    },
    body,
    formattedBody: undefined,
    msgtype: 'm.text',
    relations: { replyTo: undefined, threadRoot: undefined, isEdit: false },
    transport: { encrypted: true, trust: 'unsigned', device: undefined },
    ...rest,
  }
}

/** An edit of an earlier message. */
export const edited = (of: IncomingMessage, body: string, transport: Transport = of.transport): IncomingMessage => ({
  ...said(`* ${body}`, { sender: of.entry.sender }),
  relations: { replyTo: undefined, threadRoot: undefined, isEdit: true },
  replacement: { eventId: of.entry.eventId, body },
  transport,
})

/** INDOC on a real database, with real jobs, without servers. */
export const indocWorld = (
  options: { readonly prompt?: boolean; readonly settings?: Partial<IntroductionJobOptions['settings']> } = {},
) => {
  const database = memoryDatabase()
  const clock = new TestClock()
  const newcomers = new Newcomers(database)
  const links = new Links(database, clock)
  const scheduler = new Scheduler({ database, clock, logger: silentLogger, random: () => 0.5 })
  const memberships = new Map<UserId, Membership>()
  const sent: OutgoingMessage[] = []
  const kicked: UserId[] = []
  const answers: { kick: Awaited<ReturnType<IntroductionJobOptions['homeserver']['member']>> } = {
    kick: { ok: true, status: 200, body: {}, headers: {}, ms: 1 },
  }
  const inviters = new Map<string, UserId>()
  const knows = { people: true }
  const loaded = loadTemplates({ shared: { community: 'Riverbend' } })
  if (!loaded.ok) throw new Error('the templates are broken')
  const { templates } = loaded
  const roleOf = (userId: UserId) => (userId === mod ? ('moderator' as const) : ('everyone' as const))
  const directory = {
    ownUserId: bot,
    label: (userId: UserId) => userId,
    displayName: (userId: UserId) => (userId === ada ? 'Ada' : null),
    membership: (_room: RoomId, userId: UserId) => memberships.get(userId),
  }
  const outbox = {
    add: (message: OutgoingMessage): void => {
      if (!sent.some(({ txnId }) => txnId === message.txnId)) sent.push(message)
    },
    kick: () => undefined,
  }
  const rooms = { indoc, admin }
  const life = new Indoc({
    database,
    newcomers,
    scheduler,
    directory,
    links,
    outbox,
    rooms,
    isNewcomer: (userId) => userId !== bot && roleOf(userId) === 'everyone',
    inviterOf: (name) => inviters.get(name),
    peopleKnown: () => knows.people,
    settings: { prompt: options.prompt ?? true, deadline: 24 * hour, askInviter: true },
    clock,
  })
  const jobs: IntroductionJobOptions = {
    database,
    newcomers,
    directory,
    homeserver: {
      member: (_action, _room, userId) => {
        kicked.push(userId)
        return Promise.resolve(answers.kick)
      },
    },
    outbox,
    templates,
    rooms,
    isSettled: (userId) => links.of(userId) !== undefined || roleOf(userId) !== 'everyone',
    settings: { promptEvery: 30_000, remindBefore: 4 * hour, removeExpired: false, ...options.settings },
    clock,
  }
  /** Somebody's membership changes. */
  const moves = (userId: UserId, to: Membership): void => {
    const from = memberships.get(userId) ?? null
    memberships.set(userId, to)
    life.changed({
      ...noChanges(),
      memberChanges: [{ roomId: indoc, userId, from, to, eventId: null, sender: null, displayName: null, source: 'timeline' }],
    })
  }
  const bodies = (roomId: RoomId = indoc): string[] =>
    sent.filter((one) => one.roomId === roomId).map(({ content }) => (typeof content['body'] === 'string' ? content['body'] : ''))
  return {
    database,
    clock,
    newcomers,
    links,
    scheduler,
    memberships,
    sent,
    kicked,
    answers,
    inviters,
    knows,
    templates,
    directory,
    outbox,
    life,
    jobs,
    roleOf,
    moves,
    bodies,
  }
}
