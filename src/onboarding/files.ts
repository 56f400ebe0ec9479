import type { Config } from '../config/schema.ts'
import { CatalogueFile, describeProblem } from '../directory/catalogue.ts'
import { describeTemplateProblem, loadTemplates } from './templates.ts'
import type { SharedValues, Templates } from './templates.ts'

/** The files that an operator writes besides the configuration. */
export type OperatorFiles =
  | { readonly ok: true; readonly templates: Templates; readonly catalogue: CatalogueFile }
  | { readonly ok: false; readonly words: string }

/** Reads templates and catalogue; a mistake names file and line. */
export const readOperatorFiles = (config: Config): OperatorFiles => {
  const templates = loadTemplates({
    ...(config.templates.directory === undefined ? {} : { directory: config.templates.directory }),
    shared: sharedValues(config),
    extra: config.community.placeholders,
  })
  if (!templates.ok) return { ok: false, words: templates.problems.map(describeTemplateProblem).join('\n') }
  const catalogue = new CatalogueFile(config.directory.catalogue)
  const read = catalogue.reload()
  if (!read.ok) {
    const problems = read.problems.map(describeProblem).join('\n')
    return { ok: false, words: `the catalogue ${config.directory.catalogue} cannot be used:\n${problems}` }
  }
  return { ok: true, templates: templates.templates, catalogue }
}

/** What every template may name. */
export const sharedValues = ({ community, homeserver }: Config): SharedValues => ({
  community: community.name,
  bot: homeserver.deviceName,
  ssoUrl: community.ssoUrl,
  appUrl: community.appUrl,
  rulesUrl: community.rulesUrl,
  guideUrl: community.guideUrl,
  contact: community.contact,
  supportRoom:
    community.supportRoom === undefined
      ? undefined
      : { name: community.supportRoom, url: `https://matrix.to/#/${encodeURIComponent(community.supportRoom)}` },
})
