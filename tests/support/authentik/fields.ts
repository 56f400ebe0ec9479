/** Checks of Django REST framework, as far as the bot's calls meet them, with its words. */

/** A checked value or what is wrong with it. */
export type Checked<Value> = { readonly value: Value } | { readonly error: string }

export type Check<Value> = (value: unknown) => Checked<Value>

const notNull = 'This field may not be null.'

/** Text, trimmed as the server does it. */
export const text =
  (rule: { readonly blank?: boolean; readonly max?: number; readonly pattern?: readonly [RegExp, string] } = {}): Check<string> =>
  (value) => {
    if (value === null) return { error: notNull }
    if (typeof value !== 'string' && typeof value !== 'number') return { error: 'Not a valid string.' }
    const trimmed = String(value).trim()
    if (trimmed.includes('\0')) return { error: 'Null characters are not allowed.' }
    if (trimmed === '' && rule.blank !== true) return { error: 'This field may not be blank.' }
    if (rule.max !== undefined && trimmed.length > rule.max) return { error: `Ensure this field has no more than ${rule.max} characters.` }
    if (rule.pattern !== undefined && trimmed !== '' && !rule.pattern[0].test(trimmed)) return { error: rule.pattern[1] }
    return { value: trimmed }
  }

export const email = text({ blank: true, max: 254, pattern: [/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'Enter a valid email address.'] })

export const slug = text({ pattern: [/^[-a-zA-Z0-9_]+$/, 'Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.'] })

export const flag: Check<boolean> = (value) => {
  if (value === null) return { error: notNull }
  if (value === true || value === 'true' || value === 'yes' || value === 1) return { value: true }
  if (value === false || value === 'false' || value === 'no' || value === 0) return { value: false }
  return { error: 'Must be a valid boolean.' }
}

export const dictionary: Check<Record<string, unknown>> = (value) => {
  if (value === null) return { error: notNull }
  if (typeof value !== 'object' || Array.isArray(value)) return { error: 'Value must be a dictionary, and not have any duplicate keys.' }
  return { value: value as Record<string, unknown> }
}

export const integer: Check<number> = (value) => {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) ? { value: number } : { error: 'A valid integer is required.' }
}

/** Times are read as UTC when they name no zone. */
export const time: Check<number | null> = (value) => {
  if (value === null) return { value: null }
  const error = 'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].'
  if (typeof value !== 'string') return { error }
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(value)
  const milliseconds = match === null ? Number.NaN : Date.parse(`${match[1] ?? ''}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`)
  return Number.isNaN(milliseconds) ? { error } : { value: milliseconds }
}

export const userPath: Check<string> = (value) => {
  const checked = text()(value)
  if ('error' in checked) return checked
  if (checked.value.startsWith('/') || checked.value.endsWith('/')) return { error: 'No leading or trailing slashes allowed.' }
  return checked.value.includes('//') ? { error: 'No empty segments in user path allowed.' } : checked
}

export const isUuid = (value: string): boolean => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(value)

/** A reference to one of the records, by UUID. */
export const reference =
  (records: ReadonlyMap<string, unknown>): Check<string | null> =>
  (value) => {
    if (value === null) return { value: null }
    const key = typeof value === 'string' ? value : JSON.stringify(value)
    if (!isUuid(key)) return { error: `“${key}” is not a valid UUID.` }
    return records.has(key) ? { value: key } : { error: `Invalid pk "${key}" - object does not exist.` }
  }

/** The checked fields of a body, or the body of a 400. Unknown fields are ignored without a word. */
export const checkFields = <Checks extends Record<string, Check<unknown>>>(
  body: unknown,
  checks: Checks,
  required: readonly (keyof Checks & string)[],
):
  | { readonly ok: true; readonly values: { [Key in keyof Checks]?: Checks[Key] extends Check<infer Value> ? Value : never } }
  | { readonly ok: false; readonly errors: Record<string, string[]> } => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return {
      ok: false,
      errors: { non_field_errors: [`Invalid data. Expected a dictionary, but got ${Array.isArray(body) ? 'list' : typeof body}.`] },
    }
  }
  const values: Record<string, unknown> = {}
  const errors: Record<string, string[]> = {}
  for (const name of Object.keys(checks)) {
    if (!Object.hasOwn(body, name)) {
      if (required.includes(name)) errors[name] = ['This field is required.']
      continue
    }
    const checked = checks[name]?.((body as Record<string, unknown>)[name])
    if (checked === undefined) continue
    if ('error' in checked) errors[name] = [checked.error]
    else values[name] = checked.value
  }
  return Object.keys(errors).length > 0 ? { ok: false, errors } : { ok: true, values: values as never }
}
