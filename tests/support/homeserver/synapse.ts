import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.ts'
import { cacheDirectory } from './cache.ts'
import { secretsOf, writeConfiguration, type Profile } from './configuration.ts'
import { installSynapse, type SynapseInstallation } from './install.ts'
import { HomeserverSetupError, pythonEnvironment } from './python.ts'

export type { Profile } from './configuration.ts'

export interface SynapseOptions {
  readonly profile: Profile
  /** Keeps the data here, also after `stop`; by default a fresh folder that `stop` deletes. */
  readonly dataDir?: string
  /** Default `gatehouse.test`, for `stranger` it is `elsewhere.test`. Nothing resolves it. */
  readonly serverName?: string
  /** Default: a free one. */
  readonly port?: number
  /** The fresh folder lies in memory where the machine has room there. Default true. */
  readonly tmpfs?: boolean
  /** Keys of Synapse's configuration that replace ours, for example `{ refreshable_access_token_lifetime: '5s' }`. */
  readonly overrides?: Readonly<Record<string, unknown>>
  readonly say?: (line: string) => void
}

/** What is enough to use a running server from another process. */
export interface HomeserverCoordinates {
  readonly url: string
  readonly serverName: string
  /** For the admin API's registration of users. */
  readonly sharedSecret: string
  /** Synapse's own SQLite file. */
  readonly databaseFile: string
  readonly profile: Profile
  readonly pid: number
}

/** A Synapse that runs as a child of this process and ends with it. */
export interface Synapse extends HomeserverCoordinates {
  readonly dataDir: string
  readonly coordinates: HomeserverCoordinates
  /** Ends it in order (killed after 10 s) and deletes a fresh data folder. */
  stop(): Promise<void>
  /** Ends it if it runs, and starts it again with the same data, address and secrets. */
  restart(): Promise<void>
  /** Kills it at once, as a power cut would; `restart` brings it back. */
  kill(): Promise<void>
}

const launcher = fileURLToPath(new URL('launcher.py', import.meta.url))
const startLimit = 90_000
const stopLimit = 10_000

/**
 * Starts a Synapse on loopback; resolves when it is healthy. Installs it first where needed.
 * @throws HomeserverSetupError with the end of the server's log when it does not come up
 */
export const startSynapse = async (options: SynapseOptions): Promise<Synapse> => {
  const installation = await installSynapse(options.say)
  const fresh = options.dataDir === undefined
  const dataDir = options.dataDir ?? makeFreshFolder(options.tmpfs ?? true)
  mkdirSync(dataDir, { recursive: true })
  const secrets = secretsOf(dataDir, options.serverName ?? (options.profile === 'stranger' ? 'elsewhere.test' : 'gatehouse.test'))
  const databaseFile = `${dataDir}/homeserver.db`
  if (!existsSync(databaseFile)) copyFileSync(installation.databaseTemplate, databaseFile)
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const overrides = options.overrides ?? {}
  const config = writeConfiguration({ profile: options.profile, dataDir, port, secrets, overrides })

  const start = async (): Promise<ChildProcess> => await launch(installation, config, url)
  const removeFolder = (): void => {
    if (fresh) rmSync(dataDir, { recursive: true, force: true })
  }
  let child: ChildProcess
  try {
    child = await start()
  } catch (error) {
    removeFolder()
    throw error
  }
  const coordinatesOf = (pid: number): HomeserverCoordinates => ({
    url,
    serverName: secrets.serverName,
    sharedSecret: secrets.sharedSecret,
    databaseFile,
    profile: options.profile,
    pid,
  })
  return {
    ...coordinatesOf(0),
    dataDir,
    get pid() {
      return child.pid ?? 0
    },
    get coordinates() {
      return coordinatesOf(child.pid ?? 0)
    },
    stop: async () => {
      await end(child, 'SIGTERM')
      removeFolder()
    },
    kill: async () => await end(child, 'SIGKILL'),
    restart: async () => {
      await end(child, 'SIGTERM')
      child = await start()
    },
  }
}

const launch = async (installation: SynapseInstallation, config: string, url: string): Promise<ChildProcess> => {
  const child = spawn(installation.python, ['-I', launcher, '-c', config], {
    env: pythonEnvironment(),
    // The open standard input is what tells the launcher that we live.
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let log = ''
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => keep(Buffer.from(String(error))))
  child.unref()
  const problem = await untilHealthy(child, url)
  if (problem === undefined) {
    // Nothing of the running server keeps this process alive: it ends with us.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) unref(pipe)
    return child
  }
  await end(child, 'SIGKILL')
  throw new HomeserverSetupError('start-failed', `Synapse ${problem}. The end of its log:\n${log.trim().split('\n').slice(-30).join('\n')}`)
}

const unref = (stream: object | null): void => {
  if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
}

/** Answers with what went wrong, or undefined once the server is healthy. */
const untilHealthy = async (child: ChildProcess, url: string): Promise<string | undefined> => {
  const deadline = Date.now() + startLimit
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) return `ended at its start (exit code ${child.exitCode ?? child.signalCode})`
    if (child.pid === undefined) return 'could not be started'
    if (await isHealthy(url)) return undefined
    await sleep(50)
  }
  return `was not healthy after ${startLimit / 1000} s`
}

const isHealthy = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

const end = async (child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const gone = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit)
  await gone
  clearTimeout(timer)
}

const roomInMemory = 1024 * 1024 * 1024
const freshPrefix = 'gatehouse-synapse-'

const makeFreshFolder = (tmpfs: boolean): string => {
  const inMemory = tmpfs && existsSync('/dev/shm') && freeBytes('/dev/shm') > roomInMemory
  const parent = inMemory ? '/dev/shm' : `${cacheDirectory}/servers`
  mkdirSync(parent, { recursive: true })
  sweep(parent)
  const folder = mkdtempSync(`${parent}/${freshPrefix}`)
  writeFileSync(`${folder}/owner`, String(process.pid))
  return folder
}

const freeBytes = (path: string): number => {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

/** Deletes fresh folders whose owner was killed before it could. */
const sweep = (parent: string): void => {
  for (const name of readdirSync(parent).filter((name) => name.startsWith(freshPrefix))) {
    const owner = `${parent}/${name}/owner`
    if (existsSync(owner) && !isRunning(Number(readFileSync(owner, 'utf8')))) rmSync(`${parent}/${name}`, { recursive: true, force: true })
  }
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
