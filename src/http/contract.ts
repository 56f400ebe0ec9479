/**
 * The contract of the outgoing gate: every request to the homeserver, the Synapse admin API and Authentik passes one.
 * Expected failures are values; a rejected promise from a gate is a bug.
 */

/** HTTP methods that we use. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One request. */
export interface GateRequest {
  readonly method: Method
  /** Path below the base URL, beginning with `/`, already percent-encoded, without query. */
  readonly path: string
  /** A name for metrics and limits that holds no ids, such as `send` or `core/users`. */
  readonly route: string
  readonly query?: Readonly<Record<string, string | number | boolean | readonly (string | number)[] | undefined>>
  /** JSON body; `Uint8Array` is sent as it is with `contentType`. */
  readonly body?: unknown
  readonly contentType?: string
  /** Bearer token; absent = the request is anonymous. */
  readonly token?: string
  /** Further headers, names in lower case. `authorization`, `user-agent`, `accept` and `content-type` are the gate's own. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Whether it may be repeated after a failure whose effect is unknown (time-out, reset, 5xx). GET is; a PUT with a transaction id
   * is; a POST that creates is not.
   */
  readonly repeatable: boolean
  /** Which queue it waits in. Requests of one lane run one after another, in order; `undefined` = no queue. */
  readonly lane?: string
  /** Milliseconds for one attempt (default 30,000). */
  readonly timeoutMs?: number
  /** Milliseconds for everything: waits, attempts, retries (default 60,000). Past it the answer is `timeout`. */
  readonly deadlineMs?: number
  /** Waits that a server asks for and that are longer than this are handed back as `limited` (default 15,000). */
  readonly maxWaitMs?: number
  readonly signal?: AbortSignal
  /** Largest answer in bytes (default 64 MiB). */
  readonly maxBytes?: number
}

/** What came of a request. */
export type GateResult =
  | {
      readonly ok: true
      readonly status: number
      readonly body: unknown
      readonly headers: Readonly<Record<string, string>>
      readonly ms: number
    }
  | GateFailure

/** Why a request gave no usable answer. Holds no token, no query string, no body of ours. */
export type GateFailure = {
  readonly ok: false
  /** Did the request certainly not take effect? `false` = it may have (time-out, reset or 5xx after it was sent). */
  readonly untouched: boolean
  readonly method: Method
  readonly route: string
  readonly ms: number
} & (
  | /** The server answered with 4xx or 5xx; `body` is its JSON if it had any. */ {
      readonly code: 'status'
      readonly status: number
      readonly body: unknown
      readonly headers: Readonly<Record<string, string>>
    }
  | /** 429 with a wait longer than `maxWaitMs`, or retries used up. */ { readonly code: 'limited'; readonly retryAfterMs: number }
  | /** No connection, reset, DNS, TLS… `reason` is fit for people. */ {
      readonly code: 'network'
      readonly reason: string
      readonly tls: boolean
    }
  | /** One attempt or the whole deadline ran out. */ { readonly code: 'timeout' }
  | /** 2xx, but not the JSON that was promised. */ { readonly code: 'malformed'; readonly status: number }
  | /** The circuit breaker is open: nothing was sent. */ { readonly code: 'down'; readonly retryAfterMs: number }
  | /** The signal ended it (shutdown). */ { readonly code: 'cancelled' }
)

/** One way out to one server. */
export interface Gate {
  /** The origin and prefix all paths are below, without a trailing slash. */
  readonly baseUrl: string
  request(request: GateRequest): Promise<GateResult>
  /** What went out so far, one row per route, method and outcome. */
  metrics(): readonly RouteCount[]
  /** Refuses new requests, cancels waiting ones, gives running ones `graceMs`, closes the connections. */
  close(graceMs?: number): Promise<void>
}

/** How often a route ended in one way, for the metrics page. Retried attempts count one by one. */
export interface RouteCount {
  readonly route: string
  readonly method: Method
  /** The HTTP status, or `network`, `timeout`, `cancelled`, `malformed`, `limited`, `down`. */
  readonly outcome: string
  readonly count: number
  /** Sum of the milliseconds these attempts took. */
  readonly totalMs: number
}
