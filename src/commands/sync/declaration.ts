import type { CommandDeclaration } from '../../chat/declaration.ts'

export const syncDeclaration: CommandDeclaration = {
  name: 'sync',
  summary: 'read rooms and members anew from the homeserver',
  examples: ['sync', 'sync indoc'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [
    {
      name: 'scope',
      type: { kind: 'choice', choices: ['full', 'indoc'] },
      required: false,
      summary: 'all rooms, or INDOC only; `full` by default',
    },
  ],
  options: [],
}
