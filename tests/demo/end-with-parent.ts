/**
 * Loaded into the bot's process before the bot itself (`node --import`): ends it in order when the process that started it is gone, however
 * that ended. The starter holds the other end of our standard input and never writes.
 */
const end = (): void => {
  process.kill(process.pid, 'SIGTERM')
}
process.stdin.once('end', end)
process.stdin.once('error', end)
process.stdin.resume()
process.stdin.unref()

export {}
