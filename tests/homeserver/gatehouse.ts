import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { repositoryRoot } from '../support/homeserver/cache.ts'
import { BotProcess } from '../demo/bot-process.ts'
import type { World } from './world.ts'

/** How an operator's command ended and what it printed. */
export interface CommandEnd {
  readonly code: number | null
  readonly output: string
}

export interface CommandOptions {
  /** What stands on its standard input. Default: nothing. */
  readonly input?: string
  readonly env: Readonly<Record<string, string>>
  /** Told of everything that it prints, as it comes. */
  readonly onOutput?: (soFar: string) => void
}

/** Runs an operator's command on the bot's files, `gatehouse login` for example, to its end. */
export const runGatehouse = async (world: World, args: readonly string[], options: CommandOptions): Promise<CommandEnd> => {
  const child = spawn(process.execPath, ['bin/gatehouse.mjs', ...args, '-c', world.files.configFile], {
    cwd: repositoryRoot,
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    options.onOutput?.(output)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  child.stdin.end(options.input ?? '')
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** The bot's variables without its password: what it needs then must be in the data directory. */
export const withoutPassword = (world: World): Readonly<Record<string, string>> => {
  const { GATEHOUSE_HOMESERVER_PASSWORD_FILE: _password, ...rest } = world.files.env
  return rest
}

/** The bot of a world with other variables. It writes into the same log. */
export const botWith = (world: World, env: Readonly<Record<string, string>>): BotProcess =>
  new BotProcess({ ...world.files, health: world.bot.health, env })
