import type { CommandDeclaration } from '../../chat/declaration.ts'

export const stuckDeclaration: CommandDeclaration = {
  name: 'stuck',
  summary: 'show who has not got in yet, and what to do next for each',
  details:
    'Direct chat not joined, welcome unread or failed, link not used, invitations not accepted. People are named once they had time for it: a quarter of an hour to join the chat, an hour to read the welcome and use the link, a day to accept rooms. The rows can be named in other commands: `welcome 2`.',
  examples: ['stuck', 'stuck --all'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [
    { name: 'all', summary: 'also who was welcomed only just now' },
    { name: 'page', type: { kind: 'integer', min: 1, max: 1000 }, placeholder: 'n', summary: 'which page of a long list' },
  ],
}
