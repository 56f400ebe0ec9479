import type { AuthentikFailure } from '../authentik/errors.ts'
import { paragraph } from '../chat/answer.ts'
import type { Answer, Inline } from '../chat/answer.ts'
import type { Unavailable } from '../chat/command.ts'
import type { Clock } from '../operations/clock.ts'

/** A plan that is not made, with the reason and the next step. */
export const refusal = (code: string, ...inlines: readonly Inline[]): Answer => ({ mark: '❌', blocks: [paragraph(...inlines)], code })

/** Names as inlines: `a, b, c`. */
export const named = (names: readonly string[]): readonly Inline[] =>
  names.flatMap((name, index): Inline[] => [...(index === 0 ? [] : [', ']), { code: name }])

/**
 * What a failed read means for a command that has changed nothing yet: a service that may come back (the command is kept), or words for
 * whoever can help.
 */
export const failedRead = (failure: AuthentikFailure): Unavailable | Answer => {
  switch (failure.code) {
    case 'unreachable':
    case 'timeout':
    case 'down':
    case 'server':
    case 'limited':
    case 'cancelled':
      return { unavailable: 'authentik', words: failure.text }
    case 'token-dead':
    case 'no-permission':
    case 'stage-not-visible':
      return refusal(failure.code, `${failure.text}. Nothing was changed. The operator of the bot can mend this in Authentik.`)
    case 'malformed':
    case 'foreign-link':
    case 'not-found':
    case 'no-recovery-flow':
    case 'conflict':
    case 'invalid':
      return refusal(failure.code, `${failure.text}. Nothing was changed.`)
  }
}

/** All reads of one plan together may take this long (milliseconds): the answer has to stand within 5 s. */
const patienceMs = 4_500

/** Waits for the reads of a plan, but not longer than a person should wait for an answer. */
export const withinPatience = async <Value>(reads: Promise<Value>, clock: Pick<Clock, 'sleep'>): Promise<Value | Unavailable> => {
  const done = new AbortController()
  const late = clock.sleep(patienceMs, done.signal).then(
    (): Unavailable => ({ unavailable: 'authentik', words: 'Authentik does not answer in time' }),
    // The wait was called off because the reads are there.
    () => reads,
  )
  try {
    return await Promise.race([reads, late])
  } finally {
    done.abort(new Error('the reads have ended'))
  }
}
