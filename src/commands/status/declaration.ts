import type { CommandDeclaration } from '../../chat/declaration.ts'

export const statusDeclaration: CommandDeclaration = {
  name: 'status',
  summary: 'show how I am: version, connections, age of the cache, waiting jobs',
  examples: ['status'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [],
}
