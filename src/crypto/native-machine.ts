import type { OlmMachine } from '@matrix-org/matrix-sdk-crypto-nodejs'

/** Machines that were opened: never given to the garbage collector. */
const opened = new Set<OlmMachine>()

/** At the end of a process the runtime frees what the library made; it aborts over that. `exit` ends without it, and with the exit code. */
const endWithoutFreeing = (): void => process.exit()

/**
 * The native library's state machine, with what its callers have to see to. It is never closed: whatever the library gave out (a device, say) holds on to its store,
 * and the last one that goes takes the process along. Its threads end with the process.
 */
export class NativeMachine {
  readonly #machine: OlmMachine
  readonly #running = new Set<Promise<unknown>>()
  readonly #kept = new Set<readonly object[]>()
  #closed = false

  constructor(machine: OlmMachine) {
    this.#machine = machine
    if (opened.size === 0) process.once('beforeExit', endWithoutFreeing)
    opened.add(machine)
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
   * Refuses new calls and waits for those that run.
   * @param last done when nothing runs any more
   */
  async close(last: () => void): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#running)
    last()
  }
}
