import type { CommandDeclaration } from '../../chat/declaration.ts'

export const pingDeclaration: CommandDeclaration = {
  name: 'ping',
  summary: 'check that I am awake',
  examples: ['ping'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [],
}
