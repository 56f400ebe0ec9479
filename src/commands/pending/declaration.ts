import type { CommandDeclaration } from '../../chat/declaration.ts'

export const pendingDeclaration: CommandDeclaration = {
  name: 'pending',
  summary: 'list who waits in INDOC or knocks, what they wrote and what their inviters say',
  details: 'The rows can be used in commands: `gtg 2`. E-mail addresses are shown in the admin room and in direct chats only.',
  examples: ['pending', 'pending --page 2'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [{ name: 'page', type: { kind: 'integer', min: 1, max: 1000 }, placeholder: 'n', summary: 'which page of a long list' }],
}
