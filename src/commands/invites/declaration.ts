import type { CommandDeclaration } from '../../chat/declaration.ts'

export const invitesDeclaration: CommandDeclaration = {
  name: 'invites',
  summary: 'list the open invitations',
  examples: ['invites'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [{ name: 'page', type: { kind: 'integer', min: 1, max: 1000 }, placeholder: 'n', summary: 'which page of a long list' }],
}
