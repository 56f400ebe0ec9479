import type { UserId } from '../types.ts'
import { isServerName } from '../matrix/ids.ts'
import { isInvisible, isSpace, wordEnd } from './characters.ts'
import { findPills, type Pill, type PillScan } from './pills.ts'

/** A text message as it was decrypted. */
export interface IncomingText {
  readonly body: string
  /** Only when `format` is `org.matrix.custom.html`. */
  readonly formattedBody?: string
  readonly msgtype: string
  /** It replaces an earlier event (`m.replace`). */
  readonly isEdit: boolean
}

/** How the bot is called. */
export interface AddressContext {
  /** For example `['!']`. A prefix that ends with a letter or digit needs a space after it. */
  readonly prefixes: readonly string[]
  /** Absent where it is not known (`gatehouse try` without a config). */
  readonly botUserId?: UserId
  /** Display names of the bot. */
  readonly botNames: readonly string[]
}

/** Why a message is no command. */
export type IgnoredReason = 'not-text' | 'notice' | 'edit' | 'empty' | 'too-long' | 'not-addressed' | 'no-command'

export type Addressed =
  | { readonly kind: 'ignored'; readonly why: IgnoredReason }
  | {
      readonly kind: 'command'
      /** From the command's name on, trailing spaces cut. */
      readonly line: string
      /** Where `line` begins in `body`. */
      readonly offset: number
      /** Offsets counted in `line`. */
      readonly pills: readonly Pill[]
      readonly by: 'prefix' | 'name' | 'pill'
    }

/** A longer message is read by nobody as a command. An event has at most 65,536 bytes. */
const maxBodyLength = 65_536
const maxPrefixLength = 64
/** No command has so long a name; a room id of version 12 (`!` and 43 characters) has. */
const maxWordLength = 40

const skip = (text: string, from: number): number => {
  let index = from
  while (isSpace(text[index]) || isInvisible(text[index])) index += 1
  return index
}

/** Length of the quoted lines that older clients put before a reply: `> <@ada:example.org> …`, more `> ` lines, an empty line. */
const fallbackLength = (body: string): number => {
  if (!/^> (?:\* )?<@[^>\n]{1,255}>/.test(body)) return 0
  let index = 0
  while (body.startsWith('>', index)) {
    const end = body.indexOf('\n', index)
    if (end === -1) return body.length
    index = end + 1
  }
  return index
}

/** What the sender wrote, without the lines that an older client quotes before a reply. */
export const ownText = (body: string): string => body.slice(fallbackLength(body)).trim()

const startsWith = (text: string, at: number, word: string): boolean =>
  word !== '' && text.slice(at, at + word.length).toLowerCase() === word.toLowerCase()

/** After a prefix: the offset of the command's name, or undefined. */
const afterPrefix = (text: string, at: number, prefixes: readonly string[]): number | undefined => {
  // Keyboards of East Asia write "！" for "!".
  const typed = text.slice(at, at + maxPrefixLength).replaceAll('\uff01', '!')
  const prefix = [...prefixes].sort((one, other) => other.length - one.length).find((candidate) => startsWith(typed, 0, candidate))
  if (prefix === undefined) return undefined
  const end = at + prefix.length
  if (!/[\p{L}\p{N}]$/u.test(prefix)) return end
  return isSpace(text[end]) || /[:,]/.test(text[end] ?? '') ? skip(text, end + 1) : undefined
}

/** After the bot's name or pill that ends at `end`: `: `, `, ` or a space, then perhaps a prefix. */
const afterName = (text: string, end: number, prefixes: readonly string[]): number => {
  const mark = skip(text, end)
  const start = /[:,：，]/.test(text[mark] ?? '') ? skip(text, mark + 1) : mark
  return afterPrefix(text, start, prefixes) ?? start
}

const isNameBoundary = (character: string | undefined): boolean =>
  character === undefined || isSpace(character) || /[:,：，]/.test(character)

const namesOf = (context: AddressContext): readonly string[] => {
  const id = context.botUserId
  const names = context.botNames.flatMap((name) => [name, `@${name}`])
  return (id === undefined ? names : [...names, id, id.slice(0, id.indexOf(':'))]).sort((one, other) => other.length - one.length)
}

/** Is the word a room id that was written into the chat? `!abc:example.org` begins with the usual prefix. */
const isRoomIdRest = (word: string): boolean => {
  const colon = word.indexOf(':')
  const server = word.slice(colon + 1)
  return colon !== -1 && server.includes('.') && isServerName(server)
}

/** Where the command's name begins and how the bot was called, or undefined when it was not. */
const calledBy = (
  body: string,
  start: number,
  scan: PillScan,
  context: AddressContext,
): { readonly at: number; readonly by: 'prefix' | 'name' | 'pill' } | undefined => {
  const names = namesOf(context)
  const pill = scan.pills.find((candidate) => candidate.start === start)
  const target = pill?.target ?? scan.leading
  if (target) {
    // Somebody may call themselves "!remove @ada": a message that begins with their mention is not a command.
    const isBot =
      context.botUserId === undefined
        ? target.kind === 'user' && names.some((name) => name.toLowerCase() === pill?.text.toLowerCase())
        : target.kind === 'user' && target.userId === context.botUserId
    if (!isBot) return undefined
    if (pill) return { at: afterName(body, pill.end, context.prefixes), by: 'pill' }
  }
  const prefixed = afterPrefix(body, start, context.prefixes)
  if (prefixed !== undefined) return { at: prefixed, by: 'prefix' }
  // "@gate:other.example" is somebody else: after a Matrix id's local part a colon must end the word.
  const isWhole = (candidate: string): boolean => {
    const end = start + candidate.length
    const isColonInside = candidate.startsWith('@') && body[end] === ':' && end + 1 < body.length && !isSpace(body[end + 1])
    return isNameBoundary(body[end]) && !isColonInside
  }
  const name = names.find((candidate) => startsWith(body, start, candidate) && isWhole(candidate))
  return name === undefined ? undefined : { at: afterName(body, start + name.length, context.prefixes), by: 'name' }
}

/**
 * Decides whether a message is a command: it must *begin* with a prefix, the bot's name or the bot's pill. Pure.
 * @returns the line to parse, or why the message is none of ours
 */
export const determine = (message: IncomingText, context: AddressContext): Addressed => {
  const ignored = (why: IgnoredReason): Addressed => ({ kind: 'ignored', why })
  if (message.msgtype === 'm.notice') return ignored('notice')
  if (message.msgtype !== 'm.text') return ignored('not-text')
  if (message.isEdit) return ignored('edit')
  const { body } = message
  if (body.length > maxBodyLength) return ignored('too-long')
  const start = skip(body, fallbackLength(body))
  if (start === body.length) return ignored('empty')

  const scan = findPills(body, message.formattedBody, start)
  const call = calledBy(body, start, scan, context)
  if (!call) return ignored('not-addressed')

  const offset = call.at
  const line = body.slice(offset).trimEnd()
  const word = line.slice(0, wordEnd(line))
  if (!/^\p{L}/u.test(word) || word.length > maxWordLength || isRoomIdRest(word)) return ignored('no-command')
  const pills = scan.pills.filter((candidate) => candidate.start >= offset)
  if (pills.some((candidate) => candidate.start === offset)) return ignored('no-command')
  return {
    kind: 'command',
    line,
    offset,
    pills: pills.map((found) => ({ ...found, start: found.start - offset, end: found.end - offset })),
    by: call.by,
  }
}
