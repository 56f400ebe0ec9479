import type { AttemptResult } from './attempt.ts'
import type { GateFailure, GateRequest } from './contract.ts'
import { requestedWait } from './waits.ts'

/** The part of a failure that differs by code. */
export type FailureDetail = GateFailure extends infer Each
  ? Each extends GateFailure
    ? Omit<Each, 'ok' | 'untouched' | 'method' | 'route' | 'ms'>
    : never
  : never

/** What one attempt means. */
export interface Verdict {
  /** For metrics: HTTP status or the failure code. */
  readonly outcome: string
  /** What it says about the server's health. */
  readonly health: 'well' | 'ill' | 'unknown'
  /** The attempt may have changed something. */
  readonly touched: boolean
  readonly result:
    | { readonly ok: true; readonly status: number; readonly body: unknown; readonly headers: Readonly<Record<string, string>> }
    | ({ readonly ok: false } & FailureDetail)
  /** How long to wait before the next attempt; absent = it must not be repeated. */
  readonly retryMs?: number
}

const parseJson = (bytes: Uint8Array): { readonly json: boolean; readonly value: unknown } => {
  if (bytes.length === 0) return { json: true, value: undefined }
  try {
    return { json: true, value: JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as unknown }
  } catch {
    return { json: false, value: undefined }
  }
}

/**
 * Judges an attempt: what it is called, whether something may have changed, and whether it may be repeated.
 * @param ended why the whole request has ended, if it has
 * @param backoffMs the wait before a repetition for which the server names none
 * @param now milliseconds since the epoch
 */
export const judge = (
  request: Pick<GateRequest, 'method' | 'repeatable'>,
  attempt: AttemptResult,
  ended: 'timeout' | 'cancelled' | undefined,
  backoffMs: number,
  now: number,
): Verdict => {
  const changes = request.method !== 'GET'
  if (attempt.kind === 'network') {
    const result = { ok: false, code: 'network', reason: attempt.reason, tls: attempt.tls } as const
    const verdict = { outcome: 'network', health: 'ill', touched: changes && attempt.sent, result } as const
    // What never left may always be repeated; a bad certificate does not heal in a second.
    return attempt.tls || (attempt.sent && !request.repeatable) ? verdict : { ...verdict, retryMs: backoffMs }
  }
  if (attempt.kind === 'stopped') {
    const code = ended === 'cancelled' ? 'cancelled' : 'timeout'
    const health = ended === 'cancelled' ? 'unknown' : 'ill'
    const verdict = { outcome: code, health, touched: changes && attempt.sent, result: { ok: false, code } } as const
    return ended !== undefined || (attempt.sent && !request.repeatable) ? verdict : { ...verdict, retryMs: backoffMs }
  }
  const { status } = attempt
  if (attempt.kind === 'too-big') {
    return { outcome: 'malformed', health: 'well', touched: changes, result: { ok: false, code: 'malformed', status } }
  }
  const { headers } = attempt
  const { json, value } = parseJson(attempt.body)
  const outcome = String(status)
  if (status >= 200 && status < 300) {
    return json
      ? { outcome, health: 'well', touched: changes, result: { ok: true, status, body: value, headers } }
      : { outcome: 'malformed', health: 'well', touched: changes, result: { ok: false, code: 'malformed', status } }
  }
  if (status === 429) {
    const wait = requestedWait(headers, value, now) ?? backoffMs
    return {
      outcome,
      health: 'well',
      touched: false,
      result: { ok: false, code: 'limited', retryAfterMs: wait },
      // A wish of zero must not become a hot loop.
      retryMs: Math.max(wait, 25),
    }
  }
  const verdict: Verdict = {
    outcome,
    health: status >= 500 ? 'ill' : 'well',
    // 408 is the only 4xx after which the change may have happened.
    touched: changes && (status >= 500 || status === 408),
    result: { ok: false, code: 'status', status, body: value, headers },
  }
  if (!request.repeatable || ![502, 503, 504].includes(status)) return verdict
  return { ...verdict, retryMs: Math.max(requestedWait(headers, value, now) ?? 0, backoffMs) }
}
