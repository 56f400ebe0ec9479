import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { repositoryRoot } from '../support/homeserver/cache.ts'

/** How a process ended: its code, or the signal that killed it. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface BotProcessOptions {
  readonly configFile: string
  readonly dataDir: string
  /** Standard output and error, appended. */
  readonly logFile: string
  /** Where `/livez` and `/readyz` answer, without a trailing slash. */
  readonly health: string
  /** `GATEHOUSE_…` variables; those of this process are not handed on. */
  readonly env: Readonly<Record<string, string>>
}

const endWithParent = new URL('end-with-parent.mjs', import.meta.url).href
const startLimit = 60_000
const stopLimit = 12_000

/**
 * The bot as operators run it: `gatehouse run` in a process of its own, started and stopped at will. It ends when this process ends.
 */
export class BotProcess {
  readonly configFile: string
  readonly dataDir: string
  readonly logFile: string
  readonly health: string
  readonly env: Readonly<Record<string, string>>
  readonly #watchers = new Set<(exit: Exit) => void>()
  #child: ChildProcess | undefined
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null })

  constructor(options: BotProcessOptions) {
    this.configFile = options.configFile
    this.dataDir = options.dataDir
    this.logFile = options.logFile
    this.health = options.health
    this.env = options.env
  }

  /** Of the running process; 0 while there is none. */
  get pid(): number {
    return this.running ? (this.#child?.pid ?? 0) : 0
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the process that was started last has ended. */
  get exited(): Promise<Exit> {
    return this.#exited
  }

  /** Everything it has logged in all its lives. */
  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
  }

  /** Told whenever a process of the bot ends. Answers with the function that ends the watch. */
  onExit(listener: (exit: Exit) => void): () => void {
    this.#watchers.add(listener)
    return () => void this.#watchers.delete(listener)
  }

  /**
   * Starts it.
   * @param untilReady waits until `/readyz` is green. Default true
   * @throws Error with the end of its log when it ends instead or is not ready in a minute
   */
  async start({ untilReady = true }: { readonly untilReady?: boolean } = {}): Promise<void> {
    if (this.running) throw new Error('the bot runs already')
    const log = openSync(this.logFile, 'a', 0o600)
    const { GATEHOUSE_CONFIG: _config, ...rest } = process.env
    const foreign = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('GATEHOUSE_')))
    const args = ['--import', endWithParent, `${repositoryRoot}/bin/gatehouse.mjs`, 'run', '-c', this.configFile]
    // The open standard input is what tells the bot's process that we live.
    const child = spawn(process.execPath, args, { cwd: repositoryRoot, env: { ...foreign, ...this.env }, stdio: ['pipe', log, log] })
    closeSync(log)
    this.#child = child
    this.#exited = ended(child)
    void this.#exited.then((exit) => {
      for (const watcher of this.#watchers) watcher(exit)
    })
    child.unref()
    if (child.stdin && 'unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
    if (untilReady) await this.untilReady()
  }

  /** Waits until `/readyz` is green. */
  async untilReady(timeoutMs = startLimit): Promise<void> {
    const deadline = Date.now() + timeoutMs
    let last = 'it did not answer'
    while (Date.now() < deadline) {
      if (!this.running) {
        const { code, signal } = await this.#exited
        throw new Error(`The bot ended at its start (${code ?? signal}). ${this.#logEnd()}`)
      }
      const answer = await this.#readiness()
      if (answer === undefined) return
      last = answer
      await sleep(50)
    }
    throw new Error(`The bot was not ready after ${timeoutMs / 1000} s: ${last}. ${this.#logEnd()}`)
  }

  /** SIGTERM; killed when it has not ended in 12 s. Resolves when it is gone. */
  async stop(): Promise<Exit> {
    return await this.#end('SIGTERM')
  }

  /** Kills it at once, as a power cut would. Resolves when it is gone. */
  async kill(): Promise<Exit> {
    return await this.#end('SIGKILL')
  }

  /** Ends it in order if it runs, and starts it again on the same data. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Exit> {
    const child = this.#child
    if (!this.running || child === undefined) return await this.#exited
    child.ref()
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit)
    const exit = await this.#exited
    clearTimeout(timer)
    return exit
  }

  /** undefined = ready. */
  async #readiness(): Promise<string | undefined> {
    try {
      const response = await fetch(`${this.health}/readyz`, { signal: AbortSignal.timeout(5_000) })
      const text = await response.text()
      return response.ok ? undefined : `/readyz says ${text.slice(0, 500)}`
    } catch {
      return '/readyz cannot be reached'
    }
  }

  #logEnd(): string {
    return `The end of ${this.logFile}:\n${this.log().trim().split('\n').slice(-20).join('\n')}`
  }
}

const ended = async (child: ChildProcess): Promise<Exit> => {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return { code, signal }
}
