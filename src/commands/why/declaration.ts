import type { CommandDeclaration } from '../../chat/declaration.ts'

export const whyDeclaration: CommandDeclaration = {
  name: 'why',
  summary: 'explain an answer of mine, as a reply to it or to your command',
  details: 'Reply to my answer (or to your own command) with it: it names the check that refused, or what the answer was computed from.',
  examples: ['why'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [],
  options: [],
}
