import { kill, pid, stdin } from 'node:process'

/**
 * Loaded into the bot's process before the bot itself (`node --import`): ends it in order when the process that started it is gone, however
 * that ended. The starter holds the other end of our standard input and never writes.
 * JavaScript, so that the bot's process does not load the compiler of TypeScript for it: that is 20 MB and 40 ms which operators do not have.
 */
const end = () => {
  kill(pid, 'SIGTERM')
}
stdin.once('end', end)
stdin.once('error', end)
stdin.resume()
stdin.unref()
