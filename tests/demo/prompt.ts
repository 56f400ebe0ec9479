import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Cast, Actor } from './cast.ts'
import type { Demo } from './environment.ts'

const helpOf = ({ users }: Demo): string => `What you type is sent by Mo, the moderator, from an encrypted client into the INDOC room. Try:
  !help                       what the bot can do
  !rooms · !recommend hiking  rooms
  !adduser Ada Lovelace --email ada@riverbend.test --matrix ${users.newcomer.userId} --interests "hiking, music"
  !remove ${users.members[0]?.userId ?? '@somebody'}   shows a plan; answer with its code
What to try next: somebody comes by herself, and you let her in.
  /as visitor                 Zoe; then /join lets her come to INDOC, and the bot asks who she is
  1. Zoe Brontë 2. none 3. Mo 4. zoe@riverbend.test 5. hiking, tea
  /as moderator               then !pending (who waits), !gtg 1 --dry-run, !gtg 1
  /as visitor                 /accept opens the direct chat; she reads her welcome and leaves INDOC
  !stuck · !why as a /reply · admin: !audit · /bot kill, /bot start and a command after it
Lines of the demo itself:
  admin: !status              sends this one line into the admin room
  /room indoc|admin|<name>    sends what follows into that room
  /as moderator|admin|newcomer|visitor   lets somebody else speak
  /reply !why                 sends it as a reply to the bot's last message of the room
  /accept                     accepts all invitations of the one who speaks (try it as newcomer)
  /join                       lets the one who speaks join the room of the prompt
  /bot stop|start|kill        what operators and power cuts do
  /quit or Ctrl-D             ends everything`

/** After the end of the input, answers that are still missing are waited for (milliseconds). */
const lastAnswersMs = 15_000

/** The terminal (or a pipe): prints without disturbing what is being typed. Nothing is read before `read`. */
export class Terminal {
  readonly #interactive: boolean = process.stdin.isTTY
  #rl: Interface | undefined
  #label = ''

  readonly print = (line: string): void => {
    if (this.#interactive) process.stdout.write('\r\x1b[K')
    process.stdout.write(`${line}\n`)
    this.prompt()
  }

  set label(label: string) {
    this.#label = label
  }

  /** Shows the prompt again, with what was typed so far. */
  prompt(): void {
    if (!this.#interactive || this.#rl === undefined) return
    this.#rl.setPrompt(this.#label)
    this.#rl.prompt(true)
  }

  /** Hands on each line; resolves at the end of the input, after `close` or when the signal comes. */
  async read(onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const rl = createInterface({ input: process.stdin, output: process.stdout, terminal: this.#interactive })
    this.#rl = rl
    rl.on('line', onLine)
    // In a terminal Ctrl-C comes to readline as a key.
    rl.on('SIGINT', () => this.close())
    const closed = once(rl, 'close')
    signal.addEventListener('abort', () => this.close())
    if (signal.aborted) this.close()
    else this.prompt()
    await closed
  }

  close(): void {
    const rl = this.#rl
    this.#rl = undefined
    rl?.close()
  }
}

/** Reads lines until the end of the input, `/quit` or the signal. */
export const prompt = async (demo: Demo, cast: Cast, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  const session = new Session(demo, cast, terminal.print)
  terminal.print(helpOf(demo))
  // Lines that come while one is worked on wait here: piped input comes all at once.
  let turn = Promise.resolve()
  terminal.label = session.label
  await terminal.read((line) => {
    turn = turn.then(async () => {
      try {
        if (line.trim() === '/quit') terminal.close()
        else await session.take(line.trim())
      } catch (error) {
        terminal.print(`! ${error instanceof Error ? error.message : String(error)}`)
      }
      terminal.label = session.label
      terminal.prompt()
    })
  }, signal)
  await turn
  if (!signal.aborted) await session.untilAnswered()
}

class Session {
  readonly #demo: Demo
  readonly #cast: Cast
  readonly #print: (line: string) => void
  #actor: Actor = 'moderator'
  #room: string
  #sent: { readonly actor: Actor; readonly roomId: string; readonly eventId: string }[] = []

  constructor(demo: Demo, cast: Cast, print: (line: string) => void) {
    this.#demo = demo
    this.#cast = cast
    this.#print = print
    this.#room = demo.rooms.indoc
  }

  get label(): string {
    return `${this.#cast.nameOf(this.#cast.user(this.#actor).userId)} in ${this.#cast.roomName(this.#room)}> `
  }

  async take(line: string): Promise<void> {
    if (line === '') return
    const [word, rest] = split(line)
    switch (word) {
      case '/help':
        return this.#print(helpOf(this.#demo))
      case '/room':
        this.#room = this.#find(rest)
        return
      case '/as':
        this.#actor = actorOf(rest)
        await this.#cast.person(this.#actor)
        return
      case '/reply':
        return await this.#send(this.#room, rest, true)
      case '/accept':
        return await this.#accept()
      case '/join':
        await (await this.#cast.person(this.#actor)).joinRoom(this.#room)
        return
      case '/bot':
        return await this.#bot(rest)
      case 'admin:':
        return await this.#send(this.#demo.rooms.admin, rest)
      default:
        if (word.startsWith('/')) return this.#print(`There is no ${word} here; /help lists what there is.`)
        await this.#send(this.#room, line)
    }
  }

  /** Waits until each command has its answer; says which ones have none. */
  async untilAnswered(): Promise<void> {
    const { bot } = this.#demo.users
    await Promise.all(
      this.#sent.map(async ({ actor, roomId, eventId }) => {
        const person = await this.#cast.person(actor)
        await person
          .waitForMessage(roomId, { sender: bot.userId, replyTo: eventId }, lastAnswersMs)
          .catch(() => this.#print(`! No answer came to “${person.message(eventId)?.body ?? eventId}”.`))
      }),
    )
  }

  async #send(roomId: string, text: string, asReply = false): Promise<void> {
    const person = await this.#cast.person(this.#actor)
    const { bot } = this.#demo.users
    const last = person.timeline(roomId).findLast((message) => message.sender === bot.userId)
    const replyTo = asReply && last !== undefined ? { replyTo: last.eventId } : {}
    const eventId = await person.sendText(roomId, text, replyTo)
    if (text.startsWith('!')) this.#sent.push({ actor: this.#actor, roomId, eventId })
  }

  async #accept(): Promise<void> {
    const person = await this.#cast.person(this.#actor)
    const rooms = person.rooms('invite')
    if (rooms.length === 0) this.#print(`${this.#cast.nameOf(person.userId)} has no invitation.`)
    for (const room of rooms) await person.joinRoom(room)
  }

  async #bot(what: string): Promise<void> {
    const { bot } = this.#demo
    if (what === 'stop') await bot.stop()
    else if (what === 'kill') await bot.kill()
    else if (what === 'start') await bot.start()
    else throw new Error('/bot knows stop, start and kill')
    this.#print(bot.running ? `The bot runs (process ${bot.pid}).` : 'The bot is down.')
  }

  #find(name: string): string {
    const wanted = name.toLowerCase()
    const { indoc, admin, catalogue } = this.#demo.rooms
    if (wanted === 'indoc') return indoc
    if (wanted === 'admin') return admin
    const room = catalogue.find((one) => one.name.toLowerCase() === wanted)
    if (room === undefined) throw new Error(`There is no room “${name}”: indoc, admin, ${catalogue.map((one) => one.name).join(', ')}`)
    return room.roomId
  }
}

const split = (line: string): readonly [string, string] => {
  const at = line.search(/\s/)
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at).trim()]
}

const actorOf = (text: string): Actor => {
  if (text === 'moderator' || text === 'admin' || text === 'newcomer' || text === 'visitor') return text
  throw new Error('/as knows moderator, admin, newcomer and visitor')
}
