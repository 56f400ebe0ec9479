import type { CommandDeclaration, RoomKind } from './declaration.ts'
import { roleWords } from './help.ts'
import { optionsOf } from './prepare.ts'
import { optionUsage, positionalUsage, usageOf } from './usage.ts'

const roomTitles: Readonly<Record<RoomKind, string>> = { indoc: 'INDOC', admin: 'admin room', dm: 'DM' }
const effectTitles: Readonly<Record<CommandDeclaration['effect'], string>> = {
  none: '',
  changes: '`--dry-run`',
  destructive: '`--dry-run`, confirmed',
}

const cell = (text: string): string => text.replaceAll('|', '\\|')
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`

const section = (declaration: CommandDeclaration, prefix: string): string => {
  const { name, aliases = [], summary, details, examples, positionals, personal = [] } = declaration
  const rows = [
    ...positionals.map((positional) => row([`\`${positionalUsage(positional)}\``, positional.summary])),
    ...optionsOf(declaration).map((option) => row([`\`${optionUsage(option)}\``, option.summary])),
  ]
  return [
    `## ${prefix}${name}`,
    `${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.${details === undefined ? '' : ` ${details}`}`,
    `\`\`\`\n${prefix}${usageOf(declaration)}\n\`\`\``,
    ...(aliases.length > 0 ? [`Also: ${aliases.map((alias) => `\`${prefix}${alias}\``).join(', ')}`] : []),
    ...(rows.length > 0 ? [[row(['Argument', 'Meaning']), row(['---', '---']), ...rows].join('\n')] : []),
    ...(personal.length > 0 ? [`Personal data (masked in the audit): ${personal.map((word) => `\`${word}\``).join(', ')}`] : []),
    `Examples:\n\n\`\`\`\n${examples.map((example) => prefix + example).join('\n')}\n\`\`\``,
  ].join('\n\n')
}

/**
 * `docs/commands.md`: the permission table and one section for each command, from the declarations alone.
 * @returns Markdown that ends with a newline
 */
export const renderCommandsPage = (declarations: readonly CommandDeclaration[], prefix = '!'): string =>
  [
    '# Commands',
    '<!-- Generated from the declarations in src/commands. Do not edit: change the declaration. -->',
    '## Who may do what, and where',
    [
      row(['Command', 'For', 'Where', 'Changes']),
      row(['---', '---', '---', '---']),
      ...declarations.map(({ name, role, rooms, effect }) =>
        row([`\`${prefix}${name}\``, roleWords[role], rooms.map((kind) => roomTitles[kind]).join(', '), effectTitles[effect]]),
      ),
    ].join('\n'),
    ...declarations.map((declaration) => section(declaration, prefix)),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
