import type { CommandDeclaration } from '../../chat/declaration.ts'

export const revokeDeclaration: CommandDeclaration = {
  name: 'revoke',
  summary: 'delete an invitation',
  examples: ['revoke 2', 'revoke c0ffee00-0000-4000-8000-000000000001'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'id', type: { kind: 'text' }, required: true, summary: 'id of the invitation, or its row in your last list' }],
  options: [],
}
