import { Command, CommanderError, Option } from 'commander'
import type { CommonOptions, Execute } from './cli/contract.ts'
import { exitCode } from './operations/exit-codes.ts'
import type { ExitReason } from './operations/exit-codes.ts'
import { maskSecrets } from './operations/secrets.ts'
import { readVersion } from './operations/version.ts'

type Outcome = (reason: ExitReason) => void

/** A command's file is loaded only when it runs: `--help` answers without the database or the encryption engine. */
const lazily =
  <Options extends object>(load: () => Promise<{ readonly execute: Execute<Options> }>, outcome: Outcome) =>
  async (options: Options): Promise<void> => {
    const { execute } = await load()
    outcome(await execute(options))
  }

const build = async (wanted: string | undefined, outcome: Outcome): Promise<Command> => {
  const { version, commit } = readVersion()
  const program = new Command('gatehouse')
    .description("End-to-end encrypted Matrix bot that runs a community's front door.")
    .version(`${version} (${commit})`)
    .showHelpAfterError('Run gatehouse --help for the list of commands.')
    .exitOverride()
  const configOption = (): Option => new Option('-c, --config <file>', 'configuration file (default: bot.config.yaml)')
  const configured = (name: string): Command => program.command(name).addOption(configOption())

  configured('run')
    .description('start the bot')
    .action(lazily<CommonOptions>(() => import('./cli/run.ts'), outcome))
  configured('login')
    .description("make the bot's session on the homeserver, before the first start or after it ended")
    .option('--again', 'log in although a session is stored; the device stays the same')
    .option('--password', 'by password: the configured one, typed on a terminal, or the first line of standard input')
    .option('--token', 'by access token: the configured one, typed on a terminal, or the first line of standard input')
    .option('--oauth', 'by a code that is confirmed in a browser, where the homeserver offers it')
    .action(lazily(() => import('./cli/login.ts'), outcome))
  configured('logout')
    .description("end the bot's session on the homeserver and forget it here, with the keys of its device")
    .option('--yes', 'do not ask')
    .option('--forget', 'forget it here although the homeserver could not be told')
    .action(lazily(() => import('./cli/logout.ts'), outcome))
  configured('check')
    .description('print every problem of the configuration at once')
    .option('--sources', 'print where each value comes from')
    .action(lazily(() => import('./cli/check.ts'), outcome))
  configured('migrate')
    .description("bring the database to this program's schema, after a backup")
    .action(lazily(() => import('./cli/migrate.ts'), outcome))
  configured('backup')
    .description('write a backup, also while the bot runs')
    .action(lazily(() => import('./cli/backup.ts'), outcome))
  configured('restore')
    .argument('<backup>', 'file that `gatehouse backup` wrote')
    .description('put a backup in the place of the database; the bot must not run meanwhile')
    .option('--yes', 'do not ask')
    .action(async (backup: string, options: CommonOptions) => {
      const { execute } = await import('./cli/restore.ts')
      outcome(await execute({ ...options, backup }))
    })
  const crypto = program
    .command('crypto')
    .description("the bot's own encryption and whose identity it believes; the bot must not run meanwhile")
  const cryptoCommand = (name: string): Command => crypto.command(name).addOption(configOption())
  cryptoCommand('status')
    .description('show device, identity, recovery key and backup, here and on the server')
    .option('--json', 'as JSON')
    .option('--offline', 'only what is on the disk')
    .action(lazily(() => import('./cli/crypto-status.ts'), outcome))
  cryptoCommand('bootstrap')
    .description("make the bot's identity and sign the device, or finish it after a crash")
    .option('--replace-identity', 'replace the identity on the server; who had verified the bot has to do so again')
    .option('--yes', 'do not ask')
    .action(lazily(() => import('./cli/crypto-bootstrap.ts'), outcome))
  cryptoCommand('recover')
    .description('take the identity over with the recovery key, from its file or standard input')
    .action(lazily(() => import('./cli/crypto-recover.ts'), outcome))
  cryptoCommand('trust')
    .argument('[user]', 'Matrix id of the person; without it, who waits')
    .description('accept the new identity of somebody who may command')
    .option('--yes', 'do not ask')
    .action(async (user: string | undefined, options: CommonOptions) => {
      const { execute } = await import('./cli/crypto-trust.ts')
      outcome(await execute({ ...options, ...(user === undefined ? {} : { user }) }))
    })
  configured('reset-crypto')
    .description("give up the bot's device and its keys, after a copy")
    .option('--yes', 'do not ask')
    .action(lazily(() => import('./cli/reset-crypto.ts'), outcome))
  program
    .command('selfcheck')
    .description('prove that this installation is whole; needs no configuration')
    .action(lazily(() => import('./cli/selfcheck.ts'), outcome))
  // It brings its own options and needs all command declarations: loaded only when asked for.
  if (wanted === 'try') (await import('./cli/try.ts')).registerTry(program)
  else program.command('try').description('show how a chat command would be understood, without doing it')
  program
    .command('demo')
    .description('start a homeserver, an Authentik stand-in and the bot on this machine (from a checkout)')
    .option('--script', 'play the whole story without input, check each step and end')
    .option('--serve', 'run without a prompt until SIGTERM; writes .demo/access.json')
    .addOption(new Option('--profile <profile>', 'what the bot may do').choices(['own-server', 'stranger']).default('own-server'))
    .action(lazily(() => import('./cli/demo.ts'), outcome))
  return program
}

/**
 * The `gatehouse` program.
 * @param argv as in `process.argv`
 * @returns the exit code, see docs/exit-codes.md
 */
export const main = async (argv: readonly string[]): Promise<number> => {
  let reason: ExitReason | undefined
  try {
    const program = await build(argv[2], (outcome) => {
      reason = outcome
    })
    await program.parseAsync([...argv])
    return reason === undefined ? Number(process.exitCode ?? 0) : exitCode(reason)
  } catch (error) {
    // commander ends help and version this way too; it has printed what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 || error.code === 'commander.help' ? 0 : exitCode('usage')
    const missing = error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    const text = error instanceof Error ? (missing ? error.message : (error.stack ?? error.message)) : String(error)
    process.stderr.write(`${missing ? 'A part of the program is missing' : 'Unexpected error (a bug)'}: ${maskSecrets(text)}\n`)
    return exitCode(missing ? 'installation' : 'bug')
  }
}

if (import.meta.main) process.exitCode = await main(process.argv)
