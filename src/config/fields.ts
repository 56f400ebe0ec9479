import { z } from 'zod'
import type { RoomAlias, RoomId, UserId } from '../types.ts'
import { abouts } from './about.ts'
import type { About } from './about.ts'

type Notes = Omit<About, 'kind' | 'from'> & Partial<Pick<About, 'kind' | 'from'>>

const unitMilliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * Reads a duration as people write it: `3s`, `15m`, `24h`, `7d`, `250ms`, `0`.
 * @returns milliseconds, or undefined when the text is not a duration
 */
export const parseDuration = (text: string): number | undefined => {
  if (text.trim() === '0') return 0
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h|d)$/.exec(text.trim())
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return Math.round(Number(match[1]) * unitMilliseconds[match[2] as keyof typeof unitMilliseconds])
}

/** Attaches the notes to a leaf. Always the last step, because schema wrappers do not inherit them. */
export const note = <S extends z.ZodType>(schema: S, kind: string, from: About['from'], notes: Notes): S => {
  abouts.add(schema, { ...notes, kind: notes.kind ?? kind, from: notes.from ?? from })
  return schema
}

const durationSchema = (least: string, most: string) =>
  z.union([z.string(), z.literal(0)]).transform((value, context) => {
    const milliseconds = parseDuration(String(value))
    if (milliseconds === undefined) {
      context.addIssue('is not a duration; write a number with its unit, such as 3s, 15m, 24h or 7d')
      return z.NEVER
    }
    if (milliseconds < (parseDuration(least) ?? 0) || milliseconds > (parseDuration(most) ?? Infinity)) {
      context.addIssue(`must be between ${least} and ${most}`)
      return z.NEVER
    }
    return milliseconds
  })

/** A length of time with a default; milliseconds once parsed. */
export const duration = (preset: string, limits: { readonly least: string; readonly most: string }, notes: Notes) =>
  note(durationSchema(limits.least, limits.most).prefault(preset), 'duration', 'text', notes)

const readUrl = (value: string): string => {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    return 'is not a URL; it looks like https://matrix.your-domain.net'
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://'
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password'
  if (url.search !== '' || url.hash !== '') return 'must not hold a query (?…) or fragment (#…)'
  return ''
}

const urlSchema = () =>
  z.string().transform((value, context) => {
    const wrong = readUrl(value)
    if (wrong !== '') {
      context.addIssue(wrong)
      return z.NEVER
    }
    return new URL(value).href.replace(/\/+$/, '')
  })

/** A required URL; without its trailing slash once parsed. Whether plain http is fine is decided in `checks.ts`. */
export const url = (notes: Notes) => note(urlSchema(), 'URL', 'text', notes)
/** A URL that may be absent. */
export const optionalUrl = (notes: Notes) => note(urlSchema().optional(), 'URL', 'text', notes)

const userIdSchema = () =>
  z
    .string()
    .max(255)
    .regex(/^@[^\s:]+:[^\s]+$/, 'is not a Matrix user id; it looks like @name:your-domain.net')
    .transform((value) => value as UserId)

/** A Matrix user id. */
export const userId = (notes: Notes) => note(userIdSchema(), 'user id', 'text', notes)
/** A list of Matrix user ids, empty by default. */
export const userIds = (notes: Notes) => note(z.array(userIdSchema()).default([]), 'list of user ids', 'list', notes)

const roomSchema = () =>
  z
    .string()
    .max(255)
    // Ids of room version 12 have no server part.
    .regex(/^(?:![^\s]+|#[^\s:]+:[^\s]+)$/, 'is not a room id (!…) or alias (#name:your-domain.net)')
    .transform((value) => value as RoomId | RoomAlias)

/** A room id or alias. */
export const room = (notes: Notes) => note(roomSchema(), 'room id or alias', 'text', notes)
/** A room id or alias that may be absent. */
export const optionalRoom = (notes: Notes) => note(roomSchema().optional(), 'room id or alias', 'text', notes)

const line = () =>
  z
    .string()
    .min(1, 'must not be empty')
    // eslint-disable-next-line no-control-regex -- control characters are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters')

/** A required line of text. */
export const text = (notes: Notes) => note(line(), 'text', 'text', notes)
/** A line of text with a default. */
export const textOr = (preset: string, notes: Notes) => note(line().default(preset), 'text', 'text', notes)
/** A line of text that may be absent. */
export const optionalText = (notes: Notes) => note(line().optional(), 'text', 'text', notes)
/** A list of lines of text with a default. */
export const texts = (preset: readonly string[], notes: Notes) => note(z.array(line()).default([...preset]), 'list of texts', 'list', notes)

/** The slug of an Authentik flow. */
export const slug = (notes: Notes) =>
  note(z.string().regex(/^[-\w]+$/, 'is not a slug; only letters, digits, - and _'), 'slug', 'text', notes)
/** The slug of an Authentik flow that may be absent. */
export const optionalSlug = (notes: Notes) =>
  note(
    z
      .string()
      .regex(/^[-\w]+$/, 'is not a slug; only letters, digits, - and _')
      .optional(),
    'slug',
    'text',
    notes,
  )

/** A path with a default. */
export const pathOr = (preset: string, notes: Notes) => note(line().default(preset), 'path', 'text', { ...notes, path: true })
/** A path that may be absent. */
export const optionalPath = (notes: Notes) => note(line().optional(), 'path', 'text', { ...notes, path: true })

/** A required secret of at least `least` characters. */
export const secret = (least: number, notes: Notes) =>
  note(z.string().min(least, `must have at least ${least} characters`), 'secret text', 'text', { ...notes, secret: true })
/** A secret that may be absent. */
export const optionalSecret = (notes: Notes) =>
  note(z.string().min(1, 'must not be empty').optional(), 'secret text', 'text', { ...notes, secret: true })

/** One of several words. */
export const choice = <const Words extends readonly [string, ...string[]]>(words: Words, preset: Words[number], notes: Notes) =>
  note(z.enum(words).default(preset as never), words.join(' | '), 'text', notes)

/** true or false. */
export const flag = (preset: boolean, notes: Notes) => note(z.boolean().default(preset), 'true | false', 'boolean', notes)

/** A whole number with a default. */
export const count = (preset: number, limits: { readonly least: number; readonly most: number }, notes: Notes) =>
  note(z.int().min(limits.least).max(limits.most).default(preset), 'whole number', 'number', notes)

const clockPattern = /^(?:[01]\d|2[0-3]):[0-5]\d$/
/** A time of day with a default, kept as `HH:MM`. */
export const timeOfDayOr = (preset: string, notes: Notes) =>
  note(z.string().regex(clockPattern, 'is not a time of day; write it as HH:MM').default(preset), 'time of day', 'text', notes)
/** A required time of day. */
export const timeOfDay = (notes: Notes) =>
  note(z.string().regex(clockPattern, 'is not a time of day; write it as HH:MM'), 'time of day', 'text', notes)

const isTimeZone = (value: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
/** A time zone name such as `Europe/Berlin`. */
export const timeZone = (notes: Notes) =>
  note(z.string().refine(isTimeZone, 'is not a time zone; it looks like Europe/Berlin'), 'time zone', 'text', notes)
