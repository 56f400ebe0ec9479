import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { bot, openBotEngine } from '../../tests/support/bot-engine.ts'
import type { BotEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { answered, fakeDirectory } from '../../tests/support/unit.ts'
import { RoomEncryptions } from '../crypto/room-encryption.ts'
import type { Database } from '../database/database.ts'
import { Scheduler } from '../jobs/scheduler.ts'
import type { Homeserver } from '../matrix/client.ts'
import { Outbox } from '../matrix/outbox.ts'
import { systemClock } from '../operations/clock.ts'
import { silentLogger } from '../operations/logger.ts'
import type { JsonObject, RoomId, UserId } from '../types.ts'
import type { Templates } from './templates.ts'
import { createWelcomeHandler } from './welcome.ts'

// The first DM on a virtual clock: real jobs, real outbox, a real engine at both ends. Nothing on its way may wait for time alone.

const ada = '@ada:x' as UserId
const dm = '!dm:x' as RoomId
const minute = 60_000

const server = new KeyServer()
const fake = fakeDirectory(bot, { [dm]: { members: { [bot]: 'join', [ada]: 'invite' } } })
let database: Database
let opened: BotEngine
let engine: BotEngine['engine']
let outbox: Outbox
let scheduler: Scheduler
/** What stands on the server, and when it came (milliseconds of the virtual clock). */
let sent: { readonly at: number; readonly type: string; readonly content: JsonObject }[]

beforeAll(async () => {
  // The clock and its timers are virtual; what only waits for its turn is not.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 1_800_000_000_000 })
  opened = await openBotEngine({ server, clock: systemClock })
  ;({ database, engine } = opened)
  await engine.flushOutgoing()
})
afterAll(async () => {
  await opened.close()
  vi.useRealTimers()
})

beforeEach(() => {
  sent = []
  const encryptions = new RoomEncryptions(database, fake.directory, () => 'all-devices')
  encryptions.remember(dm, { algorithm: 'm.megolm.v1.aes-sha2' }, 1)
  outbox = new Outbox({
    database,
    homeserver: {
      send: (_roomId: string, type: string, txnId: string, content: JsonObject) => {
        sent.push({ at: Date.now(), type, content })
        return Promise.resolve(answered({ event_id: `$${txnId}` }))
      },
    } as unknown as Homeserver,
    crypto: engine,
    encryptions,
    fetchMembers: () => Promise.resolve(),
    clock: systemClock,
    logger: silentLogger,
  })
  scheduler = new Scheduler({ database, clock: systemClock, logger: silentLogger, random: () => 0.5 })
  scheduler.register(
    'welcome',
    createWelcomeHandler({
      directRooms: { open: () => Promise.resolve({ ok: true, roomId: dm, made: false }) },
      directory: fake.directory,
      crypto: engine,
      outbox,
      authentik: {} as never,
      templates: { render: (name: string) => ({ body: name, formattedBody: name, mentions: {} }) } as unknown as Templates,
      clock: systemClock,
      credentials: { kind: 'recovery-link', linkLifetime: minute },
      delayMs: 0,
      helloGapMs: 3000,
      deviceWaitMs: 10 * minute,
      quietFor: () => 0,
      newPassphrase: () => '',
      holderProblem: () => undefined,
      onSecret: () => undefined,
      onDead: () => undefined,
    }),
  )
  // As in the program: people who move, or whose devices change, wake their welcome.
  engine.onDevicesChanged((userIds) => {
    for (const userId of userIds) scheduler.wake('welcome', userId)
  })
  scheduler.start()
})
afterEach(async () => {
  const stopped = scheduler.stop(0)
  await vi.advanceTimersByTimeAsync(10)
  await stopped
  await outbox.close()
})

/** Lets everything run that waits for nothing but its turn (a timer of 0 ms is one too), until the condition holds. The clock stands still. */
const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 5000; turn += 1) {
    if (holds()) return
    await vi.advanceTimersByTimeAsync(0)
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`this did not happen without time passing: ${what}`)
}
const note = (): string | null | undefined => scheduler.open('welcome', ada)?.lastError
const untilNote = async (words: string): Promise<void> => {
  await until(words, () => note()?.includes(words) === true)
}

test('accepted after a minute, no device at accept, one a minute later: the first message is readable, and comes at once', async () => {
  const begun = Date.now()
  scheduler.add({ kind: 'welcome', uniqueKey: ada, payload: { userId: ada, name: 'Ada', askedBy: '@mo:x' } })
  await vi.advanceTimersByTimeAsync(1000)
  await untilNote('joins')

  await vi.advanceTimersByTimeAsync(minute - 1000)
  fake.rooms[dm] = { members: { [bot]: 'join', [ada]: 'join' } }
  scheduler.wake('welcome', ada)
  await untilNote('device')
  expect(sent).toEqual([])

  await vi.advanceTimersByTimeAsync(minute)
  expect(sent).toEqual([])
  const phone = await Peer.make(server, ada, 'PHONE')
  await engine.feed({
    toDevice: [],
    changedDevices: [ada],
    leftDevices: [],
    oneTimeKeyCounts: { signed_curve25519: 50 },
    unusedFallbackKeys: undefined,
  })
  engine.commit(() => undefined)
  await until('the hello is sent', () => sent.length === 1)
  expect(sent[0]).toMatchObject({ type: 'm.room.encrypted', at: begun + 2 * minute })
  expect(await phone.reads(dm, sent[0]?.content ?? {})).toBe('hello')

  await untilNote('between hello and welcome')
  await vi.advanceTimersByTimeAsync(3000)
  await until('the welcome is sent', () => sent.length === 2)
  expect(await phone.reads(dm, sent[1]?.content ?? {})).toBe('welcome')
})

describe('nothing on the way of the first message sleeps', () => {
  /** What may name a timer, and why it is no sleep on the way. */
  const allowed: Readonly<Record<string, readonly string[]>> = {
    // A deadline: it ends what hangs, and nothing waits for it.
    'crypto/engine-calls.ts': ['timer = setTimeout(() => {'],
    // The pause before a queued message is tried again after it failed; the welcome is sent directly and does not pass here.
    'matrix/outbox.ts': ['await this.#clock.sleep(result.retryAfterMs ?? wait, this.#stop.signal)'],
    // The scheduler's alarm: it wakes jobs whose time has come, and `wake` does not wait for it.
    'jobs/scheduler.ts': [
      'await Promise.race([Promise.all(this.#running.values()), this.#clock.sleep(graceMs, grace.signal).catch(() => undefined)])',
      'this.#timer = setTimeout(() => this.#tick(), delay)',
    ],
  }

  test.each([
    'onboarding/welcome.ts',
    'onboarding/credentials.ts',
    'crypto/engine.ts',
    'crypto/engine-calls.ts',
    'crypto/key-requests.ts',
    'crypto/room-key-sharing.ts',
    'crypto/wasm-binding.ts',
    'crypto/room-sessions.ts',
    'crypto/room-encryption.ts',
    'crypto/follow-members.ts',
    'crypto/key-sharing.ts',
    'crypto/http.ts',
    'matrix/outbox.ts',
    'jobs/scheduler.ts',
  ])('%s', (file) => {
    const text = readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8')
    const lines = text.split('\n').map((line) => line.trim())
    expect(lines.filter((line) => /\b(?:setTimeout|setInterval|sleep)\s*\(|timers\/promises/.test(line))).toEqual(allowed[file] ?? [])
  })
})
