import type { ArgumentValue, ParameterType, RoomReference, UserReference } from './declaration.ts'
import { readRoom, readUser, splitAtCommas, splitUsers, type Reading } from './reference.ts'
import { suggest } from './suggest.ts'
import { textOf, type Piece } from './tokenise.ts'

/** A converted value, or why it is none, with what may have been meant. */
export type Conversion =
  | { readonly ok: true; readonly value: ArgumentValue }
  | { readonly ok: false; readonly words: string; readonly suggestions: readonly string[] }

const bad = (words: string, suggestions: readonly string[] = []): Conversion => ({ ok: false, words, suggestions })

const units: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])

/**
 * Writes a duration as people type it: the largest unit that divides it.
 * @param milliseconds whole seconds
 */
export const formatDuration = (milliseconds: number): string => {
  const [unit, size] = [...units].findLast(([, candidate]) => milliseconds % candidate === 0) ?? ['s', 1000]
  return `${Math.round(milliseconds / size)}${unit}`
}

const toDuration = (text: string, min: number, max: number): Conversion => {
  const [, count, unit] = /^([0-9]{1,9})([smhdw])$/i.exec(text) ?? []
  const milliseconds = Number(count) * (units.get((unit ?? '').toLowerCase()) ?? Number.NaN)
  if (Number.isNaN(milliseconds)) return bad(`“${text}” is no duration: write it as 90s, 15m, 2h, 7d or 2w`)
  if (milliseconds >= min && milliseconds <= max) return { ok: true, value: milliseconds }
  return bad(`${text} is out of range: it must be between ${formatDuration(min)} and ${formatDuration(max)}`)
}

const toInteger = (text: string, min: number, max: number): Conversion => {
  // Jobs are shown as "#41", so that is how they are typed.
  const digits = /^#?([0-9]{1,15})$/.exec(text)?.[1]
  const value = Number(digits)
  if (digits !== undefined && value >= min && value <= max) return { ok: true, value }
  return bad(`“${text}” is no whole number between ${min} and ${max}`)
}

const toChoice = (text: string, choices: readonly string[]): Conversion => {
  const value = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
  if (value !== undefined) return { ok: true, value }
  return bad(`“${text}” is none of: ${choices.join(', ')}`, suggest(text, choices))
}

const toEmail = (text: string): Conversion => {
  const address = text.replace(/^<?(?:mailto:)?/i, '').replace(/>$/, '')
  if (address.length <= 254 && /^[^\s@<>"(),;:\\]+@[^\s@<>"(),;:\\.]+(?:\.[^\s@<>"(),;:\\.]+)+$/.test(address))
    return { ok: true, value: address }
  return bad(`“${text}” is no e-mail address`)
}

const readAll = <Value extends UserReference | RoomReference>(readings: readonly Reading<Value>[]): Reading<readonly Value[]> => {
  const values = new Map<string, Value>()
  for (const reading of readings) {
    if (!reading.ok) return reading
    // Said twice is meant once.
    const key = `${reading.value.as} ${reading.value.value}`
    if (!values.has(key)) values.set(key, reading.value)
  }
  return { ok: true, value: [...values.values()] }
}

const fromReading = (reading: Reading<ArgumentValue>): Conversion => (reading.ok ? reading : bad(reading.words))

/**
 * Turns written words into a value of the declared type.
 * @param pieces for types that take several words: all of them, with a space piece between two
 */
export const convert = (type: ParameterType, pieces: readonly Piece[]): Conversion => {
  const text = textOf(pieces).trim()
  switch (type.kind) {
    case 'text':
      return { ok: true, value: text }
    case 'integer':
      return toInteger(text, type.min, type.max)
    case 'duration':
      return toDuration(text, type.min, type.max)
    case 'choice':
      return toChoice(text, type.choices)
    case 'email':
      return toEmail(text)
    case 'list': {
      const words = splitAtCommas(pieces).map((item) => textOf(item).trim())
      return words.length > 0 ? { ok: true, value: [...new Set(words)] } : bad('the list is empty')
    }
    case 'user':
      return fromReading(readUser(pieces))
    case 'users': {
      const items = splitUsers(pieces)
      return items.length > 0 ? fromReading(readAll(items.map(readUser))) : bad('a person is missing')
    }
    case 'room':
      return fromReading(readRoom(pieces))
    case 'rooms': {
      const items = splitAtCommas(pieces)
      return items.length > 0 ? fromReading(readAll(items.map(readRoom))) : bad('a room is missing')
    }
  }
}
