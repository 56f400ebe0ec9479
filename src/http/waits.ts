/** No server's wish for a longer wait is believed: one day, in milliseconds. */
const longest = 86_400_000

const bounded = (milliseconds: number): number => Math.min(Math.max(0, Math.ceil(milliseconds)), longest)

/**
 * How long a server asks us to wait, in milliseconds.
 * `Retry-After` (seconds or HTTP date, RFC 9110 §10.2.3) wins over the `retry_after_ms` of the body (Matrix client-server API §Rate limiting).
 * @param now milliseconds since the epoch, to read a date against
 * @returns undefined when neither says anything readable
 */
export const requestedWait = (headers: Readonly<Record<string, string>>, body: unknown, now: number): number | undefined => {
  const header = headers['retry-after']?.trim()
  if (header !== undefined && header !== '') {
    if (/^\d+(\.\d+)?$/.test(header)) return bounded(Number(header) * 1000)
    const date = Date.parse(header)
    if (!Number.isNaN(date) && /[a-z]/i.test(header)) return bounded(date - now)
  }
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'retry_after_ms')) {
    const value = (body as Record<string, unknown>)['retry_after_ms']
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return bounded(value)
  }
  return undefined
}

/**
 * Exponential backoff with jitter: between half and the whole of `base · 2^(attempt-1)`, at most `ceiling`.
 * @param attempt 1 after the first failure
 * @param random gives numbers from 0 up to 1
 */
export const backoff = (attempt: number, baseMs: number, ceilingMs: number, random: () => number): number => {
  const whole = Math.min(ceilingMs, baseMs * 2 ** (attempt - 1))
  return Math.round(whole / 2 + (whole / 2) * random())
}
