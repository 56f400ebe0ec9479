import type { CommandDeclaration } from '../../chat/declaration.ts'

export const graduateDeclaration: CommandDeclaration = {
  name: 'graduate',
  summary: 'take somebody who has an account out of INDOC now, with a good-bye',
  examples: ['graduate @ada:example.org', 'graduate 2'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'who; not needed in a reply' }],
  options: [],
}
