import type { LightMessage } from '../support/people/light.ts'
import type { Visitor } from './people.ts'

/** One who works through what is given to them, one thing after another, as a person does. */
export class Moderator {
  readonly visitor: Visitor
  readonly #bot: string
  readonly #patienceMs: number
  #tail: Promise<void> = Promise.resolve()

  constructor(visitor: Visitor, bot: string, patienceMs: number) {
    this.visitor = visitor
    this.#bot = bot
    this.#patienceMs = patienceMs
  }

  /** Puts something to do behind everything else. */
  take(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(work)
  }

  /** Resolves when all is done that was given so far. */
  async done(): Promise<void> {
    let tail: Promise<void>
    do {
      tail = this.#tail
      await tail
    } while (tail !== this.#tail)
  }

  /** Gives a command, confirms it where the bot asks for that, and answers with the final answer. */
  async command(roomId: string, text: string, replyTo?: string): Promise<LightMessage> {
    const sent = await this.visitor.client.sendText(roomId, text, replyTo === undefined ? {} : { replyTo })
    const answer = await this.#answerTo(sent)
    const code = /!confirm (\S+)/.exec(answer.body)?.[1]
    if (code === undefined) return answer
    return await this.#answerTo(await this.visitor.client.sendText(roomId, `!confirm ${code}`))
  }

  /** The final answer: a reply, or the edit of the progress message that was the reply. */
  async #answerTo(eventId: string): Promise<LightMessage> {
    const { client } = this.visitor
    const isProgress = (id: string): boolean =>
      client.messages().some((message) => message.eventId === id && message.replyTo === eventId && message.body.startsWith('⏳'))
    return await client.waitForMessage((message) => {
      if (message.sender !== this.#bot || message.body.includes('⏳')) return false
      return message.replyTo === eventId || (message.replaces !== undefined && isProgress(message.replaces))
    }, this.#patienceMs)
  }
}
