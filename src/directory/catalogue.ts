import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import { z } from 'zod'
import type { RoomAlias, RoomId } from '../types.ts'
import { fold } from './fold.ts'

/** Who may know that a room exists: everybody · people who are in at least one catalogue room · moderators. */
export type Visibility = 'public' | 'members' | 'moderators'

/**
 * How people get in: `invite` = the bot may invite by itself · `admin-join` = they are put into it (own server, people of that server; else invited) · `link` = only named with its link, never invited ·
 * `moderator` = only by a moderator's own command.
 */
export type Access = 'invite' | 'admin-join' | 'link' | 'moderator'

const keyword = z.string().trim().min(1).max(80)
const keywords = z.array(keyword).max(200).default([])
const label = z.string().trim().min(1).max(100)

const category = z.strictObject({
  /** Shown name; absent = the key. */
  name: label.optional(),
  keywords,
})

const roomFields = z.strictObject({
  id: z
    .string()
    .regex(/^![^\s]+$/, 'is not a room id; it begins with !')
    .transform((value) => value as RoomId)
    .optional(),
  alias: z
    .string()
    .regex(/^#[^\s:]+:[^\s]+$/, 'is not a room alias; it looks like #room:example.org')
    .transform((value) => value as RoomAlias)
    .optional(),
  name: label,
  category: z.string().optional(),
  keywords,
  visibility: z.enum(['public', 'members', 'moderators']).default('members'),
  always: z.boolean().default(false),
  access: z.enum(['invite', 'admin-join', 'link', 'moderator']).default('invite'),
  /** Name of the space of this list through whose membership people may join the room by themselves (its join rule is `restricted`). */
  space: label.optional(),
})

const room = roomFields.refine((value) => (value.id === undefined) !== (value.alias === undefined), 'needs an id or an alias, and not both')

const schema = z.strictObject({
  categories: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be lower case letters, digits and -'), category).default({}),
  synonyms: z.record(keyword, z.array(keyword).min(1).max(50)).default({}),
  rooms: z.array(room).max(20_000).default([]),
})

/** The room catalogue: rooms that the operator configured. */
export type Catalogue = z.output<typeof schema>
export type CatalogueRoom = Catalogue['rooms'][number]

/** What is wrong in the file. */
export interface CatalogueProblem {
  /** Counted from 1; undefined where it concerns the file as a whole. */
  readonly line: number | undefined
  /** Such as `rooms[3].visibility`; empty = the file as a whole. */
  readonly key: string
  readonly text: string
}

export type CatalogueResult =
  | { readonly ok: true; readonly catalogue: Catalogue }
  | { readonly ok: false; readonly problems: readonly CatalogueProblem[] }

/** No rooms at all. */
export const emptyCatalogue: Catalogue = schema.parse({})

type Path = readonly PropertyKey[]

const keyOf = (path: Path): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`),
    '',
  )

/** The line of the deepest part of the path that the file has. */
const lineOf = (document: Document, lines: LineCounter, path: Path): number | undefined => {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true) as { readonly range?: readonly [number, number, number] } | null | undefined
    if (node?.range !== undefined) return lines.linePos(node.range[0]).line
  }
  return undefined
}

/** Which keys may stand where this one stands. */
const knownKeys = ([section]: Path): string =>
  Object.keys(section === 'rooms' ? roomFields.shape : section === 'categories' ? category.shape : schema.shape).join(', ')

/** Checks that the schema cannot make: references and doubles. */
const crossCheck = (catalogue: Catalogue): readonly { readonly path: Path; readonly text: string }[] => {
  const problems: { path: Path; text: string }[] = []
  const seen = new Map<string, number>()
  catalogue.rooms.forEach((entry, index) => {
    if (entry.category !== undefined && !Object.hasOwn(catalogue.categories, entry.category)) {
      const known = Object.keys(catalogue.categories).join(', ')
      problems.push({ path: ['rooms', index, 'category'], text: `is not a category; known: ${known === '' ? 'none' : known}` })
    }
    if (entry.space !== undefined) {
      const wanted = fold(entry.space)
      const known = catalogue.rooms.some((other) => other !== entry && fold(other.name) === wanted)
      if (!known) problems.push({ path: ['rooms', index, 'space'], text: 'is not the name of another room of this list' })
    }
    const keys = [
      ['id', entry.id],
      ['alias', entry.alias],
      ['name', fold(entry.name)],
    ] as const
    for (const [key, value] of keys) {
      if (value === undefined) continue
      const first = seen.get(`${key} ${value}`)
      if (first === undefined) seen.set(`${key} ${value}`, index)
      else problems.push({ path: ['rooms', index, key], text: `is the same as that of rooms[${first}]` })
    }
  })
  return problems
}

/**
 * Reads a catalogue.
 * @param text YAML
 * @returns the catalogue, or every problem with its line and key
 */
export const parseCatalogue = (text: string): CatalogueResult => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  if (document.errors.length > 0) {
    return {
      ok: false,
      problems: document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        key: '',
        text: `is not YAML: ${error.message}`,
      })),
    }
  }
  let value: unknown
  try {
    // A few aliases are fine; a bomb of them is not.
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    return {
      ok: false,
      problems: [{ line: undefined, key: '', text: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }],
    }
  }
  const at = (path: Path, problem: string): CatalogueProblem => ({ line: lineOf(document, lines, path), key: keyOf(path), text: problem })
  const parsed = schema.safeParse(value ?? {})
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => at([...issue.path, key], `is not a known key; known: ${knownKeys(issue.path)}`))
        : [at(issue.path, issue.message)],
    )
    return { ok: false, problems }
  }
  const problems = crossCheck(parsed.data)
  if (problems.length > 0) return { ok: false, problems: problems.map((problem) => at(problem.path, problem.text)) }
  return { ok: true, catalogue: parsed.data }
}

/** One line for a person: `line 12, rooms[3].visibility: …` */
export const describeProblem = (problem: CatalogueProblem): string => {
  const where = [problem.line === undefined ? '' : `line ${problem.line}`, problem.key].filter((part) => part !== '').join(', ')
  return where === '' ? problem.text : `${where}: ${problem.text}`
}

/** The catalogue file in use. A bad file never replaces a good one. */
export class CatalogueFile {
  readonly path: string
  #current: Catalogue = emptyCatalogue

  /** @param path of the YAML file; call `reload` to read it */
  constructor(path: string) {
    this.path = path
  }

  /** The last good catalogue; empty before the first. */
  get current(): Catalogue {
    return this.#current
  }

  /** Reads the file again. On problems the old catalogue stays in use. */
  reload(): CatalogueResult {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      return { ok: false, problems: [{ line: undefined, key: '', text: `${this.path} cannot be read (${code})` }] }
    }
    const result = parseCatalogue(text)
    if (result.ok) this.#current = result.catalogue
    return result
  }
}
