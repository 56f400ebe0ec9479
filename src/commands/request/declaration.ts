import type { CommandDeclaration } from '../../chat/declaration.ts'

export const requestDeclaration: CommandDeclaration = {
  name: 'request',
  summary: 'ask for an introduction in INDOC, again',
  details: 'Without a name, everybody is asked who waits and has not introduced themselves. The time to answer begins anew.',
  examples: ['request', 'request @ada:example.org', 'request 2'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'who; not needed in a reply' }],
  options: [],
}
