import type { LightMessage, LightUser } from '../tests/support/people/light.ts'

/** An answer and how long it took, from the call that sends the question to the decrypted answer (milliseconds). */
export interface Asked {
  readonly ms: number
  /** On the clock of `performance.now()`. */
  readonly at: number
  readonly questionId: string
  readonly answer: LightMessage
  /** The text of the answer; an edit's fallback has a `* ` before it. */
  readonly words: string
}

const patienceMs = 60_000

interface Relation {
  readonly rel_type?: string
  readonly event_id?: string
}

/** Asks questions and takes the time of their answers. A light client of its own, so that measuring costs little. */
export class Asker {
  readonly user: LightUser
  readonly #waiting = new Map<string, (answer: LightMessage, at: number) => void>()
  /** Answers that came before the server had told the id of the question. */
  readonly #early = new Map<string, { readonly answer: LightMessage; readonly at: number }>()
  /** Progress messages and the question that they belong to: the final answer replaces their text. */
  readonly #progress = new Map<string, string>()

  constructor(user: LightUser) {
    this.user = user
    user.onMessage((message) => this.#read(message, performance.now()))
  }

  /** Sends a question and waits for its final answer; a message that only tells how far the work is does not count. */
  async ask(roomId: string, text: string): Promise<Asked> {
    const begun = performance.now()
    const questionId = await this.user.sendText(roomId, text)
    const { answer, at } = await this.answerTo(questionId, text)
    return { ms: at - begun, at, questionId, answer, words: answer.body.replace(/^\* /, '') }
  }

  /** Waits for the answer to a question that was sent before. */
  async answerTo(questionId: string, text: string): Promise<{ readonly answer: LightMessage; readonly at: number }> {
    const early = this.#early.get(questionId)
    if (early !== undefined) {
      this.#early.delete(questionId)
      return early
    }
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(questionId)
        reject(new Error(`no answer to ${text} in ${patienceMs / 1000} s`))
      }, patienceMs)
      this.#waiting.set(questionId, (answer, at) => {
        clearTimeout(timer)
        this.#waiting.delete(questionId)
        resolve({ answer, at })
      })
    })
  }

  #read(message: LightMessage, at: number): void {
    const relation = message.content['m.relates_to'] as Relation | undefined
    const edited = relation?.rel_type === 'm.replace' && relation.event_id !== undefined ? this.#progress.get(relation.event_id) : undefined
    const questionId = edited ?? message.replyTo
    if (questionId === undefined) return
    if (/^(\* )?⏳/.test(message.body)) {
      if (edited === undefined) this.#progress.set(message.eventId, questionId)
      return
    }
    const waiting = this.#waiting.get(questionId)
    if (waiting === undefined) this.#early.set(questionId, { answer: message, at })
    else waiting(message, at)
  }
}
