import type { EngineInput, Quarantine } from './quarantine.ts'

/** No call into the engine takes this long unless it has panicked (milliseconds). */
const callDeadlineMs = 60_000

/** Every call into the engine: with a deadline, alone where an event in it is suspected, and off once the engine is closed. */
export class EngineCalls {
  readonly #quarantine: Quarantine
  readonly #onBroken: (error: Error) => void
  readonly #isPanic: (error: unknown) => boolean
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  /**
   * @param onBroken the engine panicked or a call never came back: the process must end and start again
   * @param isPanic whether a call failed because the engine panicked
   */
  constructor(quarantine: Quarantine, onBroken: (error: Error) => void, isPanic: (error: unknown) => boolean) {
    this.#isPanic = isPanic
    this.#quarantine = quarantine
    this.#onBroken = onBroken
  }

  get closed(): boolean {
    return this.#closed
  }

  /** From now on every call is refused. */
  close(): void {
    this.#closed = true
  }

  /** @param inputs what others have written and the engine has to read in this call */
  run<T>(name: string, work: () => Promise<T>, inputs: readonly EngineInput[] = []): Promise<T> {
    if (!this.#quarantine.careful) return this.#enter(name, work, inputs)
    // Alone in the engine: if it breaks now, it is known over what.
    const enter = (): Promise<T> => this.#enter(name, work, inputs)
    const turn = this.#turn.then(enter, enter)
    this.#turn = turn
    return turn
  }

  async #enter<T>(name: string, work: () => Promise<T>, inputs: readonly EngineInput[]): Promise<T> {
    if (this.#closed) throw new Error('the crypto engine is closed')
    const quarantine = this.#quarantine
    const leave = quarantine.enter(inputs)
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new Error(`the crypto engine did not come back from ${name}`)
        quarantine.engineBroke(error.message, false)
        this.#onBroken(error)
        reject(error)
      }, callDeadlineMs)
    })
    try {
      return await Promise.race([work(), deadline])
    } catch (error) {
      if (this.#isPanic(error)) {
        const broken = new Error(`the crypto engine panicked in ${name}`)
        quarantine.engineBroke(broken.message, true)
        this.#onBroken(broken)
      }
      throw error
    } finally {
      leave()
      clearTimeout(timer)
    }
  }
}
