import type { CommandDeclaration } from '../../chat/declaration.ts'

export const helpDeclaration: CommandDeclaration = {
  name: 'help',
  summary: 'list the commands you may use, or explain one',
  examples: ['help', 'help remove'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [{ name: 'command', type: { kind: 'text' }, required: false, summary: 'name of a command' }],
  options: [],
}
