import { paragraph, type Answer, type Block, type Inline } from './answer.ts'
import type { CommandDeclaration, Role, RoomKind } from './declaration.ts'
import { optionsOf } from './prepare.ts'
import { suggest } from './suggest.ts'
import { optionUsage, positionalUsage, usageOf } from './usage.ts'

const ranks: Readonly<Record<Role, number>> = { everyone: 0, moderator: 1, admin: 2 }

/** May somebody of this role use what needs that one? */
export const hasRole = (role: Role, needed: Role): boolean => ranks[role] >= ranks[needed]

/** In words that may follow "for". */
export const roleWords: Readonly<Record<Role, string>> = { everyone: 'everyone', moderator: 'moderators', admin: 'admins' }
/** In words that may follow "in". */
export const roomWords: Readonly<Record<RoomKind, string>> = { indoc: 'INDOC', admin: 'the admin room', dm: 'a DM with me' }

const effectWords: Readonly<Record<CommandDeclaration['effect'], string>> = {
  none: 'Changes nothing.',
  changes: 'Changes something: add --dry-run to see the plan only.',
  destructive: 'Destructive: shows a plan and waits for your confirmation.',
}

const rolesInOrder: readonly Role[] = ['everyone', 'moderator', 'admin']

/** Words joined for reading: `INDOC, the admin room or a DM with me`. */
const orList = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.slice(-1).join('')}`

export interface HelpContext {
  /** Of the asker: commands beyond it are not shown. */
  readonly role: Role
  /** The usual prefix. */
  readonly prefix: string
}

/** The list of commands that the asker may use, by role. */
export const helpList = (declarations: readonly CommandDeclaration[], { role, prefix }: HelpContext): Answer => {
  const groups = rolesInOrder
    .filter((needed) => hasRole(role, needed))
    .map((needed) => ({ needed, commands: declarations.filter((declaration) => declaration.role === needed) }))
    .filter(({ commands }) => commands.length > 0)
  const blocks = groups.flatMap(({ needed, commands }): Block[] => [
    paragraph({ bold: `For ${roleWords[needed]}` }),
    { list: commands.map(({ name, summary }): readonly Inline[] => [{ code: prefix + name }, ` ${summary}`]) },
  ])
  return { code: 'ok', blocks: [...blocks, paragraph('More about one: ', { code: `${prefix}help <command>` })] }
}

/** Everything about one command. */
export const helpCommand = (declaration: CommandDeclaration, prefix: string): Answer => {
  const { name, aliases = [], summary, details, examples, role, rooms, effect, positionals } = declaration
  const rows: readonly (readonly Inline[])[] = [
    ...positionals.map((positional) => [{ code: positionalUsage(positional) }, ` ${positional.summary}`]),
    ...optionsOf(declaration).map((option) => [{ code: optionUsage(option) }, ` ${option.summary}`]),
  ]
  const blocks: Block[] = [
    paragraph({ bold: prefix + name }, ` ${summary}.`),
    { preformatted: prefix + usageOf(declaration) },
    ...(rows.length > 0 ? [{ list: rows }] : []),
    ...(details === undefined ? [] : [paragraph(details)]),
    ...(aliases.length > 0 ? [paragraph(`Also: ${aliases.map((alias) => prefix + alias).join(', ')}`)] : []),
    paragraph('Examples:'),
    { preformatted: examples.map((example) => prefix + example).join('\n') },
    paragraph(`For ${roleWords[role]}, in ${orList(rooms.map((kind) => roomWords[kind]))}. ${effectWords[effect]}`),
  ]
  return { code: 'ok', blocks }
}

/**
 * Answers `!help [command]`. A command beyond the asker's role is explained too: it says for whom it is.
 * @param name as typed, with or without prefix
 */
export const help = (declarations: readonly CommandDeclaration[], name: string | undefined, context: HelpContext): Answer => {
  const { prefix } = context
  if (name === undefined) return helpList(declarations, context)
  const wanted = (name.startsWith(prefix) ? name.slice(prefix.length) : name).toLowerCase()
  const found = declarations.find((declaration) => declaration.name === wanted || declaration.aliases?.includes(wanted))
  if (found) return helpCommand(found, prefix)
  const usable = declarations.filter((declaration) => hasRole(context.role, declaration.role))
  const near = suggest(
    wanted,
    usable.map((declaration) => declaration.name),
  )
  const hint: readonly Inline[] = near.length > 0 ? [' Did you mean ', ...listOf(near.map((word) => prefix + word)), '?'] : []
  return { mark: '❌', code: 'unknown-command', blocks: [paragraph('There is no command ', { code: prefix + wanted }, '.', ...hint)] }
}

/** Words as code, joined for reading: `a`, `b` or `c`. */
export const listOf = (words: readonly string[]): readonly Inline[] =>
  words.flatMap((word, index): readonly Inline[] => {
    const separator = index === 0 ? [] : [index === words.length - 1 ? ' or ' : ', ']
    return [...separator, { code: word }]
  })
