import { afterEach, describe, expect, test } from 'vitest'
import { Audit } from '../audit/audit.ts'
import { declarations } from '../commands/declarations.ts'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import type { SenderTrust } from '../crypto/port.ts'
import { Journal } from '../matrix/journal.ts'
import type { JournalEntry } from '../matrix/journal.ts'
import type { Outbox, OutgoingMessage } from '../matrix/outbox.ts'
import { silentLogger } from '../operations/logger.ts'
import type { EventId, Role, RoomId, RoomKind, UserId } from '../types.ts'
import type { Command, CommandRequest } from './command.ts'
import type { Plan } from './effects.ts'
import { Elsewhere } from './elsewhere.ts'
import { Executor } from './execute.ts'
import type { EffectHandlers } from './execute.ts'
import { HeldCommands } from './held-commands.ts'
import { Lists } from './lists.ts'
import { createParser } from './parse.ts'
import { Pipeline } from './pipeline.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { PlanStore } from './plans.ts'
import type { SavedCommand } from './saved.ts'

const mod = '@mod:x' as UserId
const bob = '@bob:x' as UserId
/** A moderator in somebody else's direct chat. */
const carol = '@carol:x' as UserId
const indoc = '!indoc:x' as RoomId
const admin = '!admin:x' as RoomId
const dm = '!dm:x' as RoomId
const private_ = '!private:x' as RoomId
const kinds: Readonly<Record<string, RoomKind>> = { [indoc]: 'indoc', [admin]: 'admin', [dm]: 'dm' }

const endings: (() => void)[] = []
afterEach(() => {
  for (const end of endings.splice(0)) end()
})

interface Said {
  readonly keyLate?: boolean
  readonly line: string
  readonly roomId?: RoomId
  readonly sender?: UserId
  readonly trust?: SenderTrust | 'clear'
  readonly device?: string
  readonly replyFallback?: boolean
  /** As the journal gives it after a restart. */
  readonly sinceRestart?: Pick<JournalEntry, 'state' | 'receivedAt'>
}

/** The real pipeline on a database in memory; only what talks to servers is made up. */
const bench = (made: { readonly plan?: (request: CommandRequest) => ReturnType<Extract<Command, { plan: unknown }>['plan']> } = {}) => {
  const database = Database.open(':memory:')
  endings.push(() => database.close())
  migrate(database)
  let now = 1_000_000
  const clock = { now: () => now, sleep: () => Promise.resolve() }
  const roleOf = new Map<UserId, Role>([[mod, 'moderator']])
  const messages: OutgoingMessage[] = []
  const kicked: string[] = []
  const saved: SavedCommand[] = []
  const planned: CommandRequest[] = []
  const texts: string[] = []
  const outbox: Pick<Outbox, 'add' | 'kick' | 'sent'> = {
    add: (message) => void messages.push(message),
    kick: () => undefined,
    sent: () => Promise.resolve(undefined),
  }
  let heldCodes = 1
  const journal = new Journal(database)
  const lists = new Lists(clock)
  const plans = new PlanStore(database, () => 0)
  const onePlan = (request: CommandRequest): Plan => ({
    summary: 'the plan',
    steps: [{ effect: { kind: 'room.kick', roomId: admin, userId: bob }, text: 'kick Bob' }],
    targets: [request.arguments.raw()['matrix'] === undefined ? bob : (request.arguments.user('matrix')?.userId ?? bob)],
  })
  const commands = new Map(
    declarations.map((declaration): [string, Command] => [
      declaration.name,
      declaration.effect === 'none'
        ? { declaration, answer: () => ({ blocks: [], code: 'ok' }) }
        : {
            declaration,
            plan: (request) => {
              planned.push(request)
              return (made.plan ?? onePlan)(request)
            },
          },
    ]),
  )
  const effect = {
    act: (one: { readonly kind: string }) => {
      kicked.push(one.kind)
      return Promise.resolve({ state: 'done', code: 'done', text: '' } as const)
    },
    probe: () => Promise.resolve('absent' as const),
  }
  const handlers = new Proxy({} as EffectHandlers, { get: () => effect })
  const pipeline = new Pipeline({
    database,
    journal,
    outbox: outbox as Outbox,
    audit: new Audit(database),
    acknowledger: { begin: () => () => undefined } as unknown as PipelinePorts['acknowledger'],
    plans,
    held: new HeldCommands(database, (below) => heldCodes++ % below),
    executor: new Executor({ store: plans, handlers, clock, logger: silentLogger }),
    roles: { of: (userId: UserId) => roleOf.get(userId) ?? 'everyone' } as PipelinePorts['roles'],
    lists,
    resolverFor: () => ({
      lists,
      nameOf: (userId) => userId,
      isBridged: () => false,
      isKnown: () => Promise.resolve({ known: true, near: [] }),
      accountOf: () => undefined,
      accountsNamed: () => ({ exact: [], similar: [] }),
      peopleNamed: () => ({ exact: [], similar: [] }),
      roomsNamed: () => ({ kind: 'none', candidates: [] }),
    }),
    nameOf: (userId) => userId,
    clock,
    logger: silentLogger,
    parse: createParser(declarations),
    elsewhere: new Elsewhere({
      parse: createParser(declarations),
      address: { prefixes: ['!'], botUserId: '@bot:x' as UserId, botNames: ['Gatehouse'] },
      clock,
    }),
    commands,
    bot: { userId: '@bot:x' as UserId, names: ['Gatehouse'], prefixes: ['!'] },
    trust: 'enforce',
    confirmWithinMs: 300_000,
    roomKind: (roomId, sender) => (roomId === dm && sender === carol ? undefined : kinds[roomId]),
    roomEncrypted: (roomId) => roomId !== dm,
    roomName: (roomId) => roomId,
    directRoom: () => Promise.resolve(private_),
    save: (command) => saved.push(command) + 40,
    bridgeSaid: () => false,
    deviceHint: { look: () => undefined },
    onInvitation: () => Promise.resolve(),
    onUnreadable: () => Promise.resolve(),
    believe: (_userId, _role, transport) => transport,
    freshTrust: () => Promise.resolve(undefined),
    onText: (message) => {
      texts.push(message.body)
      return Promise.resolve()
    },
  })
  let events = 0
  const say = async ({
    line,
    roomId = admin,
    sender = mod,
    trust = 'signed',
    device = 'PHONE',
    replyFallback = false,
    keyLate = false,
    sinceRestart,
  }: Said) => {
    events += 1
    const eventId = `$${events}` as EventId
    const before = messages.length
    const entry = journal.add({ eventId, roomId, sender, kind: 'message', event: {}, late: false, receivedAt: now })
    if (entry === undefined) throw new Error('an event is claimed once')
    const { rest } = await pipeline.message(
      {
        entry: sinceRestart === undefined ? entry : { ...entry, ...sinceRestart },
        body: replyFallback ? `> <@bot:x> Please confirm:\n> the plan\n\n${line}` : line,
        formattedBody: undefined,
        msgtype: 'm.text',
        relations: { isEdit: false, replyTo: undefined, threadRoot: undefined },
        transport: trust === 'clear' ? { encrypted: false } : { encrypted: true, trust, device },
        keyLate,
      },
      new AbortController().signal,
    )
    await rest
    return messages.slice(before).map(({ roomId: to, type, content }) => ({ roomId: to, type, text: JSON.stringify(content) }))
  }
  const auditText = () => JSON.stringify(database.all(database.query.selectFrom('audit').selectAll()))
  return {
    say,
    pipeline,
    messages,
    kicked,
    saved,
    planned,
    texts,
    lists,
    roleOf,
    auditText,
    later: (milliseconds: number) => {
      now += milliseconds
    },
  }
}

const down = () => ({ unavailable: 'authentik', words: 'Authentik does not answer' })

describe('a dry run changes nothing, whatever happens', () => {
  test('it is not saved to run for real when the service comes back', async () => {
    const { say, saved } = bench({ plan: down })
    const [answer] = await say({ line: '!adduser Ada --dry-run' })
    expect(saved).toEqual([])
    expect(answer?.text).toContain('Authentik does not answer')
    expect(answer?.text).not.toContain('!retry')
  })

  test('what has to be confirmed is not kept either: it would run without its confirmation', async () => {
    const { say, saved, kicked } = bench({ plan: down })
    const [answer] = await say({ line: '!remove @bob:x' })
    expect({ saved, kicked }).toEqual({ saved: [], kicked: [] })
    expect(answer?.text).toContain('Send the command again')
  })

  test('the command itself is saved', async () => {
    const { say, saved } = bench({ plan: down })
    const [answer] = await say({ line: '!adduser Ada' })
    expect(saved).toHaveLength(1)
    expect(answer?.text).toContain('!retry 41')
  })
})

describe('a message whose key came too late', () => {
  test('changes nothing; what only looks is answered', async () => {
    const { say, planned } = bench()
    const [refusal] = await say({ line: '!addto tech @bob:x', keyLate: true })
    expect(refusal?.text).toMatch(/key of this message arrived late.*send it again/)
    expect(planned).toEqual([])
    expect(await say({ line: '!ping', keyLate: true })).toHaveLength(1)
  })

  test('is still taken as an introduction in INDOC, and as nothing elsewhere', async () => {
    const { say, texts } = bench()
    await say({ line: 'My name is Bob', roomId: indoc, sender: bob, keyLate: true })
    await say({ line: 'resend', keyLate: true })
    await say({ line: 'resend' })
    expect(texts).toEqual(['My name is Bob', 'resend'])
  })
})

describe('commands in a room where the bot takes none', () => {
  const other = '!other:x' as RoomId

  test('a moderator is told, nothing is done, and it is audited', async () => {
    const { say, kicked, planned, auditText } = bench()
    const said = await say({ line: '!addto tech @bob:x', roomId: other })
    expect(said).toHaveLength(1)
    expect(said[0]?.text).toContain('I take no commands in this room')
    expect({ kicked, planned }).toEqual({ kicked: [], planned: [] })
    expect(auditText()).toContain('"code":"other-room"')
  })

  test('nor in the direct chat of somebody else: they would read the answer', async () => {
    const { say, roleOf } = bench()
    roleOf.set(carol, 'moderator')
    const said = await say({ line: '!pending', roomId: dm, sender: carol })
    expect(said[0]?.text).toContain('I take no commands in this room')
  })

  test('an address in it is hidden and not repeated', async () => {
    const { say, auditText } = bench()
    const said = await say({ line: '!adduser Ada --email ada@example.org', roomId: other })
    expect(said.map(({ type }) => type).sort()).toEqual(['m.room.message', 'm.room.redaction'])
    expect(said.map(({ text }) => text).join() + auditText()).not.toContain('ada@example')
  })

  test('others get no answer, and cannot fill the audit', async () => {
    const { say, auditText, later } = bench()
    const rows = () => auditText().split('"code":"other-room"').length - 1
    for (let count = 0; count < 25; count += 1) expect(await say({ line: '!ping', roomId: other, sender: bob })).toEqual([])
    expect(rows()).toBe(20)
    later(3_600_000)
    await say({ line: '!ping', roomId: other, sender: bob })
    expect(rows()).toBe(21)
  })

  test.each(['hello', '!weather Paris', 'Gatehouse is nice', '!'])('%s is none of ours', async (line) => {
    const { say, auditText } = bench()
    expect(await say({ line, roomId: other })).toEqual([])
    expect(auditText()).toBe('[]')
  })
})

describe('personal data and INDOC', () => {
  const redactions = (said: readonly { readonly type: string }[]): number => said.filter(({ type }) => type === 'm.room.redaction').length
  const readIn = (said: readonly { readonly roomId: RoomId; readonly text: string }[], room: RoomId): string =>
    said.flatMap(({ roomId, text }) => (roomId === room ? [text] : [])).join('\n')

  test.each([
    ['understood', '!adduser Ada --email ada@example.org'],
    ['an option is mistyped', '!adduser Ada --emial ada@example.org'],
    ['a quote is open', '!adduser Ada --email ada@example.org --organization "Analytical'],
    ['the address is mistyped', '!adduser Ada --email ada@example'],
    ['the address stands in the wrong option', '!adduser Ada --matrix ada@example.org'],
    ['no such command', '!adusr ada@example.org'],
    ['a telephone number', '!adduser Ada --phone +44 7700 900123'],
  ])('%s: the command is hidden and not repeated', async (_, line) => {
    const { say, auditText } = bench()
    const said = await say({ line, roomId: indoc })
    expect(redactions(said)).toBe(1)
    expect(readIn(said, indoc)).not.toMatch(/ada@example|900123/)
    expect(auditText()).not.toMatch(/ada@example|900123/)
  })

  test('a refused one is hidden too: the device is no reason to leave the address there', async () => {
    const { say } = bench()
    const said = await say({ line: '!adduser Ada --email ada@example.org', roomId: indoc, trust: 'unsigned' })
    expect(redactions(said)).toBe(1)
  })

  test('ids, links and numbers of jobs are not personal; nor is anything hidden in the admin room, or of people without a role', async () => {
    const { say } = bench()
    expect(redactions(await say({ line: '!addto tech @ada:example.org', roomId: indoc }))).toBe(0)
    expect(redactions(await say({ line: '!addto tech https://matrix.to/#/@ada:example.org', roomId: indoc }))).toBe(0)
    expect(redactions(await say({ line: '!adduser Ada --email ada@example.org' }))).toBe(0)
    expect(redactions(await say({ line: '!adduser Ada --email ada@example.org', roomId: indoc, sender: bob }))).toBe(0)
  })

  test('a slip without personal data is answered where it was made', async () => {
    const { say } = bench()
    const said = await say({ line: '!adduser Ada --matrx @ada:example.org', roomId: indoc })
    expect(readIn(said, indoc)).toContain('--matrix')
    expect(readIn(said, private_)).toBe('')
  })
})

describe('a direct chat in clear, which a server can make up', () => {
  test('changes nothing', async () => {
    const { say, planned, kicked } = bench()
    const [answer] = await say({ line: '!adduser Ada', roomId: dm, trust: 'clear' })
    expect(answer?.text).toContain('not encrypted')
    const [removal] = await say({ line: '!remove @bob:x', roomId: dm, trust: 'clear' })
    expect(removal?.text).not.toContain('confirm')
    expect({ planned, kicked }).toEqual({ planned: [], kicked: [] })
  })

  test('looking is free there', async () => {
    const [answer] = await bench().say({ line: '!rooms', roomId: dm, trust: 'clear', sender: bob })
    expect(answer?.text).not.toContain('❌')
  })
})

test.each(['pending', 'waiting'] as const)('a command that was %s when the bot stopped is not run hours later', async (state) => {
  const { say, planned } = bench()
  const [answer] = await say({ line: '!adduser Ada', sinceRestart: { state, receivedAt: -5 * 3_600_000 } })
  expect(planned).toEqual([])
  expect(answer?.text).toContain('while I was away')
})

describe('a command that is kept because a service is missing', () => {
  const signal = new AbortController().signal

  test('a row stays the person it was, whatever list is shown meanwhile', async () => {
    const ada = '@ada:x' as UserId
    let missing = true
    const { say, saved, lists, pipeline, planned } = bench({
      plan: (request) =>
        missing ? down() : { summary: '', steps: [], targets: [request.arguments.user('matrix')?.userId ?? ('@nobody:x' as UserId)] },
    })
    lists.add(mod, [bob])
    await say({ line: '!adduser Bob --matrix 1' })
    lists.add(mod, [ada])
    missing = false
    const [command] = saved
    if (command === undefined) throw new Error('nothing was saved')
    expect(await pipeline.runSaved(command, signal)).toBe(true)
    expect(planned.at(-1)?.arguments.user('matrix')?.userId).toBe(bob)
  })

  test('who has lost the role meanwhile changes nothing any more', async () => {
    let missing = true
    const step = { effect: { kind: 'room.invite' as const, roomId: admin, userId: bob }, text: 'invite Bob' }
    const { say, saved, pipeline, kicked, roleOf } = bench({
      plan: () => (missing ? down() : { summary: '', steps: [step], targets: [bob] }),
    })
    await say({ line: '!adduser Bob' })
    missing = false
    roleOf.delete(mod)
    const [command] = saved
    if (command === undefined) throw new Error('nothing was saved')
    expect(await pipeline.runSaved(command, signal)).toBe(true)
    expect(kicked).toEqual([])
  })
})

describe('personal answers', () => {
  test('what a plan with personal data came to is not told in INDOC', async () => {
    const step = { effect: { kind: 'room.invite' as const, roomId: admin, userId: bob }, text: 'secret of Bob' }
    const { say } = bench({ plan: () => ({ summary: '', steps: [step], targets: [], personal: true }) })
    const said = await say({ line: '!adduser Bob', roomId: indoc })
    expect(said.filter(({ text }) => text.includes('secret of Bob')).map(({ roomId }) => roomId)).toEqual([private_])
  })
})

describe('confirming', () => {
  const codeIn = (said: readonly { readonly text: string }[]): string => /!confirm ([a-z2-9]{5})/.exec(said[0]?.text ?? '')?.[1] ?? 'none'

  test('by the code alone, also as a reply of an app that quotes what it replies to', async () => {
    const { say, kicked } = bench()
    const code = codeIn(await say({ line: '!remove @bob:x' }))
    await say({ line: code, replyFallback: true })
    expect(kicked).toEqual(['room.kick'])
  })

  test('not by somebody else, from an unsigned device, in clear, elsewhere, after the role is lost, or twice', async () => {
    const { say, kicked, roleOf } = bench()
    const other = '@other:x' as UserId
    roleOf.set(other, 'admin')
    const code = codeIn(await say({ line: '!remove @bob:x' }))
    await say({ line: code, sender: other })
    await say({ line: `!confirm ${code}`, trust: 'unsigned' })
    await say({ line: `!confirm ${code}`, trust: 'clear' })
    await say({ line: `!confirm ${code}`, roomId: indoc })
    roleOf.delete(mod)
    await say({ line: `!confirm ${code}` })
    roleOf.set(mod, 'moderator').set(bob, 'moderator')
    await say({ line: `!confirm ${code}` })
    roleOf.delete(bob)
    expect(kicked).toEqual([])
    await say({ line: `!confirm ${code.toUpperCase()}` })
    await say({ line: `!confirm ${code}` })
    expect(kicked).toEqual(['room.kick'])
  })

  test('not after five minutes', async () => {
    const { say, kicked, later } = bench()
    const code = codeIn(await say({ line: '!remove @bob:x' }))
    later(300_001)
    const [answer] = await say({ line: code })
    expect(kicked).toEqual([])
    expect(answer?.text).toContain('Give the command again')
  })
})

describe('a command from a device that its owner has not signed', () => {
  const codeIn = (text = ''): string => /!confirm ([a-z2-9]{5})/.exec(text)?.[1] ?? 'none'
  const fromPhone = { line: '!adduser Ada', trust: 'unsigned' } as const

  test('is not done; its owner releases it from a signed one', async () => {
    const { say, planned, kicked, auditText } = bench()
    const [refused] = await say(fromPhone)
    expect(refused?.text).toMatch(/❌ Not done: your device PHONE is not verified.*within 5 min/)
    expect({ planned, kicked }).toEqual({ planned: [], kicked: [] })
    expect(auditText()).toContain('"code":"untrusted-device"')
    await say({ line: `!confirm ${codeIn(refused?.text)}`, device: 'LAPTOP' })
    expect(planned.map(({ arguments: given, asker }) => [given.raw()['first'], asker.userId])).toEqual([['Ada', mod]])
    expect(kicked).toHaveLength(1)
  })

  test('the bare code does as well; a second time it does nothing', async () => {
    const { say, kicked } = bench()
    const code = codeIn((await say(fromPhone))[0]?.text)
    await say({ line: code })
    expect(kicked).toHaveLength(1)
    expect((await say({ line: code }))[0]?.text).toContain('used already')
    expect(kicked).toHaveLength(1)
  })

  test('what asks for a confirmation still asks for it', async () => {
    const { say, kicked } = bench()
    const [refused] = await say({ line: '!remove @bob:x', trust: 'unsigned' })
    const [plan] = await say({ line: `!confirm ${codeIn(refused?.text)}` })
    expect(plan?.text).toContain('Please confirm')
    expect(kicked).toEqual([])
    await say({ line: `!confirm ${codeIn(plan?.text)}` })
    expect(kicked).toHaveLength(1)
  })

  test.each<[string, Partial<Said>, string]>([
    ['by the same device', { trust: 'unsigned' }, 'PHONE is not verified'],
    ['by an identity that has changed', { trust: 'identity-changed' }, 'not the one I know'],
    ['in clear', { trust: 'clear' }, 'your message was not'],
    ['by somebody else', { sender: '@olga:x' as UserId }, 'only the person who gave'],
    ['in another room', { roomId: indoc }, 'I asked nobody here'],
  ])('it is not released %s', async (_, more, words) => {
    const { say, kicked, roleOf } = bench()
    roleOf.set('@olga:x' as UserId, 'admin')
    const code = codeIn((await say(fromPhone))[0]?.text)
    expect((await say({ line: `!confirm ${code}`, ...more }))[0]?.text).toContain(words)
    expect(kicked).toEqual([])
    // The code was not spent by that.
    await say({ line: `!confirm ${code}` })
    expect(kicked).toHaveLength(1)
  })

  test('after five minutes, or without the role, it is too late', async () => {
    const { say, kicked, later, roleOf } = bench()
    const first = codeIn((await say(fromPhone))[0]?.text)
    later(300_001)
    expect((await say({ line: `!confirm ${first}` }))[0]?.text).toContain('run out')
    const second = codeIn((await say(fromPhone))[0]?.text)
    roleOf.delete(mod)
    expect((await say({ line: `!confirm ${second}` }))[0]?.text).toContain('for moderators')
    expect(kicked).toEqual([])
  })

  test('a row stays the person it was', async () => {
    const { say, lists, planned } = bench()
    lists.add(mod, [bob])
    const code = codeIn((await say({ line: '!adduser Bob --matrix 1', trust: 'unsigned' }))[0]?.text)
    lists.add(mod, ['@ada:x' as UserId])
    await say({ line: `!confirm ${code}` })
    expect(planned[0]?.arguments.user('matrix')?.userId).toBe(bob)
  })

  test('what helps is told once an hour for each device; then a pointer and the code', async () => {
    const { say, later } = bench()
    const told = async (more: Partial<Said> = {}): Promise<boolean> => {
      const text = (await say({ ...fromPhone, ...more }))[0]?.text ?? ''
      expect(text).toMatch(/❌.*!confirm/)
      return text.includes('Open Settings')
    }
    expect([await told(), await told(), await told({ device: 'TABLET' }), await told()]).toEqual([true, false, true, false])
    later(3_600_000)
    expect(await told()).toBe(true)
  })

  test('an identity that has changed is no matter of devices: there is no code', async () => {
    const { say, auditText } = bench()
    const [refused] = await say({ line: '!adduser Ada', trust: 'identity-changed' })
    expect(refused?.text).toContain('not the one I know')
    expect(refused?.text).not.toContain('!confirm')
    expect((await say({ line: '!adduser Ada', trust: 'identity-changed' }))[0]?.text).toContain('nobody has accepted')
    expect(auditText()).toContain('"code":"identity-changed"')
  })
})
