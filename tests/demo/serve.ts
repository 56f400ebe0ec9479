import { setTimeout as sleep } from 'node:timers/promises'
import { removeAccess, writeAccess } from './access.ts'
import type { Demo } from './environment.ts'

/** A bot that was killed comes back after this, as a service manager would bring it back (milliseconds). */
const restartAfterMs = 2000

/**
 * Lets clients from outside join in until the signal comes. A bot that is killed or fails is started again (as with `Restart=on-failure`); one
 * that is told to stop stays down.
 */
export const serve = async (demo: Demo, say: (line: string) => void, signal: AbortSignal): Promise<void> => {
  // Everybody who is not fresh has a signed device already, as people of a running community do. Not the admin: there is no other one who could accept
  // the new identity that a client from outside makes for itself.
  for (const user of [demo.users.moderator, demo.users.newcomer]) {
    const person = await demo.people.join({ user })
    await person.stop()
  }
  await demo.people.stop()

  const forget = demo.bot.onExit(({ code, signal: killedBy }) => {
    if (signal.aborted) return
    if (code === 0) {
      say(`The bot has stopped. To start it again: set -a; . ${demo.dir}/bot.env; node bin/gatehouse.mjs run -c ${demo.files.configFile}`)
      return
    }
    say(`The bot has ended (${code ?? killedBy}); it starts again in ${restartAfterMs / 1000} s.`)
    void restart(demo, say, signal)
  })
  const path = writeAccess(demo)
  say(`Serving ${demo.homeserver.url} (${demo.profile}). ${path} says how to join in. SIGTERM or Ctrl-C ends everything.`)
  if (!signal.aborted)
    await new Promise<void>((resolve) => {
      // Nothing else may be left that keeps this process alive.
      const alive = setInterval(() => undefined, 60_000)
      signal.addEventListener('abort', () => {
        clearInterval(alive)
        resolve()
      })
    })
  forget()
  removeAccess(demo)
}

const restart = async (demo: Demo, say: (line: string) => void, signal: AbortSignal): Promise<void> => {
  try {
    await sleep(restartAfterMs, undefined, { signal })
    await demo.bot.start()
    if (signal.aborted) return
    writeAccess(demo)
    say(`The bot runs again (process ${demo.bot.pid}).`)
  } catch (error) {
    if (!signal.aborted) say(`The bot could not be started again: ${error instanceof Error ? error.message : String(error)}`)
  }
}
