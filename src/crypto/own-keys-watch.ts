import type { CheckResult } from '../operations/health.ts'
import type { Clock } from '../operations/clock.ts'
import type { OwnKeysProblem } from './own-keys.ts'

/** Between two tries while the homeserver does not answer (milliseconds). */
const againMs = 30_000

/**
 * Compares the keys that the homeserver shows for the bot with its own, once after each start: it waits for nobody and nobody waits for it. Later
 * changes come by themselves with the engine's key queries.
 */
export class OwnKeysWatch {
  readonly #check: () => Promise<{ readonly problem: OwnKeysProblem | undefined } | undefined>
  readonly #clock: Clock
  readonly #onProblem: (problem: OwnKeysProblem) => void
  readonly #stop = new AbortController()
  #state: CheckResult = { ok: true, words: 'not compared with the homeserver yet' }

  constructor(options: {
    /** `WasmEngine.checkOwnKeys` */
    readonly check: () => Promise<{ readonly problem: OwnKeysProblem | undefined } | undefined>
    readonly clock: Clock
    readonly onProblem: (problem: OwnKeysProblem) => void
  }) {
    this.#check = options.check
    this.#clock = options.clock
    this.#onProblem = options.onProblem
  }

  /** For `/readyz` and `!status`. */
  get state(): CheckResult {
    return this.#state
  }

  /** Something was found by another way. */
  found(problem: OwnKeysProblem): void {
    this.#state = { ok: false, words: problem.words }
    this.#onProblem(problem)
  }

  /** Asks until there is an answer. */
  async run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const checked = await this.#check()
      if (signal.aborted) return
      if (checked !== undefined) {
        if (checked.problem !== undefined) this.found(checked.problem)
        else this.#state = { ok: true, words: 'the homeserver shows the same keys' }
        return
      }
      await this.#clock.sleep(againMs, signal).catch(() => undefined)
    }
  }

  stop(): void {
    this.#stop.abort(new Error('the bot is shutting down'))
  }
}
