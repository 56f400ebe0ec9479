import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Envelope, HostMessage, HostRequest, Notice } from './protocol.ts'

const hostFile = fileURLToPath(new URL('host.ts', import.meta.url))
const answerLimit = 60_000
const linesKept = 60

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** The parent's end of the process that hosts the clients. */
export class HostProcess {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Map<number, (notice: Notice) => void>()
  #log: string[] = []
  #lastId = 0

  constructor() {
    this.#child = fork(hostFile, [], { execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'], serialization: 'json' })
    const keep = (chunk: Buffer): void => {
      this.#log = [...this.#log, ...chunk.toString().split('\n')].slice(-linesKept)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#child.on('message', (message: HostMessage) => this.#receive(message))
    this.#child.once('exit', (code, signal) => {
      const error = new Error(`The process of the test clients ended (${code ?? signal}). The end of its log:\n${this.#log.join('\n')}`)
      for (const pending of this.#pending.values()) pending.reject(error)
      this.#pending.clear()
    })
  }

  /** Receives what is told about one client. */
  listen(person: number, listener: (notice: Notice) => void): void {
    this.#listeners.set(person, listener)
  }

  async call(person: number, request: HostRequest): Promise<unknown> {
    const id = ++this.#lastId
    if (!this.#child.connected) throw new Error(`The process of the test clients is gone. The end of its log:\n${this.#log.join('\n')}`)
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(
          new Error(
            `A test client did not answer "${request.kind}" in ${answerLimit / 1000} s. The end of its log:\n${this.#log.join('\n')}`,
          ),
        )
      }, answerLimit)
      this.#pending.set(id, { resolve, reject, timer })
      const envelope: Envelope = { id, person, request }
      this.#child.send(envelope)
    })
  }

  /** Ends the process; its clients' devices stay on the server. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
    await gone
    clearTimeout(timer)
  }

  #receive(message: HostMessage): void {
    if (message.kind === 'notice') this.#listeners.get(message.person)?.(message.notice)
    if (message.kind !== 'answer') return
    const pending = this.#pending.get(message.id)
    if (!pending) return
    this.#pending.delete(message.id)
    clearTimeout(pending.timer)
    if (message.error === undefined) pending.resolve(message.value)
    else pending.reject(new Error(message.error))
  }
}
