import { randomInt } from 'node:crypto'

/** An answer that was not a success. Carries no request, so no token. */
export class HomeserverAnswerError extends Error {
  override readonly name = 'HomeserverAnswerError'
  readonly status: number
  /** For example `M_LIMIT_EXCEEDED`; empty when the answer was not a Matrix error. */
  readonly errcode: string
  readonly retryAfterMs: number | undefined

  constructor(method: string, path: string, status: number, body: unknown) {
    const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
    const errcode = typeof fields.errcode === 'string' ? fields.errcode : ''
    super(`${method} ${path.split('?')[0]}: ${status} ${errcode} ${typeof fields.error === 'string' ? fields.error : ''}`.trim())
    this.status = status
    this.errcode = errcode
    this.retryAfterMs = typeof fields.retry_after_ms === 'number' ? fields.retry_after_ms : undefined
  }
}

/** The JSON of an answer; the tests know its shape from the specification. */
export type Json = Record<string, unknown>

export type Request = (method: string, path: string, body?: unknown) => Promise<Json>

/**
 * Plain requests to a homeserver, for the tests' own preparations: no retry, no limit handling.
 * @param baseUrl without a trailing slash
 * @param accessToken of the user that acts
 * @param address what the server takes as the client's address (log-ins are limited per address)
 */
export const rest =
  (baseUrl: string, accessToken?: string, address = anyAddress()): Request =>
  async (method, path, body) => {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: {
        'X-Forwarded-For': address,
        ...(accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = parse(text)
    if (!response.ok) throw new HomeserverAnswerError(method, path, response.status, answer)
    return answer
  }

/** An address of a range that is kept for documentation and tests (RFC 2544). */
export const anyAddress = (): string => `198.${18 + randomInt(2)}.${randomInt(256)}.${randomInt(1, 255)}`

const parse = (text: string): Json => {
  try {
    return JSON.parse(text) as Json
  } catch {
    return {}
  }
}
