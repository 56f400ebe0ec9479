/** Which requests a rule is for. */
export interface RequestMatch {
  readonly method?: string
  /** Tested against the path without its query. */
  readonly path?: RegExp
}

/** What happens to a matching request. */
export type Fault =
  /** 429, the wait told in the `Retry-After` header, in the body's `retry_after_ms`, in both, or not at all. Not forwarded. */
  | { readonly kind: 'rate-limit'; readonly tell: 'header' | 'body' | 'both' | 'neither'; readonly waitMs?: number }
  /** 502 with the HTML page of a reverse proxy. Not forwarded. */
  | { readonly kind: 'bad-gateway' }
  /** Never answered. Not forwarded. */
  | { readonly kind: 'hang' }
  /** The connection is reset. Not forwarded. */
  | { readonly kind: 'reset' }
  /** Forwarded, so it has its effect; then the connection is cut instead of an answer. */
  | { readonly kind: 'cut-after-commit' }
  /** Forwarded, so it has its effect; then never answered. */
  | { readonly kind: 'hang-after-commit' }
  /** Forwarded after a wait. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Held back until the rule is removed, then forwarded. */
  | { readonly kind: 'hold' }
  /** This answer. Not forwarded. */
  | { readonly kind: 'answer'; readonly status: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Forwarded; the JSON of the answer is replaced by what the function makes of it. */
  | { readonly kind: 'transform'; readonly change: (body: unknown, status: number) => unknown }

export interface Rule {
  readonly match: RequestMatch
  /** How many requests it is for, then it is spent. Default: every one. */
  readonly times?: number
  /** The first so many matching requests pass before the rule begins. Default 0. */
  readonly after?: number
  readonly how: Fault
}

/** A rule in force. */
export interface ActiveRule {
  /** How many requests it has met. */
  readonly hits: number
  /** How many of them the server has answered although the client will not hear of it (`cut-after-commit`, `hang-after-commit`). */
  readonly committed: number
  /** Ends the rule; what it holds back goes on. */
  remove(): void
}

/** The rules of a proxy; the newest one that matches wins. */
export class RuleList {
  readonly #rules: RuleState[] = []

  add(rule: Rule): ActiveRule {
    const state = new RuleState(rule, () => {
      const at = this.#rules.indexOf(state)
      if (at >= 0) this.#rules.splice(at, 1)
    })
    this.#rules.unshift(state)
    return state
  }

  /** The rule that this request meets, counted. */
  take(method: string, path: string): RuleState | undefined {
    return this.#rules.find((rule) => rule.takes(method, path))
  }

  clear(): void {
    for (const rule of this.#rules.slice()) rule.remove()
  }
}

export class RuleState implements ActiveRule {
  readonly how: Fault
  /** Resolves when the rule is removed. */
  readonly removed: Promise<void>
  readonly #rule: Rule
  readonly #forget: () => void
  readonly #resolveRemoved: () => void
  /** See `ActiveRule`; counted by the proxy. */
  committed = 0
  #toPass: number
  #hits = 0

  constructor(rule: Rule, forget: () => void) {
    this.#rule = rule
    this.how = rule.how
    this.#forget = forget
    this.#toPass = rule.after ?? 0
    const { promise, resolve } = Promise.withResolvers<void>()
    this.removed = promise
    this.#resolveRemoved = resolve
  }

  get hits(): number {
    return this.#hits
  }

  takes(method: string, path: string): boolean {
    const { match, times } = this.#rule
    if (times !== undefined && this.#hits >= times) return false
    if (match.method !== undefined && match.method !== method) return false
    if (match.path !== undefined && !match.path.test(path)) return false
    if (this.#toPass > 0) {
      this.#toPass -= 1
      return false
    }
    this.#hits += 1
    return true
  }

  remove(): void {
    this.#forget()
    this.#resolveRemoved()
  }
}

/** What somebody else's server does not let a bot use: the admin API and the list of mutual rooms are answered as if unknown. */
export const strangerRules: readonly Rule[] = [/^\/_synapse\//, /\/mutual_rooms(\/|$)/].map((path) => ({
  match: { path },
  how: { kind: 'answer', status: 404, json: { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' } },
}))
