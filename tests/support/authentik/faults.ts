/** An answer made up instead of the real one; with `html` it is no JSON. */
export interface FaultAnswer {
  readonly status: number
  readonly json?: unknown
  readonly html?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** How a request fails: an answer, silence, a reset before or one after the change was made. */
export type FaultHow = FaultAnswer | 'hang' | 'reset' | 'commit-then-drop'

/** A failure that waits for its request. */
export interface Fault {
  readonly method: string | undefined
  /** Part of the path, or a pattern for it. */
  readonly pattern: string | RegExp
  left: number
  /** How many fitting requests go well before. */
  after: number
  readonly how: FaultHow
}

/** The first waiting fault that fits, counted down; undefined for none. */
export const takeFault = (faults: Fault[], method: string, path: string): FaultHow | undefined => {
  const fault = faults.find(
    (one) =>
      one.left > 0 &&
      (one.method === undefined || one.method === method) &&
      (typeof one.pattern === 'string' ? path.includes(one.pattern) : one.pattern.test(path)),
  )
  if (fault === undefined) return undefined
  if (fault.after > 0) {
    fault.after -= 1
    return undefined
  }
  fault.left -= 1
  return fault.how
}
