import type { CommandDeclaration } from '../../chat/declaration.ts'

export const addtoDeclaration: CommandDeclaration = {
  name: 'addto',
  summary: 'invite people to rooms or to all rooms of a category',
  details: 'People who are in the room or invited already are skipped; a ban is reported and never lifted.',
  examples: ['addto tech @ada:example.org', 'addto tech,outdoor @ada:example.org @bob:example.org', 'addto outdoor #k3'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [
    { name: 'rooms', type: { kind: 'rooms' }, required: true, summary: 'rooms or categories, separated by commas' },
    { name: 'users', type: { kind: 'users' }, required: true, rest: true, summary: 'people, or the handle of a list' },
  ],
  options: [],
}
