import { isRoomAlias, isRoomId, isUserId } from '../matrix/ids.ts'
import { parseMatrixLink, type LinkTarget } from '../matrix/links.ts'
import type { RoomReference, UserReference } from './declaration.ts'
import { isComma } from './characters.ts'
import { textOf, type Piece } from './tokenise.ts'

/** What a written value came to: a value, or plain words that say what is wrong with it. */
export type Reading<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly words: string }

const good = <Value>(value: Value): Reading<Value> => ({ ok: true, value })
const bad = (words: string): { readonly ok: false; readonly words: string } => ({ ok: false, words })

/** Longest account username in Authentik is 150 characters; a catalogue name is a title. */
const maxNameLength = 255

/** The pill that the pieces are, a colon or comma that clients put after a mention aside. */
const pillOf = (pieces: readonly Piece[]): { readonly text: string; readonly target: LinkTarget } | undefined => {
  const pills = pieces.flatMap((piece) => (piece.pill ? [piece.pill] : []))
  const rest = textOf(pieces.filter((piece) => !piece.pill))
  return pills.length === 1 && /^[\s:;.]*$/.test(rest) ? pills[0] : undefined
}

/** Mail clients and Markdown put links into angle brackets; people put names into round ones. */
const unwrap = (text: string): string =>
  text
    .trim()
    .replace(/^<([^<>]*)>$/, '$1')
    .replace(/^\(([^()]*)\)$/, '$1')

/** The end of the sentence that somebody wrote around a name: no Matrix id and no row ends so. */
const sentenceEnd = /[:;.,!?\u060c\u3001\uff0c]+$/

const isLink = (text: string): boolean => /^(?:matrix:|https?:\/\/)/i.test(text)

const userOf = (raw: string, target: LinkTarget): Reading<UserReference> =>
  target.kind === 'user' ? good({ raw, as: 'mxid', value: target.userId }) : bad(`“${raw}” is a room, not a person`)

/**
 * Reads one person: MXID, link, URI, pill, list row (`2`), list handle (`#k3`), else an account's username (`@ada` and `ada` alike).
 * @param pieces one word, commas already taken apart
 */
export const readUser = (pieces: readonly Piece[]): Reading<UserReference> => {
  const pill = pillOf(pieces)
  if (pill) return userOf(pill.text, pill.target)
  const raw = unwrap(textOf(pieces))
  if (raw === '') return bad('a person is missing')
  const target = parseMatrixLink(raw)
  if (target) return userOf(raw, target)
  if (isLink(raw)) return bad(`“${raw}” is no link to a person`)
  // "@ada:example.org:" is how people write to somebody.
  const bare = raw.replace(sentenceEnd, '')
  const id = [bare, raw].find(isUserId)
  if (id !== undefined) return good({ raw, as: 'mxid', value: id })
  if (/^#?[0-9]{1,4}$/.test(bare)) {
    const row = Number.parseInt(bare.replace('#', ''), 10)
    return row === 0 ? bad('rows are counted from 1') : good({ raw, as: 'row', value: String(row) })
  }
  if (/^#[a-z][0-9]{1,6}$/i.test(raw)) return good({ raw, as: 'handle', value: raw.slice(1).toLowerCase() })
  if (/^[#!]/.test(raw)) return bad(`“${raw}” is a room, not a person`)
  const username = raw.replace(/^@/, '')
  if (username === '' || username.length > maxNameLength || (raw.startsWith('@') && username.includes(':'))) {
    return bad(`“${raw}” is no Matrix id: it should look like @name:server`)
  }
  return good({ raw, as: 'username', value: username })
}

/** Reads one room: id, alias, link, pill, `here`, else a catalogue name or category (`tech` and `#tech` alike). */
export const readRoom = (pieces: readonly Piece[]): Reading<RoomReference> => {
  const pill = pillOf(pieces)
  const raw = pill?.text ?? unwrap(textOf(pieces))
  if (raw === '') return bad('a room is missing')
  const target = pill?.target ?? parseMatrixLink(raw)
  if (target) {
    if (target.kind === 'user') return bad(`“${raw}” is a person, not a room`)
    const room = target.kind === 'room' ? target.roomId : target.kind === 'alias' ? target.alias : target.room
    const found = { raw, as: isRoomId(room) ? 'id' : 'alias', value: room } as const
    return good(target.via.length > 0 ? { ...found, via: target.via } : found)
  }
  if (isLink(raw)) return bad(`“${raw}” is no link to a room`)
  if (isUserId(raw)) return bad(`“${raw}” is a person, not a room`)
  if (isRoomId(raw)) return good({ raw, as: 'id', value: raw })
  if (isRoomAlias(raw)) return good({ raw, as: 'alias', value: raw })
  if (raw.toLowerCase() === 'here' && pieces.every((piece) => !piece.quoted)) return good({ raw, as: 'here', value: 'here' })
  const name = raw.replace(/^#/, '')
  return name === '' || name.length > maxNameLength ? bad(`“${raw}” is no room`) : good({ raw, as: 'name', value: name })
}

const trimPieces = (pieces: readonly Piece[]): readonly Piece[] => {
  const first = pieces.findIndex((piece) => piece.pill || piece.quoted || piece.text.trim() !== '')
  const last = pieces.findLastIndex((piece) => piece.pill || piece.quoted || piece.text.trim() !== '')
  return first === -1 ? [] : pieces.slice(first, last + 1)
}

/**
 * Takes a list apart at its commas. Commas in quotes hold a name together (`"Cats, dogs",tech`), unless they are the only ones
 * (`"a, b"`). Empty items are left out.
 */
export const splitAtCommas = (pieces: readonly Piece[]): readonly (readonly Piece[])[] => {
  const isFree = (piece: Piece): boolean => !piece.pill && !piece.quoted
  const hasComma = (piece: Piece): boolean => Array.from(piece.text).some(isComma)
  const separates = pieces.some((piece) => isFree(piece) && hasComma(piece)) ? isFree : (piece: Piece): boolean => !piece.pill
  const items: Piece[][] = [[]]
  for (const piece of pieces) {
    if (!separates(piece)) {
      items.at(-1)?.push(piece)
      continue
    }
    for (const [index, text] of piece.text.split(/[,\u060c\u3001\uff0c]/).entries()) {
      if (index > 0) items.push([])
      if (text !== '') items.at(-1)?.push({ ...piece, text })
    }
  }
  return items.map(trimPieces).filter((item) => textOf(item).trim() !== '')
}

/** Takes people apart: at commas, and between two mentions that touch. */
export const splitUsers = (pieces: readonly Piece[]): readonly (readonly Piece[])[] =>
  splitAtCommas(pieces).flatMap((item) => {
    const pills = item.filter((piece) => piece.pill)
    const isMentionsOnly = pills.length > 1 && item.every((piece) => piece.pill !== undefined || /^[\s:;.]*$/.test(piece.text))
    return isMentionsOnly ? pills.map((piece) => [piece]) : [item]
  })

/** `and` or `&` between two people is no person. */
export const isAnd = (pieces: readonly Piece[]): boolean =>
  pieces.every((piece) => piece.pill === undefined && !piece.quoted) && /^(?:and|&|\+)$/i.test(textOf(pieces).trim())

/** Can it only be a person: an id, a link, a pill or a row? A bare word may be anything. */
export const isPlainlyUser = (pieces: readonly Piece[]): boolean => {
  const reading = readUser(pieces)
  return reading.ok && (reading.value.as !== 'username' || reading.value.raw.startsWith('@'))
}
