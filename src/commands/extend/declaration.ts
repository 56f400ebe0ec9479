import type { CommandDeclaration } from '../../chat/declaration.ts'

export const extendDeclaration: CommandDeclaration = {
  name: 'extend',
  summary: 'give somebody more time for their introduction',
  details: 'The time is counted from now. Without one it is the usual time (`introduction.deadline`).',
  examples: ['extend 2 --by 3d', 'extend @ada:example.org'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'who; not needed in a reply' }],
  options: [
    {
      name: 'by',
      type: { kind: 'duration', min: 60_000, max: 30 * 24 * 3_600_000 },
      placeholder: 'duration',
      summary: 'how long from now',
    },
  ],
}
