import type { CommandDeclaration } from '../../chat/declaration.ts'

export const undoDeclaration: CommandDeclaration = {
  name: 'undo',
  summary: 'take an arrival back: your last one, or that of a person',
  details:
    'Disables the account that was made (nothing is deleted), takes its link and the invitations back that nobody has accepted yet, and gives up what is still to be done. Rooms that the person has joined stay as they are.',
  examples: ['undo', 'undo @ada:example.org'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'destructive',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'whose arrival; without it the last one of yours' }],
  options: [],
}
