import type { CommandDeclaration } from '../../chat/declaration.ts'
import { arrivalOptions } from '../arrival-options.ts'

export const adduserDeclaration: CommandDeclaration = {
  name: 'adduser',
  summary: 'create an account and do the whole arrival: groups, rooms, welcome, graduation',
  details:
    'Each step is reported on its own; a step that failed hides no other one. The command can be run again: what is done already is skipped. Without --matrix you get by DM what the person needs, with a code by which they link their Matrix user later.',
  examples: [
    'adduser Ada Lovelace --email ada@example.org --matrix @ada:example.org --interests "maths, poetry"',
    'adduser Ada --matrix @ada:example.org --no-rooms --keep-in-indoc',
  ],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [
    { name: 'first', type: { kind: 'text' }, required: true, summary: 'first name' },
    { name: 'last', type: { kind: 'text' }, required: false, rest: true, summary: 'last name' },
  ],
  options: [
    { name: 'email', type: { kind: 'email' }, placeholder: 'address', summary: 'e-mail address' },
    { name: 'matrix', type: { kind: 'user' }, summary: 'their Matrix user: linked, welcomed and invited' },
    ...arrivalOptions(['organisation']),
  ],
  personal: ['email'],
}
