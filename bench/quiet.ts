import { setTimeout as sleep } from 'node:timers/promises'
import type { Demo } from '../tests/demo/environment.ts'
import type { LoggedRequest } from '../tests/support/homeserver/request-log.ts'

/** So long without a request counts as rest (milliseconds). The bot gathers its read receipts for 0.7 s. */
const restMs = 2000
const giveUpMs = 120_000
const lookEveryMs = 50

/** The requests of the bot to the homeserver, as far as they are answered, without the long poll that waits for news. */
export const matrixRequests = (demo: Demo): readonly LoggedRequest[] => demo.proxy.requests.list().filter(({ path }) => !isSync(path))

export const isSync = (path: string): boolean => path === '/_matrix/client/v3/sync'

/** Waits until the bot has asked neither server for anything for two seconds. */
export const untilQuiet = async (demo: Demo): Promise<void> => {
  const deadline = performance.now() + giveUpMs
  const count = (): number => matrixRequests(demo).length + demo.authentik.requests.length
  for (let before = -1; before !== count();) {
    if (performance.now() > deadline) throw new Error('the bot does not come to rest')
    before = count()
    await sleep(restMs)
  }
}

/** Looks at the server until something is so. */
export const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + giveUpMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: this did not happen in ${giveUpMs / 1000} s`)
    await sleep(lookEveryMs)
  }
}
