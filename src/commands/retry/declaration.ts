import type { CommandDeclaration } from '../../chat/declaration.ts'

export const retryDeclaration: CommandDeclaration = {
  name: 'retry',
  summary: 'try a saved or failed job again now',
  examples: ['retry 41'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [
    { name: 'id', type: { kind: 'integer', min: 1, max: 999_999_999 }, required: true, summary: 'number of the job, as `jobs` shows it' },
  ],
  options: [],
}
