import { lockDataDirectory } from '../../src/database/lock.ts'
import type { ExitReason } from '../../src/operations/exit-codes.ts'
import { repositoryRoot } from '../support/homeserver/cache.ts'
import { HomeserverSetupError } from '../support/homeserver/python.ts'
import { Cast } from './cast.ts'
import { startDemo, type Demo, type Profile } from './environment.ts'
import { prompt, Terminal } from './prompt.ts'
import { serve } from './serve.ts'
import { playStory } from './story.ts'

export interface DemoRun {
  readonly script?: boolean
  readonly serve?: boolean
  readonly profile: Profile
}

/**
 * `gatehouse demo`: everything on this machine, in `.demo`.
 * @returns `ok`; `failed` when a step of the script had not its effect or the demo could not be started
 */
export const runDemo = async (options: DemoRun): Promise<ExitReason> => {
  if (options.script === true && options.serve === true) {
    console.error('Either --script or --serve.')
    return 'usage'
  }
  const dir = `${repositoryRoot}/.demo`
  const lock = lockDataDirectory(dir)
  if (!lock.ok) {
    console.error(lock.code === 'locked' ? `Another demo runs in ${dir} (${lock.holder ?? 'somebody'}). End it first.` : lock.reason)
    return 'failed'
  }
  const ending = new AbortController()
  let demo: Demo | undefined
  const end = (signal: NodeJS.Signals): void => {
    // Before everything is up there is nothing to end in order: what was started ends with this process.
    if (demo === undefined || ending.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    console.log(`\n${signal}: ending …`)
    ending.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, end)
  const forgetNpm = watchNpm(() => end('SIGTERM'))
  try {
    demo = await startDemo({ profile: options.profile, dir, say: (line) => console.log(line) })
    return await play(demo, options, ending.signal)
  } catch (error) {
    console.error(error instanceof HomeserverSetupError ? error.message : error)
    return 'failed'
  } finally {
    await demo?.stop()
    lock.release()
    forgetNpm()
    for (const signal of signals) process.off(signal, end)
  }
}

/**
 * Under `npm run` a shell stands between npm and us: a signal to npm ends that shell and may never come to us. So its end counts as one.
 * @returns ends the watch
 */
const watchNpm = (onGone: () => void): (() => void) => {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined
  const shell = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(timer)
    onGone()
  }, 250)
  timer.unref()
  return () => clearInterval(timer)
}

const play = async (demo: Demo, options: DemoRun, signal: AbortSignal): Promise<ExitReason> => {
  if (options.serve === true) {
    await serve(demo, (line) => console.log(line), signal)
    return 'ok'
  }
  if (options.script === true) return (await playStory(demo, signal)) ? 'ok' : 'failed'
  const terminal = new Terminal()
  const cast = new Cast(demo, terminal.print)
  try {
    terminal.print('Starting the client of Mo, the moderator …')
    await cast.person('moderator')
    await prompt(demo, cast, terminal, signal)
  } finally {
    terminal.close()
    await cast.close()
  }
  console.log('Ending …')
  return 'ok'
}
