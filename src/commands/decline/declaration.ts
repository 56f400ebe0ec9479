import type { CommandDeclaration } from '../../chat/declaration.ts'

export const declineDeclaration: CommandDeclaration = {
  name: 'decline',
  summary: 'do not let somebody in: a knock is rejected, a person in INDOC is told',
  details: 'A person in INDOC stays there and is told, with your reason; everybody there can read it. `!remove` takes them out.',
  examples: ['decline 2 --reason "nobody here knows you"', 'decline @ada:example.org'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'who; not needed in a reply' }],
  options: [{ name: 'reason', type: { kind: 'text' }, placeholder: '"text"', summary: 'why; the person reads it' }],
}
