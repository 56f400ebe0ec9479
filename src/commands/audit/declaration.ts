import type { CommandDeclaration } from '../../chat/declaration.ts'

export const auditDeclaration: CommandDeclaration = {
  name: 'audit',
  summary: 'list who did what',
  examples: ['audit', 'audit --by @mod:example.org --since 7d'],
  role: 'moderator',
  rooms: ['admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [
    { name: 'by', type: { kind: 'user' }, summary: 'only commands of this person' },
    { name: 'command', type: { kind: 'text' }, placeholder: 'name', summary: 'only this command' },
    { name: 'code', type: { kind: 'text' }, placeholder: 'word', summary: 'only this result, such as `ok` or `no-power`' },
    {
      name: 'since',
      type: { kind: 'duration', min: 60_000, max: 315_360_000_000 },
      placeholder: 'duration',
      summary: 'only the last `7d` or another time',
    },
    { name: 'page', type: { kind: 'integer', min: 1, max: 1000 }, placeholder: 'n', summary: 'which page of a long list' },
  ],
}
