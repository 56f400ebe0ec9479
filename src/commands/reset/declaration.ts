import type { CommandDeclaration } from '../../chat/declaration.ts'

export const resetDeclaration: CommandDeclaration = {
  name: 'reset',
  summary: 'give somebody a new way to sign in, by encrypted DM to them only',
  details: 'You are told whether it was delivered, never what it was. It is impossible for people of your own or a higher role.',
  examples: ['reset @ada:example.org', 'reset ada-maple42'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'destructive',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: true, summary: 'whose credentials' }],
  options: [],
}
