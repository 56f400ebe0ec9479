import type { CommandDeclaration } from '../../chat/declaration.ts'

export const revokeDeclaration: CommandDeclaration = {
  name: 'revoke',
  summary: 'delete an invitation',
  details: 'Names and ids are those that `invites` shows. A name that several invitations have is never guessed at.',
  examples: ['revoke c0ffee00', 'revoke Ada'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'id', type: { kind: 'text' }, required: true, rest: true, summary: 'id or name of the invitation' }],
  options: [],
  // A whole id opens the invitation.
  personal: ['id'],
}
