import type { Timestamp } from '../types.ts'

/** Time as a port: tests replace it, nothing else reads the wall clock. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): Timestamp
  /**
   * Waits, unless the signal aborts first.
   * @param milliseconds how long; 0 or less resolves on the next turn
   * @param signal ends the wait early; the promise then rejects with the signal's reason
   */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** The real clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error)
        return
      }
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason as Error)
      }
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        Math.max(0, milliseconds),
      )
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}
