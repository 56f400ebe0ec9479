import type { CommandDeclaration } from '../../chat/declaration.ts'
import { arrivalOptions } from '../arrival-options.ts'

export const approveDeclaration: CommandDeclaration = {
  name: 'approve',
  aliases: ['gtg'],
  summary: 'let somebody in: account, groups, rooms, welcome, out of INDOC; a knock is let into INDOC',
  details:
    'Give it as a reply to the introduction, or name the person or a row of `!pending`. Options correct what was understood. ' +
    'If something was guessed, it is shown first and waits for your confirmation.',
  examples: ['gtg', 'gtg 2', 'approve @ada:example.org --email ada@example.org --interests "maths, poetry"'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'who; not needed in a reply' }],
  options: [
    { name: 'name', type: { kind: 'text' }, placeholder: '"first last"', summary: 'name, if it was misunderstood' },
    { name: 'email', type: { kind: 'email' }, placeholder: 'address', summary: 'e-mail address' },
    ...arrivalOptions(['organisation', 'org']),
  ],
  personal: ['email'],
}
