import type { OlmMachine } from '@matrix-org/matrix-sdk-crypto-nodejs'

/**
 * The native library's state machine, with what its callers have to see to: a call after its end, or its end during a call, would abort the process.
 */
export class NativeMachine {
  readonly #machine: OlmMachine
  readonly #running = new Set<Promise<unknown>>()
  readonly #kept = new Set<readonly object[]>()
  #closed = false

  constructor(machine: OlmMachine) {
    this.#machine = machine
    // A process that ends by itself with an open machine is aborted, and with that its exit code would be lost.
    process.once('exit', this.#atExit)
  }

  readonly #atExit = (): void => {
    if (this.#running.size === 0) this.#machine.close()
  }

  /**
   * Calls the machine.
   * @param kept lists in the arguments. The library reads them when the call has returned already, and nothing on its side keeps the objects in them: those
   * that the garbage collector takes first are read from freed memory (a crash, or somebody else's id). So they are kept here until it is done
   */
  async call<T>(work: (machine: OlmMachine) => Promise<T>, kept: readonly object[] = []): Promise<T> {
    if (this.#closed) throw new Error('the native engine is closed')
    this.#kept.add(kept)
    const running = work(this.#machine)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
      this.#kept.delete(kept)
    }
  }

  /** What the machine says at once. */
  ask<T>(work: (machine: OlmMachine) => T): T {
    if (this.#closed) throw new Error('the native engine is closed')
    return work(this.#machine)
  }

  /**
   * Refuses new calls, waits for those that run, and ends.
   * @param last done when nothing runs any more and its files are still whole
   */
  async close(last: () => void): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#running)
    try {
      last()
    } finally {
      this.#machine.close()
      process.off('exit', this.#atExit)
    }
  }
}
