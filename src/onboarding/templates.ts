import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseMarkdown } from './templates-markdown.ts'
import type { Block } from './templates-markdown.ts'
import { renderBlocks } from './templates-render.ts'
import type { Filling, Named, NamedLink, Rendered } from './templates-render.ts'

/**
 * What may stand for a placeholder: `text` as it is · `url` a link that shows itself · `link` a named link · `people` pills that notify ·
 * `links` a list of links.
 */
interface ValueTypes {
  readonly text: string
  readonly url: string
  readonly link: NamedLink
  readonly people: readonly Named[]
  readonly links: readonly NamedLink[]
}
type Kind = keyof ValueTypes
type Placeholders = Readonly<Record<string, Kind>>

/** Placeholders of every template: from the section `community` of the config. */
const shared = {
  community: 'text',
  bot: 'text',
  ssoUrl: 'url',
  appUrl: 'url',
  rulesUrl: 'url',
  guideUrl: 'url',
  supportRoom: 'link',
  contact: 'text',
} as const satisfies Placeholders

/** The templates and the placeholders of each. A file `config/templates/<name>.md` for every one. */
const declared = {
  /** First message of the DM. */
  hello: { name: 'text' },
  /**
   * For people who have their account already. `invited` = names of the rooms they were invited to; `rooms` = more rooms, as links; `username` only
   * when there is a new account and its credentials could not be made.
   */
  welcome: { name: 'text', username: 'text', invited: 'text', rooms: 'links' },
  /** With a recovery link or a passphrase, whichever was made. `lifetime` in words: "24 hours". */
  'welcome-with-credentials': {
    name: 'text',
    username: 'text',
    recoveryUrl: 'url',
    lifetime: 'text',
    passphrase: 'text',
    invited: 'text',
    rooms: 'links',
  },
  /** In INDOC, to one or several people who came. `deadline` in words. */
  'introduction-prompt': { people: 'people', deadline: 'text' },
  /** In INDOC, to people who have not answered yet. `deadline` = the time that is left, in words. */
  'introduction-reminder': { people: 'people', deadline: 'text' },
  /** In INDOC, to somebody whom the moderators do not let in. */
  declined: { people: 'people', reason: 'text' },
  /** To the person whom a newcomer names as inviter. `newcomer` = name and id. */
  vouch: { name: 'text', newcomer: 'text' },
  /** In INDOC, before the person is taken out of it. */
  graduation: { people: 'people' },
  'removal-unverified': { name: 'text' },
  'removal-inactive': { name: 'text' },
  'removal-spam': { name: 'text' },
  'removal-safety': { name: 'text' },
  'removal-custom': { name: 'text', reason: 'text' },
  /** To the moderator who ran `!invite`; `invitation` is its name, `uses` such as "once". */
  invitation: { invitation: 'text', invitationUrl: 'url', expires: 'text', uses: 'text' },
  /** To the moderator who hands an account over to somebody without a Matrix user. `mailed` = who has sent the link by e-mail. */
  'hand-over': {
    name: 'text',
    username: 'text',
    recoveryUrl: 'url',
    lifetime: 'text',
    passphrase: 'text',
    mailed: 'text',
    code: 'text',
    expires: 'text',
    botId: 'text',
    indoc: 'text',
  },
  /** A new way to sign in. */
  recovery: { name: 'text', username: 'text', recoveryUrl: 'url', lifetime: 'text', passphrase: 'text' },
} as const satisfies Readonly<Record<string, Placeholders>>

export type TemplateName = keyof typeof declared

/** All template names. */
export const templateNames = Object.keys(declared) as readonly TemplateName[]

type ValuesFor<P extends Placeholders> = { readonly [Name in keyof P]?: ValueTypes[P[Name]] | undefined }

/** What a template can be given. Left out = empty: the paragraphs and list items that name it disappear. */
export type TemplateValues<Name extends TemplateName> = ValuesFor<(typeof declared)[Name]>
/** What every template knows. */
export type SharedValues = ValuesFor<typeof shared>

/** What is wrong with a template file. */
export interface TemplateProblem {
  readonly file: string
  /** Counted from 1; undefined = the file as a whole. */
  readonly line: number | undefined
  readonly text: string
}

/** The templates that ship, beside `src/` or `dist/`. */
export const templatesDirectory = resolve(dirname(fileURLToPath(import.meta.url)), '../../config/templates')

export interface TemplateOptions {
  /** `templates.directory` of the config: its files replace those of the same name. */
  readonly directory?: string | undefined
  readonly shared: SharedValues
  /** `community.placeholders` of the config; values that are URLs become links. */
  readonly extra?: Readonly<Record<string, string>>
  /** For tests; default `templatesDirectory`. */
  readonly builtIn?: string
}

export type TemplatesResult =
  | { readonly ok: true; readonly templates: Templates }
  | { readonly ok: false; readonly problems: readonly TemplateProblem[] }

interface Template {
  readonly blocks: readonly Block[]
  readonly version: string
}

const fill = (kind: Kind, value: ValueTypes[Kind]): Filling => {
  if (kind === 'people') return { kind: 'people', people: value as readonly Named[] }
  if (kind === 'links') return { kind: 'links', links: value as readonly NamedLink[] }
  if (kind === 'link') {
    const { name, url } = value as NamedLink
    return { kind: 'link', url, text: name }
  }
  const text = value as string
  return kind === 'url' ? { kind: 'link', url: text, text } : { kind: 'text', text }
}

const fillAll = (placeholders: Placeholders, values: Readonly<Record<string, unknown>>): readonly (readonly [string, Filling])[] =>
  Object.entries(placeholders).flatMap(([name, kind]) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    return value === undefined ? [] : [[name, fill(kind, value as ValueTypes[Kind])] as const]
  })

/** Checked templates, ready to render. Make them with `loadTemplates`. */
export class Templates {
  readonly #templates: ReadonlyMap<TemplateName, Template>
  readonly #shared: readonly (readonly [string, Filling])[]
  readonly #welcomes: ReadonlyMap<string, Template>

  constructor(
    templates: ReadonlyMap<TemplateName, Template>,
    sharedFillings: readonly (readonly [string, Filling])[],
    welcomes: ReadonlyMap<string, Template> = new Map(),
  ) {
    this.#templates = templates
    this.#shared = sharedFillings
    this.#welcomes = welcomes
  }

  /** The operator's further welcomes: `guests` for the file `welcome-guests.md`. */
  get welcomes(): readonly string[] {
    return [...this.#welcomes.keys()].sort()
  }

  #template(name: TemplateName): Template {
    const template = this.#templates.get(name)
    if (template === undefined) throw new Error(`the template ${name} was not loaded`)
    return template
  }

  /** Changes when the text of the template does: part of the unique key of a welcome. */
  version(name: TemplateName): string {
    return this.#template(name).version
  }

  /**
   * Renders a template.
   * @param welcome one of `welcomes`, in the place of a welcome; one that is gone is passed over
   * @example templates.render('hello', { name: 'Ada' }) // { body, formattedBody, mentions: [] }
   */
  render<Name extends TemplateName>(name: Name, values: TemplateValues<Name>, welcome?: string): Rendered {
    const own = welcome === undefined ? undefined : this.#welcomes.get(welcome)
    return renderBlocks((own ?? this.#template(name)).blocks, new Map([...this.#shared, ...fillAll(declared[name], values)]))
  }
}

/** Every placeholder that a template may use, with its kind. */
export const placeholdersOf = (name: TemplateName, extra: Readonly<Record<string, string>> = {}): ReadonlyMap<string, Kind> =>
  new Map<string, Kind>([
    ...Object.keys(extra).map((key) => [key, 'text'] as const),
    ...Object.entries(shared),
    ...Object.entries(declared[name]),
  ])

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Largest template in bytes: what it becomes must fit into one encrypted event. */
const longest = 12_000

const check = (
  file: string,
  source: string,
  known: ReadonlyMap<string, Kind>,
): { template: Template; problems: readonly TemplateProblem[] } => {
  const { blocks, uses, problems } = parseMarkdown(source)
  const found: TemplateProblem[] = problems.map((problem) => ({ file, ...problem }))
  for (const { name, line, as } of uses) {
    const kind = known.get(name)
    if (kind === undefined) {
      found.push({ file, line, text: `{${name}} is not a placeholder of this template; known: ${[...known.keys()].sort().join(', ')}` })
    } else if (kind === 'links' && as !== 'list') {
      found.push({ file, line, text: `{${name}} is a list: it has to stand alone on the last line of its paragraph` })
    } else if (kind === 'people' && as === 'target') {
      found.push({ file, line, text: `{${name}} is people and cannot be the target of a link or stand in code` })
    }
  }
  if (blocks.length === 0) found.push({ file, line: undefined, text: 'is empty' })
  if (Buffer.byteLength(source) > longest) found.push({ file, line: undefined, text: `is longer than ${longest} bytes` })
  found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  return { template: { blocks, version: createHash('sha256').update(source).digest('hex').slice(0, 12) }, problems: found }
}

/** `welcome-guests.md` → `guests`: a further welcome of the operator. */
const welcomeIn = (file: string): string | undefined => {
  const name = /^welcome-([a-z0-9][a-z0-9-]{0,39})\.md$/.exec(file)?.[1]
  return name === undefined || Object.hasOwn(declared, `welcome-${name}`) ? undefined : name
}

const filesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory)
  } catch {
    // `strangers` tells why it cannot be read.
    return []
  }
}

/** Files of the operator that no template will ever read are a mistake. */
const strangers = (directory: string): readonly TemplateProblem[] => {
  let files: readonly string[]
  try {
    files = readdirSync(directory)
  } catch (error) {
    return [
      {
        file: directory,
        line: undefined,
        text: `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'})`,
      },
    ]
  }
  return files
    .filter(
      (file) =>
        file.endsWith('.md') && file !== 'README.md' && !Object.hasOwn(declared, file.slice(0, -3)) && welcomeIn(file) === undefined,
    )
    .map((file) => ({
      file: join(directory, file),
      line: undefined,
      text: `there is no template of this name; known: ${templateNames.join(', ')}`,
    }))
}

/**
 * Reads and checks all templates at the start: an unknown placeholder is found here and not when the message is due.
 * @returns the templates, or every problem with its file and line
 */
export const loadTemplates = ({
  directory,
  shared: values,
  extra = {},
  builtIn = templatesDirectory,
}: TemplateOptions): TemplatesResult => {
  const problems: TemplateProblem[] = directory === undefined ? [] : [...strangers(directory)]
  const templates = new Map<TemplateName, Template>()
  for (const name of templateNames) {
    const own = directory === undefined ? undefined : join(directory, `${name}.md`)
    const custom = own === undefined ? undefined : read(own)
    const file = own !== undefined && custom !== undefined ? own : join(builtIn, `${name}.md`)
    const source = custom ?? read(file)
    if (source === undefined) {
      problems.push({ file, line: undefined, text: 'is missing' })
      continue
    }
    const checked = check(file, source, placeholdersOf(name, extra))
    problems.push(...checked.problems)
    templates.set(name, checked.template)
  }
  const welcomes = new Map<string, Template>()
  for (const name of directory === undefined ? [] : filesIn(directory)) {
    const welcome = welcomeIn(name)
    const file = join(directory ?? '', name)
    const source = welcome === undefined ? undefined : read(file)
    if (welcome === undefined || source === undefined) continue
    const checked = check(file, source, placeholdersOf('welcome-with-credentials', extra))
    problems.push(...checked.problems)
    welcomes.set(welcome, checked.template)
  }
  const reserved = new Set([...Object.keys(shared), ...Object.values(declared).flatMap((placeholders) => Object.keys(placeholders))])
  for (const key of Object.keys(extra)) {
    if (reserved.has(key)) problems.push({ file: 'community.placeholders', line: undefined, text: `${key} is a placeholder already` })
  }
  if (problems.length > 0) return { ok: false, problems }
  const extras = Object.entries(extra).map(([name, value]) => [name, fill(/^https?:\/\//i.test(value) ? 'url' : 'text', value)] as const)
  return { ok: true, templates: new Templates(templates, [...extras, ...fillAll(shared, values)], welcomes) }
}

/** One line for a person: `config/templates/hello.md:3: …` */
export const describeTemplateProblem = ({ file, line, text }: TemplateProblem): string =>
  line === undefined ? `${file}: ${text}` : `${file}:${line}: ${text}`
