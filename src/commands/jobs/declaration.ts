import type { CommandDeclaration } from '../../chat/declaration.ts'

export const jobsDeclaration: CommandDeclaration = {
  name: 'jobs',
  summary: 'list what is still to be done, and what failed',
  examples: ['jobs'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [{ name: 'page', type: { kind: 'integer', min: 1, max: 1000 }, placeholder: 'n', summary: 'which page of a long list' }],
}
