import type { CommandDeclaration } from '../../chat/declaration.ts'

export const cancelDeclaration: CommandDeclaration = {
  name: 'cancel',
  summary: 'give a waiting job up',
  examples: ['cancel 41'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [
    { name: 'id', type: { kind: 'integer', min: 1, max: 999_999_999 }, required: true, summary: 'number of the job, as `jobs` shows it' },
  ],
  options: [],
}
