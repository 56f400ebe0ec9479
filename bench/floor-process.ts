import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Chain, FloorOrder, FloorRole, FloorWord } from './floor.ts'

const program = fileURLToPath(new URL('floor.ts', import.meta.url))

/** The floor's process. It ends with `stop` and when this process ends. */
export class FloorProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts it at once; the echo answers only after `ready`. */
  static start(role: FloorRole): FloorProcess {
    const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.send(role)
    return new FloorProcess(child)
  }

  async ready(): Promise<void> {
    await this.#hear('ready')
  }

  /** Processor time used since it started, in seconds. */
  async cpu(): Promise<number> {
    const heard = this.#hear('cpu')
    this.#order({ order: 'cpu' })
    return (await heard).seconds
  }

  /** Sets what it does before it answers the next `!chain`. */
  async prepare(chain: Chain): Promise<void> {
    const heard = this.#hear('chain')
    this.#order({ order: 'chain', chain })
    await heard
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.disconnect()
    await gone
  }

  #order(order: FloorOrder): void {
    this.#child.send(order)
  }

  #hear<Word extends FloorWord['word']>(word: Word): Promise<Extract<FloorWord, { word: Word }>> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: FloorWord): void => {
        if (message.word !== word) return
        done()
        resolve(message as Extract<FloorWord, { word: Word }>)
      }
      const onExit = (code: number | null): void => {
        done()
        reject(new Error(`the floor ended before it said ${word} (${code ?? 'killed'})`))
      }
      const done = (): void => {
        this.#child.off('message', onMessage)
        this.#child.off('exit', onExit)
      }
      this.#child.on('message', onMessage)
      this.#child.on('exit', onExit)
    })
  }
}
