import { sharedValues } from '../onboarding/files.ts'
import { describeTemplateProblem, loadTemplates, placeholdersOf, templateNames } from '../onboarding/templates.ts'
import type { SharedValues, TemplateName, TemplateValues } from '../onboarding/templates.ts'
import type { UserId } from '../types.ts'
import { configuration } from './configuration.ts'

/** How `gatehouse try template` is called. */
export interface TryTemplateOptions {
  /** A template, or one of the operator's further welcomes; absent = the names of all are printed. */
  readonly name?: string | undefined
  /** Configuration file: its URLs and its templates. Without it examples stand for the community. */
  readonly config?: string | undefined
  /** A folder of templates, as `templates.directory`. */
  readonly directory?: string | undefined
  /** Show a passphrase in the place of a link. */
  readonly passphrase?: boolean
  /** Show the HTML instead of what a plain-text client shows. */
  readonly html?: boolean
  /** Gets the text. Default: standard output. */
  readonly write?: (text: string) => void
  readonly complain?: (text: string) => void
}

const exampleShared: SharedValues = {
  community: 'Example Community',
  bot: 'Gatehouse',
  ssoUrl: 'https://sso.example.org',
  appUrl: 'https://app.example.org',
  rulesUrl: 'https://example.org/rules',
  guideUrl: 'https://example.org/guide',
  contact: 'hello@example.org',
  supportRoom: { name: '#help:example.org', url: 'https://matrix.to/#/%23help%3Aexample.org' },
}

/** What stands for each placeholder in a preview. */
const examples: Readonly<Record<string, unknown>> = {
  name: 'Ada',
  username: 'ada-maple42',
  lifetime: '24 h',
  invited: 'Lobby, Hiking',
  rooms: [{ name: 'Music', url: 'https://matrix.to/#/%23music%3Aexample.org' }],
  people: [{ userId: '@ada:example.org' as UserId, name: 'Ada' }],
  deadline: '24 h',
  reason: 'the reason that the moderator gave',
  invitation: 'ada',
  invitationUrl: 'https://sso.example.org/if/flow/enrollment/?itoken=example',
  expires: '30 days',
  uses: 'once',
  code: 'k7wqp-3xm9d',
  botId: '@gatehouse:example.org',
  indoc: '#indoc:example.org',
  newcomer: 'Bob (@bob:example.org)',
}

/** `username` stands in the welcome without credentials only when they could not be made: not the usual case. */
const unusual: Readonly<Record<string, readonly string[]>> = { welcome: ['username'] }

const isName = (name: string): name is TemplateName => (templateNames as readonly string[]).includes(name)

/**
 * Shows what a template becomes, with examples for what is not known yet. Sends nothing and needs no database or network.
 * @returns exit code: 0, or 2 when something is wrong with the name, the templates or the configuration
 */
export const tryTemplate = (options: TryTemplateOptions): number => {
  const write = options.write ?? ((text: string): void => void process.stdout.write(`${text}\n`))
  const complain = options.complain ?? ((text: string): void => void process.stderr.write(`${text}\n`))
  const loaded = options.config === undefined ? undefined : configuration({ config: options.config })
  if (options.config !== undefined && loaded === undefined) return 2
  const directory = options.directory ?? loaded?.config.templates.directory
  const result = loadTemplates({
    ...(directory === undefined ? {} : { directory }),
    shared: loaded === undefined ? exampleShared : sharedValues(loaded.config),
    extra: loaded?.config.community.placeholders ?? {},
  })
  if (!result.ok) {
    for (const problem of result.problems) complain(describeTemplateProblem(problem))
    return 2
  }
  const { templates } = result
  const further = templates.welcomes.map((name) => `welcome-${name}`)
  const { name } = options
  if (name === undefined) {
    for (const one of [...templateNames, ...further]) write(one)
    return 0
  }
  const own = further.includes(name) ? name.slice('welcome-'.length) : undefined
  if (own === undefined && !isName(name)) {
    complain(`gatehouse try template: there is no template ${name}; there are ${[...templateNames, ...further].join(', ')}`)
    return 2
  }
  const base: TemplateName = own === undefined && isName(name) ? name : 'welcome-with-credentials'
  const secret =
    options.passphrase === true
      ? { passphrase: 'five words of your own' }
      : { recoveryUrl: 'https://sso.example.org/if/flow/recovery/?flow_token=example' }
  const given: Readonly<Record<string, unknown>> = { ...examples, ...secret }
  const names = [...placeholdersOf(base).keys()].filter((key) => Object.hasOwn(given, key) && !(unusual[base] ?? []).includes(key))
  const values = Object.fromEntries(names.map((key) => [key, given[key]])) as TemplateValues<TemplateName>
  const rendered = templates.render(base, values, own)
  write(options.html === true ? rendered.formattedBody : rendered.body)
  return 0
}
