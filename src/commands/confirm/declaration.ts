import type { CommandDeclaration } from '../../chat/declaration.ts'

export const confirmDeclaration: CommandDeclaration = {
  name: 'confirm',
  summary: 'run the plan that was shown to you',
  details: 'Only the person who asked can confirm, within five minutes. Your rights are checked again.',
  examples: ['confirm 7f3k'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [
    { name: 'code', type: { kind: 'text' }, required: true, summary: 'the code under the plan; the code alone is enough, too' },
  ],
  options: [],
}
