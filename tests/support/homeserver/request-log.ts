import { Watchers } from '../watchers.ts'

/** One request that passed a proxy. Holds no query, header or token. */
export interface LoggedRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Of the answer given to the client; undefined when it got none. */
  readonly status: number | undefined
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
  /** From its arrival to the end of the answer. */
  readonly ms: number
  /** Of the answer's body. */
  readonly bytes: number
  /** Of the request, where the proxy records bodies. */
  readonly body?: string
  /** The kind of fault that it met. */
  readonly fault?: string
}

export interface RequestFilter {
  readonly method?: string
  /** A whole path, or an expression for it. */
  readonly path?: string | RegExp
  readonly status?: number
}

/** The requests that have been answered (or cut), oldest first. */
export class RequestLog {
  #entries: LoggedRequest[] = []
  readonly #watchers = new Watchers()

  add(entry: LoggedRequest): void {
    this.#entries.push(entry)
    this.#watchers.changed()
  }

  list(filter: RequestFilter = {}): readonly LoggedRequest[] {
    return this.#entries.filter((entry) => fits(entry, filter))
  }

  count(filter: RequestFilter = {}): number {
    return this.list(filter).length
  }

  clear(): void {
    this.#entries = []
  }

  /**
   * Waits until the log has a request of this kind; one that is already there counts.
   * @param times how many there must be
   * @throws Error at the deadline, saying what was seen
   */
  async waitFor(filter: RequestFilter, { times = 1, timeoutMs = 20_000 } = {}): Promise<LoggedRequest> {
    const failure = (): string => {
      const seen = this.#entries.slice(-10).map((entry) => `${entry.method} ${entry.path} ${entry.status ?? 'cut'}`)
      const wanted = `${filter.method ?? 'any'} ${String(filter.path ?? '')}`
      return `No request ${wanted} (${times} ×) within ${timeoutMs} ms; ${this.count(filter)} seen. The last ones:\n${seen.join('\n')}`
    }
    return await this.#watchers.until(() => this.list(filter)[times - 1], timeoutMs, failure)
  }
}

const fits = (entry: LoggedRequest, filter: RequestFilter): boolean =>
  (filter.method === undefined || filter.method === entry.method) &&
  (filter.status === undefined || filter.status === entry.status) &&
  (filter.path === undefined || (typeof filter.path === 'string' ? filter.path === entry.path : filter.path.test(entry.path)))
