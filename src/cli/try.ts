import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { z } from 'zod'
import { determine } from '../chat/address.ts'
import type { ArgumentValue, RoomReference, UserReference } from '../chat/declaration.ts'
import { createParser, type ParsedCommand } from '../chat/parse.ts'
import { declarations } from '../commands/declarations.ts'
import { isUserId } from '../matrix/ids.ts'
import { readIntroduction } from '../onboarding/introduction.ts'
import type { Json, JsonObject } from '../types.ts'
import { tryTemplate } from './try-template.ts'
import type { TryTemplateOptions } from './try-template.ts'

/** How `gatehouse try command` is called. */
export interface TryOptions {
  /** One message; absent with `jsonl`. */
  readonly text?: string
  readonly formatted?: string
  /** Read `{id, input, formatted}` lines from `input` instead. */
  readonly jsonl?: boolean
  /** Default `['!']`. */
  readonly prefixes?: readonly string[]
  /** Default `['Gatehouse']`. */
  readonly botNames?: readonly string[]
  /** Without it the bot's pill is known by the bot's name. */
  readonly botUserId?: string
  /** Lines of JSON. Default: standard input. */
  readonly input?: AsyncIterable<string> | Iterable<string>
  /** Gets each answer, one line without its end. Default: standard output. */
  readonly write?: (line: string) => void
}

type Explain = (text: string, formatted: string | undefined) => JsonObject

const isReference = (value: ArgumentValue | undefined): value is UserReference | RoomReference =>
  typeof value === 'object' && !Array.isArray(value)

/** Ids as ids; what is not looked up yet as it was written. */
const wordOf = (reference: UserReference | RoomReference): string => {
  if (reference.as === 'username' || reference.as === 'handle') return reference.raw
  return reference.value
}

const plainValue = (value: ArgumentValue): Json => {
  if (isReference(value)) return wordOf(value)
  if (typeof value !== 'object') return value
  return value.map((item) => (typeof item === 'string' ? item : wordOf(item)))
}

const understood = ({ declaration, arguments: values, dryRun }: ParsedCommand): JsonObject => {
  const valueOf = (name: string): Json[] => {
    const value = values[name]
    return value === undefined ? [] : [plainValue(value)]
  }
  const options = declaration.options.flatMap(({ name }) => valueOf(name).map((value) => [name, value] as const))
  return {
    command: declaration.name,
    args: declaration.positionals.flatMap(({ name }) => valueOf(name).flat()),
    options: Object.fromEntries([...options, ...(dryRun ? [['dry-run', true] as const] : [])]),
  }
}

const createExplain = (options: TryOptions): Explain => {
  const prefixes = options.prefixes ?? ['!']
  const parse = createParser(declarations, prefixes[0])
  const botNames = options.botNames ?? ['Gatehouse']
  const { botUserId } = options
  const context = botUserId !== undefined && isUserId(botUserId) ? { prefixes, botNames, botUserId } : { prefixes, botNames }
  return (body, formatted) => {
    const message = { body, msgtype: 'm.text', isEdit: false }
    const addressed = determine(formatted === undefined ? message : { ...message, formattedBody: formatted }, context)
    if (addressed.kind === 'ignored') return { command: null, ignored: addressed.why }
    const result = parse(addressed.line, addressed.pills)
    if (result.ok) return understood(result)
    const { code, words, suggestions, position } = result
    const error = { code, message: words, suggestions: [...suggestions] }
    // In the text as it was given, so that the caller can point at it.
    const place = position === undefined ? {} : { position: position + addressed.offset }
    return { command: result.declaration?.name ?? null, error: { ...error, ...place } }
  }
}

const lineSchema = z.object({
  id: z.union([z.string(), z.number()]).nullish(),
  input: z.string(),
  formatted: z.string().nullish(),
})
const idSchema = z.object({ id: z.union([z.string(), z.number()]) })

const readJson = (line: string): unknown => {
  try {
    return JSON.parse(line) as unknown
  } catch {
    // The caller answers `bad-line`: undefined is no JSON value.
    return undefined
  }
}

const answerLine = (line: string, explain: Explain): JsonObject => {
  const json = readJson(line)
  const parsed = lineSchema.safeParse(json)
  if (parsed.success) return { id: parsed.data.id ?? null, ...explain(parsed.data.input, parsed.data.formatted ?? undefined) }
  const id = idSchema.safeParse(json).data?.id ?? null
  const message = json === undefined ? 'the line is no JSON' : 'expected {"id", "input", "formatted"}; input and formatted are texts'
  return { id, command: null, error: { code: 'bad-line', message, suggestions: [] } }
}

/**
 * Shows how a text is understood, without running it. Needs no config, database or network.
 * @returns exit code: 0, or 2 when there is nothing to read
 */
export const tryCommand = async (options: TryOptions): Promise<number> => {
  const write = options.write ?? ((line: string): void => void process.stdout.write(`${line}\n`))
  const explain = createExplain(options)
  if (options.jsonl) {
    const lines = options.input ?? createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
    for await (const line of lines) if (line.trim() !== '') write(JSON.stringify(answerLine(line, explain)))
    return 0
  }
  if (options.text === undefined) {
    process.stderr.write('gatehouse try command: give a text, or --jsonl and lines on standard input\n')
    return 2
  }
  write(JSON.stringify(explain(options.text, options.formatted)))
  return 0
}

/** How `gatehouse try introduction` is called. */
export interface TryIntroductionOptions {
  /** Read `{id, body}` lines from `input`; else all of `input` is one text. */
  readonly jsonl?: boolean
  /** Say also what was guessed. */
  readonly guesses?: boolean
  /** Lines without their ends. Default: standard input. */
  readonly input?: AsyncIterable<string> | Iterable<string>
  /** Gets each answer, one line without its end. Default: standard output. */
  readonly write?: (line: string) => void
}

const introductionLine = z.object({ id: z.union([z.string(), z.number()]).nullish(), body: z.string() })

const explainIntroduction = (body: string, guesses: boolean): JsonObject => {
  const { guesses: guessed, interests, ...rest } = readIntroduction(body)
  const { isIntroduction, name, organization, invitedBy, email, linkedin } = rest
  const told: JsonObject = { isIntroduction, name, organization, invitedBy, email, interests: [...interests], linkedin }
  return guesses ? { ...told, guesses: guessed.map(({ field, code }) => ({ field, code })) } : told
}

const answerIntroduction = (line: string, guesses: boolean): JsonObject => {
  const json = readJson(line)
  const parsed = introductionLine.safeParse(json)
  if (parsed.success) return { id: parsed.data.id ?? null, ...explainIntroduction(parsed.data.body, guesses) }
  const message = json === undefined ? 'the line is no JSON' : 'expected {"id", "body"}; body is a text'
  return { id: idSchema.safeParse(json).data?.id ?? null, error: { code: 'bad-line', message } }
}

/**
 * Shows what is understood of an introduction. Needs no config, database or network.
 * @returns exit code: always 0
 */
export const tryIntroduction = async (options: TryIntroductionOptions): Promise<number> => {
  const write = options.write ?? ((line: string): void => void process.stdout.write(`${line}\n`))
  const guesses = options.guesses === true
  const lines = options.input ?? createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  if (options.jsonl === true) {
    for await (const line of lines) if (line.trim() !== '') write(JSON.stringify(answerIntroduction(line, guesses)))
    return 0
  }
  const text: string[] = []
  for await (const line of lines) text.push(line)
  write(JSON.stringify(explainIntroduction(text.join('\n'), guesses)))
  return 0
}

interface TryFlags {
  readonly jsonl?: boolean
  readonly formatted?: string
  readonly prefix?: readonly string[]
  readonly botName?: readonly string[]
  readonly botUserId?: string
}

/** Adds `gatehouse try` to the program; the exit code goes to `process.exitCode`. */
export const registerTry = (program: Command): void => {
  const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value]
  const group = program.command('try').description('show how something would be understood, without doing it')
  group
    .command('introduction')
    .description('read an introduction on standard input and show what is understood, as JSON')
    .option('--jsonl', 'read one {"id", "body"} a line, answer one line each')
    .option('--guesses', 'say also what was guessed')
    .action(async (flags: { readonly jsonl?: boolean; readonly guesses?: boolean }) => {
      process.exitCode = await tryIntroduction(flags)
    })
  group
    .command('template')
    .description('show a message as people read it, with examples in it; without a name: list the templates')
    .argument('[name]', 'for example welcome-with-credentials')
    .option('-c, --config <file>', 'use the URLs and the templates of this configuration')
    .option('--directory <folder>', 'a folder of templates, as `templates.directory`')
    .option('--passphrase', 'with a passphrase in the place of a link')
    .option('--html', 'the HTML instead of the plain text')
    .action((name: string | undefined, flags: Omit<TryTemplateOptions, 'name'>) => {
      process.exitCode = tryTemplate({ ...flags, name })
    })
  group
    .command('command')
    .description('show how a chat message is understood, as JSON')
    .argument('[text]', 'the message, for example "!rooms outdoor"')
    .option('--jsonl', 'read one {"id", "input", "formatted"} a line from standard input, answer one line each')
    .option('--formatted <html>', 'the formatted body of the message')
    .option('--prefix <prefix>', 'command prefix instead of "!" (may be repeated)', collect)
    .option('--bot-name <name>', 'display name of the bot instead of "Gatehouse" (may be repeated)', collect)
    .option('--bot-user-id <id>', 'Matrix id of the bot, to know its pill by')
    .action(async (text: string | undefined, flags: TryFlags) => {
      const { jsonl, formatted, prefix, botName, botUserId } = flags
      process.exitCode = await tryCommand({
        ...(text !== undefined && { text }),
        ...(formatted !== undefined && { formatted }),
        ...(jsonl && { jsonl }),
        ...(prefix && { prefixes: prefix }),
        ...(botName && { botNames: botName }),
        ...(botUserId !== undefined && { botUserId }),
      })
    })
}
