import type { GateFailure } from '../http/contract.ts'

/** What Authentik objects to, by field; `non_field_errors` and `detail` hold what belongs to none. Its own words, in English. */
export type FieldErrors = Readonly<Record<string, readonly string[]>>

/** Why a call to Authentik gave nothing. `code` is stable; `text` is fit for a moderator. */
export type AuthentikFailure = {
  readonly ok: false
  /** `maybe` = the change may have been made although no answer says so: look before you repeat it. */
  readonly changed: 'no' | 'maybe'
  readonly text: string
} & (
  | { readonly code: 'unreachable' | 'timeout' | 'token-dead' | 'no-permission' | 'stage-not-visible' }
  | { readonly code: 'not-found' | 'no-recovery-flow' | 'server' | 'malformed' | 'cancelled' }
  | /** A link for people that leads to another host than the configured ones: it is not handed on. */ { readonly code: 'foreign-link' }
  | { readonly code: 'down' | 'limited'; readonly retryAfterMs: number }
  | { readonly code: 'conflict' | 'invalid'; readonly fields: FieldErrors }
)

/** What a call to Authentik gives. */
export type AuthentikResult<Value> = { readonly ok: true; readonly value: Value } | AuthentikFailure

/** A success. */
export const done = <Value>(value: Value): { readonly ok: true; readonly value: Value } => ({ ok: true, value })

const own = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined

const maxFields = 20
const maxLength = 300

const messagesInto = (fields: Map<string, string[]>, key: string, value: unknown, depth: number): void => {
  if (fields.size > maxFields || depth > 3) return
  if (typeof value === 'string') {
    const list = fields.get(key)
    if (list === undefined) fields.set(key, [value.slice(0, maxLength)])
    else list.push(value.slice(0, maxLength))
  } else if (Array.isArray(value)) {
    for (const one of value.slice(0, maxFields)) messagesInto(fields, key, one, depth + 1)
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.keys(value))
      messagesInto(fields, key === 'non_field_errors' ? inner : `${key}.${inner}`, own(value, inner), depth + 1)
  }
}

/**
 * Reads the body of a 400 in all its shapes: by field, top-level array, `non_field_errors` as list or string, nested, `detail`, `error`,
 * empty.
 */
export const fieldErrors = (body: unknown): FieldErrors => {
  const fields = new Map<string, string[]>()
  messagesInto(fields, 'non_field_errors', body, 0)
  return Object.fromEntries(fields)
}

const listed = (fields: FieldErrors): string => {
  const parts = Object.entries(fields).map(([field, messages]) => {
    const text = messages.join(' ')
    return field === 'non_field_errors' || field === 'detail' || field === 'error' ? text : `${field}: ${text}`
  })
  return parts.length === 0 ? 'it gave no reason' : parts.join('; ')
}

// The only texts that are matched: Authentik never translates them, and there is no other sign.
const deadTokenTexts = ['Token invalid/expired', 'Authentication credentials were not provided.']
const noRecoveryFlowText = 'No recovery flow set.'

const fromStatus = (failure: GateFailure & { readonly code: 'status' }): AuthentikFailure => {
  const { status, body } = failure
  const changed = failure.untouched ? 'no' : 'maybe'
  const detail = own(body, 'detail')
  if (status === 400) {
    const fields = fieldErrors(body)
    if (fields['non_field_errors']?.[0] === noRecoveryFlowText) {
      return {
        ok: false,
        code: 'no-recovery-flow',
        changed,
        text: 'Authentik has no recovery flow: set one in its brand (System → Brands)',
      }
    }
    return { ok: false, code: 'invalid', changed, fields, text: `Authentik does not accept that: ${listed(fields)}` }
  }
  if (status === 401 || (status === 403 && typeof detail === 'string' && deadTokenTexts.includes(detail))) {
    return {
      ok: false,
      code: 'token-dead',
      changed,
      text: "Authentik refuses the bot's token: it is wrong, expired, or its account is inactive",
    }
  }
  if (status === 403) {
    return {
      ok: false,
      code: 'no-permission',
      changed,
      text: `the bot's role in Authentik lacks the permission for this (${failure.route})`,
    }
  }
  if (status === 404 && detail !== undefined) {
    return { ok: false, code: 'not-found', changed, text: 'Authentik does not know it, or the bot may not see it' }
  }
  if (status === 405 && body === undefined) {
    // Authentik shows a crash behind POST, PATCH and DELETE as an empty 405: it may have come after the change.
    return {
      ok: false,
      code: 'server',
      changed: failure.method === 'GET' ? 'no' : 'maybe',
      text: `Authentik failed inside, or its version lacks this call (${failure.route})`,
    }
  }
  if (status === 404 || (status >= 300 && status < 400)) {
    return { ok: false, code: 'malformed', changed, text: `what answers is not the API of Authentik (HTTP ${status}): is its URL right?` }
  }
  return { ok: false, code: 'server', changed, text: `Authentik answers with an error (HTTP ${status})` }
}

/** Turns a failure of the gate into one that speaks of Authentik. */
export const fromGate = (failure: GateFailure): AuthentikFailure => {
  const changed = failure.untouched ? 'no' : 'maybe'
  switch (failure.code) {
    case 'status':
      return fromStatus(failure)
    case 'network':
      return { ok: false, code: 'unreachable', changed, text: `Authentik cannot be reached: ${failure.reason}` }
    case 'timeout':
      return { ok: false, code: 'timeout', changed, text: 'Authentik does not answer in time' }
    case 'down':
      return {
        ok: false,
        code: 'down',
        changed,
        retryAfterMs: failure.retryAfterMs,
        text: 'Authentik is down; the bot asks it again in a moment',
      }
    case 'limited':
      return {
        ok: false,
        code: 'limited',
        changed,
        retryAfterMs: failure.retryAfterMs,
        text: 'Authentik, or a proxy before it, asks the bot to slow down',
      }
    case 'malformed':
      return { ok: false, code: 'malformed', changed, text: 'what answers is not the API of Authentik: is its URL right?' }
    case 'cancelled':
      return { ok: false, code: 'cancelled', changed, text: 'the bot is shutting down' }
  }
}
