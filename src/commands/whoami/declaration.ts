import type { CommandDeclaration } from '../../chat/declaration.ts'

export const whoamiDeclaration: CommandDeclaration = {
  name: 'whoami',
  summary: 'show who you are to me: id, role, linked account and device trust',
  examples: ['whoami'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [],
}
